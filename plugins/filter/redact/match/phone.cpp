// SPDX-License-Identifier: Apache-2.0
// Telephone numbers: ITU-T E.164 with its plus sign, and the ways people in Turkey write theirs.
#include <algorithm>
#include <array>

#include "plugins/filter/redact/match/find.hpp"
#include "plugins/filter/redact/match/text_edge.hpp"

namespace seyir::plugins::redact {
namespace {

constexpr size_t kInternationalMin = 9;
constexpr size_t kInternationalMax = 15;

/// Digits in groups, with up to two separators between them: "0532 123 45 67", "(0212) 555-1234".
struct Groups {
    static constexpr size_t kDigitsMax = 17;

    std::array<char, kDigitsMax> digits{};
    std::array<size_t, kDigitsMax> ends{};    ///< in the text, of the group that ends there
    std::array<size_t, kDigitsMax> totals{};  ///< digits so far, at the end of each group
    size_t groups = 0;
    size_t count = 0;
    bool has_parentheses = false;

    std::string_view text(size_t begin, size_t size) const { return {digits.data() + begin, size}; }
};

/// Up to two of space, `-`, `.`, `(`, `)`, or "%20"; 0 = none.
size_t gap_at(std::string_view text, size_t at, bool& parenthesis) {
    size_t length = 0;
    for (int i = 0; i < 2 && at + length < text.size(); ++i) {
        const char c = text[at + length];
        if (c == ' ' || c == '-' || c == '.') {
            ++length;
        } else if (c == '(' || c == ')') {
            parenthesis = true;
            ++length;
        } else if (text.substr(at + length).starts_with("%20")) {
            length += 3;
        } else {
            break;
        }
    }
    return length;
}

/// Reads groups of whole runs while no more than `digits_max` digits come together.
Groups read_groups(std::string_view text, size_t at, size_t digits_max) {
    Groups out;
    while (true) {
        size_t end = at;
        while (is_at(text, end, kDigit)) {
            ++end;
        }
        if (end == at || out.count + (end - at) > digits_max) {
            return out;
        }
        std::copy(
            text.begin() + static_cast<ptrdiff_t>(at),
            text.begin() + static_cast<ptrdiff_t>(end),
            out.digits.begin() + static_cast<ptrdiff_t>(out.count)
        );
        out.count += end - at;
        out.ends[out.groups] = end;
        out.totals[out.groups++] = out.count;
        const size_t gap = gap_at(text, end, out.has_parentheses);
        if (gap == 0) {
            return out;
        }
        at = end + gap;
    }
}

/// How many digits a country's numbers have, with its code; 0 = not known here.
size_t whole_length(std::string_view digits) {
    return digits.starts_with("90") ? 12 : digits.starts_with('1') ? 11 : 0;
}

bool is_after_dashed_digit(std::string_view text, size_t begin) {
    return begin >= 2 && text[begin - 1] == '-' && is(text[begin - 2], kDigit);
}

/// The ten digits behind 0 or 90: mobile 50x to 56x, land line 2xx to 4xx.
bool is_national(std::string_view ten) {
    return (ten[0] >= '2' && ten[0] <= '4') || (ten[0] == '5' && ten[1] <= '6');
}

/// True when the ten digits after `prefix` are grouped as people do: 10, 3-7, 3-3-4, 3-3-2-2.
bool has_usual_groups(const Groups& g, size_t prefix, size_t last, bool is_loose) {
    std::array<size_t, 5> cuts{};
    size_t count = 0;
    for (size_t i = 0; i < last; ++i) {
        if (g.totals[i] > prefix) {
            if (count == cuts.size()) {
                return false;
            }
            cuts[count++] = g.totals[i] - prefix;
        }
    }
    const auto is_cut = [&](std::initializer_list<size_t> wanted) {
        return std::equal(
            wanted.begin(), wanted.end(), cuts.begin(), cuts.begin() + static_cast<ptrdiff_t>(count)
        );
    };
    return is_cut({3, 6, 8}) || (is_loose && (is_cut({}) || is_cut({3}) || is_cut({3, 6})));
}

/// The group whose end is the number's end, or nothing.
std::optional<size_t> group_of(const Groups& g, size_t total) {
    for (size_t i = 0; i < g.groups; ++i) {
        if (g.totals[i] == total) {
            return i;
        }
    }
    return std::nullopt;
}

struct Form {
    std::string_view prefix;
    bool mobile_only = false;
    bool is_loose = true;  ///< also in one piece, or in fewer groups
};

constexpr Form kForms[] = {{"0090", false, true}, {"0", false, true}, {"90", true, true}};

std::optional<size_t> end_of_form(std::string_view text, const Groups& g, const Form& form) {
    const size_t prefix = form.prefix.size();
    if (g.count < prefix + 10 || !g.text(0, prefix).starts_with(form.prefix)) {
        return std::nullopt;
    }
    const std::string_view ten = g.text(prefix, 10);
    const auto group = group_of(g, prefix + 10);
    if (!group || !is_national(ten) || (form.mobile_only && ten[0] != '5') ||
        !has_usual_groups(g, prefix, *group, form.is_loose)) {
        return std::nullopt;
    }
    const size_t end = g.ends[*group];
    if (!ends_word(text, end) || (has_at(text, end, '-') && is_at(text, end + 1, kDigit))) {
        return std::nullopt;
    }
    return end;
}

/// Without the opening one when the closing one is not part of the number.
Range with_parenthesis(std::string_view text, Range range) {
    const bool opens = text[range.begin] == '(';
    const bool closes = text.substr(range.begin, range.end - range.begin).contains(')');
    return {range.begin + (opens && !closes ? 1 : 0), range.end};
}

}  // namespace

std::optional<Range> find_international_phone(std::string_view text, size_t plus, Range run) {
    if (text[run.begin] == '0' || !begins_word(text, plus)) {
        return std::nullopt;
    }
    const Groups g = read_groups(text, run.begin, kInternationalMax);
    const size_t whole = whole_length(g.text(0, g.count));
    if (const auto group = group_of(g, whole); group && ends_word(text, g.ends[*group])) {
        return Range{plus, g.ends[*group]};
    }
    for (size_t i = g.groups; i-- > 0;) {
        if (g.totals[i] < kInternationalMin) {
            break;
        }
        if (ends_word(text, g.ends[i])) {
            return Range{plus, g.ends[i]};
        }
    }
    return std::nullopt;
}

std::optional<Range> find_turkish_phone(std::string_view text, Range run, bool bare) {
    const size_t length = run.end - run.begin;
    size_t begin = run.begin;
    bool opened = false;
    if (begin > 0 && text[begin - 1] == '(' && begins_word(text, begin - 1)) {
        --begin;
        opened = true;
    }
    if (is_after_dashed_digit(text, run.begin) || is_in_fraction(text, run.begin, run.begin)) {
        return std::nullopt;
    }
    const Groups g = read_groups(text, run.begin, Groups::kDigitsMax);
    if (g.count < 10) {
        return std::nullopt;
    }
    for (const Form& form : kForms) {
        if (const auto end = end_of_form(text, g, form)) {
            return with_parenthesis(text, {begin, *end});
        }
    }
    const bool is_split = length == 3 && text[run.begin] == '5';
    const bool is_bare = length == 10 && text[run.begin] == '5' && bare;
    if (is_split || is_bare) {
        // Without a prefix only what cannot be a column of numbers: "532 123 45 67", "(532) ...".
        const Form form{"", true, is_bare || opened};
        if (const auto end = end_of_form(text, g, form)) {
            return with_parenthesis(text, {begin, *end});
        }
    }
    return std::nullopt;
}

}  // namespace seyir::plugins::redact
