// SPDX-License-Identifier: Apache-2.0
// The kinds of operations, private to this folder: what planning (operation.cpp) makes them of.
// Threads: makers are called by the thread that makes an instance.
// Ownership: operations own copies of their options.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "plugins/filter/field/convert.hpp"
#include "plugins/filter/field/text_template.hpp"
#include "plugins/filter/modify/operation.hpp"

namespace seyir::plugins {

/// What `set` sets: a string may be a template.
using SetValue = std::variant<bool, int64_t, double, TextTemplate>;

/// `what` names the operation in messages: "set `status`".
OperationPtr make_set(const FieldRef& target, const SetValue& value, const std::string& what);
OperationPtr make_rename(const FieldRef& from, const FieldRef& to, const std::string& what);
OperationPtr make_remove(const std::vector<FieldRef>& fields, const std::string& what);
OperationPtr make_convert(const std::string& attribute, ConvertTo to, const std::string& what);

/// 1 to 24, or a word severity_from_text knows.
std::optional<SeverityNumber> severity_of(std::string_view text);

/// An attribute by name: found, or added to the batch's keys where it is written to.
class KeyOf {
  public:
    KeyOf(std::string name, bool adds) : name_(std::move(name)), adds_(adds) {}

    void bind(RecordBatch& batch) {
        key_ = adds_ ? std::optional(batch.add_key(name_)) : batch.find_key(name_);
    }

    const std::optional<KeyIndex>& operator*() const { return key_; }

  private:
    std::string name_;
    bool adds_;
    std::optional<KeyIndex> key_;
};

/// Gives rows a stream with one label changed; remembers the streams it made for a batch.
class LabelSetter {
  public:
    explicit LabelSetter(std::string name) : name_(std::move(name)) {}

    void bind(RecordBatch& batch);
    /// "" removes the label. False: the row failed.
    bool set(RowEdit& row, std::string_view value);

  private:
    struct Made {
        uint16_t from = 0;
        uint16_t to = 0;
        std::string value;
    };

    static constexpr size_t kNone = SIZE_MAX;

    bool make(RowEdit& row, uint16_t from, std::string_view value);
    size_t find(uint16_t from, std::string_view value) const;

    std::string name_;
    std::vector<Made> made_;  // ascending by (from, value)
    size_t last_ = kNone;     // of the row before
};

}  // namespace seyir::plugins
