// SPDX-License-Identifier: Apache-2.0
#include "plugins/filter/multiline/line_joiner.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "common/record/batch_editor.hpp"

namespace seyir::plugins {
namespace {

/// What a held stream costs besides its text.
constexpr uint64_t kStreamBytes = 1'024;

Value copy_value(const Value& value, Arena& arena) {
    switch (value.kind()) {
        case ValueKind::kString:
            return Value::string(arena.copy(value.as_text()));
        case ValueKind::kBytes:
            return Value::bytes(arena.copy(value.as_text()));
        case ValueKind::kNumberText:
            return Value::number_text(arena.copy(value.as_text()));
        case ValueKind::kArray: {
            const auto items = value.items();
            auto* copies = arena.allocate_array<Value>(items.size());
            for (size_t i = 0; i < items.size(); ++i) {
                new (copies + i) Value(copy_value(items[i], arena));
            }
            return Value::array({copies, items.size()});
        }
        case ValueKind::kMap: {
            const auto members = value.members();
            auto* copies = arena.allocate_array<ValueMember>(members.size());
            for (size_t i = 0; i < members.size(); ++i) {
                new (copies + i)
                    ValueMember{arena.copy(members[i].name), copy_value(members[i].value, arena)};
            }
            return Value::map({copies, members.size()});
        }
        default:
            return value;
    }
}

/// A small batch with the row and nothing of the batch it came in.
std::shared_ptr<RecordBatch> copy_row(const RecordBatch& batch, uint32_t index) {
    auto copy = std::make_shared<RecordBatch>(batch.tenant());
    Row row = batch.row(index);
    std::vector<Attr> attrs;
    for (const Attr& attr : batch.attrs(index)) {
        const KeyIndex key = copy->add_key(batch.keys()[attr.key]);
        attrs.emplace_back(key, copy_value(attr.value, copy->arena()), attr.is_parsed);
    }
    row.stream = copy->add_stream(batch.streams()[row.stream]);
    row.origin = kNoOrigin;
    row.body = {};
    row.attrs = copy->add_attrs(attrs);
    copy->append_row(row);
    return copy;
}

/// One promise that answers all of them.
pipeline::HeldRows join(std::vector<pipeline::HeldRows> promises) {
    if (promises.size() == 1) {
        return std::move(promises.front());
    }
    pipeline::HeldRows joined;
    for (const pipeline::HeldRows& promise : promises) {
        joined.rows += promise.rows;
    }
    joined.token = AckToken([all = std::move(promises)](const DeliveryReport& report) mutable {
        for (pipeline::HeldRows& promise : all) {
            promise.token.resolve(report);
        }
    });
    return joined;
}

}  // namespace

LineJoiner::LineJoiner(const MultilineOptions& options, const component::RunContext& context)
    : options_(options),
      clock_(context.clock),
      evicted_(context.registry.counter(
          "seyir_filter_multiline_evicted_total",
          "Unfinished groups sent early because of max_streams or max_held.",
          {{"filter", context.id}}
      )),
      cut_(context.registry.counter(
          "seyir_filter_multiline_cut_total",
          "Groups that became several records at their bounds.",
          {{"filter", context.id}}
      )) {}

LineJoiner::Stream& LineJoiner::stream_of(const RecordBatch& batch, uint32_t row) {
    const StreamFingerprint print = batch.streams()[batch.stream(row)]->fingerprint();
    key_.assign(reinterpret_cast<const char*>(&print), sizeof print);
    for (const std::string& name : options_.keys) {
        key_ += '\0';
        const auto key = batch.find_key(name);
        const Value* value = key ? batch.find_attr(row, *key) : nullptr;
        if (value != nullptr) {
            key_ += '=';
            key_ += value->to_text();
        }
    }
    const auto at = by_key_.find(key_);
    if (at != by_key_.end()) {
        return *at->second;
    }
    Stream& made = streams_.emplace_back();
    made.key = key_;
    by_key_.emplace(key_, std::prev(streams_.end()));
    return made;
}

void LineJoiner::process(const BatchView& view, pipeline::FilterSink& sink) {
    const RecordBatch& batch = *view.batch;
    const multiline::Bounds& bounds = options_.multiline.bounds;
    finished_.clear();
    for_each_row(view, [&](uint32_t row) {
        Stream& stream = stream_of(batch, row);
        const Slice body = batch.body(row);
        const auto step = options_.multiline.rules->step(stream.state, body);
        const bool is_full =
            stream.lines() >= bounds.lines_max || stream.bytes + body.size() > bounds.bytes_max;
        if (stream.lines() > 0 && (step.begins || is_full)) {
            if (!step.begins) {
                cut_.add();
            }
            finish(stream, batch, sink);
        }
        stream.rows.push_back(row);
        stream.bytes += body.size() + 1;
        if (step.closes) {
            finish(stream, batch, sink);
        }
    });
    for (auto at = streams_.begin(); at != streams_.end();) {
        const auto stream = at++;
        if (stream->lines() == 0) {
            forget(stream);
        } else if (!stream->rows.empty()) {
            keep(stream, batch, sink);
        }
    }
    send_finished(view, sink);
    while (streams_.size() > options_.streams_max || held_bytes_ > options_.held_bytes_max) {
        evicted_.add();
        send_held(streams_.front(), sink);
        forget(streams_.begin());
    }
}

void LineJoiner::finish(Stream& stream, const RecordBatch& batch, pipeline::FilterSink& sink) {
    if (stream.held_lines == 0) {
        finished_.push_back({std::exchange(stream.rows, {})});
        stream.bytes = 0;
        return;
    }
    if (!stream.rows.empty()) {
        stream.promises.push_back(sink.hold(static_cast<uint32_t>(stream.rows.size())));
        append(stream, batch);
    }
    send_held(stream, sink);
}

void LineJoiner::append(Stream& stream, const RecordBatch& batch) {
    for (const uint32_t row : stream.rows) {
        if (stream.held_lines++ > 0) {
            stream.text += '\n';
        }
        stream.text += batch.body(row);
        held_bytes_ += batch.body(row).size() + 1;
    }
    stream.rows.clear();
}

void LineJoiner::keep(
    StreamList::iterator at, const RecordBatch& batch, pipeline::FilterSink& sink
) {
    Stream& stream = *at;
    if (stream.held_lines == 0) {
        stream.first = copy_row(batch, stream.rows.front());
        held_bytes_ += kStreamBytes + stream.first->memory_bytes();
    }
    stream.promises.push_back(sink.hold(static_cast<uint32_t>(stream.rows.size())));
    append(stream, batch);
    stream.grew_at = clock_.steady_now();
    streams_.splice(streams_.end(), streams_, at);
}

void LineJoiner::send_held(Stream& stream, pipeline::FilterSink& sink) {
    held_bytes_ -=
        std::min(held_bytes_, kStreamBytes + stream.first->memory_bytes() + stream.text.size() + 1);
    RecordBatch& batch = *stream.first;
    const multiline::Rules& rules = *options_.multiline.rules;
    BatchEditor edit(BatchView{std::move(stream.first), {}});
    if (rules.keeps_lines()) {
        edit.set_body(0, batch.arena().copy(stream.text));
    } else {
        bool is_first = true;
        rules.records(stream.text, options_.multiline.bounds.bytes_max, [&](std::string_view text) {
            Row row = edit.batch().row(0);
            row.body = edit.batch().arena().copy(text);
            if (std::exchange(is_first, false)) {
                edit.set_body(0, row.body);
            } else {
                edit.append_row(row);
            }
        });
    }
    sink.emit_held(std::move(edit).finish(), join(std::exchange(stream.promises, {})));
    stream.held_lines = 0;
    stream.bytes = 0;
    stream.text.clear();
}

void LineJoiner::send_finished(const BatchView& view, pipeline::FilterSink& sink) {
    if (finished_.empty()) {
        return;
    }
    std::ranges::sort(finished_, {}, [](const Group& group) { return group.rows.front(); });
    std::vector<uint32_t> firsts;
    size_t rows = 0;
    for (const Group& group : finished_) {
        firsts.push_back(group.rows.front());
        rows += group.rows.size();
    }
    if (rows == finished_.size()) {
        const bool is_all = rows == view.row_count();
        sink.emit(is_all ? view : BatchView{view.batch, Selection::of(std::move(firsts))});
        return;
    }
    pipeline::HeldRows held = sink.hold(static_cast<uint32_t>(rows));
    BatchEditor edit(BatchView{view.batch, Selection::of(std::move(firsts))});
    std::string text;
    for (size_t i = 0; i < finished_.size(); ++i) {
        const Group& group = finished_[i];
        if (group.rows.size() == 1) {
            continue;
        }
        text.clear();
        for (const uint32_t row : group.rows) {
            text += text.empty() && row == group.rows.front() ? "" : "\n";
            text += view.batch->body(row);
        }
        if (options_.multiline.rules->keeps_lines()) {
            edit.set_body(i, edit.batch().arena().copy(text));
            continue;
        }
        bool is_first = true;
        options_.multiline.rules
            ->records(text, options_.multiline.bounds.bytes_max, [&](std::string_view record) {
                Row row = edit.batch().row(i);
                row.body = edit.batch().arena().copy(record);
                if (std::exchange(is_first, false)) {
                    edit.set_body(i, row.body);
                } else {
                    edit.append_row(row);
                }
            });
    }
    sink.emit_held(std::move(edit).finish(), std::move(held));
}

void LineJoiner::flush(bool everything, pipeline::FilterSink& sink) {
    const SteadyTime now = clock_.steady_now();
    const Nanos quiet = options_.multiline.bounds.flush_timeout;
    while (!streams_.empty() && (everything || now >= streams_.front().grew_at + quiet)) {
        send_held(streams_.front(), sink);
        forget(streams_.begin());
    }
}

void LineJoiner::forget(StreamList::iterator at) {
    by_key_.erase(at->key);
    streams_.erase(at);
}

}  // namespace seyir::plugins
