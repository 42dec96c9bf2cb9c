// SPDX-License-Identifier: Apache-2.0
#include "collector/store/columns/text/shape.hpp"

#include <algorithm>

#include "collector/store/columns/text/runs.hpp"
#include "collector/store/columns/text/same_text.hpp"
#include "common/codec/bytes.hpp"

namespace seyir::store::columns {
namespace {

constexpr size_t kNone = std::string_view::npos;
constexpr int kTimesMax = 7;
constexpr size_t kContextBytes = 16;  // of the text before a slot, in its column's key
constexpr uint64_t kPrime = 0x9e3779b97f4a7c15;
// Guesses among recent shapes: what one that is right is worth in ones that are not.
constexpr int kRecentHit = 2;
constexpr int kRecentScoreMax = 64;
constexpr uint32_t kRecentRetry = 32;
constexpr size_t kTwinBytesMin = 16;  // a text shorter than that may stand there twice by chance

/// The end of a run with a digit; kNone when there is none at `at`.
size_t run_slot_end(std::string_view text, size_t at) {
    bool has_digit = false;
    while (at < text.size() && is_run_byte(text[at])) {
        has_digit = has_digit || is_digit(text[at]);
        ++at;
    }
    return has_digit ? at : kNone;
}

size_t until_end(std::string_view text, size_t at, char stop) {
    const size_t end = text.find(stop, at);
    return end == kNone && stop == ' ' ? text.size() : end;
}

size_t same_end(std::string_view text, size_t at, uint32_t column, KnownTexts known) {
    for (const auto& [other, value] : known) {
        if (other == column) {
            // Another value may end in another kind of byte than the one the shape was made with.
            const size_t end = at + value.size();
            const bool is_there = !value.empty() && text.substr(at).starts_with(value) &&
                                  can_cut(text, at) && can_cut(text, end);
            return is_there ? end : kNone;
        }
    }
    return kNone;
}

size_t slot_end(const Slot& slot, std::string_view text, size_t at, KnownTexts known) {
    switch (slot.rule) {
        case Rule::kRest:
            return text.size();
        case Rule::kRun:
            return run_slot_end(text, at);
        case Rule::kTime:
            return at + slot.param <= text.size() ? at + slot.param : kNone;
        case Rule::kUntil:
            return until_end(text, at, static_cast<char>(slot.param));
        case Rule::kQuoted:
            return quoted_end(text, at);
        case Rule::kJsonString:
            return json_string_end(text, at);
        case Rule::kJsonScalar:
            return json_scalar_end(text, at);
        case Rule::kJsonArray:
            return json_array_end(text, at);
        case Rule::kSame:
            return same_end(text, at, slot.param, known);
    }
    return kNone;
}

/// No literal byte keeps apart what stands in a slot and what stands beside it.
bool has_open_edge(const Shape& shape) {
    for (size_t i = 0; i < shape.slots.size(); ++i) {
        const std::string_view before = shape.literal(shape.slots[i]);
        const bool is_last = i + 1 == shape.slots.size();
        const std::string_view behind = is_last ? shape.tail() : shape.literal(shape.slots[i + 1]);
        const bool is_open_left = before.empty() ? i > 0 : is_run_byte(before.back());
        const bool is_open_right = behind.empty() ? !is_last : is_run_byte(behind.front());
        if (is_open_left || is_open_right) {
            return true;
        }
    }
    return false;
}

}  // namespace

bool match(
    const Shape& shape,
    std::string_view text,
    KnownTexts known,
    std::vector<std::string_view>& slots
) {
    slots.clear();
    size_t at = 0;
    for (const Slot& slot : shape.slots) {
        if (text.size() - at < slot.text_size ||
            !is_same(text.data() + at, shape.text.data() + slot.text_begin, slot.text_size)) {
            return false;
        }
        at += slot.text_size;
        const size_t end = slot_end(slot, text, at, known);
        if (end == kNone) {
            return false;
        }
        slots.push_back(text.substr(at, end - at));
        at = end;
    }
    const std::string_view tail = shape.tail();
    return text.size() - at == tail.size() && is_same(text.data() + at, tail.data(), tail.size());
}

uint32_t ShapeSet::column_of(Mode mode, const Token& token, std::string_view before, size_t index) {
    key_.assign(1, static_cast<char>(mode));
    key_ += static_cast<char>(token.rule);
    if (!token.name.empty()) {
        key_ += token.name;
    } else if (mode == Mode::kFields) {
        key_ += std::to_string(index);
    } else {
        key_ += before.substr(before.size() - std::min(before.size(), kContextBytes));
    }
    // The same name more than once in a text: columns of their own, but not without end.
    const size_t stem = key_.size();
    for (int times = 0;; ++times) {
        key_.resize(stem);
        key_ += '\0';
        key_ += static_cast<char>(times);
        const auto next = static_cast<uint32_t>(columns_.size());
        const auto [at, is_new] = column_by_key_.try_emplace(key_, next);
        if (is_new) {
            columns_.push_back({key_, token.name, 0});
        }
        if (times == kTimesMax || std::ranges::count(used_, at->second) == 0) {
            used_.push_back(at->second);
            return at->second;
        }
    }
}

/// Where a text stands twice in the line, one column can refer to the other if both have their
/// values in the same rows. So slots of such texts get columns of this shape alone when the ones
/// they would share with other shapes are of different shapes.
void ShapeSet::split_twins(Mode mode, std::string_view text, uint32_t number, Shape& shape) {
    if (!separates_twins_ || mode != Mode::kWords || columns_.size() >= kColumnsMax) {
        return;
    }
    const auto text_of = [&](size_t i) {
        return text.substr(tokens_[i].begin, tokens_[i].end - tokens_[i].begin);
    };
    const auto is_own = [&](size_t i) {
        return shape.slots[i].rule != Rule::kSame && text_of(i).size() >= kTwinBytesMin;
    };
    const auto split = [&](size_t i) {
        const std::string key = std::to_string(number) + "." + std::to_string(i);
        shape.slots[i].column = static_cast<uint32_t>(columns_.size());
        columns_.push_back({key, {}, 0});
    };
    for (size_t i = 0; i < tokens_.size(); ++i) {
        for (size_t j = i + 1; is_own(i) && j < tokens_.size(); ++j) {
            if (is_own(j) && text_of(i) == text_of(j) &&
                columns_[shape.slots[i].column].shapes != columns_[shape.slots[j].column].shapes) {
                split(i);
                split(j);
                break;
            }
        }
    }
}

/// The shape of tokens_, made when there is none like it; nothing when there is no room.
std::optional<uint32_t> ShapeSet::add(Mode mode, std::string_view text, bool& is_new) {
    std::string& key = shape_key_;
    key.assign(1, static_cast<char>(mode));
    size_t at = 0;
    for (const Token& token : tokens_) {
        codec::append_text(key, text.substr(at, token.begin - at));
        key += static_cast<char>(token.rule);
        codec::append_varint(key, token.param);
        at = token.end;
    }
    key += text.substr(at);
    if (const auto known = by_key_.find(key); known != by_key_.end()) {
        return known->second;
    }
    if (mode != Mode::kWhole && (shapes_.size() >= kShapesMax || columns_.size() >= kColumnsMax)) {
        return std::nullopt;
    }
    is_new = true;
    const auto found = by_key_.emplace(key, static_cast<uint32_t>(shapes_.size())).first;
    Shape& shape = shapes_.emplace_back();
    shape.mode = mode;
    shape.follower = found->second;
    used_.clear();
    at = 0;
    for (size_t i = 0; i < tokens_.size(); ++i) {
        const Token& token = tokens_[i];
        const std::string_view before = text.substr(at, token.begin - at);
        Slot& slot = shape.slots.emplace_back();
        slot.text_begin = static_cast<uint32_t>(shape.text.size());
        slot.text_size = static_cast<uint32_t>(before.size());
        slot.rule = token.rule;
        slot.param = token.param;
        shape.text += before;
        if (token.rule != Rule::kSame) {
            slot.column = column_of(mode, token, before, i);
        }
        at = token.end;
    }
    split_twins(mode, text, found->second, shape);
    for (const Slot& slot : shape.slots) {
        if (slot.rule != Rule::kSame) {
            uint64_t& shapes = columns_[slot.column].shapes;
            shapes = (shapes ^ found->second) * kPrime + 1;
        }
    }
    shape.tail_begin = static_cast<uint32_t>(shape.text.size());
    shape.text += text.substr(at);
    shape.has_open_edges = has_open_edge(shape);
    return found->second;
}

void ShapeSet::slots_of_tokens(std::vector<std::string_view>& slots, std::string_view text) const {
    slots.clear();
    for (const Token& token : tokens_) {
        slots.push_back(text.substr(token.begin, token.end - token.begin));
    }
}

ShapeSet::Match ShapeSet::cut(
    Mode mode, std::string_view text, KnownTexts known, std::vector<std::string_view>& slots
) {
    Match out;
    if (const auto guess = guess_shape(mode, text, known, slots)) {
        follow_with(*guess);
        out.shape = *guess;
        return out;
    }
    if (!tokenize(mode, text, known, tokens_)) {
        out.is_unreadable = true;
        mode = Mode::kWhole;
        (void)tokenize(mode, text, {}, tokens_);
    }
    auto shape = add(mode, text, out.is_new);
    if (!shape) {
        // No room for what is new; there always is for the one shape of whole texts.
        out.is_unreadable = true;
        (void)tokenize(Mode::kWhole, text, {}, tokens_);
        shape = add(Mode::kWhole, text, out.is_new);
    }
    out.shape = shape.value_or(0);
    slots_of_tokens(slots, text);
    if (mode != Mode::kWhole && !out.is_new) {
        remember(out.shape);
    }
    follow_with(out.shape);
    return out;
}

/// A known shape that the text has: the one that came behind the last shape before, the last one
/// again, or one of those that came lately, as long as these are right often enough.
std::optional<uint32_t> ShapeSet::guess_shape(
    Mode mode, std::string_view text, KnownTexts known, std::vector<std::string_view>& slots
) {
    if (last_ >= shapes_.size()) {
        return std::nullopt;
    }
    const auto fits = [&](uint32_t guess) {
        return shapes_[guess].mode == mode && match(shapes_[guess], text, known, slots);
    };
    const uint32_t expected = shapes_[last_].follower;
    for (const uint32_t guess : {expected, last_}) {
        if (fits(guess)) {
            return guess;
        }
    }
    // A text has other shapes too that are worse for it: a quoted field may pass for a bare one,
    // and a run for a reference to a known text.
    if (mode == Mode::kFields || !known.empty()) {
        return std::nullopt;
    }
    const bool is_worth_it = recent_score_ >= 0 || (++recent_skipped_ % kRecentRetry) == 0;
    if (!is_worth_it) {
        return std::nullopt;
    }
    for (size_t i = 0; i < recent_count_; ++i) {
        const uint32_t guess = recent_[i];
        if (guess != expected && guess != last_ && fits(guess)) {
            remember(guess);
            recent_score_ = std::min(recent_score_ + kRecentHit, kRecentScoreMax);
            return guess;
        }
    }
    recent_score_ = std::max(recent_score_ - 1, -kRecentScoreMax);
    return std::nullopt;
}

void ShapeSet::follow_with(uint32_t shape) {
    if (last_ < shapes_.size()) {
        shapes_[last_].follower = shape;
    }
    last_ = shape;
}

/// Puts the shape in front of those that came lately.
void ShapeSet::remember(uint32_t shape) {
    const auto end = recent_.begin() + static_cast<ptrdiff_t>(recent_count_);
    auto at = std::find(recent_.begin(), end, shape);
    if (at == end && recent_count_ < recent_.size()) {
        ++recent_count_;
    } else if (at == end) {
        --at;
    }
    std::copy_backward(recent_.begin(), at, at + 1);
    recent_[0] = shape;
}

}  // namespace seyir::store::columns
