// SPDX-License-Identifier: Apache-2.0
#include "common/logql/stage/scratch_row.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "common/logql/extract/json_reader.hpp"
#include "common/record/level.hpp"

namespace seyir::logql {
namespace {

constexpr size_t kChunkBytes = 16 * 1024;
// One long line must not stay allocated for the life of a worker.
constexpr size_t kKeptBytesMax = 1024 * 1024;

bool is_name_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

template <size_t kSize>
std::string_view hex(const std::array<uint8_t, kSize>& bytes, Scratch& scratch) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    char* out = scratch.allocate(kSize * 2);
    for (size_t i = 0; i < kSize; ++i) {
        out[2 * i] = kDigits[bytes[i] >> 4];
        out[2 * i + 1] = kDigits[bytes[i] & 15];
    }
    return {out, kSize * 2};
}

}  // namespace

void append_label_name(std::string& out, std::string_view name, bool at_start) {
    const auto is_space = [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); };
    while (!name.empty() && is_space(name.front())) {
        name.remove_prefix(1);
    }
    while (!name.empty() && is_space(name.back())) {
        name.remove_suffix(1);
    }
    if (at_start && !name.empty() && name.front() >= '0' && name.front() <= '9') {
        out += '_';
    }
    for (const char c : name) {
        if (is_name_character(c)) {
            out += c;
        } else if ((static_cast<unsigned char>(c) & 0xc0) != 0x80) {
            out += '_';  // one for a whole UTF-8 character
        }
    }
}

std::string_view Scratch::copy(std::string_view text) {
    char* to = allocate(text.size());
    std::ranges::copy(text, to);
    return {to, text.size()};
}

std::string_view Scratch::join(std::string_view left, std::string_view right) {
    char* to = allocate(left.size() + right.size());
    std::ranges::copy(right, std::ranges::copy(left, to).out);
    return {to, left.size() + right.size()};
}

char* Scratch::allocate(size_t bytes) {
    while (chunk_ < chunks_.size() && used_ + bytes > chunks_[chunk_].size) {
        ++chunk_;
        used_ = 0;
    }
    if (chunk_ == chunks_.size()) {
        const size_t size = std::max(bytes, kChunkBytes);
        chunks_.push_back({std::make_unique_for_overwrite<char[]>(size), size});
        used_ = 0;
    }
    char* at = chunks_[chunk_].bytes.get() + used_;
    used_ += bytes;
    return at;
}

void Scratch::rewind() {
    chunk_ = 0;
    used_ = 0;
    size_t kept = 0;
    const auto too_much = [&](const Chunk& chunk) {
        kept += chunk.size;
        return kept > kKeptBytesMax;
    };
    if (chunks_.size() > 1) {
        chunks_.erase(std::ranges::find_if(chunks_, too_much), chunks_.end());
    } else if (!chunks_.empty() && chunks_.front().size > kKeptBytesMax) {
        chunks_.clear();
    }
}

ScratchRow::ScratchRow() : json_(std::make_unique<JsonReader>()) {}

ScratchRow::~ScratchRow() = default;

void ScratchRow::bind(const RecordBatch& batch, uint32_t index) {
    batch_ = &batch;
    index_ = index;
    line_ = batch.body(index);
    stand_in_.reset();
    parsed_.clear();
    if (!parsed_index_.empty()) {
        parsed_index_.clear();
    }
    removed_.clear();
    has_error_ = false;
    rendered_bytes_ = 0;
    template_steps_ = 0;
    metadata_valid_ = false;
    level_.reset();
    scratch_.rewind();
    own_scratch_.rewind();
}

SeverityNumber ScratchRow::level() const {
    if (!level_) {
        level_ = detects_level_ ? level_of_row(*batch_, index_) : batch_->severity(index_);
    }
    return *level_;
}

bool ScratchRow::has_level() const {
    return detects_level_ || batch_->severity(index_) != kSeverityUnset;
}

const ScratchRow::Parsed* ScratchRow::find_parsed(std::string_view name) const {
    if (parsed_.size() > kSearchedMax) {
        const auto found = parsed_index_.find(name);
        return found == parsed_index_.end() ? nullptr : &parsed_[found->second];
    }
    const auto at = std::ranges::find(parsed_, name, &Parsed::name);
    return at == parsed_.end() ? nullptr : &*at;
}

