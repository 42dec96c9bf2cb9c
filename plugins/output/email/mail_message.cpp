// SPDX-License-Identifier: Apache-2.0
#include "plugins/output/email/mail_message.hpp"

#include <algorithm>
#include <array>
#include <ctime>

#include <fmt/format.h>

#include "common/base/base64.hpp"
#include "plugins/output/notify/digest.hpp"

namespace seyir::plugins {
namespace {

bool is_plain_ascii(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7f; });
}

std::string one_line(std::string_view text) {
    std::string out;
    notify::append_clean(out, text);
    std::ranges::replace_if(out, [](char c) { return c == '\n' || c == '\t'; }, ' ');
    return out;
}

bool is_address_character(char c) {
    constexpr std::string_view kOthers = "!#$%&'*+-/=?^_`{|}~.";
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kOthers.contains(c);
}

std::string_view trim(std::string_view text) {
    while (text.starts_with(' ')) {
        text.remove_prefix(1);
    }
    while (text.ends_with(' ')) {
        text.remove_suffix(1);
    }
    return text;
}

std::string format_address(const MailAddress& address) {
    if (address.name.empty()) {
        return address.address;
    }
    if (!is_plain_ascii(address.name)) {
        return encode_header(address.name) + " <" + address.address + ">";
    }
    std::string quoted = "\"";
    for (const char c : address.name) {
        quoted += c == '"' || c == '\\' ? std::string{'\\', c} : std::string(1, c);
    }
    return quoted + "\" <" + address.address + ">";
}

}  // namespace

Result<MailAddress> parse_mail_address(std::string_view text) {
    MailAddress out;
    std::string_view address = trim(text);
    if (const size_t open = address.rfind('<'); open != address.npos && address.ends_with('>')) {
        std::string_view name = trim(address.substr(0, open));
        if (name.size() >= 2 && name.starts_with('"') && name.ends_with('"')) {
            name = name.substr(1, name.size() - 2);
        }
        out.name = one_line(name);
        address = address.substr(open + 1, address.size() - open - 2);
    }
    const size_t at = address.find('@');
    const std::string_view local = address.substr(0, at);
    const std::string_view domain = at == address.npos ? "" : address.substr(at + 1);
    const bool is_good = !local.empty() && !domain.empty() && address.size() <= 254 &&
                         std::ranges::all_of(local, is_address_character) &&
                         std::ranges::all_of(domain, is_address_character);
    if (!is_good) {
        return fail(
            ErrorCode::kInvalidArgument, fmt::format("`{}` is no mail address", one_line(text))
        );
    }
    out.address = address;
    return out;
}

std::string format_mail_date(UnixNanos date) {
    constexpr std::array kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    constexpr std::array kMonths = {
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"
    };
    const std::time_t seconds = static_cast<std::time_t>(date.value / 1'000'000'000);
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    return fmt::format(
        "{}, {:02} {} {} {:02}:{:02}:{:02} +0000",
        kDays[static_cast<size_t>(parts.tm_wday)],
        parts.tm_mday,
        kMonths[static_cast<size_t>(parts.tm_mon)],
        parts.tm_year + 1900,
        parts.tm_hour,
        parts.tm_min,
        parts.tm_sec
    );
}

std::string encode_header(std::string_view text) {
    // 75 characters an encoded word, 12 of them around the text: 45 bytes become 60 characters.
    constexpr size_t kWordBytes = 45;
    if (is_plain_ascii(text) && !text.contains("=?")) {
        return std::string(text);
    }
    std::string out;
    while (!text.empty()) {
        const std::string_view word = notify::cut_utf8(text, kWordBytes);
        out += out.empty() ? "=?utf-8?B?" : "\r\n =?utf-8?B?";
        append_base64(out, word);
        out += "?=";
        text.remove_prefix(word.size());
    }
    return out;
}

void append_quoted_printable(std::string& out, std::string_view text) {
    constexpr size_t kLineMax = 75;  // and the `=` of a soft break
    constexpr std::string_view kHex = "0123456789ABCDEF";
    size_t line = 0;
    for (size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c == '\n') {
            out += "\r\n";
            line = 0;
            continue;
        }
        const bool ends_line = i + 1 == text.size() || text[i + 1] == '\n';
        const bool is_plain = (c > 0x20 && c < 0x7f && c != '=') || (c == ' ' && !ends_line);
        const size_t length = is_plain ? 1 : 3;
        if (line + length > kLineMax) {
            out += "=\r\n";
            line = 0;
        }
        if (is_plain) {
            out += c;
        } else {
            const auto byte = static_cast<unsigned char>(c);
            out += '=';
            out += kHex[byte >> 4];
            out += kHex[byte & 15];
        }
        line += length;
    }
}

std::string format_mail(const MailMessage& message) {
    std::string subject = one_line(message.subject);
    subject = notify::cut_utf8(subject, kSubjectBytesMax);
    std::string to;
    for (const MailAddress& address : message.to) {
        to += (to.empty() ? "" : ",\r\n ") + format_address(address);
    }
    std::string body;
    notify::append_clean(body, message.body);
    std::string out = fmt::format(
        "Date: {}\r\nFrom: {}\r\nTo: {}\r\nSubject: {}\r\nMessage-ID: <{}>\r\n"
        "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
        "Content-Transfer-Encoding: quoted-printable\r\nAuto-Submitted: auto-generated\r\n\r\n",
        format_mail_date(message.date),
        format_address(message.from),
        to,
        encode_header(subject),
        message.message_id
    );
    append_quoted_printable(out, body);
    if (!out.ends_with("\r\n")) {
        out += "\r\n";
    }
    return out;
}

}  // namespace seyir::plugins
