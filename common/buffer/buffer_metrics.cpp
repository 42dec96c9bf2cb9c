// SPDX-License-Identifier: Apache-2.0
#include "common/buffer/buffer_metrics.hpp"

#include <utility>

namespace seyir::buffer {
namespace {

metrics::Labels labels(const std::string& component) {
    return {{"component", component}};
}

}  // namespace

BufferMetrics::BufferMetrics(metrics::Registry& registry_of, std::string component_id)
    : registry(registry_of),
      component(std::move(component_id)),
      rows(
          registry.gauge("seyir_buffer_rows", "Rows that wait or are under way.", labels(component))
      ),
      bytes(registry.gauge(
          "seyir_buffer_bytes", "Bytes held, in memory or in segment files.", labels(component)
      )),
      oldest_seconds(registry.gauge(
          "seyir_buffer_oldest_seconds", "Age of the oldest batch.", labels(component)
      )),
      recovered(registry.counter(
          "seyir_buffer_recovered_rows_total",
          "Rows found at the start, or gone back to because the far side lost them.",
          labels(component)
      )),
      appended(
          registry.counter("seyir_buffer_appended_rows_total", "Rows taken in.", labels(component))
      ),
      delivered(registry.counter(
          "seyir_buffer_delivered_rows_total", "Rows the output has.", labels(component)
      )),
      returned(registry.counter(
          "seyir_buffer_returned_rows_total",
          "Rows given back to their source unanswered.",
          labels(component)
      )),
      retried(registry.counter(
          "seyir_buffer_retried_rows_total", "Rows tried again.", labels(component)
      )),
      duplicate(registry.counter(
          "seyir_buffer_duplicate_rows_total",
          "Rows a source sent again that the buffer had.",
          labels(component)
      )),
      corrupt_frames(registry.counter(
          "seyir_buffer_corrupt_frames_total",
          "Places in the files that could not be read.",
          labels(component)
      )),
      failures(registry.counter(
          "seyir_buffer_write_failures_total", "Writes the disk refused.", labels(component)
      )) {}

void BufferMetrics::drop(const std::string& reason, uint64_t count) const {
    if (count != 0) {
        registry
            .counter(
                "seyir_buffer_dropped_rows_total",
                "Rows that end in the buffer, by reason.",
                {{"component", component}, {"reason", reason}}
            )
            .add(count);
    }
}

}  // namespace seyir::buffer
