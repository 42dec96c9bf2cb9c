// SPDX-License-Identifier: Apache-2.0
#include "common/config/schema/scalar.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <vector>

#include <arpa/inet.h>

#include <fmt/format.h>

#include "common/base/text.hpp"
#include "common/base/units.hpp"
#include "common/config/diagnostics/codes.hpp"

namespace seyir::config {
namespace {

bool is_ip(const std::string& host) {
    std::array<unsigned char, 16> bytes{};
    return inet_pton(AF_INET, host.c_str(), bytes.data()) == 1 ||
           inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1;
}

/// RFC 1123 host names; also accepts what resolvers accept besides (underscores).
bool is_host_name(std::string_view host) {
    const auto is_good = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '.' || c == '_';
    };
    return !host.empty() && host.size() <= 253 && std::ranges::all_of(host, is_good) &&
           host.front() != '-' && host.front() != '.';
}

Error bad(std::string message) {
    return fail(ErrorCode::kInvalidArgument, std::move(message));
}

std::optional<int> digits(std::string_view text, size_t at, size_t count) {
    int value = 0;
    if (at + count > text.size()) {
        return std::nullopt;
    }
    for (size_t i = at; i < at + count; ++i) {
        if (text[i] < '0' || text[i] > '9') {
            return std::nullopt;
        }
        value = value * 10 + (text[i] - '0');
    }
    return value;
}

/// The offset part of RFC 3339: "Z", "+03:00". Minutes east of UTC.
std::optional<int> parse_offset(std::string_view text) {
    if (text == "Z" || text == "z") {
        return 0;
    }
    const auto hours = digits(text, 1, 2);
    const auto minutes = digits(text, 4, 2);
    const bool has_form = text.size() == 6 && (text[0] == '+' || text[0] == '-') && text[3] == ':';
    if (!has_form || !hours || !minutes || *hours > 23 || *minutes > 59) {
        return std::nullopt;
    }
    return (text[0] == '-' ? -1 : 1) * (*hours * 60 + *minutes);
}

std::string range_text(const Field& field) {
    const auto show = [&](uint64_t value) {
        if (field.type == Type::kBytes) {
            return format_bytes(value);
        }
        if (field.type == Type::kDuration) {
            return format_duration(Nanos(static_cast<int64_t>(value)));
        }
        return fmt::format("{}", value);
    };
    if (field.max == std::numeric_limits<int64_t>::max()) {
        return fmt::format("at least {}", show(field.min));
    }
    return fmt::format("{} to {}", show(field.min), show(field.max));
}

std::optional<ValueProblem> check_range(const Field& field, int64_t value, std::string_view shown) {
    const bool is_low = value < 0 || static_cast<uint64_t>(value) < field.min;
    if (is_low || static_cast<uint64_t>(value) > field.max) {
        return ValueProblem{
            kOutOfRange,
            fmt::format("`{}` is too {} for `{}`", shown, is_low ? "small" : "large", field.name),
            fmt::format("allowed: {}", range_text(field))
        };
    }
    return std::nullopt;
}

std::optional<ValueProblem> check_bool(std::string_view text, std::string_view shown) {
    if (parse_bool(text)) {
        return std::nullopt;
    }
    std::string hint = "write `true` or `false`";
    for (const std::string_view yes : {"yes", "on", "y", "1", "True", "TRUE", "Yes", "On"}) {
        hint = text == yes ? "write `true`" : hint;
    }
    for (const std::string_view no : {"no", "off", "n", "0", "False", "FALSE", "No", "Off"}) {
        hint = text == no ? "write `false`" : hint;
    }
    return ValueProblem{kNotBool, fmt::format("`{}` is neither true nor false", shown), hint};
}

/// What a bare number most likely means: the unit of the key's default or example.
std::string_view usual_unit(const Field& field) {
    const std::string_view usual = field.default_text ? *field.default_text : std::string_view();
    for (const std::string_view known : {usual, std::string_view(field.example)}) {
        const size_t n = known.find_first_not_of("0123456789");
        if (n != 0 && n != std::string_view::npos && parse_duration(known)) {
            return known.substr(n).substr(0, known.substr(n).find_first_of("0123456789"));
        }
    }
    return "s";
}

/// "15 days" -> "15d", "10 MB" as a duration -> nothing.
std::string duration_hint(const Field& field, std::string_view text) {
    size_t n = 0;
    while (n < text.size() && text[n] >= '0' && text[n] <= '9') {
        ++n;
    }
    std::string word;
    for (const char c : text.substr(n)) {
        if (c != ' ') {
            word += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        }
    }

    struct Word {
        std::string_view name;
        std::string_view unit;
    };

    static constexpr std::array kWords = {
        Word{"day", "d"},
        Word{"days", "d"},
        Word{"hour", "h"},
        Word{"hours", "h"},
        Word{"hr", "h"},
        Word{"hrs", "h"},
        Word{"minute", "m"},
        Word{"minutes", "m"},
        Word{"min", "m"},
        Word{"mins", "m"},
        Word{"second", "s"},
        Word{"seconds", "s"},
        Word{"sec", "s"},
        Word{"secs", "s"},
        Word{"week", "w"},
        Word{"weeks", "w"},
        Word{"millisecond", "ms"},
        Word{"milliseconds", "ms"},
        Word{"msec", "ms"},
        Word{"d", "d"},
        Word{"h", "h"},
        Word{"m", "m"},
        Word{"s", "s"},
        Word{"w", "w"},
        Word{"ms", "ms"},
    };
    if (parse_bool(text)) {
        // A switch elsewhere, or before it became a time: what its values mean is in the help.
        return fmt::format("write a time, not true or false. `{}`: {}", field.name, field.help);
    }
    if (n > 0 && word.empty()) {
        return fmt::format("write the unit: `{}{}`?", text.substr(0, n), usual_unit(field));
    }
    for (const Word& known : kWords) {
        if (n > 0 && word == known.name) {
            return fmt::format("write `{}{}`", text.substr(0, n), known.unit);
        }
    }
    if (n > 0 && (word == "month" || word == "months")) {
        return "months have no fixed length; write days, like `30d`";
    }
    return "write a number and a unit, like `250ms`, `30s` or `90d`";
}

std::optional<ValueProblem> check_address(
    const Field& field, std::string_view text, std::string_view shown, bool is_hidden
) {
    if (field.allows_off && text == "off") {
        return std::nullopt;
    }
    const auto address = parse_address(text, field.type == Type::kListen);
    if (address) {
        return std::nullopt;
    }
    std::string hint = address.error().message;
    if (field.type == Type::kEndpoint && text.find("://") != std::string_view::npos) {
        hint = "write host:port without `http://`";
    }
    return ValueProblem{
        kNotAddress,
        fmt::format("`{}` is not an address", shown),
        is_hidden ? "write host:port" : hint
    };
}

std::optional<ValueProblem> check_enum(
    const Field& field, std::string_view text, std::string_view shown
) {
    std::vector<std::string_view> names;
    std::string allowed;
    for (const EnumChoice& choice : field.choices) {
        if (choice.name == text) {
            return std::nullopt;
        }
        names.push_back(choice.name);
        allowed += (allowed.empty() ? "" : ", ") + choice.name;
    }
    const auto near = did_you_mean(text, names);
    return ValueProblem{
        kNotAllowed,
        fmt::format("`{}` is not a value of `{}`", shown, field.name),
        near ? fmt::format("did you mean `{}`? allowed: {}", *near, allowed) : "allowed: " + allowed
    };
}

std::optional<ValueProblem> check_text(const Field& field, std::string_view text) {
    if (text.empty() && !field.allows_empty) {
        return ValueProblem{
            kEmptyValue,
            fmt::format("`{}` is empty", field.name),
            "give it a value, or leave the key out"
        };
    }
    if (field.type == Type::kString && text.size() > field.max) {
        return ValueProblem{
            kOutOfRange,
            fmt::format("`{}` is {} bytes long", field.name, text.size()),
            fmt::format("at most {} bytes", field.max)
        };
    }
    if (field.type == Type::kPath && text.find("-----BEGIN") != std::string_view::npos) {
        return ValueProblem{
            kBadPath,
            fmt::format("`{}` takes the path of a file, not its content", field.name),
            "for a systemd credential: \"${CREDENTIALS_DIRECTORY}/NAME\""
        };
    }
    if ((field.type == Type::kPath || field.type == Type::kGlob) && text.size() > 4095) {
        return ValueProblem{
            kBadPath,
            fmt::format("`{}` is longer than a path can be", field.name),
            "at most 4095 bytes"
        };
    }
    if (field.type == Type::kPath && text.back() == '/' && text.size() > 1 &&
        field.name == "path") {
        return ValueProblem{
            kBadPath,
            fmt::format("`{}` names a directory, not a file", field.name),
            "add the file's name"
        };
    }
    if (field.type == Type::kGlob && text.back() == '/') {
        return ValueProblem{
            kBadPath,
            fmt::format("`{}` matches directories, not files", text),
            "add a pattern, like `*.log`"
        };
    }
    return std::nullopt;
}

}  // namespace

