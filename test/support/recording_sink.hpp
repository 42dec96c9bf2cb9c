// SPDX-License-Identifier: Apache-2.0
// RecordingSink: keeps what a filter did with its rows, for tests of filters without an engine.
//   RecordingSink sink;
//   filter.process(view, sink);
//   CHECK(sink.lines() == Lines{"a", "b"});
// Threads: one at a time. Ownership: keeps the batches alive.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/pipeline/filter.hpp"

namespace seyir::test {

class RecordingSink final : public pipeline::FilterSink {
  public:
    struct Failure {
        BatchView rows;
        std::string code;
        std::string message;
    };

    struct HeldEmit {
        BatchView view;
        uint32_t rows = 0;
    };

    void emit(BatchView view) override { emitted.push_back(std::move(view)); }

    void drop(std::string_view reason, uint32_t rows) override {
        dropped[std::string(reason)] += rows;
    }

    void fail(BatchView rows, std::string_view code, std::string_view message) override {
        failed.push_back({std::move(rows), std::string(code), std::string(message)});
    }

    pipeline::HeldRows hold(uint32_t rows) override {
        held += rows;
        ++holds_open;
        return {rows, AckToken([this](const DeliveryReport& report) {
                    --holds_open;
                    outcomes.push_back(report.outcome);
                })};
    }

    void emit_held(BatchView view, pipeline::HeldRows used) override {
        held -= used.rows;
        used.token.resolve(DeliveryReport::delivered(used.rows));
        emitted_held.push_back({std::move(view), used.rows});
    }

    void drop_held(std::string_view reason, pipeline::HeldRows used) override {
        held -= used.rows;
        dropped_held[std::string(reason)] += used.rows;
        used.token.resolve({.outcome = Outcome::kDropped, .dropped = used.rows});
    }

    void emit_event(BatchView view) override { events.push_back(std::move(view)); }

    /// Rows that went on, in order; those of held ones follow those of emit().
    size_t emitted_rows() const {
        size_t rows = 0;
        for (const BatchView& view : emitted) {
            rows += view.row_count();
        }
        for (const HeldEmit& view : emitted_held) {
            rows += view.view.row_count();
        }
        return rows;
    }

    uint32_t failed_rows() const {
        uint32_t rows = 0;
        for (const Failure& failure : failed) {
            rows += static_cast<uint32_t>(failure.rows.row_count());
        }
        return rows;
    }

    /// Of emitted rows, then of rows emitted from held ones.
    std::vector<std::string> lines() const {
        std::vector<std::string> out;
        const auto add = [&](const BatchView& view) {
            for_each_row(view, [&](uint32_t i) { out.emplace_back(view.batch->body(i)); });
        };
        for (const BatchView& view : emitted) {
            add(view);
        }
        for (const HeldEmit& one : emitted_held) {
            add(one.view);
        }
        return out;
    }

    std::vector<BatchView> emitted;
    std::map<std::string, uint32_t> dropped;  ///< by reason
    std::vector<Failure> failed;
    std::vector<HeldEmit> emitted_held;
    std::map<std::string, uint32_t> dropped_held;
    std::vector<BatchView> events;
    int64_t held = 0;        ///< rows that are still with the filter
    int64_t holds_open = 0;  ///< promises of hold() not yet answered
    std::vector<Outcome> outcomes;
};

}  // namespace seyir::test
