// SPDX-License-Identifier: Apache-2.0
#include "common/alert/event.hpp"

#include <fmt/format.h>

#include "common/base/units.hpp"
#include "common/logql/stage/stage_op.hpp"
#include "common/record/batch_editor.hpp"

namespace seyir::alert {
namespace {

std::string own_summary(const Rule& rule, const Notice& notice) {
    const RuleText& text = rule.text;
    if (notice.kind == Notice::Kind::kFailing) {
        return fmt::format("alert {} cannot be evaluated: {}", text.name, notice.problem);
    }
    std::string group;
    for (size_t i = 0; i < text.by.size(); ++i) {
        group += fmt::format("{}{}={}", i == 0 ? " for " : ", ", text.by[i], notice.group[i]);
    }
    return fmt::format(
        "{}: {} records within {}{} ({})",
        text.name,
        notice.count,
        format_duration(text.window),
        group,
        notice.kind == Notice::Kind::kResolved ? std::string("resolved")
                                               : fmt::format("threshold {}", text.threshold)
    );
}

class EventBuilder {
  public:
    explicit EventBuilder(RecordBatch& batch) : batch_(batch) {}

    void text(std::string_view name, std::string_view value) {
        attrs_.emplace_back(batch_.add_key(name), Value::string(batch_.arena().copy(value)));
    }

    void number(std::string_view name, uint64_t value) {
        attrs_.emplace_back(batch_.add_key(name), Value::integer(static_cast<int64_t>(value)));
    }

    AttrRange take() {
        const AttrRange range = batch_.add_attrs(attrs_);
        attrs_.clear();
        return range;
    }

  private:
    RecordBatch& batch_;
    std::vector<Attr> attrs_;
};

AttrRange add_attrs(EventBuilder& to, const Rule& rule, const Notice& notice) {
    to.text("alert.name", rule.text.name);
    to.text("alert.state", to_string(notice.kind));
    to.text("alert.severity", level_name(rule.text.severity));
    to.number("alert.count", notice.count);
    to.number("alert.threshold", rule.text.threshold);
    to.text("alert.window", format_duration(rule.text.window));
    to.text("alert.since", to_rfc3339(notice.since));
    for (size_t i = 0; i < rule.text.by.size(); ++i) {
        to.text("alert.labels." + rule.text.by[i], notice.group[i]);
    }
    if (notice.kind == Notice::Kind::kFailing) {
        to.text("alert.problem", notice.problem);
    } else {
        to.text("alert.first_line", notice.first_line);
        to.text("alert.last_line", notice.last_line);
    }
    return to.take();
}

}  // namespace

RecordBatchPtr make_events(
    const Rule& rule, const std::vector<Notice>& notices, const std::string& host_name
) {
    auto batch = std::make_shared<RecordBatch>();
    auto labels = StreamLabels::make(
        {{"alert", rule.text.name}, {"host", host_name}, {"service_name", "seyir"}}
    );
    const auto stream =
        batch->add_stream(labels ? *labels : *StreamLabels::make({{"service_name", "seyir"}}));
    EventBuilder builder(*batch);
    for (const Notice& notice : notices) {
        const bool is_resolved = notice.kind == Notice::Kind::kResolved;
        batch->append_row(
            {.ts = notice.at,
             .stream = stream,
             .severity = is_resolved ? kSeverityInfo : rule.text.severity,
             .body = batch->arena().copy(own_summary(rule, notice)),
             .attrs = add_attrs(builder, rule, notice)}
        );
    }
    if (rule.summary == nullptr) {
        return batch;
    }
    // {{__line__}} of a summary is our own sentence.
    BatchEditor edit({std::move(batch), {}});
    logql::ScratchRow row;
    for (uint32_t i = 0; i < edit.row_count(); ++i) {
        if (notices[i].kind == Notice::Kind::kFailing) {
            continue;
        }
        row.bind(edit.batch(), i);
        (void)rule.summary->apply(row);
        edit.set_body(i, edit.batch().arena().copy(row.line()));
    }
    return std::move(edit).finish().batch;
}

}  // namespace seyir::alert
