// SPDX-License-Identifier: Apache-2.0
// RecordBatch: the one type that passes between rooms. Rows are kept as columns; what most rows do
// not have (severity, trace ids, an observed time of its own) costs nothing until the first has it.
// Threads: built by one thread, then immutable and shared as shared_ptr<const RecordBatch>.
// Limits: 65,535 streams and origins; rows and bytes are bounded by whoever builds it.
// Why one AckToken a batch and not one a row origin: docs/adr/0005-batch-and-ack.md
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "common/base/time.hpp"
#include "common/record/ack_token.hpp"
#include "common/record/arena.hpp"
#include "common/record/encoded_batch.hpp"
#include "common/record/ids.hpp"
#include "common/record/position.hpp"
#include "common/record/severity.hpp"
#include "common/record/slice.hpp"
#include "common/record/stream_labels.hpp"
#include "common/record/value.hpp"

namespace seyir {

/// Index into RecordBatch's key table; keys are interned once per batch.
using KeyIndex = uint32_t;

struct Attr {
    KeyIndex key = 0;
    /// A `parse` filter read it out of the body. It serves filters, conditions and outputs of this
    /// program; it is neither sent to a collector nor stored, for the body says it already
    /// (docs/adr/0012-parsed-attributes.md). Promoting an attribute clears this.
    bool is_parsed = false;
    Value value;

    Attr() = default;

    Attr(KeyIndex key_index, Value v, bool parsed = false)
        : key(key_index), is_parsed(parsed), value(v) {}
};

/// A stretch of RecordBatch::attrs. Rows may share one (all lines of a file share `filename`).
struct AttrRange {
    uint32_t begin = 0;
    uint32_t count = 0;

    bool operator==(const AttrRange&) const = default;
};

/// W3C trace context; all zero = none.
struct TraceIds {
    std::array<uint8_t, 16> trace_id{};
    std::array<uint8_t, 8> span_id{};

    bool operator==(const TraceIds&) const = default;
};

inline constexpr uint16_t kNoOrigin = 0xffff;

/// XXH3-128 over tenant, body and timestamps of a third-party push; zero = none.
using PushHash = Id128<struct PushHashTag>;

/// Who sent the batch; what the store needs beside the rows to keep each of them once.
struct Provenance {
    AgentId agent;       ///< zero: a push without positions
    uint32_t epoch = 0;  ///< of the agent's connection
    PushHash push_hash;  ///< third-party pushes only
};

/// What append_row takes; what row() gives back.
struct Row {
    UnixNanos ts;
    UnixNanos observed;           ///< 0 = same as ts
    uint16_t stream = 0;          ///< index into streams()
    uint16_t origin = kNoOrigin;  ///< index into positions(), or kNoOrigin
    SeverityNumber severity = kSeverityUnset;
    Slice body;
    AttrRange attrs;
    TraceIds trace;
};

class RecordBatch {
  public:
    explicit RecordBatch(TenantId tenant = TenantId::kDefault) : tenant_(tenant) {}

    RecordBatch(RecordBatch&&) = default;
    RecordBatch& operator=(RecordBatch&&) = default;

    // --- building ---
    Arena& arena() { return arena_; }

    /// Index of the stream; an equal one already there is reused.
    uint16_t add_stream(const StreamLabelsPtr& labels);
    uint16_t add_position(SourcePosition position);

    /// Widens the stretch the origin covers; for readers that extend a batch line by line.
    SourcePosition& position(uint16_t origin) { return positions_[origin]; }

    /// Interns the name (copied into the arena when new).
    KeyIndex add_key(Slice name);
    /// For callers that keep an index of names and know that it is not there: does not search.
    KeyIndex add_new_key(Slice name);
    /// Appends attributes that are already in this batch's arena; the range may be shared.
    AttrRange add_attrs(std::span<const Attr> attrs);
    /// `row.body` and everything it names must live in the arena (or in a buffer it adopted).
    void append_row(const Row& row);
    void reserve_rows(size_t rows);

    /// Room for so many attributes beyond those there are.
    void reserve_attrs(size_t more) { attrs_.reserve(attrs_.size() + more); }

    void set_ack(AckToken token) { ack_ = std::move(token); }

    void set_provenance(Provenance provenance) { provenance_ = provenance; }

    /// All rows come from this one position from now on: what a buffer does to the batches it
    /// passes on. Drops the encoded bytes.
    void replace_positions(SourcePosition position);

    void set_encoded(EncodedBatch encoded) { encoded_ = std::move(encoded); }

    // --- reading ---
    TenantId tenant() const { return tenant_; }

    size_t row_count() const { return ts_.size(); }

    Row row(size_t i) const;

    UnixNanos ts(size_t i) const { return ts_[i]; }

    Slice body(size_t i) const { return body_[i]; }

    uint16_t stream(size_t i) const { return stream_[i]; }

    uint16_t origin(size_t i) const { return origin_.empty() ? kNoOrigin : origin_[i]; }

    SeverityNumber severity(size_t i) const {
        return severity_.empty() ? kSeverityUnset : severity_[i];
    }

