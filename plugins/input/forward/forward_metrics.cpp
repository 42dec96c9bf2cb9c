// SPDX-License-Identifier: Apache-2.0
#include "plugins/input/forward/forward_metrics.hpp"

namespace seyir::plugins::forward {

ForwardMetrics::ForwardMetrics(metrics::Registry& r, const std::string& id)
    : registry(r),
      input(id),
      connections(
          r.gauge("seyir_forward_input_connections", "Open connections of clients", {{"input", id}})
      ),
      held_bytes(r.gauge(
          "seyir_forward_input_held_bytes",
          "Memory of messages being received and of batches without an answer",
          {{"input", id}}
      )),
      messages(r.counter("seyir_forward_input_messages_total", "Messages taken", {{"input", id}})),
      received_bytes(r.counter(
          "seyir_forward_input_received_bytes_total", "Bytes of messages taken", {{"input", id}}
      )),
      rows(r.counter("seyir_forward_input_rows_total", "Records taken", {{"input", id}})),
      acks(r.counter(
          "seyir_forward_input_acks_total", "Chunks acknowledged as safe", {{"input", id}}
      )),
      unsafe_chunks(r.counter(
          "seyir_forward_input_unsafe_chunks_total",
          "Chunks that could not be made safe; their connection was closed without an ack",
          {{"input", id}}
      )),
      resubmitted_rows(r.counter(
          "seyir_forward_input_resubmitted_rows_total",
          "Records without a chunk that had to be handed on again",
          {{"input", id}}
      )),
      lost_rows(r.counter(
          "seyir_forward_input_lost_rows_total",
          "Records without a chunk that were not safe when the program ended",
          {{"input", id}}
      )),
      bad_times(r.counter(
          "seyir_forward_input_bad_times_total",
          "Records without a readable time; they got the time of arrival",
          {{"input", id}}
      )),
      tags_unlabelled(r.counter(
          "seyir_forward_input_unlabelled_tags_total",
          "Records whose tag could not become a label (too long, or too many tags)",
          {{"input", id}}
      )),
      ack_seconds(r.histogram(
          "seyir_forward_input_ack_seconds",
          "From a chunk's arrival to its answer",
          metrics::latency_buckets(),
          {{"input", id}}
      )) {}

metrics::Counter& ForwardMetrics::refused(const std::string& reason) {
    return registry.counter(
        "seyir_forward_input_refused_total",
        "Connections ended for what came over them",
        {{"input", input}, {"reason", reason}}
    );
}

void ForwardMetrics::count(const RowCounts& counts) {
    for (size_t i = 0; i < kEntryFaults; ++i) {
        if (counts.left_out[i] > 0) {
            registry
                .counter(
                    "seyir_forward_input_dropped_records_total",
                    "Records left out because they break a rule",
                    {{"input", input}, {"reason", std::string(to_string(EntryFault(i)))}}
                )
                .add(counts.left_out[i]);
        }
    }
    bad_times.add(counts.bad_times);
    tags_unlabelled.add(counts.tags_unlabelled);
}

}  // namespace seyir::plugins::forward
