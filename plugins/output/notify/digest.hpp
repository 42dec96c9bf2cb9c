// SPDX-License-Identifier: Apache-2.0
// Digest: many records as one message: one text a record, bounded in records and bytes; what does
// not fit is counted in a last line, not sent.
// Threads: pure.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "common/record/batch.hpp"
#include "plugins/output/notify/row_template.hpp"

namespace seyir::plugins::notify {

struct DigestLimits {
    uint32_t rows_max = 20;
    size_t row_bytes_max = 2000;  ///< a longer text is cut, with `...`
    size_t bytes_max = 16 * 1024;
};

struct Digest {
    std::string text;
    uint32_t shown = 0;
    uint32_t left_out = 0;
};

/// `escape` appends a record's text in the form the message needs. At least one record is shown.
Digest make_digest(
    const BatchView& view,
    const RowTemplate& text,
    const DigestLimits& limits,
    const std::function<void(std::string&, std::string_view)>& escape
);

/// Appends well-formed UTF-8: what is not becomes U+FFFD, control characters but tab and line feed
/// become spaces.
void append_clean(std::string& out, std::string_view text);

/// At most `bytes_max` bytes, never within a character.
std::string_view cut_utf8(std::string_view text, size_t bytes_max);

}  // namespace seyir::plugins::notify
