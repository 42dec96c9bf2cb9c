// SPDX-License-Identifier: Apache-2.0
// BatchSession: one batch while a plugin works on it: the rows as a seyir_batch, the functions that
// change them, and what became of each row. Columns are shown in place; the batch is copied (or
// taken over) at the first change only.
// Room: BatchView -> seyir_batch -> FilterSink.
// Threads: one at a time.   Ownership: holds the view until finish() or give_back().
// Errors: a call with an argument out of range changes nothing, answers SEYIR_REFUSED and is
// remembered as misuse(): the adapter then fails the batch, every row as it came in. What is too
// large fails its row alone, with the code `too_large`: a record can bring a plugin there.
// Limits: 64 MiB allocated, 16 new rows a row, 16 MiB a body, 1 MiB an attribute, 512 attributes.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <seyir/plugin.h>

#include "common/pipeline/filter.hpp"
#include "common/plugin/held_rows.hpp"
#include "common/plugin/host.hpp"
#include "common/record/batch_editor.hpp"

namespace seyir::plugin {

/// The labels of streams as plugins see them; kept by an instance from batch to batch.
class StreamCache {
  public:
    /// One entry for each of the batch's streams, valid until the next call.
    const std::vector<seyir_stream>& of(const RecordBatch& batch);

  private:
    struct Entry {
        StreamLabelsPtr labels;
        std::vector<seyir_label> pairs;
    };

    std::map<const StreamLabels*, Entry> known_;
    std::vector<seyir_stream> current_;
};

/// Memory that a worker uses again for each batch.
struct SessionMemory {
    StreamCache streams;
    std::vector<uint8_t> state;  ///< by row: BatchSession::RowState
    // The rows as they came in, from the first change on.
    std::vector<UnixNanos> ts;
    std::vector<Slice> body;
    std::vector<AttrRange> attr_ranges;
    std::vector<SeverityNumber> severity;
    std::vector<TraceIds> trace;
    std::vector<std::string> key_names;
    std::vector<uint32_t> key_index;
};

inline constexpr uint64_t kAllocatedBytesMax = 64ULL * 1024 * 1024;

/// What an instance keeps between its batches.
struct InstanceTables {
    InstanceHost& host;
    HeldTable& held;
    bool may_hold = false;
    /// `plugin check`: bytes given with SEYIR_KEEP must be the batch's own.
    bool checks_kept_bytes = false;
    uint64_t allocated_bytes_max = kAllocatedBytesMax;
};

class BatchSession {
  public:
    /// Without a batch: flush().
    BatchSession(InstanceTables tables, SessionMemory& memory, BatchView view = {});

    BatchSession(const BatchSession&) = delete;
    BatchSession& operator=(const BatchSession&) = delete;

    seyir_batch* abi() { return &abi_; }

    /// The first thing the plugin did that it must not do; "" when it behaved.
    const std::string& misuse() const { return misuse_; }

    /// What it said with api->explain.
    const std::string& explanation() const { return explanation_; }

    /// Everything goes where the plugin said.
    void finish(pipeline::FilterSink& sink);
    /// The rows as they came in; what the plugin did is forgotten.
    BatchView give_back();

  private:
    friend struct BatchApi;

    /// kTooLarge: failed by us; what the plugin does to the row afterwards is refused, not misuse.
    enum RowState : uint8_t { kLive, kDropped, kFailed, kTooLarge, kHeld };

    struct Failure {
        uint32_t row = 0;
        uint32_t reason = 0;  ///< index of failures_
    };

    const RecordBatch& batch() const { return editor_ ? editor_->batch() : *view_.batch; }

    void expose();
    void expose_chosen();
    void expose_keys();

    void show_attrs() {
        const auto attrs = editor_->batch().columns().attrs;
        abi_.attrs = reinterpret_cast<const seyir_attr*>(attrs.data());
        abi_.attr_count = attrs.size();
    }

    /// False, and remembered as misuse, when the row cannot be changed any more.
    bool may_touch(uint32_t row, const char* function) {
        const bool is_live = row < state_.size() && state_[row] == kLive;
        return is_live || refuse_row(row, function);
    }

    bool refuse_row(uint32_t row, const char* function);
    /// The row came to a limit, which records can do to a plugin that means well: it alone fails.
    int32_t refuse_large(uint32_t row, const char* function, std::string_view why);
    void fail_row(uint32_t row, RowState state, std::string code, std::string message);

    /// The batch, ready for changes.
    BatchEditor& change() {
        if (!editor_) {
            begin_changes();
        }
        return *editor_;
    }

    void begin_changes();
    void undo_row(uint32_t row);
    int32_t refuse(const char* function, std::string_view why);
    int32_t refuse_value(uint32_t row, const seyir_value& value);

    uint32_t key_in_batch(uint32_t key) {
        const uint32_t index = key_index_[key];
        return index != SEYIR_NO_KEY ? index : add_key_to_batch(key);
    }

    uint32_t add_key_to_batch(uint32_t key);
    bool is_own(std::string_view bytes) const;
    std::optional<Value> take_value(
        const seyir_value& from, bool keep, int depth, uint32_t& budget
    );
    std::optional<Value> take_children(
        const seyir_value& from, bool keep, int depth, uint32_t& budget
    );
    std::optional<Slice> take_text(std::string_view text, bool keep, size_t bytes_max);
    void hold_rows(pipeline::FilterSink& sink, const RecordBatchPtr& batch);
    void send_failures(pipeline::FilterSink& sink, const RecordBatchPtr& batch);
    /// A row number of ours as one of the batch that goes on.
    uint32_t outer_row(uint32_t row) const;

    InstanceTables tables_;
    SessionMemory& memory_;
    seyir_batch abi_{};
    BatchView view_;
    std::optional<BatchEditor> editor_;
    uint32_t rows_in_ = 0;
    std::vector<uint8_t>& state_;
    std::vector<uint32_t> drops_;  ///< rows by reason
    std::vector<std::pair<std::string, std::string>> failures_;
    std::vector<Failure> failed_rows_;
    std::vector<uint32_t> made_of_;  ///< by new row: the row it is a copy of
    std::vector<std::pair<seyir_held*, uint32_t>> held_rows_;
    std::vector<HeldOrder> orders_;
    std::vector<std::string>& key_names_;
    std::vector<uint32_t>& key_index_;
    std::vector<std::pair<const char*, size_t>> allocated_;
    uint64_t allocated_bytes_ = 0;
    uint32_t not_live_ = 0;
    std::string misuse_;
    std::string explanation_;

    struct Chosen {
        std::vector<UnixNanos> ts;
        std::vector<Slice> body;
        std::vector<uint16_t> stream;
        std::vector<AttrRange> attr_ranges;
        std::vector<UnixNanos> observed;
        std::vector<SeverityNumber> severity;
        std::vector<TraceIds> trace;
    } chosen_;
};

extern const seyir_batch_api kBatchApi;

}  // namespace seyir::plugin
