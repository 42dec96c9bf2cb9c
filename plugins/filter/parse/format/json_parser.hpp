// SPDX-License-Identifier: Apache-2.0
// JsonParser: the members of a JSON object as fields, in one pass over the text. Strings without
// escapes stay where they are in the record; others are decoded into the batch's arena. Strict:
// what RFC 8259 refuses is refused, with the place, except that bytes of strings need not be UTF-8
// (a record with a Latin-1 letter is still a record).
// A JSON value that is no object becomes one field, `value`.
// Room: plugins/filter/parse.   Threads: one owner.
// Limits: depth kDepthMax, kValuesMax items of arrays and nested maps in a record.
// Spec: RFC 8259. Not simdjson: it needs padding behind the text and so a copy of each record, and
// for records of some hundred bytes its two passes cost more than one.
#pragma once

#include <string>
#include <vector>

#include "plugins/filter/parse/line_parser.hpp"

namespace seyir::plugins::parse {

inline constexpr int kJsonDepthMax = 64;
inline constexpr size_t kJsonValuesMax = 65'536;

/// What becomes of objects inside the object.
enum class Nested : uint8_t {
    kFlatten,  ///< names joined with `_`
    kMap,      ///< one attribute that is a map
};

class JsonParser final : public LineParser {
  public:
    explicit JsonParser(Nested nested) : nested_(nested) {}

    std::optional<Miss> parse(Slice text, FieldWriter& out) override;

    /// Parses an object whose fields get no prefix of their own; for JSON inside another field.
    std::optional<Miss> parse_object(Slice text, FieldWriter& out);

  private:
    bool fail(std::string_view message, std::string_view code = "bad_json");
    void skip_space();
    bool take_members(FieldWriter& out, int depth);
    bool take_member(FieldWriter& out, int depth);
    bool take_name(Arena& arena, Slice& name);
    bool take_value(Arena& arena, Value& value, int depth);
    bool take_string(Arena& arena, Slice& text);
    bool decode_rest(Arena& arena, const char* begin, Slice& text);
    bool take_word(std::string_view word);
    bool take_array(Arena& arena, Value& value, int depth);
    bool take_map(Arena& arena, Value& value, int depth);
    bool count_value();
    std::optional<Miss> finish(bool ok);

    Nested nested_;
    const char* begin_ = nullptr;
    const char* at_ = nullptr;
    const char* end_ = nullptr;
    std::string path_;  ///< of nested names, joined
    std::vector<Value> items_;
    std::vector<ValueMember> members_;
    size_t values_ = 0;
    Miss miss_;
};

}  // namespace seyir::plugins::parse
