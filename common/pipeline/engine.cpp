// SPDX-License-Identifier: Apache-2.0
#include "common/pipeline/engine.hpp"

#include <algorithm>
#include <condition_variable>
#include <utility>

#include <fmt/format.h>

#include "common/base/log.hpp"
#include "common/io/clock.hpp"
#include "common/pipeline/run_batch.hpp"

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
    for (size_t w = 0; w < workers_.size(); ++w) {
        workers_[w]->post([of, w] { (*of->chains)[w].clear(); });
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
        bring_back(old, *next);
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
            leaving_outputs_.push_back(slot);
        }
    }
    return {};
}

void Engine::bring_back(const TopologyPtr& old, const Topology& failed) {
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
            leaving_outputs_.push_back(slot);
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
    std::vector<std::shared_ptr<OutputSlot>> leaving;
    {
        const std::lock_guard lock(mutex_);
        leaving = std::move(leaving_outputs_);
        leaving_outputs_.clear();
    }
    for (const auto& slot : leaving) {
        slot->spec.output->stop(deadline);
    }
}

void Engine::tidy() {
    std::vector<std::shared_ptr<InputSlot>> inputs;
    std::vector<std::shared_ptr<OutputSlot>> outputs;
    {
        const std::lock_guard lock(mutex_);
        std::erase_if(leaving_inputs_, [&](const auto& slot) {
            const bool is_done = slot->unanswered.load() == 0;
            if (is_done) {
                inputs.push_back(slot);
            }
            return is_done;
        });
        std::erase_if(leaving_outputs_, [&](const auto& slot) {
            const bool is_done = slot->in_flight.load() == 0;
            if (is_done) {
                outputs.push_back(slot);
            }
            return is_done;
        });
    }
    for (const auto& slot : outputs) {
        slot->spec.output->stop(io::system_clock().steady_now());
    }
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

bool Engine::send_dead_letter(
    const std::string& output,
    const BatchView& rows,
    const std::string& code,
    const std::string& message
) {
    // An output of a graph that is about to take over may refuse rows already.
    for (const TopologyPtr& topology : {current(), upcoming_.load()}) {
        if (topology != nullptr && send_dead_letter(*topology, output, rows, code, message)) {
            return true;
        }
    }
    return false;
}

bool Engine::send_dead_letter(
    const Topology& topology,
    const std::string& output,
    const BatchView& rows,
    const std::string& code,
    const std::string& message
) {
    for (const RoutePlan& route : topology.routes) {
        const bool feeds = std::ranges::any_of(route.outputs, [&](size_t o) {
            return topology.outputs[o]->spec.id == output;
        });
        if (feeds && route.dead_letter) {
            delivery_->send_dead_letter(
                topology.outputs[*route.dead_letter],
                rows,
                {.component = output, .code = code, .message = message, .route = route.name},
                {}
            );
            return true;
        }
    }
    return false;
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
    return all;
}

}  // namespace seyir::pipeline