bool Address::is_loopback() const {
    return host == "localhost" || host == "::1" || (host.starts_with("127.") && is_ip(host));
}

std::string Address::to_text() const {
    return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port)
                                               : fmt::format("[{}]:{}", host, port);
}

Result<Address> parse_address(std::string_view text, bool is_listen) {
    const std::string_view example = is_listen ? "127.0.0.1:7400" : "logs.example.org:7410";
    const size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) {
        return bad(fmt::format("add a port: write host:port, like `{}`", example));
    }
    Address address;
    std::string_view host = text.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) {
        host = host.substr(1, host.size() - 2);
    } else if (host.find(':') != std::string_view::npos) {
        return bad("write IPv6 addresses in brackets, like `[::1]:7400`");
    }
    address.host = host;
    int port = -1;
    const std::string_view digits_text = text.substr(colon + 1);
    const auto [end, ec] =
        std::from_chars(digits_text.data(), digits_text.data() + digits_text.size(), port);
    const bool is_number = ec == std::errc{} && end == digits_text.data() + digits_text.size();
    if (!is_number || port < (is_listen ? 0 : 1) || port > 65535) {
        return bad(fmt::format("the port must be a number from {} to 65535", is_listen ? 0 : 1));
    }
    address.port = static_cast<uint16_t>(port);
    if (address.host.empty()) {
        return bad(
            is_listen ? "name the address: `127.0.0.1` for this machine only, `0.0.0.0` for all"
                      : fmt::format("name the host, like `{}`", example)
        );
    }
    if (address.host == "localhost" || is_ip(address.host)) {
        return address;
    }
    if (is_listen) {
        return bad("a listen address needs an IP address, like `127.0.0.1:7400`");
    }
    if (!is_host_name(address.host)) {
        return bad(fmt::format("write host:port, like `{}`", example));
    }
    return address;
}