    std::span<const Attr> attrs(size_t i) const {
        return std::span(attrs_).subspan(attr_ranges_[i].begin, attr_ranges_[i].count);
    }

    AttrRange attr_range(size_t i) const { return attr_ranges_[i]; }

    std::span<const Attr> attrs_in(AttrRange range) const {
        return std::span(attrs_).subspan(range.begin, range.count);
    }

    /// Of all ranges together.
    size_t attr_count() const { return attrs_.size(); }

    /// Some attribute of some range is_parsed. Cost: linear in attributes.
    bool has_parsed_attrs() const;

    /// 0 = same as ts.
    UnixNanos observed(size_t i) const { return observed_.empty() ? UnixNanos{} : observed_[i]; }

    TraceIds trace(size_t i) const { return trace_.empty() ? TraceIds{} : trace_[i]; }

    const std::vector<StreamLabelsPtr>& streams() const { return streams_; }

    const std::vector<SourcePosition>& positions() const { return positions_; }

    /// Names by KeyIndex.
    const std::vector<Slice>& keys() const { return keys_; }

    struct Columns;
    /// The columns as they are, for code that reads many rows (plugins). Valid until the batch
    /// changes.
    Columns columns() const;

    std::optional<KeyIndex> find_key(Slice name) const;
    /// The row's attribute of that key, or nullptr.
    const Value* find_attr(size_t i, KeyIndex key) const;

    /// The engine takes the token when the batch is submitted; a batch that dies with its token
    /// inside counts as kRetry. Const because the batch is shared by then; call it once.
    AckToken take_ack() const { return std::move(ack_); }

    const Provenance& provenance() const { return provenance_; }

    /// The bytes this batch came as, if nothing changed it since.
    const std::optional<EncodedBatch>& encoded() const { return encoded_; }

    /// Sum of body sizes plus one terminator each: "raw bytes" in budgets and figures.
    uint64_t raw_bytes() const { return raw_bytes_; }

    UnixNanos min_ts() const { return min_ts_; }

    UnixNanos max_ts() const { return max_ts_; }

    /// Memory held, for budgets (capacity, arena, adopted buffers).
    size_t memory_bytes() const;

  private:
    friend class BatchDecoder;  // fills the columns in place
    friend class BatchEditor;   // changes rows of a batch nobody else sees

    TenantId tenant_;
    Arena arena_;
    std::vector<StreamLabelsPtr> streams_;
    std::vector<SourcePosition> positions_;
    std::vector<Slice> keys_;
    std::vector<Attr> attrs_;
    mutable AckToken ack_;
    std::optional<EncodedBatch> encoded_;
    Provenance provenance_;

    std::vector<UnixNanos> ts_;
    std::vector<Slice> body_;
    std::vector<uint16_t> stream_;
    std::vector<AttrRange> attr_ranges_;
    std::vector<uint16_t> origin_;          // empty: no row has one
    std::vector<UnixNanos> observed_;       // empty: all equal ts
    std::vector<SeverityNumber> severity_;  // empty: all unset
    std::vector<TraceIds> trace_;           // empty: none
    uint64_t raw_bytes_ = 0;
    UnixNanos min_ts_ = UnixNanos::max();
    UnixNanos max_ts_ = UnixNanos::min();
};

/// Those that most rows do not have are empty when no row has one.
struct RecordBatch::Columns {
    std::span<const UnixNanos> ts;
    std::span<const Slice> body;
    std::span<const uint16_t> stream;
    std::span<const AttrRange> attr_ranges;
    std::span<const Attr> attrs;  ///< of all ranges
    std::span<const UnixNanos> observed;
    std::span<const SeverityNumber> severity;
    std::span<const TraceIds> trace;
};

inline RecordBatch::Columns RecordBatch::columns() const {
    return {ts_, body_, stream_, attr_ranges_, attrs_, observed_, severity_, trace_};
}

using RecordBatchPtr = std::shared_ptr<const RecordBatch>;

/// Rows of a batch, in order. `all` avoids the list in the common case.
struct Selection {
    bool all = true;
    std::vector<uint32_t> rows;  ///< ascending; used when !all

    static Selection of(std::vector<uint32_t> rows) { return {false, std::move(rows)}; }

    size_t count(size_t batch_rows) const { return all ? batch_rows : rows.size(); }
};

/// What a route hands on: the batch is shared, the choice of rows is its own.
struct BatchView {
    RecordBatchPtr batch;
    Selection rows;

    size_t row_count() const { return rows.count(batch->row_count()); }
};

/// Calls fn(row index) for each selected row.
template <class Fn>
void for_each_row(const BatchView& view, Fn&& fn) {
    if (view.rows.all) {
        for (uint32_t i = 0; i < view.batch->row_count(); ++i) {
            fn(i);
        }
        return;
    }
    for (const uint32_t i : view.rows.rows) {
        fn(i);
    }
}

/// A batch of its own with the selected rows only: same tenant, streams, positions and provenance;
/// no encoded bytes and no ack token. For filters that change rows and for partial commits.
RecordBatch clone_rows(const BatchView& view);

}  // namespace seyir
