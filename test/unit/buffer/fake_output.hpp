// SPDX-License-Identifier: Apache-2.0
// An output whose far side does what a test says, on a thread of its own or when told.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "common/pipeline/output.hpp"
#include "test/unit/buffer/log_support.hpp"

namespace seyir::test {

class FakeOutput final : public pipeline::Output {
  public:
    /// What the far side says of one delivery; nothing: it waits for answer_held().
    using Judge = std::function<std::optional<DeliveryReport>(const BatchView&)>;

    struct Far {
        std::mutex mutex;
        Judge judge;
        std::vector<uint64_t> stored;  ///< in order of acceptance
        std::vector<BatchView> deliveries;
        std::deque<std::pair<BatchView, pipeline::DeliverDone>> held;

        std::vector<uint64_t> numbers() {
            const std::lock_guard lock(mutex);
            return stored;
        }

        size_t held_count() {
            const std::lock_guard lock(mutex);
            return held.size();
        }

        size_t delivery_count() {
            const std::lock_guard lock(mutex);
            return deliveries.size();
        }

        void set(Judge next) {
            const std::lock_guard lock(mutex);
            judge = std::move(next);
        }

        void answer_held(const std::function<DeliveryReport(const BatchView&)>& with) {
            std::deque<std::pair<BatchView, pipeline::DeliverDone>> all;
            {
                const std::lock_guard lock(mutex);
                all.swap(held);
            }
            // All are stored before the first is answered: an answer lets the sender deliver more,
            // which would otherwise come between them.
            std::vector<DeliveryReport> reports;
            for (const auto& [view, done] : all) {
                reports.push_back(with(view));
                note(view, reports.back());
            }
            for (size_t i = 0; i < all.size(); ++i) {
                all[i].second(std::move(reports[i]));
            }
        }

        void note(const BatchView& view, const DeliveryReport& report) {
            const std::lock_guard lock(mutex);
            if (report.outcome == Outcome::kDelivered) {
                for (const uint64_t number : numbers_of(view)) {
                    stored.push_back(number);
                }
            }
        }
    };

    explicit FakeOutput(std::shared_ptr<Far> far) : far_(std::move(far)) {}

    Result<void> start() override { return {}; }

    void deliver(BatchView view, pipeline::DeliverDone done) override {
        std::optional<DeliveryReport> report;
        {
            const std::lock_guard lock(far_->mutex);
            far_->deliveries.push_back(view);
            report = far_->judge ? far_->judge(view) : delivered(view);
            if (!report) {
                far_->held.emplace_back(std::move(view), std::move(done));
                return;
            }
        }
        far_->note(view, *report);
        done(*std::move(report));
    }

    void stop(SteadyTime /*deadline*/) override {
        far_->answer_held([](const BatchView&) { return DeliveryReport::retry("stopped"); });
    }

    pipeline::ComponentHealth health() const override { return {}; }

    static std::optional<DeliveryReport> delivered(const BatchView& view) {
        return DeliveryReport::delivered(static_cast<uint32_t>(view.row_count()));
    }

  private:
    const std::shared_ptr<Far> far_;
};

}  // namespace seyir::test