Result<bool> parse_bool(std::string_view text) {
    if (text == "true" || text == "false") {
        return text == "true";
    }
    return bad("write `true` or `false`");
}

Result<int64_t> parse_int(std::string_view text) {
    std::string plain;
    for (size_t i = 0; i < text.size(); ++i) {
        const bool is_separator = text[i] == '_' && i > 0 && i + 1 < text.size() &&
                                  text[i - 1] != '_' && text[i - 1] != '-';
        if (!is_separator) {
            plain += text[i];
        }
    }
    int64_t value = 0;
    const auto [end, ec] = std::from_chars(plain.data(), plain.data() + plain.size(), value);
    if (ec == std::errc::result_out_of_range) {
        return bad("the number does not fit in 64 bits");
    }
    if (plain.empty() || ec != std::errc{} || end != plain.data() + plain.size()) {
        return bad("write a whole number, like `1000`");
    }
    return value;
}

Result<UnixNanos> parse_time(std::string_view text) {
    const auto year = digits(text, 0, 4);
    const auto month = digits(text, 5, 2);
    const auto day = digits(text, 8, 2);
    const Error error = bad("write a time like `2027-01-31T12:00:00Z` or a date like `2027-01-31`");
    if (!year || !month || !day || text[4] != '-' || text[7] != '-') {
        return error;
    }
    const std::chrono::year_month_day date{
        std::chrono::year(*year),
        std::chrono::month(static_cast<unsigned>(*month)),
        std::chrono::day(static_cast<unsigned>(*day))
    };
    if (!date.ok() || *year < 1970 || *year > 2261) {
        return error;
    }
    int64_t seconds = std::chrono::sys_days(date).time_since_epoch().count() * int64_t{86'400};
    if (text.size() == 10) {
        return UnixNanos{seconds * 1'000'000'000};
    }
    const auto hour = digits(text, 11, 2);
    const auto minute = digits(text, 14, 2);
    const auto second = digits(text, 17, 2);
    const bool has_form = text.size() > 19 && (text[10] == 'T' || text[10] == 't') &&
                          text[13] == ':' && text[16] == ':';
    if (!has_form || !hour || !minute || !second || *hour > 23 || *minute > 59 || *second > 59) {
        return error;
    }
    size_t at = 19;
    int64_t fraction = 0;
    if (text[at] == '.') {
        int64_t scale = 100'000'000;
        const size_t first = ++at;
        for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at) {
            fraction += scale * (text[at] - '0');
            scale /= 10;
        }
        if (at == first) {
            return error;
        }
    }
    const auto offset = parse_offset(text.substr(at));
    if (!offset) {
        return error;
    }
    seconds += *hour * 3600 + *minute * 60 + *second - int64_t{*offset} * 60;
    return UnixNanos{seconds * 1'000'000'000 + fraction};
}

std::optional<ValueProblem> check_scalar(
    const Field& field, std::string_view text, std::string_view shown
) {
    const bool is_hidden = text != shown;
    switch (field.type) {
        case Type::kBool:
            return check_bool(text, shown);
        case Type::kInt: {
            const auto value = parse_int(text);
            return value ? check_range(field, *value, shown)
                         : ValueProblem{
                               kNotInteger,
                               fmt::format("`{}` is not a whole number", shown),
                               value.error().message
                           };
        }
        case Type::kBytes: {
            const auto value = parse_bytes(text);
            return value ? check_range(field, static_cast<int64_t>(*value), shown)
                         : ValueProblem{
                               kNotSize,
                               fmt::format("`{}` is not a size", shown),
                               "write a number and a unit, like `64MiB` or `2GB`"
                           };
        }
        case Type::kDuration: {
            const auto value = parse_duration(text);
            return value ? check_range(field, value->count(), shown)
                         : ValueProblem{
                               kNotDuration,
                               fmt::format("`{}` is not a duration", shown),
                               duration_hint(field, is_hidden ? "" : text)
                           };
        }
        case Type::kTime: {
            const auto value = parse_time(text);
            return value ? std::nullopt
                         : std::optional(ValueProblem{
                               kNotTime,
                               fmt::format("`{}` is not a time", shown),
                               value.error().message
                           });
        }
        case Type::kEnum:
            return check_enum(field, text, shown);
        case Type::kListen:
        case Type::kEndpoint:
            return check_address(field, text, shown, is_hidden);
        default:
            return check_text(field, text);
    }
}

}  // namespace seyir::config
