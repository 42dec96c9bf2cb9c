// SPDX-License-Identifier: Apache-2.0
// ValueEvents: a JSON text as a Value in an arena. Numbers outside int64 and double keep their
// text. Threads: one at a time.   Limits: those of common/json/event_reader.hpp.
#pragma once

#include <string_view>
#include <vector>

#include "common/json/event_reader.hpp"
#include "common/record/arena.hpp"
#include "common/record/value.hpp"

namespace seyir::collector::input {

class ValueEvents final : public json::EventHandler {
  public:
    explicit ValueEvents(Arena& arena) : arena_(arena) {}

    bool begin_object() override;
    bool key(std::string_view name) override;
    bool end_object() override;
    bool begin_array() override;
    bool end_array() override;
    bool string(std::string_view text) override;
    bool number(std::string_view text) override;
    bool boolean(bool value) override;
    bool null() override;

    const Value& value() const { return root_; }

  private:
    struct Level {
        bool is_object = false;
        std::vector<ValueMember> members;
        std::vector<Value> items;
        Slice key;
    };

    bool add(Value value);

    Arena& arena_;
    Value root_;
    std::vector<Level> levels_;
};

/// A JSON number as the narrowest Value that keeps all of it.
Value number_value(std::string_view text, Arena& arena);

}  // namespace seyir::collector::input
