// SPDX-License-Identifier: Apache-2.0
// A `lua` filter from its script, and batches with typed values.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "plugins/filter/lua/lua_filter_type.hpp"
#include "test/support/filter_fixture.hpp"

namespace seyir::test {

inline std::string lua_yaml(std::string_view code, std::string_view options = "call: cb") {
    std::string yaml = "type: lua\n" + std::string(options) + "\ncode: |\n  ";
    for (const char c : code) {
        yaml += c;
        yaml += c == '\n' ? "  " : "";
    }
    return yaml;
}

class LuaFixture : public FilterFixture {
  public:
    explicit LuaFixture(std::string_view code, std::string_view options = "call: cb")
        : FilterFixture(plugins::lua_filter_type(), lua_yaml(code, options)) {
        REQUIRE_MESSAGE(ok(), diagnostics());
    }
};

class BatchMaker {
  public:
    BatchMaker()
        : stream_(batch_->add_stream(*StreamLabels::make({{"app", "shop"}, {"tag", "t1"}}))) {}

    Arena& arena() { return batch_->arena(); }

    void row(
        std::string_view line,
        const std::vector<std::pair<std::string, Value>>& fields = {},
        int64_t ts_ns = 1'767'225'600'123'456'789,
        bool is_parsed = false
    ) {
        std::vector<Attr> attrs;
        for (const auto& [name, value] : fields) {
            attrs.emplace_back(batch_->add_key(name), value, is_parsed);
        }
        batch_->append_row(
            {.ts = {ts_ns},
             .stream = stream_,
             .body = arena().copy(line),
             .attrs = batch_->add_attrs(attrs)}
        );
    }

    Value text(std::string_view s) { return Value::string(arena().copy(s)); }

    RecordBatchPtr finish() { return std::exchange(batch_, std::make_shared<RecordBatch>()); }

  private:
    std::shared_ptr<RecordBatch> batch_ = std::make_shared<RecordBatch>();
    uint16_t stream_;
};

/// `name=value` for each attribute; parsed ones as `name~value`.
inline std::string fields_text(const RecordBatch& batch, size_t row) {
    std::string out;
    for (const Attr& attr : batch.attrs(row)) {
        out += out.empty() ? "" : " ";
        out += std::string(batch.keys()[attr.key]) + (attr.is_parsed ? "~" : "=");
        std::string json;
        attr.value.append_json(json);
        out += json;
    }
    return out;
}

/// One row through the script; "line | fields", "dropped", or "failed: message".
inline std::string through(LuaFixture& f, BatchMaker& maker) {
    f.sink.emitted.clear();
    f.sink.failed.clear();
    f.sink.dropped.clear();
    REQUIRE(f.process(maker.finish()));
    if (!f.sink.failed.empty()) {
        return "failed: " + f.sink.failed.front().message;
    }
    std::string out;
    for (const BatchView& view : f.sink.emitted) {
        for_each_row(view, [&](uint32_t i) {
            out += out.empty() ? "" : "\n";
            out += std::string(view.batch->body(i)) + " | " + fields_text(*view.batch, i);
        });
    }
    return out.empty() ? "dropped" : out;
}

}  // namespace seyir::test
