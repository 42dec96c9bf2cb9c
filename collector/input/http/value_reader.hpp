// SPDX-License-Identifier: Apache-2.0
// ValueReader: JSON records as Values in an arena, each with its own text. What JSON can say and a
// record cannot hold never costs a record: numbers outside int64 and double keep their text, half a
// surrogate pair ("\ud800") becomes U+FFFD and is counted. Bytes that are not UTF-8 stay.
// Threads: one at a time.   Errors: kInvalidArgument with the byte; kTooLarge beyond depth 64.
// Cost: linear; recursion as deep as the text, at most 64.   Spec: RFC 8259.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "common/base/result.hpp"
#include "common/record/arena.hpp"
#include "common/record/value.hpp"

namespace seyir::collector::input {

class ValueReader {
  public:
    ValueReader(std::string_view text, Arena& arena) : text_(text), arena_(arena) {}

    using OnRecord = std::function<void(const Value& value, std::string_view text)>;

    /// Exactly one value, white space around it. Of an array with `splits`, each element is a
    /// record of its own.
    Result<void> read(bool splits, const OnRecord& on_record);

    /// How far the text was read; after an error, where it is.
    size_t at() const { return at_; }

    /// Halves of surrogate pairs that became U+FFFD.
    uint64_t replaced() const { return replaced_; }

  private:
    Result<Value> value(size_t depth);
    Result<Value> object(size_t depth);
    Result<Value> array(size_t depth);
    Result<Slice> string();
    Result<Value> number();
    Result<void> elements(const OnRecord& on_record);
    Result<void> escape(std::string& out);
    Result<uint32_t> hex4();
    Result<void> one(const OnRecord& on_record, size_t depth);

    void skip_space();
    bool take(char c);
    bool take(std::string_view word);
    Error bad(std::string_view what) const;

    std::string_view text_;
    Arena& arena_;
    size_t at_ = 0;
    uint64_t replaced_ = 0;
};

}  // namespace seyir::collector::input
