// SPDX-License-Identifier: Apache-2.0
#include "common/pipeline/delivery.hpp"

#include <algorithm>
#include <utility>

#include "common/io/clock.hpp"
#include "common/record/batch_editor.hpp"
#include "common/samples/metric_samples.hpp"

namespace seyir::pipeline {
namespace {

double seconds_since(SteadyTime since) {
    return std::chrono::duration<double>(io::system_clock().steady_now() - since).count();
}

/// The refused rows of a view, as far as the output named them; all of it otherwise.
BatchView refused(const BatchView& view, const DeliveryReport& report) {
    if (report.rejected_rows.empty()) {
        return view;
    }
    return {view.batch, Selection::of(report.rejected_rows)};
}

}  // namespace

BatchView dead_letter_rows(const BatchView& rows, const DeadLetterReason& reason) {
    auto to = std::make_shared<RecordBatch>(rows.batch->tenant());
    const RecordBatch& from = *rows.batch;
    to->arena().adopt(rows.batch, from.memory_bytes());
    for (const StreamLabelsPtr& labels : from.streams()) {
        to->add_stream(labels);
    }
    for (const Slice key : from.keys()) {
        to->add_key(key);
    }
    Arena& arena = to->arena();
    const auto text = [&](const char* name, const std::string& value) {
        return Attr(to->add_key(Slice(name)), Value::string(arena.copy(Slice(value))));
    };
    const std::vector<Attr> why = {
        text(kDeadLetterComponent, reason.component),
        text("dead_letter.code", reason.code),
        text("dead_letter.message", reason.message),
        text("dead_letter.route", reason.route),
    };
    std::vector<Attr> attrs;
    for_each_row(rows, [&](uint32_t i) {
        Row row = from.row(i);
        row.origin = kNoOrigin;
        attrs.clear();
        if (reason.is_sensitive) {
            row.body = {};
        } else {
            attrs.assign(from.attrs(i).begin(), from.attrs(i).end());
        }
        attrs.insert(attrs.end(), why.begin(), why.end());
        row.attrs = to->add_attrs(attrs);
        to->append_row(row);
    });
    return {std::move(to), {}};
}

void Delivery::set_tap(std::shared_ptr<Tap> tap) {
    has_tap_.store(tap != nullptr);
    tap_.store(std::move(tap));
}

void Delivery::tap(
    const std::string& component, TapSide side, const BatchView& view, std::string_view note
) const {
    if (!has_tap_.load(std::memory_order_relaxed) || samples::is_metrics(*view.batch)) {
        return;
    }
    const std::shared_ptr<Tap> tap = tap_.load();
    if (tap != nullptr && tap->wants(component, side)) {
        tap->rows(component, side, view, note);
    }
}

void Delivery::hand_over(const std::shared_ptr<OutputSlot>& slot, Ticket ticket) {
    const auto rows = static_cast<uint32_t>(ticket.view.row_count());
    tap(slot->spec.id, TapSide::kIn, ticket.view, "");
    {
        const auto lock = slot->registry.together();
        slot->rows_in.add(rows);
        slot->rows_in_flight.add(rows);
    }
    slot->in_flight.fetch_add(1);
    in_flight_.fetch_add(1);
    BatchView view = ticket.view;
    if (ticket.dead_letter == nullptr) {
        ticket.view = {};  // nobody will ask for the rows again: let the output own them alone
    }
    slot->spec.output->deliver(
        std::move(view),
        [self = shared_from_this(),
         slot = slot,
         rows,
         since = io::system_clock().steady_now(),
         ticket = std::move(ticket)](DeliveryReport report) mutable {
            // An output that keeps a spent completion must not keep its own slot, and so itself,
            // alive by it.
            const std::shared_ptr<OutputSlot> of = std::move(slot);
            const std::shared_ptr<Delivery> delivery = std::move(self);
            of->seconds.observe(seconds_since(since));
            delivery->answered(*of, std::move(ticket), rows, std::move(report));
        }
    );
}

void Delivery::count_answer(
    OutputSlot& slot, const Ticket& ticket, uint32_t rows, DeliveryReport& report
) {
    if (report.outcome == Outcome::kDelivered) {
        report.accepted = std::max(report.accepted, rows - std::min(rows, report.duplicate));
    }
    const uint32_t settled = std::min(rows, report.accepted + report.duplicate);
    const bool sent_again = report.outcome == Outcome::kRetry || report.outcome == Outcome::kRewind;
    // Somebody must be there to send rows again; else they are lost, and counted so.
    const bool somebody_waits = ticket.required && ticket.token;
    const bool goes_on = report.outcome == Outcome::kRejected && ticket.dead_letter != nullptr;
    const auto lock = slot.registry.together();
    slot.rows_in_flight.add(-static_cast<double>(rows));
    slot.rows_delivered.add(std::min(report.accepted, rows));
    slot.rows_duplicate.add(settled - std::min(report.accepted, rows));
    if (sent_again && somebody_waits) {
        slot.rows_retried.add(rows - settled);
    } else if (sent_again) {
        report.reason = "output_failed";
        dropped_rows(slot.registry, slot.spec.id, report.reason).add(rows - settled);
    } else if (goes_on) {
        slot.rows_dead_letter.add(rows - settled);
    } else {
        // Rows an output says nothing of are as lost as those it drops: never unaccounted.
        const uint32_t gone = rows - settled;
        if (gone != 0) {
            dropped_rows(slot.registry, slot.spec.id, report.reason).add(gone);
        }
    }
}

void Delivery::answered(OutputSlot& slot, Ticket ticket, uint32_t rows, DeliveryReport report) {
    count_answer(slot, ticket, rows, report);
    if (report.outcome == Outcome::kRejected && ticket.dead_letter != nullptr) {
        const BatchView lost = refused(ticket.view, report);
        tap(slot.spec.id, TapSide::kFailed, lost, report.message);
        send_dead_letter(
            ticket.dead_letter,
            lost,
            {.component = slot.spec.id,
             .code = report.reason.empty() ? "rejected" : report.reason,
             .message = report.message,
             .route = ticket.route},
            ticket.token.clone()
        );
    }
    ticket.token.resolve(std::move(report));
    slot.in_flight.fetch_sub(1);
    if (in_flight_.fetch_sub(1) == 1) {
        const std::lock_guard lock(mutex_);
        changed_.notify_all();
    }
}

void Delivery::send_dead_letter(
    const std::shared_ptr<OutputSlot>& slot,
    const BatchView& rows,
    const DeadLetterReason& reason,
    AckToken token
) {
    hand_over(
        slot,
        {.view = dead_letter_rows(rows, reason),
         .token = std::move(token),
         .required = true,
         .route = reason.route,
         .dead_letter = nullptr}
    );
}

bool Delivery::wait_idle(SteadyTime deadline) {
    std::unique_lock lock(mutex_);
    return changed_.wait_until(lock, deadline, [&] { return in_flight_ == 0; });
}

}  // namespace seyir::pipeline
