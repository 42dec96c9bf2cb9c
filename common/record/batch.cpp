// SPDX-License-Identifier: Apache-2.0
#include "common/record/batch.hpp"

#include <algorithm>

#include "common/base/assert.hpp"

namespace seyir {

uint16_t RecordBatch::add_stream(const StreamLabelsPtr& labels) {
    for (size_t i = 0; i < streams_.size(); ++i) {
        if (streams_[i] == labels || *streams_[i] == *labels) {
            return static_cast<uint16_t>(i);
        }
    }
    SEYIR_ASSERT(streams_.size() < 0xffff);
    streams_.push_back(labels);
    return static_cast<uint16_t>(streams_.size() - 1);
}

void RecordBatch::replace_positions(SourcePosition position) {
    positions_.clear();
    positions_.push_back(std::move(position));
    origin_.assign(ts_.size(), 0);
    encoded_.reset();
}

uint16_t RecordBatch::add_position(SourcePosition position) {
    SEYIR_ASSERT(positions_.size() < kNoOrigin);
    positions_.push_back(std::move(position));
    return static_cast<uint16_t>(positions_.size() - 1);
}

KeyIndex RecordBatch::add_key(Slice name) {
    if (const auto known = find_key(name)) {
        return *known;
    }
    return add_new_key(name);
}

KeyIndex RecordBatch::add_new_key(Slice name) {
    keys_.push_back(arena_.copy(name));
    return static_cast<KeyIndex>(keys_.size() - 1);
}

std::optional<KeyIndex> RecordBatch::find_key(Slice name) const {
    const auto at = std::ranges::find(keys_, name);
    if (at == keys_.end()) {
        return std::nullopt;
    }
    return static_cast<KeyIndex>(at - keys_.begin());
}

AttrRange RecordBatch::add_attrs(std::span<const Attr> attrs) {
    const AttrRange range{
        static_cast<uint32_t>(attrs_.size()), static_cast<uint32_t>(attrs.size())
    };
    attrs_.insert(attrs_.end(), attrs.begin(), attrs.end());
    return range;
}

bool RecordBatch::has_parsed_attrs() const {
    return std::ranges::any_of(attrs_, &Attr::is_parsed);
}

void RecordBatch::reserve_rows(size_t rows) {
    ts_.reserve(rows);
    body_.reserve(rows);
    stream_.reserve(rows);
    attr_ranges_.reserve(rows);
}

namespace {

/// Writes to a column that exists only once a row differs from its default.
template <class T>
void append_sparse(std::vector<T>& column, size_t rows_before, const T& value, const T& absent) {
    if (column.empty()) {
        if (value == absent) {
            return;
        }
        column.resize(rows_before, absent);
    }
    column.push_back(value);
}

}  // namespace

void RecordBatch::append_row(const Row& row) {
    const size_t before = ts_.size();
    append_sparse(origin_, before, row.origin, kNoOrigin);
    append_sparse(observed_, before, row.observed, UnixNanos{});
    append_sparse(severity_, before, row.severity, kSeverityUnset);
    append_sparse(trace_, before, row.trace, TraceIds{});
    ts_.push_back(row.ts);
    body_.push_back(row.body);
    stream_.push_back(row.stream);
    attr_ranges_.push_back(row.attrs);
    raw_bytes_ += row.body.size() + 1;
    min_ts_ = std::min(min_ts_, row.ts);
    max_ts_ = std::max(max_ts_, row.ts);
}

Row RecordBatch::row(size_t i) const {
    return Row{
        .ts = ts_[i],
        .observed = observed_.empty() ? UnixNanos{} : observed_[i],
        .stream = stream_[i],
        .origin = origin(i),
        .severity = severity(i),
        .body = body_[i],
        .attrs = attr_ranges_[i],
        .trace = trace_.empty() ? TraceIds{} : trace_[i],
    };
}

const Value* RecordBatch::find_attr(size_t i, KeyIndex key) const {
    for (const Attr& attr : attrs(i)) {
        if (attr.key == key) {
            return &attr.value;
        }
    }
    return nullptr;
}

size_t RecordBatch::memory_bytes() const {
    const size_t per_row = sizeof(UnixNanos) + sizeof(Slice) + sizeof(uint16_t) + sizeof(AttrRange);
    size_t bytes = ts_.capacity() * per_row + arena_.size_bytes();
    bytes += attrs_.capacity() * sizeof(Attr) + origin_.capacity() * sizeof(uint16_t);
    bytes += observed_.capacity() * sizeof(UnixNanos) + trace_.capacity() * sizeof(TraceIds);
    if (encoded_) {
        bytes += encoded_->bytes->size();
    }
    return bytes;
}

namespace {

Value copy_value(const Value& value, Arena& arena) {
    switch (value.kind()) {
        case ValueKind::kString:
            return Value::string(arena.copy(value.as_text()));
        case ValueKind::kBytes:
            return Value::bytes(arena.copy(value.as_text()));
        case ValueKind::kNumberText:
            return Value::number_text(arena.copy(value.as_text()));
        case ValueKind::kArray: {
            const auto from = value.items();
            auto* to = arena.allocate_array<Value>(from.size());
            std::ranges::transform(from, to, [&](const Value& v) { return copy_value(v, arena); });
            return Value::array({to, from.size()});
        }
        case ValueKind::kMap: {
            const auto from = value.members();
            auto* to = arena.allocate_array<ValueMember>(from.size());
            std::ranges::transform(from, to, [&](const ValueMember& m) {
                return ValueMember{arena.copy(m.name), copy_value(m.value, arena)};
            });
            return Value::map({to, from.size()});
        }
        default:
            return value;
    }
}

}  // namespace

RecordBatch clone_rows(const BatchView& view) {
    const RecordBatch& from = *view.batch;
    RecordBatch to(from.tenant());
    for (const StreamLabelsPtr& labels : from.streams()) {
        to.add_stream(labels);
    }
    for (const SourcePosition& position : from.positions()) {
        to.add_position(position);
    }
    for (const Slice key : from.keys()) {
        to.add_key(key);
    }
    std::optional<AttrRange> last_from;
    AttrRange last_to;
    std::vector<Attr> attrs;
    for_each_row(view, [&](uint32_t i) {
        Row row = from.row(i);
        row.body = to.arena().copy(row.body);
        if (last_from != row.attrs) {
            last_from = row.attrs;
            attrs.assign(from.attrs(i).begin(), from.attrs(i).end());
            for (Attr& attr : attrs) {
                attr.value = copy_value(attr.value, to.arena());
            }
            last_to = to.add_attrs(attrs);
        }
        row.attrs = last_to;
        to.append_row(row);
    });
    to.set_provenance(from.provenance());
    return to;
}

}  // namespace seyir
