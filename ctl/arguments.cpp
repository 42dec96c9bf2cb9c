// SPDX-License-Identifier: Apache-2.0
#include "ctl/arguments.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>

#include "common/base/text.hpp"
#include "common/base/units.hpp"

namespace seyir::ctl {

namespace {

Error usage(std::string message) {
    return fail(ErrorCode::kInvalidArgument, std::move(message));
}

template <class Spec>
std::string suggestion(
    std::string_view word, std::span<const Spec> specs, std::string_view prefix
) {
    std::vector<std::string_view> names;
    for (const auto& spec : specs) {
        names.push_back(spec.name);
    }
    const auto near = did_you_mean(word, names);
    return near ? ": did you mean " + std::string(prefix) + std::string(*near) + "?" : "";
}

const OptionSpec* find_option(std::string_view name, std::span<const OptionSpec> specs) {
    const auto found = std::ranges::find(specs, name, &OptionSpec::name);
    return found == specs.end() ? nullptr : &*found;
}

class Parser {
  public:
    Parser(
        std::span<const std::string> words,
        std::span<const CommandSpec> commands,
        std::span<const OptionSpec> globals
    )
        : words_(words), commands_(commands), globals_(globals) {}

    Result<Arguments> run() {
        find_command();
        bool options_ended = false;
        for (size_t i = 0; i < words_.size(); ++i) {
            const std::string_view word = words_[i];
            if (!options_ended && word == "--") {
                options_ended = true;
            } else if (!options_ended && word.starts_with("-") && word.size() > 1) {
                SEYIR_CHECK(take_option(word, i));
            } else if (arguments_.command == nullptr) {
                return usage(
                    "there is no command \"" + std::string(word) + "\"" +
                    suggestion(word, commands_, "") + " (seyir help lists them)"
                );
            } else if (i != command_index_) {
                arguments_.values.emplace_back(word);
            }
        }
        SEYIR_CHECK(check_count());
        return std::move(arguments_);
    }

  private:
    /// The first word that is neither an option nor an option's value, so that options may come
    /// before the command.
    void find_command() {
        for (size_t i = 0; i < words_.size(); ++i) {
            const std::string_view word = words_[i];
            if (!word.starts_with("-")) {
                const auto found = std::ranges::find(commands_, word, &CommandSpec::name);
                arguments_.command = found == commands_.end() ? nullptr : &*found;
                command_index_ = i;
                return;
            }
            const auto name = word.substr(std::min(word.size(), word.find_first_not_of('-')));
            const auto* option = find_option(name, globals_);
            if (option == nullptr) {
                for (const auto& command : commands_) {
                    option = option != nullptr ? option : find_option(name, command.options);
                }
            }
            if (option != nullptr && !option->value_name.empty()) {
                ++i;
            }
        }
    }

    Result<void> take_option(std::string_view word, size_t& i) {
        if (word == "-h") {
            word = "--help";
        }
        if (word == "-o") {
            word = "--output";
        }
        if (!word.starts_with("--")) {
            return usage(
                "there is no option " + std::string(word) + ": long options have two dashes"
            );
        }
        const size_t equals = word.find('=');
        const auto name = word.substr(2, equals == std::string_view::npos ? equals : equals - 2);
        const auto* option = find_option(name, globals_);
        if (option == nullptr && arguments_.command != nullptr) {
            option = find_option(name, arguments_.command->options);
        }
        if (option == nullptr) {
            return usage(unknown_option(name));
        }
        std::string value;
        if (equals != std::string_view::npos) {
            value = word.substr(equals + 1);
            if (option->value_name.empty()) {
                return usage("--" + std::string(name) + " takes no value");
            }
        } else if (!option->value_name.empty()) {
            if (i + 1 == words_.size()) {
                return usage(
                    "--" + std::string(name) + " needs a value: --" + std::string(name) + " " +
                    std::string(option->value_name)
                );
            }
            value = words_[++i];
        }
        arguments_.options.insert_or_assign(std::string(name), std::move(value));
        return {};
    }

    std::string unknown_option(std::string_view name) const {
        std::vector<OptionSpec> all(globals_.begin(), globals_.end());
        std::string where;
        if (arguments_.command != nullptr) {
            all.insert(
                all.end(), arguments_.command->options.begin(), arguments_.command->options.end()
            );
            where = " of seyir " + std::string(arguments_.command->name);
        }
        return "there is no option --" + std::string(name) + where +
               suggestion(name, std::span<const OptionSpec>(all), "--");
    }

    Result<void> check_count() const {
        const auto* command = arguments_.command;
        if (command == nullptr || arguments_.has("help")) {
            return {};
        }
        const std::string form =
            "write: seyir " + std::string(command->name) + " " + std::string(command->arguments);
        if (arguments_.values.size() < command->arguments_min) {
            return usage(std::string(command->arguments) + " is missing; " + form);
        }
        if (arguments_.values.size() > command->arguments_max) {
            return usage(
                "\"" + arguments_.values[command->arguments_max] + "\" is one argument too many " +
                "(put a query in single quotes); " + form
            );
        }
        return {};
    }

