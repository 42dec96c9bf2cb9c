// SPDX-License-Identifier: Apache-2.0
#include "common/pipeline/run_batch.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include "common/io/clock.hpp"
#include "common/pipeline/chain_sink.hpp"
#include "common/record/batch_concat.hpp"
#include "common/samples/metric_samples.hpp"

namespace seyir::pipeline {
namespace {

/// Both lists ascending; the union too.
Selection join(Selection a, const Selection& b) {
    if (a.all || b.all) {
        return {};
    }
    std::vector<uint32_t> rows;
    rows.reserve(a.rows.size() + b.rows.size());
    std::ranges::set_union(a.rows, b.rows, std::back_inserter(rows));
    return Selection::of(std::move(rows));
}

/// No rows, but everything that tells which stretch of which source this was.
RecordBatchPtr positions_of(const RecordBatch& batch) {
    auto carrier = std::make_shared<RecordBatch>(batch.tenant());
    for (const SourcePosition& position : batch.positions()) {
        carrier->add_position(position);
    }
    carrier->set_provenance(batch.provenance());
    return carrier;
}

/// Calls the filter; an exception is an Error that names it.
template <class Call>
Result<void> contained(Call&& call) {
    try {
        return call();
    } catch (const std::exception& e) {
        return fail(ErrorCode::kInternal, std::string("exception: ") + e.what());
    } catch (...) {
        return fail(ErrorCode::kInternal, "exception of an unknown type");
    }
}

}  // namespace

/// Outputs a source is resumed by get a batch only once everything else of it is safe: what they
/// commit tells the source that it never needs to send this stretch again.
class BatchRun::Late {
  public:
    Late(std::shared_ptr<Delivery> delivery, AckToken token)
        : delivery_(std::move(delivery)), token_(std::move(token)) {}

    void add(std::shared_ptr<OutputSlot> slot, Delivery::Ticket ticket) {
        deliveries_.emplace_back(std::move(slot), std::move(ticket));
    }

    void finish(const DeliveryReport& report) {
        const bool sent_again =
            report.outcome == Outcome::kRetry || report.outcome == Outcome::kRewind;
        for (auto& [slot, ticket] : deliveries_) {
            if (!sent_again) {
                ticket.token = ticket.required ? token_.clone() : AckToken{};
                delivery_->hand_over(slot, std::move(ticket));
            }
        }
        token_.resolve(report);
    }

