// SPDX-License-Identifier: Apache-2.0
// What engine tests are made of: an input driven by hand, outputs that answer when told, filters
// that are one lambda.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "common/pipeline/engine.hpp"
#include "common/record/batch_editor.hpp"

namespace seyir::test {

class HandInput final : public pipeline::Input {
  public:
    Result<void> start(pipeline::Submit submit) override {
        if (refuse_start) {
            return fail(ErrorCode::kRefused, "address in use");
        }
        submit_ = std::move(submit);
        is_running = true;
        return {};
    }

    void stop() override { is_running = false; }

    pipeline::ComponentHealth health() const override { return {}; }

    void send(RecordBatchPtr batch) { submit_(std::move(batch)); }

    std::atomic<bool> is_running{false};
    bool refuse_start = false;

  private:
    pipeline::Submit submit_;
};

/// Takes everything at once, remembers the bodies.
class KeepingOutput final : public pipeline::Output {
  public:
    Result<void> start() override { return {}; }

    void deliver(BatchView view, pipeline::DeliverDone done) override {
        const auto rows = static_cast<uint32_t>(view.row_count());
        {
            const std::lock_guard lock(mutex_);
            for_each_row(view, [&](uint32_t i) { bodies_.emplace_back(view.batch->body(i)); });
            views_.push_back(view);
        }
        done(answer ? answer(view) : DeliveryReport::delivered(rows));
    }

    void stop(SteadyTime) override { is_stopped = true; }

    pipeline::ComponentHealth health() const override { return {}; }

    bool keeps_positions() const override { return positions; }

    std::vector<std::string> bodies() const {
        const std::lock_guard lock(mutex_);
        return bodies_;
    }

    std::vector<BatchView> views() const {
        const std::lock_guard lock(mutex_);
        return views_;
    }

    std::function<DeliveryReport(const BatchView&)> answer;
    bool positions = false;
    std::atomic<bool> is_stopped{false};

  private:
    mutable std::mutex mutex_;
    std::vector<std::string> bodies_;
    std::vector<BatchView> views_;
};

class LambdaFilter final : public pipeline::Filter {
  public:
    using Process = std::function<Result<void>(BatchView, pipeline::FilterSink&)>;
    using Flush = std::function<Result<void>(pipeline::FlushReason, pipeline::FilterSink&)>;

    explicit LambdaFilter(Process process, Flush flush = {})
        : process_(std::move(process)), flush_(std::move(flush)) {}

    Result<void> process(BatchView view, pipeline::FilterSink& sink) override {
        return process_(std::move(view), sink);
    }

    Result<void> flush(pipeline::FlushReason reason, pipeline::FilterSink& sink) override {
        return flush_ ? flush_(reason, sink) : Result<void>{};
    }

  private:
    Process process_;
    Flush flush_;
};

inline pipeline::FilterSpec filter_spec(
    std::string id, LambdaFilter::Process process, LambdaFilter::Flush flush = {}
) {
    return {
        .id = std::move(id),
        .make = [process = std::move(process),
                 flush = std::move(flush)]() -> Result<std::unique_ptr<pipeline::Filter>> {
            return std::unique_ptr<pipeline::Filter>(std::make_unique<LambdaFilter>(process, flush)
            );
        },
        .event_outputs = {},
    };
}

inline BatchView editing(BatchView view, const std::function<std::string(Slice)>& change) {
    BatchEditor edit(std::move(view));
    for (size_t i = 0; i < edit.row_count(); ++i) {
        edit.set_body(i, edit.batch().arena().copy(Slice(change(edit.batch().body(i)))));
    }
    return std::move(edit).finish();
}

inline std::shared_ptr<RecordBatch> batch_of(
    const std::vector<std::string>& bodies, bool with_position = true
) {
    auto batch = std::make_shared<RecordBatch>();
    const auto stream = batch->add_stream(*StreamLabels::make({{"host", "h"}}));
    const uint16_t origin = with_position ? batch->add_position({.end = 10}) : kNoOrigin;
    for (const std::string& body : bodies) {
        batch->append_row(
            {.ts = {1}, .stream = stream, .origin = origin, .body = batch->arena().copy(Slice(body))
            }
        );
    }
    return batch;
}

}  // namespace seyir::test
