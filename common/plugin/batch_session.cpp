// SPDX-License-Identifier: Apache-2.0
#include "common/plugin/batch_session.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "common/plugin/layout.hpp"

namespace seyir::plugin {
namespace {

constexpr size_t kKnownStreamsMax = 4096;
constexpr size_t kFailuresMax = 64;

template <class To, class From>
const To* column(std::span<const From> from) {
    static_assert(sizeof(To) == sizeof(From));
    return from.empty() ? nullptr : reinterpret_cast<const To*>(from.data());
}

template <class T>
void choose(std::span<const T> from, const Selection& rows, std::vector<T>& to) {
    if (from.empty()) {
        return;
    }
    to.reserve(rows.rows.size());
    for (const uint32_t row : rows.rows) {
        to.push_back(from[row]);
    }
}

}  // namespace

const std::vector<seyir_stream>& StreamCache::of(const RecordBatch& batch) {
    if (known_.size() > kKnownStreamsMax) {
        known_.clear();
    }
    current_.clear();
    for (const StreamLabelsPtr& labels : batch.streams()) {
        Entry& entry = known_[labels.get()];
        if (entry.labels == nullptr) {
            entry.labels = labels;
            for (const auto& [name, value] : labels->pairs()) {
                entry.pairs.push_back({to_abi(name), to_abi(value)});
            }
        }
        current_.push_back({entry.pairs.data(), entry.pairs.size()});
    }
    return current_;
}

BatchSession::BatchSession(InstanceTables tables, SessionMemory& memory, BatchView view)
    : tables_(tables),
      memory_(memory),
      view_(std::move(view)),
      state_(memory.state),
      key_names_(memory.key_names),
      key_index_(memory.key_index) {
    if (view_.batch == nullptr) {
        view_.batch = std::make_shared<RecordBatch>();
    }
    rows_in_ = static_cast<uint32_t>(view_.row_count());
    state_.assign(rows_in_, kLive);
    if (key_names_.size() != tables_.host.key_count()) {
        key_names_ = tables_.host.keys();
    }
    abi_.size = sizeof abi_;
    abi_.api = &kBatchApi;
    abi_.context = this;
    const auto& streams_shown = memory_.streams.of(*view_.batch);
    abi_.streams = streams_shown.data();
    abi_.stream_count = streams_shown.size();
    key_index_.clear();
    for (const std::string& name : key_names_) {
        key_index_.push_back(view_.batch->find_key(name).value_or(SEYIR_NO_KEY));
    }
    expose();
}

void BatchSession::expose() {
    if (!editor_ && !view_.rows.all) {
        expose_chosen();
    } else {
        const RecordBatch::Columns columns = batch().columns();
        abi_.ts = column<int64_t>(columns.ts);
        abi_.body = column<seyir_text>(columns.body);
        abi_.attr_ranges = column<seyir_range>(columns.attr_ranges);
        abi_.stream = columns.stream.data();
        abi_.severity = column<uint8_t>(columns.severity);
        abi_.observed = column<int64_t>(columns.observed);
        abi_.trace = column<seyir_trace>(columns.trace);
    }
    const auto attrs = batch().columns().attrs;
    abi_.attrs = to_abi(attrs);
    abi_.attr_count = attrs.size();
    abi_.row_count = static_cast<uint32_t>(editor_ ? editor_->row_count() : rows_in_);
    expose_keys();
}

void BatchSession::expose_chosen() {
    const RecordBatch::Columns all = view_.batch->columns();
    choose(all.ts, view_.rows, chosen_.ts);
    choose(all.body, view_.rows, chosen_.body);
    choose(all.stream, view_.rows, chosen_.stream);
    choose(all.attr_ranges, view_.rows, chosen_.attr_ranges);
    choose(all.observed, view_.rows, chosen_.observed);
    choose(all.severity, view_.rows, chosen_.severity);
    choose(all.trace, view_.rows, chosen_.trace);
    abi_.ts = column<int64_t, UnixNanos>(chosen_.ts);
    abi_.body = column<seyir_text, Slice>(chosen_.body);
    abi_.attr_ranges = column<seyir_range, AttrRange>(chosen_.attr_ranges);
    abi_.stream = chosen_.stream.data();
    abi_.severity = column<uint8_t, SeverityNumber>(chosen_.severity);
    abi_.observed = column<int64_t, UnixNanos>(chosen_.observed);
    abi_.trace = column<seyir_trace, TraceIds>(chosen_.trace);
}

void BatchSession::expose_keys() {
    const auto& names = batch().keys();
    abi_.key_names = to_abi(std::span<const Slice>(names));
    abi_.key_count = static_cast<uint32_t>(names.size());
    abi_.key_index = key_index_.data();
    abi_.interned_count = static_cast<uint32_t>(key_index_.size());
}

int32_t BatchSession::refuse(const char* function, std::string_view why) {
    if (misuse_.empty()) {
        misuse_ = fmt::format("{}: {}", function, why);
    }
    return SEYIR_REFUSED;
}

bool BatchSession::refuse_row(uint32_t row, const char* function) {
    if (row < state_.size() && state_[row] == kTooLarge) {
        return false;
    }
    refuse(
        function,
        row < state_.size() ? fmt::format("row {} was dropped, failed or held before", row)
                            : fmt::format("row {} of {}", row, state_.size())
    );
    return false;
}

void BatchSession::fail_row(uint32_t row, RowState state, std::string code, std::string message) {
    const std::pair why(std::move(code), std::move(message));
    auto at = std::ranges::find(failures_, why);
    if (at == failures_.end()) {
        // Beyond the limit messages differ in details; the code must still be right.
        const auto same_code =
            std::ranges::find_if(failures_, [&](const auto& f) { return f.first == why.first; });
        const bool is_full = failures_.size() >= kFailuresMax && same_code != failures_.end();
        at = is_full ? same_code : failures_.insert(failures_.end(), why);
    }
    failed_rows_.push_back({row, static_cast<uint32_t>(at - failures_.begin())});
    state_[row] = state;
    ++not_live_;
}

int32_t BatchSession::refuse_large(uint32_t row, const char* function, std::string_view why) {
    uint32_t blamed = row;
    while (blamed >= rows_in_) {
        blamed = made_of_[blamed - rows_in_];
    }
    if (blamed != row) {
        state_[row] = kTooLarge;
        ++not_live_;
    }
    if (state_[blamed] == kLive) {
        fail_row(blamed, kTooLarge, "too_large", fmt::format("{}: {}", function, why));
    }
    return SEYIR_REFUSED;
}

void BatchSession::begin_changes() {
    editor_.emplace(std::move(view_));
    const auto keep = [](const auto& column, auto& kept) {
        kept.assign(column.begin(), column.end());
    };
    const RecordBatch::Columns columns = editor_->batch().columns();
    keep(columns.ts, memory_.ts);
    keep(columns.body, memory_.body);
    keep(columns.attr_ranges, memory_.attr_ranges);
    keep(columns.severity, memory_.severity);
    keep(columns.trace, memory_.trace);
    expose();
}

uint32_t BatchSession::add_key_to_batch(uint32_t key) {
    key_index_[key] = editor_->batch().add_key(key_names_[key]);
    expose_keys();
    return key_index_[key];
}

uint32_t BatchSession::outer_row(uint32_t row) const {
    return editor_ || view_.rows.all ? row : view_.rows.rows[row];
}

void BatchSession::undo_row(uint32_t row) {
    if (!editor_ || row >= rows_in_) {
        return;
    }
    editor_->set_body(row, memory_.body[row]);
    editor_->set_ts(row, memory_.ts[row]);
    editor_->set_attrs(row, memory_.attr_ranges[row]);
    editor_->set_severity(row, memory_.severity.empty() ? kSeverityUnset : memory_.severity[row]);
    editor_->set_trace(row, memory_.trace.empty() ? TraceIds{} : memory_.trace[row]);
}

BatchView BatchSession::give_back() {
    for (const HeldOrder& order : orders_) {
        tables_.held.unclaim(order.handles);
    }
    std::vector<seyir_held*> handles;
    for (const auto& [handle, row] : held_rows_) {
        handles.push_back(handle);
    }
    tables_.held.take(handles);
    if (!editor_) {
        return std::move(view_);
    }
    for (uint32_t row = 0; row < rows_in_; ++row) {
        undo_row(row);
    }
    const size_t rows = editor_->row_count();
    BatchView all = std::move(*editor_).finish();
    if (rows != rows_in_) {
        std::vector<uint32_t> came_in(rows_in_);
        for (uint32_t i = 0; i < rows_in_; ++i) {
            came_in[i] = i;
        }
        all.rows = Selection::of(std::move(came_in));
    }
    return all;
}

void BatchSession::hold_rows(pipeline::FilterSink& sink, const RecordBatchPtr& batch) {
    if (held_rows_.empty()) {
        return;
    }
    std::vector<uint32_t> rows;
    rows.reserve(held_rows_.size());
    for (const auto& [handle, row] : held_rows_) {
        rows.push_back(outer_row(row));
    }
    std::ranges::sort(rows);
    const auto group = tables_.held.make_group(
        clone_rows({batch, Selection::of(rows)}), sink.hold(static_cast<uint32_t>(rows.size()))
    );
    for (const auto& [handle, row] : held_rows_) {
        const auto at = std::ranges::lower_bound(rows, outer_row(row));
        tables_.held.set(handle, group, static_cast<uint32_t>(at - rows.begin()));
    }
}

void BatchSession::send_failures(pipeline::FilterSink& sink, const RecordBatchPtr& batch) {
    std::vector<std::vector<uint32_t>> rows(failures_.size());
    std::ranges::sort(failed_rows_, {}, &Failure::row);
    for (const Failure& failure : failed_rows_) {
        rows[failure.reason].push_back(outer_row(failure.row));
    }
    for (size_t i = 0; i < failures_.size(); ++i) {
        const auto& [code, message] = failures_[i];
        sink.fail({batch, Selection::of(std::move(rows[i]))}, code, message);
    }
}

void BatchSession::finish(pipeline::FilterSink& sink) {
    for (const Failure& failure : failed_rows_) {
        undo_row(failure.row);
    }
    for (uint32_t reason = 0; reason < drops_.size(); ++reason) {
        if (drops_[reason] != 0) {
            sink.drop(tables_.host.drop_reason(reason), drops_[reason]);
        }
    }
    std::vector<uint32_t> kept;
    if (not_live_ != 0) {
        for (uint32_t row = 0; row < state_.size(); ++row) {
            if (state_[row] == kLive) {
                kept.push_back(outer_row(row));
            }
        }
    }
    const bool is_whole = not_live_ == 0;
    const bool is_edited = editor_.has_value();
    const BatchView all = is_edited ? std::move(*editor_).finish() : view_;
    hold_rows(sink, all.batch);
    send_failures(sink, all.batch);
    view_.batch.reset();
    if (!state_.empty() && is_whole) {
        sink.emit(all);
    } else if (!kept.empty()) {
        sink.emit({all.batch, Selection::of(std::move(kept))});
    }
    carry_out(std::move(orders_), tables_.held, sink);
}

}  // namespace seyir::plugin
