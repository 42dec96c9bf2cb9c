// SPDX-License-Identifier: Apache-2.0
#include "common/alert/evaluation.hpp"

namespace seyir::alert {

const Hits& Evaluation::find(const BatchView& view) {
    const RecordBatch& batch = *view.batch;
    hits_ = {};
    wanted_.clear();
    for (const StreamLabelsPtr& labels : batch.streams()) {
        wanted_.push_back(static_cast<char>(rule_->streams.matches(*labels)));
    }
    for_each_row(view, [&](uint32_t i) {
        if (wanted_[batch.stream(i)] == 0) {
            return;
        }
        row_.bind(batch, i);
        if (!rule_->pipeline.process(row_)) {
            return;
        }
        if (row_.has_error()) {
            ++hits_.errors;
            return;
        }
        Hit hit{.group = {}, .ts = batch.ts(i), .line = batch.body(i)};
        for (const std::string& name : rule_->text.by) {
            hit.group.emplace_back(row_.get_or_empty(name).substr(0, kGroupValueBytesMax));
        }
        hits_.hits.push_back(std::move(hit));
    });
    return hits_;
}

}  // namespace seyir::alert
