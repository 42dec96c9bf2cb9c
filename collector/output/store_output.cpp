// SPDX-License-Identifier: Apache-2.0
#include "collector/output/store_output.hpp"

#include <algorithm>
#include <utility>

#include "common/base/log.hpp"

namespace seyir::collector {
namespace {

/// A full disk is not emptied in a second.
constexpr Nanos kNoSpaceRetry = std::chrono::seconds(10);

}  // namespace

StoreOutput::StoreOutput(store::LogStore& store, uint16_t output)
    : store_(store), output_(output), positions_(store, output) {}

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
        note_failure(durable.error());
        report.outcome = Outcome::kRetry;
        report.reason = to_string(durable.error().code);
        if (durable.error().code == ErrorCode::kNoSpace) {
            report.retry_after = kNoSpaceRetry;
        }
        report.message = std::move(durable.error().message);
        return report;
    }
    note_failure(std::nullopt);
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

void StoreOutput::note_failure(const std::optional<Error>& failure) {
    const std::lock_guard lock(mutex_);
    const std::string before = std::exchange(failure_, failure ? failure->message : "");
    if (!failure) {
        if (code_) {
            log::info("store", "storing again");
        }
        code_.reset();
        return;
    }
    // The free space in the message differs each time; a full disk is news once.
    const bool is_known =
        code_ == failure->code && (failure->code == ErrorCode::kNoSpace || before == failure_);
    code_ = failure->code;
    if (!is_known) {
        log::error("store", "cannot store; sources keep their data", {{"error", failure_}});
    }
}

pipeline::ComponentHealth StoreOutput::health() const {
    const std::lock_guard lock(mutex_);
    return {failure_.empty(), failure_};
}

}  // namespace seyir::collector