ScratchRow::Parsed* ScratchRow::find_parsed(std::string_view name) {
    return const_cast<Parsed*>(std::as_const(*this).find_parsed(name));
}

void ScratchRow::add_parsed(const Parsed& label) {
    parsed_.push_back(label);
    if (parsed_.size() == kSearchedMax + 1) {
        parsed_index_.clear();
        for (size_t i = 0; i < parsed_.size(); ++i) {
            parsed_index_.emplace(parsed_[i].name, i);
        }
    } else if (parsed_.size() > kSearchedMax) {
        parsed_index_.emplace(label.name, parsed_.size() - 1);
    }
}

/// The last one takes its place.
void ScratchRow::remove_parsed(const Parsed& label) {
    const auto at = static_cast<size_t>(&label - parsed_.data());
    if (parsed_.size() > kSearchedMax) {
        parsed_index_.erase(label.name);
        if (at + 1 != parsed_.size()) {
            parsed_index_[parsed_.back().name] = at;
        }
    }
    parsed_[at] = parsed_.back();
    parsed_.pop_back();
}

bool ScratchRow::is_removed(std::string_view name) const {
    return std::ranges::find(removed_, name) != removed_.end();
}

bool ScratchRow::is_removed_attr(const Attr& attr) const {
    std::string name;
    append_label_name(name, batch_->keys()[attr.key], true);
    if (!stream().get(name).empty()) {
        name += kExtractedSuffix;
    }
    return is_removed(name);
}

const std::vector<Label>& ScratchRow::metadata() const {
    if (metadata_valid_) {
        return metadata_;
    }
    metadata_.clear();
    metadata_scratch_.rewind();
    metadata_valid_ = true;
    // Interned names differ; two labels can only be equal where a name was changed on the way.
    bool has_changed_names = false;
    const auto add = [&](std::string_view name, std::string_view value, bool is_changed) {
        if (!stream().get(name).empty()) {
            // The stream's label keeps its name, as with labels a parser finds.
            name = metadata_scratch_.join(name, kExtractedSuffix);
            is_changed = true;
            if (!stream().get(name).empty()) {
                return;
            }
        }
        has_changed_names = has_changed_names || is_changed;
        const bool known = has_changed_names &&
                           std::ranges::find(metadata_, name, &Label::name) != metadata_.end();
        if (!known) {
            metadata_.push_back({name, value, LabelSource::kMetadata});
        }
    };
    std::string name;
    const auto attrs = batch_->attrs(index_);
    for (size_t i = 0; i < attrs.size(); ++i) {
        const Attr& attr = attrs[i];
        if (std::ranges::find(attrs.first(i), attr.key, &Attr::key) !=
            attrs.begin() + static_cast<ptrdiff_t>(i)) {
            continue;  // the first of two wins
        }
        std::string_view label = batch_->keys()[attr.key];
        const bool is_clean =
            std::ranges::all_of(label, is_name_character) && !label.empty() && label.front() > '9';
        if (!is_clean) {
            name.clear();
            append_label_name(name, label, true);
            label = metadata_scratch_.copy(name);
        }
        const bool is_text = attr.value.kind() == ValueKind::kString ||
                             attr.value.kind() == ValueKind::kBytes ||
                             attr.value.kind() == ValueKind::kNumberText;
        add(label,
            is_text ? attr.value.as_text() : metadata_scratch_.copy(attr.value.to_text()),
            !is_clean);
    }
    if (has_level() && stream().get(kLevelLabel).empty()) {
        add(kLevelLabel, level_name(level()), true);
    }
    const TraceIds trace = batch_->row(index_).trace;
    if (trace.trace_id != TraceIds{}.trace_id) {
        add("trace_id", hex(trace.trace_id, metadata_scratch_), true);
    }
    if (trace.span_id != TraceIds{}.span_id) {
        add("span_id", hex(trace.span_id, metadata_scratch_), true);
    }
    return metadata_;
}

