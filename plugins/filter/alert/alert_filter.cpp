// SPDX-License-Identifier: Apache-2.0
#include "plugins/filter/alert/alert_filter.hpp"

#include <utility>

#include "common/alert/event.hpp"

namespace seyir::plugins {

AlertFilter::AlertFilter(
    std::shared_ptr<alert::SharedEngine> engine,
    std::string host_name,
    io::Clock& clock,
    AlertCounters counters
)
    : engine_(std::move(engine)),
      evaluation_(engine_->rule()),
      host_name_(std::move(host_name)),
      clock_(clock),
      counters_(counters) {}

Result<void> AlertFilter::process(BatchView view, pipeline::FilterSink& sink) {
    const RecordBatchPtr batch = view.batch;  // the hits point into it
    const alert::Hits& found = evaluation_.find(view);
    sink.emit(std::move(view));
    if (found.hits.empty() && found.errors == 0) {
        return {};
    }
    counters_.matches.add(found.hits.size());
    counters_.errors.add(found.errors);
    tell(engine_->count(found, clock_.wall_now()), sink);
    return {};
}

Result<void> AlertFilter::flush(pipeline::FlushReason reason, pipeline::FilterSink& sink) {
    if (reason == pipeline::FlushReason::kTimer) {
        tell(engine_->due(clock_.wall_now()), sink);
    }
    const alert::SharedEngine::State state = engine_->state();
    counters_.groups.set(static_cast<double>(state.groups));
    counters_.groups_firing.set(static_cast<double>(state.firing));
    return {};
}

void AlertFilter::tell(const std::vector<alert::Notice>& notices, pipeline::FilterSink& sink) {
    if (notices.empty()) {
        return;
    }
    for (const alert::Notice& notice : notices) {
        switch (notice.kind) {
            case alert::Notice::Kind::kFiring:
                counters_.firing.add();
                break;
            case alert::Notice::Kind::kResolved:
                counters_.resolved.add();
                break;
            case alert::Notice::Kind::kFailing:
                counters_.failing.add();
                break;
        }
    }
    sink.emit_event({alert::make_events(*engine_->rule(), notices, host_name_), {}});
}

}  // namespace seyir::plugins
