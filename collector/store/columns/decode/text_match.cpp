// SPDX-License-Identifier: Apache-2.0
#include "collector/store/columns/decode/text_match.hpp"

#include <algorithm>
#include <cstring>

namespace seyir::store::columns {
namespace {

constexpr size_t kNone = std::string_view::npos;

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

size_t place_of(std::string_view text, std::string_view wanted, size_t from) {
    if (from > text.size() || wanted.size() > text.size() - from) {
        return kNone;
    }
    if (wanted.empty()) {
        return from;
    }
    const void* const at =
        memmem(text.data() + from, text.size() - from, wanted.data(), wanted.size());
    return at == nullptr ? kNone : static_cast<size_t>(static_cast<const char*>(at) - text.data());
}

// Characters that fold to ASCII letters: K, long s, dotted and dotless i.
constexpr std::string_view kOtherCases[] = {"\xe2\x84\xaa", "\xc5\xbf", "\xc4\xb0", "\xc4\xb1"};

/// Bytes that texts of a form are made of.
std::string alphabet_of(const ScalarForm& form) {
    switch (form.kind) {
        case ScalarKind::kInt:
            return "-0123456789";
        case ScalarKind::kPadded:
            return "0123456789";
        case ScalarKind::kDecimal:
        case ScalarKind::kShortest:
            return "-.0123456789";
        case ScalarKind::kIpv4:
            return ".0123456789";
        case ScalarKind::kHexLower:
            return "0123456789abcdef";
        case ScalarKind::kHexUpper:
            return "0123456789ABCDEF";
        case ScalarKind::kUuid:
            return "-0123456789abcdef";
        case ScalarKind::kTime:
            return form.layout->alphabet();
    }
    return {};
}

size_t longest_of(const ScalarForm& form) {
    constexpr size_t kNumberMax = 40;
    switch (form.kind) {
        case ScalarKind::kPadded:
        case ScalarKind::kHexLower:
        case ScalarKind::kHexUpper:
            return form.width;
        case ScalarKind::kUuid:
            return 36;
        case ScalarKind::kIpv4:
            return 63;  // of damaged numbers too
        default:
            return kNumberMax;
    }
}

}  // namespace

/// A slot whose values decide.
struct TextMatcher::SlotPlan {
    bool is_same = false;  ///< of the table around: its value number is the row's
    size_t place = 0;      ///< among the row's own places
    const Verdicts* verdicts = nullptr;
    const NumberedTexts* texts = nullptr;  ///< for the two below
    /// The text lies across the cut if the value begins with text_[p:], p one of these.
    std::vector<size_t> begins;
    /// The same if it ends with text_[:p]; certain: what follows holds all the rest.
    std::vector<std::pair<size_t, bool>> ends;
    std::string after;  ///< the literal behind the slot, folded
    bool is_last = false;
};

struct TextMatcher::ShapePlan {
    bool is_known = false;
    Holds all = Holds::kNo;
    std::vector<SlotPlan> slots;
};

TextMatcher::TextMatcher(std::string text, bool any_case, RenderLimit limit)
    : text_(std::move(text)), any_case_(any_case), limit_(limit) {
    needs_line_ = text_.size() > kTextBytesMax;
    if (any_case_) {
        needs_line_ = needs_line_ || std::ranges::any_of(text_, [](char c) {
                          return static_cast<uint8_t>(c) >= 0x80;
                      });
        text_ = folded(text_);
    }
}

std::string TextMatcher::folded(std::string_view text) const {
    std::string out(text);
    if (any_case_) {
        std::ranges::transform(out, out.begin(), lower);
    }
    return out;
}

bool TextMatcher::has_other_case(std::string_view text) const {
    return any_case_ && std::ranges::any_of(kOtherCases, [&](std::string_view other) {
               return place_of(text, other, 0) != kNone;
           });
}

bool TextMatcher::is_in(std::string_view literal) const {
    return place_of(folded(literal), text_, 0) != kNone || has_other_case(literal);
}

bool TextMatcher::can_be_in(const ScalarForm& form) const {
    const std::string alphabet = folded(alphabet_of(form));
    const size_t longest =
        form.kind == ScalarKind::kTime ? form.layout->length() : longest_of(form);
    return text_.size() <= longest &&
           std::ranges::all_of(text_, [&](char c) { return alphabet.contains(c); });
}

void TextMatcher::search(std::string_view values, std::span<const uint32_t> ends, Verdicts& out)
    const {
    const std::string own = any_case_ ? folded(values) : std::string();
    const std::string_view all = any_case_ ? std::string_view(own) : values;
    const auto mark = [&](std::string_view wanted, Holds holds) {
        size_t value = 0;
        for (size_t at = place_of(all, wanted, 0); at != kNone; at = place_of(all, wanted, at)) {
            // The value that has the byte at `at`; of an empty text also empty values.
            value = static_cast<size_t>(
                std::upper_bound(ends.begin() + static_cast<ptrdiff_t>(value), ends.end(), at) -
                ends.begin()
            );
            if (value == ends.size()) {
                return;
            }
            if (at + wanted.size() > ends[value]) {
                ++at;  // it lies across two values
                continue;
            }
            out.raise(value, ends.size(), holds);
            at = ends[value];
        }
    };
    if (text_.empty()) {
        out.fill(ends.size(), Holds::kYes);
        return;
    }
    mark(text_, Holds::kYes);
    if (any_case_) {
        for (const std::string_view other : kOtherCases) {
            mark(other, Holds::kMaybe);
        }
    }
}

bool TextMatcher::may_cross_from(std::string_view left) const {
    const std::string own = folded(left);
    for (size_t p = 1; p < text_.size(); ++p) {
        if (std::string_view(own).ends_with(std::string_view(text_).substr(0, p))) {
            return true;
        }
    }
    return has_other_case(left);
}

bool TextMatcher::may_cross_into(std::string_view right) const {
    const std::string own = folded(right);
    for (size_t p = 1; p < text_.size(); ++p) {
        const std::string_view rest = std::string_view(text_).substr(p);
        if (rest.starts_with(own) || std::string_view(own).starts_with(rest)) {
            return true;
        }
    }
    return has_other_case(right);
}

const NumberedTexts& TextMatcher::texts_of(const Column& column) {
    auto& texts = texts_[&column];
    if (texts == nullptr) {
        texts = std::make_unique<NumberedTexts>();
        is_ok_ = is_ok_ && column.number_texts(*texts, limit_);
        if (!is_ok_) {
            *texts = {};
        } else if (any_case_) {
            texts->bytes = folded(texts->bytes);
        }
    }
    return *texts;
}

const Verdicts& TextMatcher::of(const Column& column) {
    const auto [at, is_new] = verdicts_.try_emplace(&column);
    if (is_new) {
        Verdicts verdicts;
        is_ok_ = column.match(*this, limit_, verdicts) && is_ok_;
        return verdicts_[&column] = std::move(verdicts);
    }
    return at->second;
}

/// False: nothing of the slot decides.
bool TextMatcher::plan_slot(
    const TableHead::Shape& shape, size_t index, const Columns& columns, SlotPlan& slot
) {
    const TableHead::Slot& part = shape.slots[index];
    const bool is_last = index + 1 == shape.slots.size();
    const std::string before = folded(part.literal);
    const std::string& after = slot.after =
        folded(is_last ? shape.tail : shape.slots[index + 1].literal);
    slot.is_last = is_last;
    const std::string_view text = text_;
    for (size_t p = 1; p < text.size(); ++p) {
        if (std::string_view(before).ends_with(text.substr(0, p))) {
            slot.begins.push_back(p);
        }
        const std::string_view rest = text.substr(p);
        if (std::string_view(after).starts_with(rest)) {
            slot.ends.emplace_back(p, true);
        } else if (!is_last && rest.starts_with(after)) {
            slot.ends.emplace_back(p, false);
        }
    }
    slot.is_same = part.rule == Rule::kSame;
    const bool decides_across = !slot.begins.empty() || !slot.ends.empty();
    if (!decides_across && !slot.is_same && columns.is_ruled_out &&
        columns.is_ruled_out(part.column)) {
        return false;
    }
    const Column* const column =
        slot.is_same ? columns.around(part.column) : columns.own(part.column);
    if (column == nullptr) {
        is_ok_ = false;
        return false;
    }
    slot.verdicts = &of(*column);
    slot.texts = decides_across ? &texts_of(*column) : nullptr;
    return decides_across || slot.verdicts->any();
}

TextMatcher::ShapePlan TextMatcher::plan(const TableHead::Shape& shape, const Columns& columns) {
    ShapePlan plan{.is_known = true};
    const auto look = [&](std::string_view literal) {
        if (place_of(folded(literal), text_, 0) != kNone) {
            plan.all = Holds::kYes;
        } else if (has_other_case(literal)) {
            plan.all = std::max(plan.all, Holds::kMaybe);
        }
    };
    look(shape.tail);
    for (const TableHead::Slot& slot : shape.slots) {
        look(slot.literal);
    }
    size_t place = 0;
    for (size_t i = 0; i < shape.slots.size() && plan.all == Holds::kNo && is_ok_; ++i) {
        SlotPlan slot{.place = place};
        if (plan_slot(shape, i, columns, slot)) {
            plan.slots.push_back(std::move(slot));
        }
        place += shape.slots[i].rule == Rule::kSame ? 0 : 1;
    }
    return plan;
}

Holds TextMatcher::across(const SlotPlan& slot, size_t place) const {
    if (slot.texts == nullptr || place >= slot.texts->numbers.size()) {
        return Holds::kNo;
    }
    const std::string_view value = slot.texts->text(slot.texts->numbers[place]);
    Holds holds = Holds::kNo;
    for (const size_t p : slot.begins) {
        const std::string_view rest = std::string_view(text_).substr(p);
        if (value.starts_with(rest)) {
            return Holds::kYes;
        }
        if (!rest.starts_with(value)) {
            continue;
        }
        const std::string_view behind = rest.substr(value.size());
        if (std::string_view(slot.after).starts_with(behind)) {
            return Holds::kYes;
        }
        holds = !slot.is_last && behind.starts_with(slot.after) ? Holds::kMaybe : holds;
    }
    for (const auto& [p, is_certain] : slot.ends) {
        if (value.ends_with(std::string_view(text_).substr(0, p))) {
            if (is_certain) {
                return Holds::kYes;
            }
            holds = Holds::kMaybe;
        }
    }
    return holds;
}

void TextMatcher::match_rows(const TableHead& table, const Columns& columns, Verdicts& out) {
    std::vector<ShapePlan> plans(table.shapes.size());
    const size_t rows = table.row_shapes.size();
    for (size_t row = 0; row < rows && is_ok_; ++row) {
        const auto number = static_cast<size_t>(table.row_shapes[row]);
        ShapePlan& shape = plans[number];
        if (!shape.is_known) {
            shape = plan(table.shapes[number], columns);
        }
        Holds holds = shape.all;
        for (const SlotPlan& slot : shape.slots) {
            const size_t place =
                slot.is_same ? row : table.places[table.first_place[row] + slot.place];
            holds = std::max({holds, slot.verdicts->at(place), across(slot, place)});
        }
        out.raise(row, rows, holds);
    }
}

}  // namespace seyir::store::columns