const Attr* ScratchRow::own_attr(std::string_view name) const {
    const std::vector<Slice>& keys = batch_->keys();
    for (const Attr& attr : batch_->attrs(index_)) {
        const std::string_view key = keys[attr.key];
        if (key == name) {
            return &attr;
        }
        if (key.empty() ||
            (key.front() != name.front() && is_name_character(key.front()) && key.front() > '9')) {
            continue;  // a name's first character stays what it is
        }
        if (!std::ranges::all_of(key, is_name_character) || key.front() <= '9') {
            std::string label;
            append_label_name(label, key, true);
            if (label == name) {
                return &attr;
            }
        }
    }
    return nullptr;
}

std::string_view ScratchRow::own_text(const Value& value) const {
    switch (value.kind()) {
        case ValueKind::kString:
        case ValueKind::kBytes:
        case ValueKind::kNumberText:
            return value.as_text();
        case ValueKind::kInt: {
            constexpr size_t kDigitsMax = 20;
            char* const begin = own_scratch_.allocate(kDigitsMax);
            const auto end = std::to_chars(begin, begin + kDigitsMax, value.as_int());
            return {begin, end.ptr};
        }
        default:
            return own_scratch_.copy(value.to_text());
    }
}

std::optional<std::string_view> ScratchRow::own(std::string_view name) const {
    if (const Attr* attr = own_attr(name)) {
        return own_text(attr->value);
    }
    if (name == kLevelLabel && has_level()) {
        return level_name(level());
    }
    if (name == "trace_id" || name == "span_id") {
        const TraceIds trace = batch_->trace(index_);
        if (name == "trace_id" && trace.trace_id != TraceIds{}.trace_id) {
            return hex(trace.trace_id, own_scratch_);
        }
        if (name == "span_id" && trace.span_id != TraceIds{}.span_id) {
            return hex(trace.span_id, own_scratch_);
        }
    }
    return std::nullopt;
}

std::optional<std::string_view> ScratchRow::get(std::string_view name) const {
    if (const Parsed* label = find_parsed(name)) {
        return label->value;
    }
    if (is_removed(name)) {
        return std::nullopt;
    }
    const std::string_view value = stream().get(name);
    if (!metadata_valid_ && !name.empty() && !name.ends_with(kExtractedSuffix)) {
        return value.empty() ? own(name) : std::optional(value);
    }
    for (const Label& label : metadata()) {
        if (label.name == name) {
            return label.value;
        }
    }
    return value.empty() ? std::nullopt : std::optional(value);
}

bool ScratchRow::in_base(std::string_view name) const {
    if (!stream().get(name).empty()) {
        return true;
    }
    if (!metadata_valid_ && !name.empty() && !name.ends_with(kExtractedSuffix)) {
        return own(name).has_value();
    }
    return std::ranges::find(metadata(), name, &Label::name) != metadata().end();
}

void ScratchRow::set(std::string_view name, std::string_view value) {
    const std::string_view kept = scratch_.copy(value);
    if (Parsed* label = find_parsed(name)) {
        label->value = kept;
        label->by_parser = false;
        return;
    }
    add_parsed({scratch_.copy(name), kept, false});
}

void ScratchRow::extract(std::string_view name, std::string_view value) {
    std::string_view label = name;
    const bool renamed = in_base(name);
    if (renamed) {
        label = scratch_.join(name, kExtractedSuffix);
    }
    if (Parsed* known = find_parsed(label)) {
        if (!known->by_parser) {
            known->value = value;
            known->by_parser = true;
        }
        return;
    }
    add_parsed({renamed ? label : scratch_.copy(name), value, true});
}

void ScratchRow::remove(std::string_view name) {
    if (name == kErrorLabel) {
        has_error_ = false;
    }
    if (const Parsed* label = find_parsed(name)) {
        remove_parsed(*label);
    }
    if (in_base(name) && !is_removed(name)) {
        removed_.push_back(scratch_.copy(name));
    }
}

void ScratchRow::set_error(std::string_view error, std::string_view details) {
    if (has_error_) {
        return;
    }
    set(kErrorLabel, error);
    set(kErrorDetailsLabel, details);
    has_error_ = true;
}

bool ScratchRow::is_wanted(std::string_view name) const {
    if (wanted_ == nullptr) {
        return true;
    }
    return std::ranges::any_of(*wanted_, [&](std::string_view wanted) {
        return wanted == name || (wanted.size() == name.size() + kExtractedSuffix.size() &&
                                  wanted.starts_with(name) && wanted.ends_with(kExtractedSuffix));
    });
}

}  // namespace seyir::logql
