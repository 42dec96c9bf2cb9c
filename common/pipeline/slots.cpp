// SPDX-License-Identifier: Apache-2.0
#include "common/pipeline/slots.hpp"

namespace seyir::pipeline {
namespace {

metrics::Labels label(const std::string& id) {
    return {{"component", id}};
}

metrics::Counter& output_answers(
    metrics::Registry& registry, const std::string& id, const char* outcome
) {
    return registry.counter(
        "seyir_pipeline_output_answers_rows_total",
        "Rows an output answered for, by outcome.",
        {{"component", id}, {"outcome", outcome}}
    );
}

metrics::Counter& filter_counter(
    metrics::Registry& registry, const std::string& id, const char* what, const char* help
) {
    return registry.counter(
        std::string("seyir_pipeline_filter_") + what + "_rows_total", help, label(id)
    );
}

}  // namespace

metrics::Counter& dropped_rows(
    metrics::Registry& registry, const std::string& component, const std::string& reason
) {
    return registry.counter(
        "seyir_pipeline_dropped_rows_total",
        "Rows given up on purpose, by component and reason.",
        {{"component", component}, {"reason", reason.empty() ? "other" : reason}}
    );
}

InputSlot::InputSlot(metrics::Registry& registry, InputSpec input_spec)
    : spec(std::move(input_spec)),
      rows(registry.counter(
          "seyir_pipeline_input_rows_total", "Rows an input handed to the pipeline.", label(spec.id)
      )),
      bytes(registry.counter(
          "seyir_pipeline_input_bytes_total",
          "Raw bytes (bodies and terminators) an input handed to the pipeline.",
          label(spec.id)
      )),
      unrouted(dropped_rows(registry, spec.id, "no_route")) {}

FilterSlot::FilterSlot(metrics::Registry& metrics_registry, FilterSpec filter_spec)
    : spec(std::move(filter_spec)),
      registry(metrics_registry),
      rows_in(filter_counter(registry, spec.id, "in", "Rows handed to a filter.")),
      rows_out(filter_counter(registry, spec.id, "out", "Rows a filter passed on.")),
      rows_created(filter_counter(
          registry, spec.id, "created", "Rows a filter made beyond those it was given."
      )),
      rows_failed(filter_counter(registry, spec.id, "failed", "Rows a filter could not handle.")),
      rows_events(filter_counter(
          registry, spec.id, "event", "Rows a filter made for its own outputs, such as alerts."
      )),
      rows_held(registry.gauge(
          "seyir_pipeline_filter_held_rows", "Rows a filter keeps for later.", label(spec.id)
      )),
      seconds(registry.histogram(
          "seyir_pipeline_filter_seconds",
          "Time of one call of a filter.",
          metrics::latency_buckets(),
          label(spec.id)
      )) {}

void FilterSlot::account(const FilterTally& tally, double call_seconds) {
    uint64_t dropped = 0;
    for (const auto& [reason, rows] : tally.dropped) {
        dropped += rows;
    }
    const uint64_t came = tally.in + tally.released;
    const uint64_t went = tally.out + dropped + tally.failed + tally.held;
    held_now_.fetch_add(static_cast<int64_t>(tally.held) - static_cast<int64_t>(tally.released));
    const auto lock = registry.together();
    rows_in.add(tally.in);
    rows_out.add(tally.out);
    rows_failed.add(tally.failed);
    rows_events.add(tally.events);
    rows_held.add(static_cast<double>(tally.held) - static_cast<double>(tally.released));
    for (const auto& [reason, rows] : tally.dropped) {
        dropped_rows(registry, spec.id, reason).add(rows);
    }
    for (const auto& [code, rows] : tally.failures) {
        registry
            .counter(
                "seyir_pipeline_filter_errors_rows_total",
                "Rows a filter could not handle, by reason.",
                {{"component", spec.id}, {"code", code}}
            )
            .add(rows);
    }
    if (went > came) {
        rows_created.add(went - came);
    } else if (came > went) {
        dropped_rows(registry, spec.id, "unexplained").add(came - went);
    }
    seconds.observe(call_seconds);
}

void FilterSlot::account_for_lost_instances() {
    const int64_t left = held_now_.load();
    if (left > 0) {
        const auto rows = static_cast<uint64_t>(left);
        account({.released = rows, .dropped = {{kSentAgain, rows}}, .failures = {}}, 0);
    }
}

void FilterSlot::set_health(ComponentHealth now) {
    const std::lock_guard lock(mutex_);
    health_ = std::move(now);
}

ComponentHealth FilterSlot::health() const {
    if (spec.trouble) {
        if (auto trouble = spec.trouble()) {
            return {.ok = false, .message = *std::move(trouble)};
        }
    }
    const std::lock_guard lock(mutex_);
    return health_;
}

OutputSlot::OutputSlot(metrics::Registry& metrics_registry, OutputSpec output_spec)
    : spec(std::move(output_spec)),
      registry(metrics_registry),
      rows_in(registry.counter(
          "seyir_pipeline_output_rows_total", "Rows handed to an output.", label(spec.id)
      )),
      rows_delivered(output_answers(registry, spec.id, "delivered")),
      rows_duplicate(output_answers(registry, spec.id, "duplicate")),
      rows_retried(output_answers(registry, spec.id, "retry")),
      rows_dead_letter(output_answers(registry, spec.id, "dead_letter")),
      rows_in_flight(registry.gauge(
          "seyir_pipeline_output_in_flight_rows",
          "Rows an output has not answered for.",
          label(spec.id)
      )),
      seconds(registry.histogram(
          "seyir_pipeline_output_seconds",
          "Time from hand-over to an output's answer.",
          metrics::latency_buckets(),
          label(spec.id)
      )) {}

}  // namespace seyir::pipeline
