// SPDX-License-Identifier: Apache-2.0
// JsonReader: the fields of a JSON line as labels, with simdjson; lines it refuses (trailing comma,
// invalid UTF-8, cut off in the middle) go to a tolerant scanner, so that what can be read is read.
// Threads: one owner (its ScratchRow).   Limits: kJsonDepthMax levels.
// Errors: a text for __error_details__; fields before the error stay.
// Spec: Grafana's LogQL reference, "json"; tolerance as Loki's scanner has it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace seyir::logql {

class ScratchRow;
class Scratch;

inline constexpr int kJsonDepthMax = 64;

/// `servers[0].name`: keys and indexes.
using JsonPath = std::vector<std::variant<std::string, uint32_t>>;

/// Nothing when the text is no path.
std::optional<JsonPath> parse_json_path(std::string_view text);

class JsonReader {
  public:
    JsonReader();
    ~JsonReader();

    /// Extracts all fields into the row: nested names joined with `_`, arrays and nulls left out.
    /// Nothing on success, else what is wrong.
    std::optional<std::string_view> extract_all(ScratchRow& row);

    /// The value at the path: a string unescaped, anything else as written, null as "". Nothing
    /// when it is not there.
    std::optional<std::string_view> find(ScratchRow& row, const JsonPath& path);

    /// For unpack: the top-level members that are strings; false when the line is no object.
    struct Member {
        std::string_view name;
        std::string_view value;
    };

    bool string_members(ScratchRow& row, std::vector<Member>& members);

  private:
    struct Simd;

    std::unique_ptr<Simd> simd_;
    std::string prefix_;
};

/// The label that `| json` makes of a member below these names (unescaped).
std::string json_label_name(std::span<const std::string_view> path);

/// Unescapes the inside of a JSON string; nothing when an escape is wrong. Bytes that are not UTF-8
/// (and U+FFFD itself) become a space, as Loki shows them.
std::optional<std::string_view> unescape_json(std::string_view raw, Scratch& scratch);

/// Invalid bytes and U+FFFD as spaces; the text itself when there are none.
std::string_view clean_utf8(std::string_view text, Scratch& scratch);

}  // namespace seyir::logql
