// SPDX-License-Identifier: Apache-2.0
// Texts that are numbers in disguise: plain and padded integers, decimals, addresses, hex, UUIDs,
// times. A form takes a text only if it writes exactly the same text for the number.
// Threads: immutable once made.   Format: docs/format/columns.md, "scalar forms".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "collector/store/columns/slot/time_layout.hpp"
#include "common/codec/bytes.hpp"

namespace seyir::store::columns {

/// On disk: never renumber.
enum class ScalarKind : uint8_t {
    kInt = 0,
    kPadded = 1,    ///< digits, always `width` of them
    kDecimal = 2,   ///< always `width` digits after the point
    kShortest = 3,  ///< up to `width` digits after the point, none of them a needless zero
    kIpv4 = 4,
    kTime = 5,
    // As bytes, not numbers:
    kHexLower = 6,  ///< `width` digits, even
    kHexUpper = 7,
    kUuid = 8,
};

struct ScalarForm {
    ScalarKind kind = ScalarKind::kInt;
    uint8_t width = 0;
    std::optional<TimeLayout> layout;  ///< kTime

    bool is_bytes() const { return kind >= ScalarKind::kHexLower; }

    /// Of a value as bytes.
    size_t byte_width() const { return kind == ScalarKind::kUuid ? 16 : width / 2U; }

    std::optional<int64_t> parse(std::string_view text) const;
    /// The same, faster where `known`, a text of the form ("" for none), is like `text`.
    std::optional<int64_t> parse_near(
        std::string_view text, std::string_view known, int64_t known_value
    ) const;
    /// Writes at most text_bytes_max() bytes; returns their end.
    char* write(char* to, int64_t value) const;
    void append(std::string& out, int64_t value) const;

    /// Of any value, whatever the column's bytes say.
    size_t text_bytes_max() const;

    /// Its texts are numbers.
    bool is_number() const { return kind <= ScalarKind::kShortest; }

    /// The number that the text of `value` is, to the last bit; not-a-number when that is not
    /// known without the text.
    double quantity(int64_t value) const;

    /// Appends byte_width() bytes to `out`; false when the text is not of this form.
    bool parse_bytes(std::string_view text, std::string& out) const;
    /// Requires: byte_width() of `bytes`. As write().
    char* write_bytes(char* to, const char* bytes) const;
    void append_text(std::string& out, std::string_view bytes) const;

    bool operator==(const ScalarForm&) const = default;
};

void append_form(std::string& out, const ScalarForm& form);
/// Gives the reader up for a form it does not know.
ScalarForm read_form(codec::Reader& reader);

}  // namespace seyir::store::columns
