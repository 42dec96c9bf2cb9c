// SPDX-License-Identifier: Apache-2.0
#include "plugins/output/notify/digest.hpp"

#include <fmt/format.h>

#include "common/base/text.hpp"

namespace seyir::plugins::notify {
namespace {

/// Length of the well-formed character at the front; 0 = there is none.
size_t character_length(std::string_view text) {
    const auto first = static_cast<unsigned char>(text.front());
    const size_t length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    return text.size() >= length && is_utf8(text.substr(0, length)) ? length : 0;
}

}  // namespace

void append_clean(std::string& out, std::string_view text) {
    while (!text.empty()) {
        const size_t length = character_length(text);
        const char c = text.front();
        if (length == 0) {
            out += "\xef\xbf\xbd";
            text.remove_prefix(1);
            continue;
        }
        const bool is_control = (c >= 0 && c < 0x20 && c != '\t' && c != '\n') || c == 0x7f;
        is_control ? out.append(1, ' ') : out.append(text.substr(0, length));
        text.remove_prefix(length);
    }
}

std::string_view cut_utf8(std::string_view text, size_t bytes_max) {
    if (text.size() <= bytes_max) {
        return text;
    }
    size_t end = bytes_max;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) {
        --end;
    }
    return text.substr(0, end);
}

Digest make_digest(
    const BatchView& view,
    const RowTemplate& text,
    const DigestLimits& limits,
    const std::function<void(std::string&, std::string_view)>& escape
) {
    Digest out;
    logql::ScratchRow scratch;
    std::string one;
    for_each_row(view, [&](uint32_t row) {
        if (out.left_out != 0 || out.shown == limits.rows_max) {
            ++out.left_out;
            return;
        }
        one.clear();
        const std::string_view whole = text.render(scratch, *view.batch, row);
        const std::string_view part = cut_utf8(whole, limits.row_bytes_max);
        escape(one, part);
        one += part.size() < whole.size() ? "...\n" : "\n";
        if (out.shown != 0 && out.text.size() + one.size() > limits.bytes_max) {
            ++out.left_out;
            return;
        }
        out.text += one;
        ++out.shown;
    });
    if (out.left_out != 0) {
        fmt::format_to(std::back_inserter(out.text), "... and {} more\n", out.left_out);
    }
    return out;
}

}  // namespace seyir::plugins::notify