  private:
    std::shared_ptr<Delivery> delivery_;
    AckToken token_;
    std::vector<std::pair<std::shared_ptr<OutputSlot>, Delivery::Ticket>> deliveries_;
};

bool BatchRun::keeps_positions_somewhere(size_t input) const {
    return std::ranges::any_of(topology_.input_routes[input], [&](size_t r) {
        return std::ranges::any_of(topology_.routes[r].outputs, [&](size_t o) {
            return topology_.outputs[o]->spec.output->keeps_positions();
        });
    });
}

void BatchRun::run(size_t input, RecordBatchPtr batch, AckToken token) {
    shares_.assign(topology_.outputs.size(), {});
    const std::vector<size_t>& routes = topology_.input_routes[input];
    const uint64_t rows = batch->row_count();
    RecordBatchPtr positions;
    if (!batch->positions().empty() && keeps_positions_somewhere(input)) {
        positions = positions_of(*batch);
    }
    bool any_rows = false;
    auto late = std::make_shared<Late>(delivery_.shared_from_this(), std::move(token));
    AckToken gate([late](const DeliveryReport& report) { late->finish(report); });
    const Promise promise{.token = &gate, .is_of_batch = true};
    if (samples::is_metrics(*batch)) {
        share_metrics(input, batch);
        hand_over_shares(positions, gate, *late);
        gate.resolve({});
        return;
    }
    for (size_t i = 0; i < routes.size(); ++i) {
        const RoutePlan& route = topology_.routes[routes[i]];
        BatchView view{batch, {}};
        if (route.match) {
            view.rows = route.match(view);
        }
        if (i + 1 == routes.size()) {
            batch.reset();  // the last route may change the rows in place
        }
        for (const size_t o : route.outputs) {
            shares_[o].is_routed = true;
            shares_[o].required = shares_[o].required || route.required;
        }
        if (view.row_count() == 0) {
            continue;
        }
        any_rows = true;
        filter(routes[i], 0, std::move(view), promise);
    }
    if (!any_rows && rows != 0) {
        topology_.inputs[input]->unrouted.add(rows);
    }
    hand_over_shares(positions, gate, *late);
    gate.resolve({});
}

void BatchRun::share_metrics(size_t input, const RecordBatchPtr& batch) {
    bool any = false;
    for (const size_t r : topology_.input_routes[input]) {
        const RoutePlan& route = topology_.routes[r];
        for (const size_t o : route.outputs) {
            Share& share = shares_[o];
            share.is_routed = true;
            share.required = share.required || route.required;
            if (topology_.outputs[o]->spec.output->takes_metrics()) {
                add(share, r, {batch, {}});
                any = true;
            }
        }
    }
    if (!any) {
        topology_.inputs[input]->unrouted.add(batch->row_count());
    }
}

void BatchRun::filter(size_t route, size_t step, BatchView view, Promise promise) {
    const RoutePlan& plan = topology_.routes[route];
    if (step == plan.filters.size()) {
        arrive(route, view, promise);
        return;
    }
    FilterSlot& slot = *topology_.filters[plan.filters[step]];
    Filter& instance = *chains_[route].filters[step];
    delivery_.tap(slot.spec.id, TapSide::kIn, view, "");
    const SteadyTime began = io::system_clock().steady_now();
    ChainSink sink(promise.token);
    sink.tally().in = view.row_count();
    BatchView kept;
    if (!instance.never_fails()) {
        kept = view;
    }
    auto done = contained([&] { return instance.process(std::move(view), sink); });
    if (!done && kept.batch == nullptr) {
        // The rows went down with the call: the source must send them again.
        const AckToken unresolved = promise.token == nullptr ? AckToken{} : promise.token->clone();
        ChainSink failed(nullptr);
        failed.tally().in = sink.tally().in;
        const bool has_source = promise.token != nullptr && *promise.token;
        failed.tally().dropped = {{has_source ? kSentAgain : "filter_failed", sink.tally().in}};
        failed.account_for_held_of(sink);
        slot.account(failed.tally(), 0);
        slot.set_health({.ok = false, .message = done.error().message});
        return;
    }
    if (!done) {
        ChainSink failed(promise.token);
        failed.tally().in = kept.row_count();
        failed.fail(std::move(kept), to_string(done.error().code), done.error().message);
        failed.account_for_held_of(sink);
        slot.set_health({.ok = false, .message = done.error().message});
        finish_call(route, step, failed, promise, began);
        return;
    }
    kept = {};
    finish_call(route, step, sink, promise, began);
}

void BatchRun::finish_call(
    size_t route, size_t step, ChainSink& sink, Promise promise, SteadyTime began
) {
    FilterSlot& slot = *topology_.filters[topology_.routes[route].filters[step]];
    const auto spent = io::system_clock().steady_now() - began;
    const bool whole_call_failed = sink.emitted.empty() && sink.failed.size() == 1;
    if (!whole_call_failed && !slot.health().ok) {
        slot.set_health({});
    }
    slot.account(sink.tally(), std::chrono::duration<double>(spent).count());
    for (const ChainSink::Failed& rows : sink.failed) {
        fail(route, step, rows, promise);
    }
    for (BatchView& event : sink.events) {
        for (const size_t o : topology_.event_outputs[topology_.routes[route].filters[step]]) {
            delivery_.hand_over(
                topology_.outputs[o], {.view = event, .token = {}, .route = "", .dead_letter = {}}
            );
        }
    }
    for (ChainSink::Emitted& out : sink.emitted) {
        delivery_.tap(slot.spec.id, TapSide::kOut, out.view, "");
        const Promise own =
            out.is_held ? Promise{.token = &out.held, .is_of_batch = false} : promise;
        filter(route, step + 1, std::move(out.view), own);
        if (out.is_held) {
            out.held.resolve({});
        }
    }
}

void BatchRun::fail(size_t route, size_t step, const ChainSink::Failed& rows, Promise promise) {
    const RoutePlan& plan = topology_.routes[route];
    const FilterSpec& spec = topology_.filters[plan.filters[step]]->spec;
    delivery_.tap(spec.id, TapSide::kFailed, rows.view, rows.message);
    if (spec.on_error == OnError::kKeep && !spec.is_sensitive) {
        filter(route, step + 1, rows.view, promise);
        return;
    }
    if (spec.on_error != OnError::kDeadLetter || !plan.dead_letter) {
        return;  // counted as failed, with its code
    }
    const bool waits = plan.required && promise.token != nullptr;
    // What a later step would have taken out must not get out beside it.
    const bool is_sensitive = std::ranges::any_of(
        plan.filters.begin() + static_cast<std::ptrdiff_t>(step),
        plan.filters.end(),
        [&](size_t f) { return topology_.filters[f]->spec.is_sensitive; }
    );
    delivery_.send_dead_letter(
        topology_.outputs[*plan.dead_letter],
        rows.view,
        {.component = spec.id,
         .code = rows.code,
         .message = is_sensitive ? "" : rows.message,
         .route = plan.name,
         .is_sensitive = is_sensitive},
        waits ? promise.token->clone() : AckToken{}
    );
}

Delivery::Ticket BatchRun::ticket(
    size_t route, BatchView view, bool required, const AckToken* token
) const {
    const RoutePlan& plan = topology_.routes[route];
    const bool has_letters = plan.dead_letter && !samples::is_metrics(*view.batch);
    return {
        .view = std::move(view),
        .token = required && token != nullptr ? token->clone() : AckToken{},
        .required = required,
        .route = plan.name,
        .dead_letter = has_letters ? topology_.outputs[*plan.dead_letter] : nullptr,
    };
}

void BatchRun::arrive(size_t route, const BatchView& view, Promise promise) {
    const RoutePlan& plan = topology_.routes[route];
    for (const size_t o : plan.outputs) {
        if (promise.is_of_batch) {
            add(shares_[o], route, view);
        } else {
            delivery_.hand_over(
                topology_.outputs[o], ticket(route, view, plan.required, promise.token)
            );
        }
    }
}

void BatchRun::add(Share& share, size_t route, const BatchView& view) {
    share.route = route;
    for (BatchView& part : share.parts) {
        if (part.batch == view.batch) {
            part.rows = join(std::move(part.rows), view.rows);
            return;
        }
    }
    share.parts.push_back(view);
}

void BatchRun::hand_over_shares(const RecordBatchPtr& positions, const AckToken& gate, Late& late) {
    for (size_t o = 0; o < shares_.size(); ++o) {
        Share& share = shares_[o];
        const std::shared_ptr<OutputSlot>& slot = topology_.outputs[o];
        const bool as_one =
            positions != nullptr && share.is_routed && slot->spec.output->keeps_positions();
        if (as_one && share.parts.empty()) {
            // Positions must reach the outputs that remember them even when no row does: otherwise
            // the source's next batch would not join what is committed.
            share.parts.push_back({positions, Selection::of({})});
        } else if (as_one && share.parts.size() > 1) {
            share.parts = {BatchView{concat_views(share.parts), {}}};
        }
        for (BatchView& part : share.parts) {
            if (as_one && !slot->spec.is_buffered) {
                // Its positions say that the stretch is done with: last of all.
                late.add(slot, ticket(share.route, std::move(part), share.required, nullptr));
            } else {
                delivery_.hand_over(
                    slot, ticket(share.route, std::move(part), share.required, &gate)
                );
            }
        }
        share.parts.clear();
    }
}

void BatchRun::flush(FlushReason reason) {
    for (size_t r = 0; r < chains_.size(); ++r) {
        const std::vector<size_t>& filters = topology_.routes[r].filters;
        for (size_t step = 0; step < filters.size(); ++step) {
            FilterSlot& slot = *topology_.filters[filters[step]];
            if (reason == FlushReason::kTimer && !slot.spec.wants_timer) {
                continue;
            }
            const SteadyTime began = io::system_clock().steady_now();
            ChainSink sink(nullptr);
            Filter& instance = *chains_[r].filters[step];
            auto done = contained([&] { return instance.flush(reason, sink); });
            if (!sink.is_empty()) {
                finish_call(r, step, sink, {}, began);
            }
            if (!done) {
                slot.set_health({.ok = false, .message = done.error().message});
            }
        }
    }
}

}  // namespace seyir::pipeline
