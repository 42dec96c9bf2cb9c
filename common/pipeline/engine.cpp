// SPDX-License-Identifier: Apache-2.0
#include "common/pipeline/engine.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "common/base/log.hpp"
#include "common/io/clock.hpp"

namespace seyir::pipeline {
namespace {

constexpr std::string_view kLog = "pipeline";

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

double seconds_since(SteadyTime since) {
    return std::chrono::duration<double>(io::system_clock().steady_now() - since).count();
}

}  // namespace

Engine::Engine(metrics::Registry& registry) : registry_(registry) {}

Engine::~Engine() = default;

void Engine::add_input(const std::string& id, std::unique_ptr<Input> input) {
    auto slot = std::make_unique<InputSlot>();
    slot->id = id;
    slot->input = std::move(input);
    const metrics::Labels labels = {{"component", id}};
    slot->rows = &registry_.counter(
        "seyir_pipeline_input_rows_total", "Rows an input handed to the pipeline.", labels
    );
    slot->bytes = &registry_.counter(
        "seyir_pipeline_input_bytes_total",
        "Raw bytes (bodies and terminators) an input handed to the pipeline.",
        labels
    );
    slot->unrouted = &registry_.counter(
        "seyir_pipeline_dropped_rows_total",
        "Rows given up on purpose, by component and reason.",
        {{"component", id}, {"reason", "no_route"}}
    );
    inputs_.push_back(std::move(slot));
}

void Engine::add_output(const std::string& id, std::unique_ptr<Output> output) {
    auto slot = std::make_unique<OutputSlot>();
    slot->id = id;
    slot->output = std::move(output);
    const auto rows = [&](const char* outcome) {
        return &registry_.counter(
            "seyir_pipeline_output_answers_rows_total",
            "Rows an output answered for, by outcome.",
            {{"component", id}, {"outcome", outcome}}
        );
    };
    const metrics::Labels labels = {{"component", id}};
    slot->rows_in =
        &registry_.counter("seyir_pipeline_output_rows_total", "Rows handed to an output.", labels);
    slot->rows_delivered = rows("delivered");
    slot->rows_duplicate = rows("duplicate");
    slot->rows_retried = rows("retry");
    slot->rows_in_flight = &registry_.gauge(
        "seyir_pipeline_output_in_flight_rows", "Rows an output has not answered for.", labels
    );
    slot->seconds = &registry_.histogram(
        "seyir_pipeline_output_seconds",
        "Time from hand-over to an output's answer.",
        metrics::latency_buckets(),
        labels
    );
    outputs_.push_back(std::move(slot));
}

Result<void> Engine::add_route(Route route) {
    std::vector<size_t> outputs;
    for (const std::string& id : route.to) {
        const auto at =
            std::ranges::find_if(outputs_, [&](const auto& slot) { return slot->id == id; });
        if (at == outputs_.end()) {
            return fail(
                ErrorCode::kInvalidConfig,
                fmt::format("route `{}` sends to `{}`, which is not an output", route.name, id)
            );
        }
        outputs.push_back(static_cast<size_t>(at - outputs_.begin()));
    }
    for (const std::string& id : route.from) {
        if (std::ranges::none_of(inputs_, [&](const auto& slot) { return slot->id == id; })) {
            return fail(
                ErrorCode::kInvalidConfig,
                fmt::format("route `{}` reads from `{}`, which is not an input", route.name, id)
            );
        }
    }
    for (const auto& slot : inputs_) {
        if (route.from.empty() || std::ranges::find(route.from, slot->id) != route.from.end()) {
            slot->routes.push_back(routes_.size());
        }
    }
    routes_.push_back(std::move(route));
    route_outputs_.push_back(std::move(outputs));
    return {};
}

Result<void> Engine::start() {
    size_t outputs_running = 0;
    size_t inputs_running = 0;
    const auto undo = [&] {
        for (size_t i = 0; i < inputs_running; ++i) {
            inputs_[i]->input->stop();
        }
        for (size_t i = 0; i < outputs_running; ++i) {
            outputs_[i]->output->stop(io::system_clock().steady_now());
        }
    };
    for (const auto& slot : outputs_) {
        if (auto started = slot->output->start(); !started) {
            undo();
            return started.error().context("starting output " + slot->id);
        }
        ++outputs_running;
    }
    for (const auto& slot : inputs_) {
        InputSlot* input = slot.get();
        auto started = slot->input->start([this, input](const RecordBatchPtr& batch) {
            submit(*input, batch);
        });
        if (!started) {
            undo();
            return started.error().context("starting input " + slot->id);
        }
        ++inputs_running;
    }
    return {};
}

void Engine::stop(SteadyTime deadline) {
    for (const auto& slot : inputs_) {
        slot->input->stop();
    }
    {
        std::unique_lock lock(idle_mutex_);
        const bool drained = idle_.wait_until(lock, deadline, [&] { return in_flight_ == 0; });
        if (!drained) {
            log::warn(
                kLog,
                "stopping with deliveries unanswered; their sources will send them again",
                {{"deliveries", fmt::format("{}", in_flight_.load())}}
            );
        }
    }
    for (const auto& slot : outputs_) {
        slot->output->stop(deadline);
    }
}

std::vector<Engine::Share> Engine::select(const InputSlot& slot, const RecordBatchPtr& batch)
    const {
    std::vector<Share> shares(outputs_.size(), Share{{batch, Selection::of({})}, false});
    for (const size_t r : slot.routes) {
        const Route& route = routes_[r];
        const Selection rows = route.match ? route.match(BatchView{batch, {}}) : Selection{};
        for (const size_t o : route_outputs_[r]) {
            shares[o].view.rows = join(std::move(shares[o].view.rows), rows);
            shares[o].required = shares[o].required || route.required;
        }
    }
    return shares;
}

void Engine::submit(const InputSlot& slot, const RecordBatchPtr& batch) {
    slot.rows->add(batch->row_count());
    slot.bytes->add(batch->raw_bytes());
    std::vector<Share> shares = select(slot, batch);
    AckToken root = batch->take_ack();
    bool any_rows = false;
    for (size_t o = 0; o < outputs_.size(); ++o) {
        OutputSlot& output = *outputs_[o];
        const bool has_rows = shares[o].view.row_count() != 0;
        any_rows = any_rows || has_rows;
        // Positions must reach the outputs that remember them even when no row does: otherwise the
        // source's next batch would not join what is committed.
        if (has_rows || (output.output->keeps_positions() && !batch->positions().empty())) {
            AckToken token = shares[o].required ? root.clone() : AckToken{};
            hand_over(output, std::move(shares[o]), std::move(token));
        }
    }
    if (!any_rows && batch->row_count() != 0) {
        slot.unrouted->add(batch->row_count());
    }
    root.resolve({});
}

void Engine::hand_over(OutputSlot& slot, Share share, AckToken token) {
    Pending pending{
        .rows = static_cast<uint32_t>(share.view.row_count()),
        .required = share.required,
        .since = io::system_clock().steady_now(),
        .token = std::move(token),
    };
    slot.rows_in->add(pending.rows);
    slot.rows_in_flight->add(pending.rows);
    in_flight_.fetch_add(1);
    slot.output->deliver(
        std::move(share.view),
        [this, &slot, pending = std::move(pending)](DeliveryReport report) mutable {
            answered(slot, std::move(pending), std::move(report));
        }
    );
}

void Engine::count_dropped(const OutputSlot& slot, const DeliveryReport& report, uint32_t rows) {
    if (rows == 0) {
        return;
    }
    registry_
        .counter(
            "seyir_pipeline_dropped_rows_total",
            "Rows given up on purpose, by component and reason.",
            {{"component", slot.id}, {"reason", report.reason.empty() ? "other" : report.reason}}
        )
        .add(rows);
}

void Engine::answered(OutputSlot& slot, Pending pending, DeliveryReport report) {
    slot.seconds->observe(seconds_since(pending.since));
    slot.rows_in_flight->add(-static_cast<double>(pending.rows));
    const uint32_t settled = std::min(pending.rows, report.accepted + report.duplicate);
    const bool sent_again = report.outcome == Outcome::kRetry || report.outcome == Outcome::kRewind;
    if (sent_again && pending.required) {
        slot.rows_retried->add(pending.rows - settled);
    } else if (sent_again) {
        report.reason = "output_failed";
        count_dropped(slot, report, pending.rows - settled);
    } else {
        count_dropped(slot, report, report.dropped);
    }
    slot.rows_delivered->add(report.accepted);
    slot.rows_duplicate->add(report.duplicate);
    pending.token.resolve(std::move(report));
    if (in_flight_.fetch_sub(1) == 1) {
        const std::lock_guard lock(idle_mutex_);
        idle_.notify_all();
    }
}

std::vector<ComponentStatus> Engine::status() const {
    std::vector<ComponentStatus> all;
    for (const auto& slot : inputs_) {
        all.push_back({slot->id, "input", slot->input->health()});
    }
    for (const auto& slot : outputs_) {
        all.push_back({slot->id, "output", slot->output->health()});
    }
    return all;
}

}  // namespace seyir::pipeline