    std::span<const std::string> words_;
    std::span<const CommandSpec> commands_;
    std::span<const OptionSpec> globals_;
    Arguments arguments_;
    size_t command_index_ = SIZE_MAX;
};

bool read_digits(std::string_view& text, size_t count, int& out) {
    if (text.size() < count) {
        return false;
    }
    const auto [end, code] = std::from_chars(text.data(), text.data() + count, out);
    if (code != std::errc() || end != text.data() + count) {
        return false;
    }
    text.remove_prefix(count);
    return true;
}

bool skip(std::string_view& text, char c) {
    if (!text.starts_with(c)) {
        return false;
    }
    text.remove_prefix(1);
    return true;
}

/// "Z", "+02:00" or nothing (local time); false on anything else.
bool read_zone(std::string_view text, tm& parts, int64_t& seconds) {
    if (text.empty()) {
        parts.tm_isdst = -1;
        seconds = mktime(&parts);
        return true;
    }
    seconds = timegm(&parts);
    if (text == "Z" || text == "z") {
        return true;
    }
    const int sign = text.front() == '-' ? 1 : -1;
    int hours = 0;
    int minutes = 0;
    const bool is_offset = (skip(text, '+') || skip(text, '-')) && read_digits(text, 2, hours) &&
                           skip(text, ':') && read_digits(text, 2, minutes) && text.empty();
    seconds += sign * (hours * 3600 + minutes * 60);
    return is_offset;
}

std::optional<UnixNanos> parse_date(std::string_view text) {
    tm parts{};
    if (!read_digits(text, 4, parts.tm_year) || !skip(text, '-') ||
        !read_digits(text, 2, parts.tm_mon) || !skip(text, '-') ||
        !read_digits(text, 2, parts.tm_mday)) {
        return std::nullopt;
    }
    parts.tm_year -= 1900;
    parts.tm_mon -= 1;
    int64_t nanos = 0;
    if (skip(text, 'T') || skip(text, 't') || skip(text, ' ')) {
        if (!read_digits(text, 2, parts.tm_hour) || !skip(text, ':') ||
            !read_digits(text, 2, parts.tm_min)) {
            return std::nullopt;
        }
        if (skip(text, ':') && !read_digits(text, 2, parts.tm_sec)) {
            return std::nullopt;
        }
        if (skip(text, '.')) {
            int64_t unit = 100'000'000;
            for (; !text.empty() && text.front() >= '0' && text.front() <= '9'; unit /= 10) {
                nanos += (text.front() - '0') * unit;
                text.remove_prefix(1);
            }
        }
    }
    if (parts.tm_mon < 0 || parts.tm_mon > 11 || parts.tm_mday < 1 || parts.tm_mday > 31 ||
        parts.tm_hour > 24 || parts.tm_min > 59 || parts.tm_sec > 60) {
        return std::nullopt;
    }
    int64_t seconds = 0;
    if (!read_zone(text, parts, seconds)) {
        return std::nullopt;
    }
    return UnixNanos{seconds * 1'000'000'000 + nanos};
}

}  // namespace

std::string Arguments::get(std::string_view option) const {
    const auto found = options.find(option);
    return found == options.end() ? "" : found->second;
}

Result<Arguments> parse_arguments(
    std::span<const std::string> words,
    std::span<const CommandSpec> commands,
    std::span<const OptionSpec> global_options
) {
    return Parser(words, commands, global_options).run();
}

Result<UnixNanos> parse_time(std::string_view text, UnixNanos now) {
    if (text == "now") {
        return now;
    }
    if (const auto date = parse_date(text)) {
        return *date;
    }
    int64_t nanos = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), nanos);
    const bool is_number = code == std::errc() && end == text.data() + text.size();
    if (is_number && text.size() >= 18) {
        return UnixNanos{nanos};
    }
    if (!is_number) {
        if (auto ago = parse_duration(text)) {
            return now - *ago;
        }
    }
    return usage(
        "\"" + std::string(text) +
        "\" is no time: write 2026-11-22T10:00:00Z, '2026-11-22 10:00', "
        "15m (ago), now, or nanoseconds since 1970"
    );
}

Result<uint64_t> parse_count(std::string_view option, std::string_view text, uint64_t max) {
    uint64_t count = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (code != std::errc() || end != text.data() + text.size() || count == 0 || count > max) {
        return usage(
            "--" + std::string(option) + " " + std::string(text) + ": write a number from 1 to " +
            std::to_string(max)
        );
    }
    return count;
}

}  // namespace seyir::ctl
