// SPDX-License-Identifier: Apache-2.0
// Entries of forward messages -> rows of batches. The text under the first line key a record has
// becomes the body, its other keys attributes; a record without a line key becomes JSON. Batches
// are cut by what is in them alone, so that a chunk sent again is cut the same way. Room:
// ForwardEntry -> RecordBatch. Texts are not copied: the batch adopts the message's bytes. Threads:
// one owner.   Errors: an entry that breaks a rule is counted by reason and left out. Limits:
// RowLimits.   Spec: docs/guide/connect-fluent.md, "What becomes of a record".
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/base/units.hpp"
#include "common/record/batch.hpp"
#include "plugins/forward/msgpack_value.hpp"
#include "plugins/input/forward/forward_message.hpp"

namespace seyir::plugins::forward {

/// Why an entry was left out; names in to_string() are metric labels.
enum class EntryFault : uint8_t {
    kBadEntry,           ///< no [time, record], or a record that is no map
    kTooDeep,            ///< nested deeper than ValueLimits::depth_max
    kTooManyValues,      ///< more values than ValueLimits::values_max
    kTooManyAttributes,  ///< more keys than attributes_max
    kLineTooLong,
    kUnreadable,  ///< the rest of a message's entries is no MessagePack
};
inline constexpr size_t kEntryFaults = 6;

std::string_view to_string(EntryFault fault);

struct RowLimits {
    uint64_t line_bytes_max = kMiB;
    uint32_t attributes_max = 1024;
    ValueLimits values;
    // A batch beyond one of these is full.
    size_t batch_rows_max = 16'384;
    uint64_t batch_bytes_max = 4 * kMiB;
    size_t batch_keys_max = 4096;
};

struct RowSettings {
    StreamLabelsPtr labels;
    std::vector<std::string> line_keys{"log", "message", "msg"};
    std::string tag_label;         ///< "": the tag is an attribute only
    size_t tag_labels_max = 1000;  ///< tags that become labels; later ones do not
    RowLimits limits;
};

struct RowCounts {
    std::array<uint64_t, kEntryFaults> left_out{};
    uint64_t bad_times = 0;        ///< got the time of arrival
    uint64_t tags_unlabelled = 0;  ///< rows whose tag came after tag_labels_max others
};

/// The stream of each tag, kept from batch to batch. One an I/O thread.
class TagStreams {
  public:
    explicit TagStreams(const RowSettings& settings) : settings_(settings) {}

    /// The input's own labels where the tag cannot be one.
    const StreamLabelsPtr& stream_of(std::string_view tag, RowCounts& counts);

  private:
    const RowSettings& settings_;
    std::unordered_map<std::string, StreamLabelsPtr> by_tag_;
};

class RowBuilder {
  public:
    RowBuilder(const RowSettings& settings, TagStreams& streams, RowCounts& counts)
        : settings_(settings), streams_(streams), counts_(counts) {}

    /// The entries that follow are of this message; their bytes live as long as `keep`.
    void begin(std::string_view tag, std::shared_ptr<const void> keep, UnixNanos arrived);
    void add(const ForwardEntry& entry);

    void leave_out(EntryFault fault) { ++counts_.left_out[static_cast<size_t>(fault)]; }

    bool is_full() const;

    bool is_empty() const { return !batch_ || batch_->row_count() == 0; }

    /// The batch so far; the next row begins a new one.
    std::shared_ptr<RecordBatch> take();

  private:
    void open();
    void adopt();
    KeyIndex key_of(Slice name);
    void set_attr(Slice name, const Value& value);
    std::optional<EntryFault> add_record(const ForwardEntry& entry);
    std::optional<EntryFault> read_members(std::string_view record);
    std::optional<EntryFault> read_value(std::string_view encoded, std::string_view name);
    std::optional<EntryFault> read_attrs(size_t skipped_member);
    std::optional<size_t> find_line() const;
    std::optional<EntryFault> json_body(std::string_view record, Slice& body);

    struct Member {
        Slice name;
        codec::MsgpackItem item;
        std::string_view encoded;
    };

    const RowSettings& settings_;
    TagStreams& streams_;
    RowCounts& counts_;

    std::string_view tag_;
    std::shared_ptr<const void> keep_;
    size_t entry_bytes_ = 0;  // of keep_, used by batch_ and not adopted yet
    UnixNanos arrived_;
    std::string_view group_metadata_;  // of the group the entries are in
    std::string_view group_record_;

    std::shared_ptr<RecordBatch> batch_;
    uint64_t adopted_bytes_ = 0;
    std::unordered_map<std::string_view, KeyIndex> keys_;
    uint16_t stream_ = 0;
    bool has_stream_ = false;
    SeverityNumber severity_ = kSeverityUnset;

    std::vector<Member> members_;
    std::vector<Attr> attrs_;
    std::vector<uint32_t> row_of_key_;    // the row that last had the key, from 1
    std::vector<uint32_t> place_of_key_;  // and where in attrs_
    uint32_t row_number_ = 0;
};

}  // namespace seyir::plugins::forward
