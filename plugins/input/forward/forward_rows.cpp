// SPDX-License-Identifier: Apache-2.0
#include "plugins/input/forward/forward_rows.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace seyir::plugins::forward {
namespace {

using codec::MsgpackItem;
using codec::MsgpackReader;
using codec::MsgpackType;

// Where senders put the level; the same names as for pushes.
constexpr std::array<std::string_view, 8> kLevelNames{
    "level",
    "detected_level",
    "severity",
    "severity_text",
    "lvl",
    "Level",
    "LEVEL",
    "log_level",
};

EntryFault fault_of(ValueReader::Fault fault) {
    switch (fault) {
        case ValueReader::Fault::kTooDeep:
            return EntryFault::kTooDeep;
        case ValueReader::Fault::kTooMany:
            return EntryFault::kTooManyValues;
        default:
            return EntryFault::kBadEntry;
    }
}

}  // namespace

std::string_view to_string(EntryFault fault) {
    constexpr std::array<std::string_view, kEntryFaults> kNames{
        "bad_entry",
        "too_deep",
        "too_many_values",
        "too_many_attributes",
        "line_too_long",
        "unreadable",
    };
    return kNames[static_cast<size_t>(fault)];
}

const StreamLabelsPtr& TagStreams::stream_of(std::string_view tag, RowCounts& counts) {
    if (settings_.tag_label.empty()) {
        return settings_.labels;
    }
    const std::string key(tag);
    const auto known = by_tag_.find(key);
    if (known != by_tag_.end()) {
        return known->second;
    }
    if (by_tag_.size() >= settings_.tag_labels_max) {
        ++counts.tags_unlabelled;
        return settings_.labels;
    }
    std::vector<StreamLabels::Pair> pairs = settings_.labels->pairs();
    std::erase_if(pairs, [&](const auto& pair) { return pair.first == settings_.tag_label; });
    pairs.emplace_back(settings_.tag_label, key);
    auto made = StreamLabels::make(std::move(pairs));
    if (!made) {
        ++counts.tags_unlabelled;  // longer than a label may be
        return settings_.labels;
    }
    return by_tag_.emplace(key, *std::move(made)).first->second;
}

void RowBuilder::begin(std::string_view tag, std::shared_ptr<const void> keep, UnixNanos arrived) {
    adopt();
    tag_ = tag;
    keep_ = std::move(keep);
    arrived_ = arrived;
    group_metadata_ = {};
    group_record_ = {};
    has_stream_ = false;
}

void RowBuilder::open() {
    if (!batch_) {
        batch_ = std::make_shared<RecordBatch>();
        keys_.clear();
        row_of_key_.clear();
        place_of_key_.clear();
        row_number_ = 0;
        adopted_bytes_ = 0;
        has_stream_ = false;
    }
    if (!has_stream_) {
        stream_ = batch_->add_stream(streams_.stream_of(tag_, counts_));
        has_stream_ = true;
    }
}

/// A batch keeps all of a message alive, and counts what it uses of it: a long message is cut into
/// many batches.
void RowBuilder::adopt() {
    if (batch_ && entry_bytes_ > 0) {
        batch_->arena().adopt(keep_, entry_bytes_);
        adopted_bytes_ += entry_bytes_;
    }
    entry_bytes_ = 0;
}

bool RowBuilder::is_full() const {
    const RowLimits& limits = settings_.limits;
    if (!batch_) {
        return false;
    }
    const uint64_t made_bytes = batch_->arena().size_bytes() - adopted_bytes_;
    const uint64_t bytes = made_bytes + batch_->raw_bytes() + batch_->attr_count() * sizeof(Attr);
    return batch_->row_count() >= limits.batch_rows_max || bytes >= limits.batch_bytes_max ||
           keys_.size() >= limits.batch_keys_max;
}

std::shared_ptr<RecordBatch> RowBuilder::take() {
    adopt();
    return std::exchange(batch_, nullptr);
}

KeyIndex RowBuilder::key_of(Slice name) {
    const auto known = keys_.find(name);
    if (known != keys_.end()) {
        return known->second;
    }
    // Not add_key(): it looks at all keys, and a peer may send thousands of them.
    const KeyIndex index = batch_->add_new_key(name);
    keys_.emplace(batch_->keys()[index], index);
    row_of_key_.push_back(0);
    place_of_key_.push_back(0);
    return index;
}

/// The last of equal names counts, as in JSON readers.
void RowBuilder::set_attr(Slice name, const Value& value) {
    const KeyIndex key = key_of(name);
    if (row_of_key_[key] == row_number_) {
        attrs_[place_of_key_[key]].value = value;
        return;
    }
    row_of_key_[key] = row_number_;
    place_of_key_[key] = static_cast<uint32_t>(attrs_.size());
    attrs_.emplace_back(key, value);
}

