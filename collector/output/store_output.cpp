// SPDX-License-Identifier: Apache-2.0
#include "collector/output/store_output.hpp"

#include <algorithm>
#include <utility>

#include "common/base/log.hpp"

namespace seyir::collector {

StoreOutput::StoreOutput(store::LogStore& store, uint16_t output)
    : store_(store), output_(output) {}

void StoreOutput::deliver(BatchView view, pipeline::DeliverDone done) {
    store_.append(
        store::Commit{.output = output_, .view = std::move(view)},
        [this, done = std::move(done)](Result<store::Durable> durable) mutable {
            done(to_report(std::move(durable)));
        }
    );
}

DeliveryReport StoreOutput::to_report(Result<store::Durable> durable) {
    DeliveryReport report;
    if (!durable) {
        note_failure(durable.error().message);
        report.outcome = Outcome::kRetry;
        report.reason = to_string(durable.error().code);
        report.message = std::move(durable.error().message);
        return report;
    }
    note_failure("");
    report.accepted = durable->accepted;
    report.duplicate = durable->duplicate;
    report.dropped = durable->rejected;
    report.reason = std::move(durable->reject_reason);
    report.rejected_rows = std::move(durable->rejected_rows);
    report.lanes = std::move(durable->lanes);
    const bool must_rewind = std::ranges::any_of(report.lanes, [](const LaneVerdict& lane) {
        return lane.kind == LaneVerdict::Kind::kRewind || lane.kind == LaneVerdict::Kind::kGap;
    });
    if (must_rewind) {
        report.outcome = Outcome::kRewind;
    } else if (report.dropped != 0) {
        report.outcome = Outcome::kRejected;
    }
    return report;
}

void StoreOutput::note_failure(const std::string& message) {
    const std::lock_guard lock(mutex_);
    if (message == failure_) {
        return;
    }
    failure_ = message;
    if (message.empty()) {
        log::info("store", "storing again");
    } else {
        log::error("store", "cannot store; sources keep their data", {{"error", message}});
    }
}

pipeline::ComponentHealth StoreOutput::health() const {
    const std::lock_guard lock(mutex_);
    return {failure_.empty(), failure_};
}

}  // namespace seyir::collector
