// SPDX-License-Identifier: Apache-2.0
#include "collector/store/columns/encode/candidates.hpp"

#include <algorithm>
#include <unordered_set>

#include "collector/store/columns/text/runs.hpp"

namespace seyir::store::columns {
namespace {

constexpr size_t kLookedAt = 24;       // values that propose forms
constexpr size_t kKnownLookedAt = 64;  // rows in which texts of other columns are looked for
constexpr size_t kKnownBytesMin = 12;  // a text shorter than that holds no others worth naming
constexpr size_t kTableBytesMin = 6;
constexpr size_t kKnownMax = 8;
constexpr int kTableDepthMax = 3;
constexpr size_t kHexWidthMin = 6;
constexpr size_t kHexWidthMax = 128;

ColumnPlan with(Encoding encoding) {
    ColumnPlan plan;
    plan.encoding = encoding;
    return plan;
}

bool fits(const ScalarForm& form, std::string_view value) {
    std::string ignored;
    return form.is_bytes() ? form.parse_bytes(value, ignored) : form.parse(value).has_value();
}

void add_form(std::vector<ColumnPlan>& plans, const ScalarForm& form) {
    const bool is_known =
        std::ranges::any_of(plans, [&](const ColumnPlan& plan) { return plan.form == form; });
    if (is_known && form != ScalarForm{}) {
        return;
    }
    ColumnPlan plan = with(form.is_bytes() ? Encoding::kBytes : Encoding::kScalar);
    plan.form = form;
    plans.push_back(std::move(plan));
}

/// Forms of one value, in no order.
std::vector<ScalarForm> forms_of(std::string_view value) {
    std::vector<ScalarForm> forms;
    const auto width = static_cast<uint8_t>(std::min<size_t>(value.size(), UINT8_MAX));
    const size_t point = value.find('.');
    const auto fraction =
        static_cast<uint8_t>(point == std::string_view::npos ? 0 : value.size() - point - 1);
    forms.push_back({ScalarKind::kPadded, width, {}});
    if (fraction > 0 && fraction <= 18) {
        forms.push_back({ScalarKind::kDecimal, fraction, {}});
        forms.push_back({ScalarKind::kShortest, fraction, {}});
    }
    forms.push_back({ScalarKind::kIpv4, 0, {}});
    if (value.size() >= kHexWidthMin && value.size() <= kHexWidthMax && value.size() % 2 == 0) {
        forms.push_back({ScalarKind::kHexLower, width, {}});
        forms.push_back({ScalarKind::kHexUpper, width, {}});
    }
    forms.push_back({ScalarKind::kUuid, 0, {}});
    std::erase_if(forms, [&](const ScalarForm& form) { return !fits(form, value); });
    if (const auto layout = TimeLayout::detect(value); layout && layout->length() == value.size()) {
        forms.push_back({ScalarKind::kTime, 0, layout});
    }
    return forms;
}

/// Up to kLookedAt values from all over.
std::vector<std::string_view> spread(Values values) {
    std::vector<std::string_view> some;
    const size_t step = std::max<size_t>(1, values.size() / kLookedAt);
    for (size_t i = 0; i < values.size(); i += step) {
        some.push_back(values[i]);
    }
    return some;
}

void add_forms(std::vector<ColumnPlan>& plans, Values values) {
    uint8_t shortest = 0;
    bool has_int = false;
    for (const std::string_view value : spread(values)) {
        has_int = has_int || fits({}, value);
        for (const ScalarForm& form : forms_of(value)) {
            if (form.kind == ScalarKind::kShortest) {
                shortest = std::max(shortest, form.width);
            } else {
                add_form(plans, form);
            }
        }
    }
    if (has_int) {
        add_form(plans, {});
    }
    if (shortest > 0) {
        add_form(plans, {ScalarKind::kShortest, shortest, {}});
    }
}

void add_affix(std::vector<ColumnPlan>& plans, Values values) {
    std::string_view prefix = values.front();
    std::string_view suffix = values.front();
    for (const std::string_view value : values) {
        const auto [a, b] = std::ranges::mismatch(prefix, value);
        prefix = prefix.substr(0, static_cast<size_t>(a - prefix.begin()));
        size_t same = 0;
        while (same < std::min(suffix.size(), value.size()) &&
               suffix[suffix.size() - 1 - same] == value[value.size() - 1 - same]) {
            ++same;
        }
        suffix.remove_prefix(suffix.size() - same);
    }
    // Digits may be those of numbers that grow.
    while (!prefix.empty() && is_digit(prefix.back())) {
        prefix.remove_suffix(1);
    }
    while (!suffix.empty() && is_digit(suffix.front())) {
        suffix.remove_prefix(1);
    }
    const size_t shortest = std::ranges::min(values, {}, &std::string_view::size).size();
    if (prefix.size() + suffix.size() > shortest) {
        suffix = {};
    }
    if (prefix.empty() && suffix.empty()) {
        return;
    }
    ColumnPlan plan = with(Encoding::kAffix);
    plan.prefix = prefix;
    plan.suffix = suffix;
    plan.inner = std::make_unique<ColumnPlan>();
    plans.push_back(std::move(plan));
}

bool holds(std::string_view text, std::string_view value) {
    for (size_t at = text.find(value); at != std::string_view::npos;
         at = text.find(value, at + 1)) {
        if (can_cut(text, at) && can_cut(text, at + value.size())) {
            return true;
        }
    }
    return false;
}

/// Columns whose texts stand in ours in most rows, the longest first.
std::vector<uint32_t> known_in(Values values, std::span<const KnownColumn> known) {
    std::vector<std::pair<size_t, uint32_t>> found;
    const size_t rows = std::min(values.size(), kKnownLookedAt);
    for (const KnownColumn& column : known) {
        size_t hits = 0;
        size_t bytes = 0;
        for (size_t i = 0; i < rows; ++i) {
            const std::string_view value = column.values[i];
            hits += !value.empty() && holds(values[i], value) ? 1 : 0;
            bytes += value.size();
        }
        if (hits * 2 > rows && bytes > rows * 2) {
            found.emplace_back(bytes, column.column);
        }
    }
    std::ranges::sort(found, std::greater());
    std::vector<uint32_t> columns;
    for (const auto& [bytes, column] : found) {
        if (columns.size() < kKnownMax) {
            columns.push_back(column);
        }
    }
    return columns;
}

void add_tables(std::vector<ColumnPlan>& plans, Values values, const EncodeContext& context) {
    size_t bytes = 0;
    bool has_blank = false;
    bool has_digit = false;
    for (const std::string_view value : values) {
        bytes += value.size();
        has_blank = has_blank || value.contains(' ');
        has_digit = has_digit || std::ranges::any_of(value, is_digit);
    }
    if (context.depth >= kTableDepthMax || bytes < values.size() * kTableBytesMin) {
        return;
    }
    const auto add = [&](Mode mode, std::vector<uint32_t> known) {
        ColumnPlan plan = with(Encoding::kTable);
        plan.table = std::make_unique<TablePlan>();
        plan.table->mode = mode;
        plan.table->known = std::move(known);
        plans.push_back(std::move(plan));
    };
    if (has_blank) {
        add(Mode::kFields, {});
    }
    if (has_digit) {
        add(Mode::kWords, {});
    }
    if (bytes >= values.size() * kKnownBytesMin) {
        if (auto known = known_in(values, context.known); !known.empty()) {
            add(Mode::kWords, std::move(known));
        }
    }
}

}  // namespace

std::vector<ColumnPlan> candidates(Values values, const EncodeContext& context) {
    std::vector<ColumnPlan> plans;
    plans.push_back(with(Encoding::kPlain));
    if (context.depth >= kDepthMax - 2) {
        return plans;
    }
    add_forms(plans, values);
    add_affix(plans, values);
    add_tables(plans, values, context);
    if (context.may_have_dict) {
        const std::unordered_set<std::string_view> distinct(values.begin(), values.end());
        if (distinct.size() <= values.size() / 2 + 1) {
            ColumnPlan plan = with(Encoding::kDict);
            plan.inner = std::make_unique<ColumnPlan>();
            plans.push_back(std::move(plan));
        }
    }
    return plans;
}

}  // namespace seyir::store::columns