void RowBuilder::add(const ForwardEntry& entry) {
    if (entry.time.mark == EventTime::Mark::kGroupBegin) {
        group_metadata_ = entry.metadata;
        group_record_ = entry.record;
        return;
    }
    if (entry.time.mark == EventTime::Mark::kGroupEnd) {
        group_metadata_ = {};
        group_record_ = {};
        return;
    }
    if (const auto fault = entry.is_bad ? EntryFault::kBadEntry : add_record(entry)) {
        leave_out(*fault);
    }
}

std::optional<EntryFault> RowBuilder::read_members(std::string_view record) {
    MsgpackReader reader(record);
    MsgpackItem map;
    if (!reader.next(map) || map.type != MsgpackType::kMap) {
        return EntryFault::kBadEntry;
    }
    if (map.count > settings_.limits.attributes_max) {
        return EntryFault::kTooManyAttributes;
    }
    members_.clear();
    ValueReader keys(reader, batch_->arena(), settings_.limits.values);
    for (uint32_t i = 0; i < map.count; ++i) {
        const auto name = keys.read_key();
        if (!name) {
            return fault_of(keys.fault());
        }
        Member member{.name = *name, .item = {}, .encoded = reader.skip()};
        if (!MsgpackReader(member.encoded).next(member.item)) {
            return EntryFault::kBadEntry;
        }
        members_.push_back(member);
    }
    return std::nullopt;
}

std::optional<size_t> RowBuilder::find_line() const {
    for (const std::string& key : settings_.line_keys) {
        // From the end: the last of equal names counts.
        for (size_t i = members_.size(); i-- > 0;) {
            if (members_[i].name == key && members_[i].item.is_text()) {
                return i;
            }
        }
    }
    return std::nullopt;
}

std::optional<EntryFault> RowBuilder::read_value(std::string_view encoded, std::string_view name) {
    MsgpackReader reader(encoded);
    ValueReader values(reader, batch_->arena(), settings_.limits.values);
    const auto value = values.read();
    if (!value) {
        return fault_of(values.fault());
    }
    set_attr(name, *value);
    return std::nullopt;
}

std::optional<EntryFault> RowBuilder::read_attrs(size_t line) {
    for (size_t i = 0; i < members_.size(); ++i) {
        const Member& member = members_[i];
        if (i == line || member.name == members_[line].name) {
            continue;
        }
        if (const auto fault = read_value(member.encoded, member.name)) {
            return fault;
        }
        if (severity_ == kSeverityUnset && member.item.is_text() &&
            std::ranges::find(kLevelNames, member.name) != kLevelNames.end()) {
            severity_ = severity_from_text(member.item.bytes);
        }
    }
    return std::nullopt;
}

std::optional<EntryFault> RowBuilder::json_body(std::string_view record, Slice& body) {
    MsgpackReader reader(record);
    ValueReader values(reader, batch_->arena(), settings_.limits.values);
    const auto value = values.read();
    if (!value) {
        return fault_of(values.fault());
    }
    std::string text;
    value->append_json(text);
    body = batch_->arena().copy(text);
    for (const Member& member : members_) {
        if (member.item.is_text() &&
            std::ranges::find(kLevelNames, member.name) != kLevelNames.end()) {
            severity_ = severity_from_text(member.item.bytes);
        }
    }
    return std::nullopt;
}

std::optional<EntryFault> RowBuilder::add_record(const ForwardEntry& entry) {
    open();
    entry_bytes_ += entry.record.size() + entry.metadata.size() + tag_.size();
    ++row_number_;
    attrs_.clear();
    severity_ = kSeverityUnset;
    if (const auto fault = read_members(entry.record)) {
        return fault;
    }
    Slice body;
    if (const auto line = find_line()) {
        body = members_[*line].item.bytes;
        if (const auto fault = read_attrs(*line)) {
            return fault;
        }
    } else if (const auto fault = json_body(entry.record, body)) {
        return fault;
    }
    if (body.size() > settings_.limits.line_bytes_max) {
        return EntryFault::kLineTooLong;
    }
    constexpr uint8_t kEmptyMap = 0x80;
    const std::array<std::pair<std::string_view, std::string_view>, 3> extras{{
        {"fluent.metadata", entry.metadata},
        {"fluent.group_metadata", group_metadata_},
        {"fluent.group", group_record_},
    }};
    for (const auto& [name, encoded] : extras) {
        if (encoded.empty() || static_cast<uint8_t>(encoded[0]) == kEmptyMap) {
            continue;
        }
        if (const auto fault = read_value(encoded, name)) {
            return fault;
        }
    }
    set_attr("fluent.tag", Value::string(tag_));
    if (!entry.time.ts) {
        ++counts_.bad_times;
    }
    batch_->append_row({
        .ts = entry.time.ts.value_or(arrived_),
        .observed = arrived_,
        .stream = stream_,
        .severity = severity_,
        .body = body,
        .attrs = batch_->add_attrs(attrs_),
    });
    return std::nullopt;
}

}  // namespace seyir::plugins::forward
