// SPDX-License-Identifier: Apache-2.0
#include "common/pipeline/engine.hpp"

#include <algorithm>
#include <condition_variable>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "common/base/log.hpp"
#include "common/io/clock.hpp"
#include "common/pipeline/report.hpp"
#include "common/pipeline/run_batch.hpp"
#include "common/samples/metric_samples.hpp"

namespace seyir::pipeline {
namespace {

constexpr std::string_view kLog = "pipeline";

/// A small number of the calling thread: what one thread submits goes to one worker, in order.
size_t thread_number() {
    static std::atomic<size_t> next{0};
    thread_local const size_t mine = next.fetch_add(1);
    return mine;
}

void drain(const InputSlot& slot, SteadyTime deadline) {
    // Polled: an input drains once a reload, and its answers come from many threads.
    while (slot.unanswered.load() != 0 && io::system_clock().steady_now() < deadline) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    if (slot.unanswered.load() != 0) {
        log::warn(
            kLog,
            "replacing an input with batches unanswered; what its source sends again may arrive "
            "twice at outputs that keep no positions",
            {{"input", slot.spec.id}}
        );
    }
}

struct DeadLetterPlace {
    std::shared_ptr<OutputSlot> slot;
    std::string route;
};

/// Where the first route that feeds `output` sends dead letters.
std::optional<DeadLetterPlace> find_dead_letter(
    const Topology& topology, const std::string& output
) {
    for (const RoutePlan& route : topology.routes) {
        const bool feeds = std::ranges::any_of(route.outputs, [&](size_t o) {
            return topology.outputs[o]->spec.id == output;
        });
        if (feeds && route.dead_letter) {
            return DeadLetterPlace{topology.outputs[*route.dead_letter], route.name};
        }
    }
    return std::nullopt;
}

/// Rows that `output` has refused before would come back for ever when dead letters go to itself or
/// round a circle of outputs.
Selection without_letters_of(const BatchView& rows, const std::string& output) {
    const auto key = rows.batch->find_key(kDeadLetterComponent);
    if (!key) {
        return rows.rows;
    }
    std::vector<uint32_t> first_time;
    for_each_row(rows, [&](uint32_t i) {
        const auto attrs = rows.batch->attrs(i);
        const bool again = std::ranges::any_of(attrs, [&](const Attr& attr) {
            return attr.key == *key && attr.value.kind() == ValueKind::kString &&
                   attr.value.as_text() == Slice(output);
        });
        if (!again) {
            first_time.push_back(i);
        }
    });
    return Selection::of(std::move(first_time));
}

template <class Slot>
bool contains(const std::vector<std::shared_ptr<Slot>>& slots, const std::shared_ptr<Slot>& slot) {
    return std::ranges::find(slots, slot) != slots.end();
}

}  // namespace

Engine::Engine(metrics::Registry& registry, size_t workers)
    : registry_(registry),
      worker_count_(std::max<size_t>(workers, 1)),
      queued_rows_(registry.gauge(
          "seyir_pipeline_queued_rows", "Rows that wait for a thread to run their filters."
      )) {}

Engine::~Engine() = default;

Result<void> Engine::start(GraphSpec spec) {
    SEYIR_TRY(TopologyPtr next, build_topology(std::move(spec), worker_count_, registry_, nullptr));
    start_workers(*next);
    // Before the outputs start: a disk buffer replays at once and may have dead letters to send.
    current_.store(next);
    SEYIR_CHECK(start_outputs(*next, nullptr));
    if (auto started = start_inputs(*next, nullptr); !started) {
        for (const auto& slot : next->outputs) {
            slot->spec.output->stop(io::system_clock().steady_now());
        }
        return started;
    }
    return {};
}

/// Before `next` becomes current: nobody reads the list yet when it grows.
void Engine::start_workers(const Topology& next) {
    const bool some = std::ranges::find(next.needs_worker, true) != next.needs_worker.end();
    for (size_t i = workers_.size(); some && i < worker_count_; ++i) {
        workers_.push_back(std::make_unique<Worker>(i, [this, i] { on_timer(i); }));
    }
}

void Engine::on_timer(size_t worker) {
    const TopologyPtr topology = current();
    if (topology != nullptr && topology->has_timers) {
        BatchRun(*topology, (*topology->chains)[worker], *delivery_).flush(FlushReason::kTimer);
    }
}

Result<void> Engine::start_outputs(const Topology& next, const Topology* before) {
    for (size_t i = 0; i < next.outputs.size(); ++i) {
        if (before != nullptr && contains(before->outputs, next.outputs[i])) {
            continue;
        }
        auto started = next.outputs[i]->spec.output->start();
        if (started) {
            next.outputs[i]->is_running = true;
            continue;
        }
        for (size_t j = 0; j < i; ++j) {
            if (before == nullptr || !contains(before->outputs, next.outputs[j])) {
                next.outputs[j]->spec.output->stop(io::system_clock().steady_now());
            }
        }
        return started.error().context("starting output " + next.outputs[i]->spec.id);
    }
    return {};
}

Result<void> Engine::start_input(InputSlot& slot) {
    auto started =
        slot.spec.input->start([this, &slot](const RecordBatchPtr& batch) { submit(slot, batch); });
    if (!started) {
        return started.error().context("starting input " + slot.spec.id);
    }
    return {};
}

Result<void> Engine::start_inputs(const Topology& next, const Topology* before) {
    for (size_t i = 0; i < next.inputs.size(); ++i) {
        if (before != nullptr && contains(before->inputs, next.inputs[i])) {
            continue;
        }
        auto started = start_input(*next.inputs[i]);
        if (started) {
            continue;
        }
        for (size_t j = 0; j < i; ++j) {
            if (before == nullptr || !contains(before->inputs, next.inputs[j])) {
                next.inputs[j]->spec.input->stop();
            }
        }
        return started;
    }
    return {};
}

void Engine::stop_inputs(const Topology& of, const Topology* except) {
    for (const auto& slot : of.inputs) {
        if (except == nullptr || !contains(except->inputs, slot)) {
            slot->spec.input->stop();
        }
    }
}

void Engine::flush_chains(const TopologyPtr& of, FlushReason reason) {
    for (size_t w = 0; w < workers_.size(); ++w) {
        workers_[w]->post([this, of, w, reason] {
            BatchRun(*of, (*of->chains)[w], *delivery_).flush(reason);
        });
    }
    for (const auto& worker : workers_) {
        worker->drain();
    }
}

/// Filter instances die on the thread they lived on.
void Engine::end_chains(const TopologyPtr& of) {
    const auto left = std::make_shared<std::atomic<size_t>>(workers_.size());
    for (size_t w = 0; w < workers_.size(); ++w) {
        workers_[w]->post([of, w, left] {
            (*of->chains)[w].clear();
            if (left->fetch_sub(1) == 1) {
                for (const auto& filter : of->filters) {
                    filter->account_for_lost_instances();
                }
            }
        });
    }
}

Result<void> Engine::replace(GraphSpec next_spec, SteadyTime drained_by) {
    const TopologyPtr old = current();
    SEYIR_TRY(
        TopologyPtr next, build_topology(std::move(next_spec), worker_count_, registry_, old.get())
    );
    upcoming_.store(next);
    if (auto started = start_outputs(*next, old.get()); !started) {
        upcoming_.store(nullptr);
        return started;
    }
    stop_inputs(*old, next.get());
    start_workers(*next);
    current_.store(next);
    upcoming_.store(nullptr);
    // What the old filters hold goes out now, or the inputs that wait for it would never drain.
    flush_chains(old, FlushReason::kReload);
    for (const auto& slot : old->inputs) {
        if (!contains(next->inputs, slot)) {
            drain(*slot, drained_by);
        }
    }
    if (auto started = start_inputs(*next, old.get()); !started) {
        bring_back(old, *next, drained_by);
        end_chains(next);
        return started;
    }
    end_chains(old);
    const std::lock_guard lock(mutex_);
    for (const auto& slot : old->inputs) {
        if (!contains(next->inputs, slot)) {
            leaving_inputs_.push_back(slot);
        }
    }
    for (const auto& slot : old->outputs) {
        if (!contains(next->outputs, slot)) {
            leaving_outputs_.push_back({slot, drained_by});
        }
    }
    return {};
}

void Engine::bring_back(const TopologyPtr& old, const Topology& failed, SteadyTime drained_by) {
    auto restored = std::make_shared<Topology>(*old);
    for (size_t i = 0; i < restored->inputs.size(); ++i) {
        const std::shared_ptr<InputSlot> stopped = restored->inputs[i];
        if (contains(failed.inputs, stopped)) {
            continue;
        }
        InputSpec spec = stopped->spec;
        Result<std::shared_ptr<Input>> fresh = fail(ErrorCode::kUnsupported, "it is not made anew");
        if (spec.remake) {
            fresh = spec.remake();
        }
        spec.input = fresh ? *fresh : stopped->spec.input;
        auto slot = std::make_shared<InputSlot>(registry_, std::move(spec));
        if (!fresh) {
            slot->down = "stopped for a reload that failed: " + fresh.error().message;
        }
        restored->input_index.erase(stopped.get());
        restored->input_index[slot.get()] = i;
        restored->inputs[i] = slot;
        const std::lock_guard lock(mutex_);
        leaving_inputs_.push_back(stopped);
    }
    current_.store(restored);
    for (const auto& slot : restored->inputs) {
        if (contains(old->inputs, slot) || !slot->down.empty()) {
            continue;
        }
        if (auto started = start_input(*slot); !started) {
            const std::lock_guard lock(slot->mutex);
            slot->down = "not started again after a reload that failed: " + started.error().message;
            log::error(kLog, "an input is down", {{"input", slot->spec.id}, {"error", slot->down}});
        }
    }
    const std::lock_guard lock(mutex_);
    for (const auto& slot : failed.outputs) {
        if (!contains(old->outputs, slot)) {
            leaving_outputs_.push_back({slot, drained_by});
        }
    }
}

void Engine::stop(SteadyTime deadline) {
    const TopologyPtr topology = current();
    if (topology == nullptr) {
        return;
    }
    stop_inputs(*topology, nullptr);
    flush_chains(topology, FlushReason::kShutdown);
    end_chains(topology);
    for (const auto& worker : workers_) {
        worker->drain();
    }
    if (!delivery_->wait_idle(deadline)) {
        log::warn(
            kLog,
            "stopping with deliveries unanswered; their sources will send them again",
            {{"deliveries", fmt::format("{}", in_flight())}}
        );
    }
    for (const auto& slot : topology->outputs) {
        slot->spec.output->stop(deadline);
    }
    std::vector<LeavingOutput> leaving;
    {
        const std::lock_guard lock(mutex_);
        leaving = std::move(leaving_outputs_);
        leaving_outputs_.clear();
    }
    for (const LeavingOutput& one : leaving) {
        if (!one.is_stopped) {
            one.slot->spec.output->stop(deadline);
        }
    }
}

void Engine::tidy() {
    const SteadyTime now = io::system_clock().steady_now();
    std::vector<std::shared_ptr<InputSlot>> inputs;  // those that end do so without the mutex
    std::vector<LeavingOutput> ended;
    std::vector<std::shared_ptr<OutputSlot>> stopping;
    {
        const std::lock_guard lock(mutex_);
        std::erase_if(leaving_inputs_, [&](const auto& slot) {
            const bool is_done = slot->unanswered.load() == 0;
            if (is_done) {
                inputs.push_back(slot);
            }
            return is_done;
        });
        for (LeavingOutput& one : leaving_outputs_) {
            const bool is_done = one.slot->in_flight.load() == 0;
            const bool is_in_vain = now >= one.answers_by || !one.slot->spec.output->health().ok;
            if ((is_done || is_in_vain) && !std::exchange(one.is_stopped, true)) {
                stopping.push_back(one.slot);
            }
        }
    }
    for (const auto& slot : stopping) {
        slot->spec.output->stop(now);
    }
    const std::lock_guard lock(mutex_);
    std::erase_if(leaving_outputs_, [&](LeavingOutput& one) {
        const bool is_done = one.is_stopped && one.slot->in_flight.load() == 0;
        if (is_done) {
            ended.push_back(std::move(one));
        }
        return is_done;
    });
}

void Engine::set_notices(std::vector<ComponentStatus> notices) {
    const std::lock_guard lock(mutex_);
    notices_ = std::move(notices);
}

size_t Engine::leaving() const {
    const std::lock_guard lock(mutex_);
    return leaving_inputs_.size() + leaving_outputs_.size();
}

void Engine::submit(InputSlot& slot, const RecordBatchPtr& batch) {
    const uint64_t rows = batch->row_count();
    {
        const auto lock = registry_.together();
        slot.rows.add(rows);
        slot.bytes.add(batch->raw_bytes());
    }
    delivery_->tap(slot.spec.id, TapSide::kOut, {batch, {}}, "");
    slot.unanswered.fetch_add(1);
    AckToken token([&slot, inner = batch->take_ack()](const DeliveryReport& report) mutable {
        inner.resolve(report);
        slot.unanswered.fetch_sub(1);
    });
    TopologyPtr topology = current();
    const auto at = topology->input_index.find(&slot);
    if (at == topology->input_index.end()) {
        return;  // it just left the graph: the token dies, its source sends again
    }
    if (!topology->needs_worker[at->second]) {
        std::vector<Chain> none;
        BatchRun(*topology, none, *delivery_).run(at->second, batch, std::move(token));
        return;
    }
    queued_rows_.add(static_cast<double>(rows));
    const size_t worker = thread_number() % workers_.size();
    workers_[worker]->post(
        [this, worker, &slot, topology, batch, token = std::move(token)] mutable {
            queued_rows_.add(-static_cast<double>(batch->row_count()));
            run_queued(std::move(topology), slot, std::move(batch), std::move(token), worker);
        }
    );
}

void Engine::run_queued(
    TopologyPtr topology, InputSlot& slot, RecordBatchPtr batch, AckToken token, size_t worker
) {
    if ((*topology->chains)[worker].empty()) {
        topology = current();  // replaced between submit() and now
    }
    const auto at = topology->input_index.find(&slot);
    if (at == topology->input_index.end()) {
        return;
    }
    BatchRun(*topology, (*topology->chains)[worker], *delivery_)
        .run(at->second, std::move(batch), std::move(token));
}

void Engine::send_dead_letter(
    const std::string& output,
    const BatchView& rows,
    const std::string& code,
    const std::string& message,
    AckToken token
) {
    if (samples::is_metrics(*rows.batch)) {  // nothing that an output of records could show
        count_dropped(output, code, rows.row_count());
        token.resolve({.outcome = Outcome::kDropped});
        return;
    }
    BatchView first_time{rows.batch, without_letters_of(rows, output)};
    // An output of a graph that is about to take over may refuse rows already.
    for (const TopologyPtr& topology : {current(), upcoming_.load()}) {
        const auto place = topology == nullptr ? std::nullopt : find_dead_letter(*topology, output);
        if (!place) {
            continue;
        }
        if (!place->slot->is_running.load()) {
            token.resolve(DeliveryReport::retry("the output for dead letters does not run"));
            return;
        }
        count_dropped(output, code, rows.row_count() - first_time.row_count());
        if (first_time.row_count() == 0) {
            token.resolve({.outcome = Outcome::kDropped});
            return;
        }
        delivery_->send_dead_letter(
            place->slot,
            first_time,
            {.component = output, .code = code, .message = message, .route = place->route},
            std::move(token)
        );
        return;
    }
    count_dropped(output, code, rows.row_count());
    token.resolve({.outcome = Outcome::kDropped});
}

bool Engine::send_event(const std::string& output, const BatchView& rows) {
    const TopologyPtr topology = current();
    if (topology == nullptr) {
        return false;
    }
    for (const auto& slot : topology->outputs) {
        if (slot->spec.id == output && slot->is_running.load()) {
            delivery_->hand_over(slot, {.view = rows, .token = {}, .route = "", .dead_letter = {}});
            return true;
        }
    }
    return false;
}

void Engine::count_dropped(const std::string& output, const std::string& code, size_t rows) {
    if (rows != 0) {
        dropped_rows(registry_, output, code).add(rows);
    }
}

std::shared_ptr<Input> Engine::input(const std::string& id) const {
    const TopologyPtr topology = current();
    for (const auto& slot : topology->inputs) {
        if (slot->spec.id == id) {
            return slot->spec.input;
        }
    }
    return nullptr;
}

void Engine::add_leaving(std::vector<ComponentStatus>& to) const {
    const auto message = [](uint64_t unanswered) {
        return fmt::format(
            "is not in the configuration any more; {} batches wait for an answer", unanswered
        );
    };
    const std::lock_guard lock(mutex_);
    for (const auto& slot : leaving_inputs_) {
        to.push_back({slot->spec.id, "input", {true, message(slot->unanswered.load())}, true});
    }
    for (const LeavingOutput& one : leaving_outputs_) {
        const std::string& id = one.slot->spec.id;
        to.push_back({id, "output", {true, message(one.slot->in_flight.load())}, true});
    }
    to.insert(to.end(), notices_.begin(), notices_.end());
}

std::vector<std::string> Engine::hung(SteadyTime now, Nanos limit) const {
    std::vector<std::string> all;
    const auto add = [&](std::string name, const std::optional<Nanos>& busy_for) {
        if (busy_for && *busy_for >= limit) {
            all.push_back(std::move(name));
        }
    };
    if (const TopologyPtr topology = current()) {
        for (const auto& slot : topology->inputs) {
            const auto* reports = dynamic_cast<const ReportsInput*>(slot->spec.input.get());
            if (reports != nullptr) {
                add("input " + slot->spec.id, reports->report().busy_for);
            }
        }
    }
    for (size_t i = 0; i < workers_.size(); ++i) {
        add(fmt::format("the filters of worker {}", i), workers_[i]->watch().busy_for(now));
    }
    return all;
}

std::vector<ComponentStatus> Engine::status() const {
    std::vector<ComponentStatus> all;
    const TopologyPtr topology = current();
    if (topology == nullptr) {
        return all;
    }
    for (const auto& slot : topology->inputs) {
        std::string down;
        {
            const std::lock_guard lock(slot->mutex);
            down = slot->down;
        }
        all.push_back(
            {slot->spec.id,
             "input",
             down.empty() ? slot->spec.input->health() : ComponentHealth{false, down}}
        );
    }
    for (const auto& slot : topology->filters) {
        all.push_back({slot->spec.id, "filter", slot->health()});
    }
    for (const auto& slot : topology->outputs) {
        all.push_back({slot->spec.id, "output", slot->spec.output->health()});
    }
    add_leaving(all);
    return all;
}

}  // namespace seyir::pipeline
