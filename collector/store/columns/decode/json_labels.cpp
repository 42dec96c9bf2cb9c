// SPDX-License-Identifier: Apache-2.0
#include "collector/store/columns/decode/json_labels.hpp"

#include <algorithm>
#include <limits>
#include <optional>
#include <unordered_map>

#include "common/automaton/pattern_automaton.hpp"

namespace seyir::store::columns {
namespace {

constexpr int kNoLabel = -1;
constexpr uint32_t kNoSlot = UINT32_MAX;

/// What the name of a column says.
struct ColumnName {
    bool is_known = false;
    bool is_odd = false;  ///< only a parser tells which name it is
    int label = kNoLabel;
};

/// A column's texts, as `| json` sees them.
struct Texts {
    NumberedTexts numbered;
    /// In place of them: value i has text i, which nobody has written yet.
    std::shared_ptr<const ScalarValues> scalars;

    /// kPair: without quotes logfmt does not read it as a value.
    enum : uint8_t { kPlain, kOdd, kNull, kPair, kEmpty };

    std::vector<uint8_t> kinds;      ///< by text
    std::vector<uint8_t> is_object;  ///< by text

    uint32_t text_of(uint32_t value) const {
        return scalars != nullptr ? value : numbered.numbers[value];
    }

    void look_at(size_t number, std::string_view text, bool is_logfmt) {
        if (is_logfmt) {
            const bool is_odd = std::ranges::any_of(text, [](char c) {
                const auto byte = static_cast<uint8_t>(c);
                return byte < ' ' || byte >= 0x7f || c == '\\' || c == '"';
            });
            kinds[number] = is_odd               ? kOdd
                            : text.empty()       ? kEmpty
                            : text.contains('=') ? kPair
                                                 : kPlain;
            return;
        }
        // U+FFFD is shown as a blank.
        const bool is_odd = text.contains('\\') || text.contains("\xef\xbf\xbd");
        kinds[number] = is_odd ? kOdd : text == "null" ? kNull : kPlain;
        is_object[number] = text.starts_with('{') ? 1 : 0;
    }
};

/// Appends the texts of all values and where they end. False beyond the limit.
bool write_all(
    const ScalarValues& values, size_t bytes_max, std::string& bytes, std::vector<size_t>& ends
) {
    for (size_t i = 0; i < values.numbers.size() && bytes.size() <= bytes_max; ++i) {
        values.append(bytes, i);
        ends.push_back(bytes.size());
    }
    return bytes.size() <= bytes_max;
}

/// A slot of a shape that is looked at.
struct Source {
    uint32_t slot = kNoSlot;
    size_t label = 0;
    const Texts* texts = nullptr;
    uint32_t first = 0;  ///< of its texts among those of the label
    bool is_scalar = false;
    bool is_bare = false;  ///< of logfmt, without quotes
};

/// How a shape gives the labels.
struct ShapePlan {
    bool is_known = false;
    bool needs_line = false;
    std::vector<Source> labels;
    std::vector<Source> arrays;  ///< they must not turn out to be objects
};

class Finder {
  public:
    Finder(
        const TableHead& lines, const LineWants& wants, RenderLimit& limit, const ColumnOf& column
    )
        : lines_(lines),
          wants_(wants),
          limit_(limit),
          column_(column),
          names_(lines.counts.size()),
          plans_(lines.shapes.size()) {}

    Result<void> run(std::span<const uint32_t> rows, LineValues& out) {
        for (size_t label = 0; label < wants_.labels.size(); ++label) {
            out.labels.push_back(std::make_unique<LineValues::Label>());
            out.labels.back()->numbers.assign(rows.size(), LineValues::kAbsent);
        }
        for (size_t i = 0; i < rows.size(); ++i) {
            if (out.has_line[i] != 0) {
                continue;
            }
            SEYIR_TRY(
                const ShapePlan* const plan,
                plan_of(static_cast<size_t>(lines_.row_shapes[rows[i]]))
            );
            out.has_line[i] = tell(*plan, rows[i], i, out) ? 0 : 1;
        }
        for (size_t label = 0; label < out.labels.size(); ++label) {
            SEYIR_CHECK(give_texts(label, *out.labels[label]));
        }
        return {};
    }

  private:
    struct Sources {
        std::vector<std::pair<uint32_t, uint32_t>> columns;  ///< and the number of its first text
        uint32_t texts = 0;
    };

    const ColumnName& name_of(uint32_t column) {
        ColumnName& name = names_[column];
        if (name.is_known) {
            return name;
        }
        name.is_known = true;
        std::string_view own = lines_.names[column];
        name.is_odd = std::ranges::any_of(own, [&](char c) {
            const bool is_key = wants_.format == LineFormat::kLogfmt;
            return c == '\\' || (is_key && static_cast<uint8_t>(c) >= 0x80);
        });
        std::vector<std::string_view> path;
        for (size_t end = 0; end != std::string_view::npos;) {
            end = own.find(kPathSeparator);
            path.push_back(own.substr(0, end));
            own.remove_prefix(end == std::string_view::npos ? own.size() : end + 1);
        }
        const std::string label = name.is_odd ? std::string() : wants_.label_name(path);
        for (size_t i = 0; i < wants_.labels.size(); ++i) {
            if (wants_.labels[i].name == label) {
                name.label = static_cast<int>(i);
            }
        }
        return name;
    }

    Result<const ShapePlan*> plan_of(size_t number) {
        ShapePlan& plan = plans_[number];
        if (plan.is_known) {
            return &plan;
        }
        plan.is_known = true;
        const TableHead::Shape& shape = lines_.shapes[number];
        if (wants_.format == LineFormat::kLogfmt) {
            SEYIR_CHECK(plan_pairs(shape, plan));
        } else {
            plan.needs_line = shape.mode != Mode::kJson;
            for (uint32_t i = 0; i < shape.slots.size() && !plan.needs_line; ++i) {
                plan_slot(shape, i, plan);
            }
            plan.needs_line = plan.needs_line || !may_tell_paths(shape);
        }
        if (plan.needs_line) {
            return &plan;
        }
        for (Source& source : plan.labels) {
            const uint32_t column = shape.slots[source.slot].column;
            const bool has_number = wants_.labels[source.label].has_number;
            SEYIR_TRY(source.texts, texts_of(column, has_number));
            source.first = first_text(source.label, column);
        }
        for (Source& source : plan.arrays) {
            SEYIR_TRY(source.texts, texts_of(shape.slots[source.slot].column, false));
        }
        return &plan;
    }

    void plan_slot(const TableHead::Shape& shape, uint32_t i, ShapePlan& plan) {
        const TableHead::Slot& slot = shape.slots[i];
        const bool is_array = slot.rule == Rule::kJsonArray;
        const bool is_scalar = slot.rule == Rule::kJsonScalar;
        if (!is_array && !is_scalar && slot.rule != Rule::kJsonString) {
            plan.needs_line = true;
            return;
        }
        const ColumnName& name = name_of(slot.column);
        plan.needs_line = name.is_odd;
        if (is_array) {
            plan.arrays.push_back({i, 0, nullptr, 0, false, false});
            plan.needs_line = plan.needs_line || (!wants_.paths.empty() && name.label != kNoLabel);
            return;
        }
        add_label(name, {i, 0, nullptr, 0, is_scalar, false}, plan);
    }

    void add_label(const ColumnName& name, Source source, ShapePlan& plan) {
        if (name.label == kNoLabel) {
            return;
        }
        const auto label = static_cast<size_t>(name.label);
        for (const Source& other : plan.labels) {
            if (wants_.labels[other.label].group == wants_.labels[label].group) {
                plan.needs_line = true;
            }
        }
        source.label = label;
        plan.labels.push_back(source);
    }

    /// With paths: each names one slot, or a key of it is nowhere in the shape. A key that is there
    /// more than once may belong to another object; one without a slot to an empty object.
    bool may_tell_paths(const TableHead::Shape& shape) const {
        const auto times = [&](std::string_view text) {
            size_t count = 0;
            const auto add = [&](std::string_view literal) {
                for (size_t at = literal.find(text); at != std::string_view::npos;
                     at = literal.find(text, at + 1)) {
                    ++count;
                }
            };
            for (const TableHead::Slot& slot : shape.slots) {
                add(slot.literal);
            }
            add(shape.tail);
            return count;
        };
        if (!wants_.paths.empty() && times("\\") > 0) {
            return false;
        }
        for (const std::vector<std::string>& path : wants_.paths) {
            std::string name;
            bool is_absent = false;
            bool is_twice = false;
            for (const std::string& key : path) {
                name += name.empty() ? "" : std::string(1, kPathSeparator);
                name += key;
                const size_t count = times("\"" + key + "\"");
                is_absent = is_absent || count == 0;
                is_twice = is_twice || count > 1;
            }
            const bool has_slot = std::ranges::any_of(shape.slots, [&](const auto& slot) {
                return lines_.names[slot.column] == name;
            });
            if (!is_absent && (is_twice || !has_slot)) {
                return false;
            }
        }
        return true;
    }

    /// Logfmt: pairs stand alone between blanks, and what is between them holds no `=` or quote, so
    /// that it makes keys without values only.
    Result<void> plan_pairs(const TableHead::Shape& shape, ShapePlan& plan) {
        plan.needs_line = shape.mode != Mode::kPairs;
        Rule before = Rule::kRun;
        for (uint32_t i = 0; i < shape.slots.size() && !plan.needs_line; ++i) {
            const TableHead::Slot& slot = shape.slots[i];
            const ColumnName& name = name_of(slot.column);
            const std::string_view key = lines_.names[slot.column];
            std::string_view text = slot.literal;
            plan.needs_line = name.is_odd || !take_end(text, before);
            before = Rule::kRun;
            if (!key.empty()) {
                const bool is_quoted = slot.rule == Rule::kQuoted;
                const std::string opening = std::string(key) + (is_quoted ? "=\"" : "=");
                const bool is_pair =
                    (is_quoted || slot.rule == Rule::kUntil) && text.ends_with(opening);
                plan.needs_line = plan.needs_line || !is_pair;
                text.remove_suffix(is_pair ? opening.size() : 0);
                const bool is_alone = text.empty() ? i == 0 : text.back() == ' ';
                plan.needs_line = plan.needs_line || !is_alone;
                before = slot.rule;
            } else if (slot.rule != Rule::kRun && slot.rule != Rule::kTime) {
                plan.needs_line = true;
            }
            plan.needs_line = plan.needs_line || text.find_first_of("=\"") != text.npos;
            if (plan.needs_line || key.empty()) {
                continue;
            }
            if (name.label != kNoLabel) {
                const bool is_bare = slot.rule == Rule::kUntil;
                add_label(name, {i, 0, nullptr, 0, false, is_bare}, plan);
            } else if (slot.rule == Rule::kUntil) {
                SEYIR_TRY(const bool is_one, stays_one(slot.column));
                plan.needs_line = !is_one;
            }
        }
        std::string_view tail = shape.tail;
        plan.needs_line =
            plan.needs_line || !take_end(tail, before) || tail.find_first_of("=\"") != tail.npos;
        return {};
    }

    /// Takes what ends the value before off the literal behind it; false when that does not end it
    /// for a parser.
    static bool take_end(std::string_view& literal, Rule before) {
        if (before == Rule::kQuoted) {
            if (!literal.starts_with('"')) {
                return false;
            }
            literal.remove_prefix(1);
        }
        return before == Rule::kRun || literal.empty() || literal.front() == ' ';
    }

    /// No value of a column without quotes has a blank of another kind, or a quote, which would
    /// make the line's other pairs others.
    Result<bool> stays_one(uint32_t number) {
        static const auto breaks = [] {
            std::vector<std::string> texts = {"\""};
            for (char c = 0; c < ' '; ++c) {
                texts.emplace_back(1, c);
            }
            return any_text_automaton(texts);
        }();
        SEYIR_TRY(const Column* const column, column_(number));
        const StateSet from = StateSet::of(breaks->index(breaks->start()));
        const StateSet to = column->image(*breaks, from, limit_);
        return !to.has(TextAutomaton::kFoundIndex) && !to.has(TextAutomaton::kUnsureIndex);
    }

    Result<const Texts*> texts_of(uint32_t number, bool has_number) {
        const auto [at, is_new] = texts_.try_emplace(number);
        Texts& texts = at->second;
        if (!is_new) {
            return &texts;
        }
        const bool is_logfmt = wants_.format == LineFormat::kLogfmt;
        SEYIR_TRY(const Column* const column, column_(number));
        auto scalars = has_number ? column->scalars() : nullptr;
        if (scalars != nullptr && scalars->form.is_number() && !has_small_range(*scalars)) {
            texts.kinds.assign(column->count(), Texts::kPlain);
            texts.is_object.assign(column->count(), 0);
            for (const auto& [value, text] : scalars->exceptions.at) {
                texts.look_at(value, text, is_logfmt);
            }
            texts.scalars = std::move(scalars);
            return &texts;
        }
        if (!column->number_texts(texts.numbered, limit_)) {
            return fail(ErrorCode::kCorrupt, "a field of the block is malformed");
        }
        texts.kinds.resize(texts.numbered.ends.size());
        texts.is_object.resize(texts.numbered.ends.size());
        for (size_t i = 0; i < texts.numbered.ends.size(); ++i) {
            texts.look_at(i, texts.numbered.text(i), is_logfmt);
        }
        return &texts;
    }

    /// False when the row's line is needed.
    bool tell(const ShapePlan& plan, uint32_t row, size_t to, LineValues& out) const {
        if (plan.needs_line) {
            return false;
        }
        const uint32_t* const places = lines_.places.data() + lines_.first_place[row];
        for (const Source& array : plan.arrays) {
            if (array.texts->is_object[array.texts->text_of(places[array.slot])] != 0) {
                return false;
            }
        }
        for (const Source& source : plan.labels) {
            const uint32_t text = source.texts->text_of(places[source.slot]);
            const uint8_t kind = source.texts->kinds[text];
            if (kind == Texts::kOdd) {
                return false;
            }
            const bool is_null = kind == Texts::kNull && source.is_scalar;
            if ((is_null && !wants_.paths.empty()) || (kind == Texts::kPair && source.is_bare)) {
                return false;
            }
            const bool is_absent = is_null || kind == Texts::kEmpty;
            out.labels[source.label]->numbers[to] =
                is_absent ? LineValues::kAbsent : source.first + text + 1;
        }
        return true;
    }

    /// Columns that give a label one after the other share its numbers.
    uint32_t first_text(size_t label, uint32_t column) {
        if (sources_.size() <= label) {
            sources_.resize(label + 1);
        }
        for (const auto& [known, first] : sources_[label].columns) {
            if (known == column) {
                return first;
            }
        }
        const uint32_t first = sources_[label].texts;
        sources_[label].columns.emplace_back(column, first);
        sources_[label].texts += static_cast<uint32_t>(texts_.at(column).kinds.size());
        return first;
    }

    Result<void> give_texts(size_t label, LineValues::Label& out) const {
        if (label >= sources_.size()) {
            return {};
        }
        const Sources& sources = sources_[label];
        out.text_count = sources.texts;
        if (wants_.labels[label].has_number) {
            give_quantities(sources, out);
        }
        if (sources.columns.size() == 1) {
            if (const auto& scalars = texts_.at(sources.columns[0].first).scalars) {
                out.write = [scalars](std::string& text, uint32_t number) {
                    scalars->append(text, number);
                };
                return {};
            }
        }
        std::vector<size_t> ends;
        for (const auto& [column, first] : sources.columns) {
            const Texts& texts = texts_.at(column);
            if (texts.scalars != nullptr) {
                if (!write_all(*texts.scalars, limit_.bytes_max, out.bytes, ends)) {
                    return fail(ErrorCode::kCorrupt, "a field of the block is malformed");
                }
                continue;
            }
            const size_t begin = out.bytes.size();
            out.bytes += texts.numbered.bytes;
            for (const uint32_t end : texts.numbered.ends) {
                ends.push_back(begin + end);
            }
        }
        size_t begin = 0;
        out.texts.reserve(ends.size());
        for (const size_t end : ends) {
            out.texts.push_back(std::string_view(out.bytes).substr(begin, end - begin));
            begin = end;
        }
        return {};
    }

    void give_quantities(const Sources& sources, LineValues::Label& out) const {
        const auto number_of = [&](std::string_view text) {
            return wants_.number_of(text).value_or(std::numeric_limits<double>::quiet_NaN());
        };
        out.quantities.reserve(sources.texts);
        for (const auto& [column, first] : sources.columns) {
            const Texts& texts = texts_.at(column);
            if (texts.scalars == nullptr) {
                for (size_t i = 0; i < texts.numbered.ends.size(); ++i) {
                    out.quantities.push_back(number_of(texts.numbered.text(i)));
                }
                continue;
            }
            const ScalarValues& values = *texts.scalars;
            for (const int64_t number : values.numbers) {
                out.quantities.push_back(values.form.quantity(number));
            }
            for (const auto& [value, text] : values.exceptions.at) {
                out.quantities[first + value] = number_of(text);
            }
        }
    }

    const TableHead& lines_;
    const LineWants& wants_;
    RenderLimit& limit_;
    const ColumnOf& column_;
    std::vector<ColumnName> names_;
    std::vector<ShapePlan> plans_;
    std::unordered_map<uint32_t, Texts> texts_;
    std::vector<Sources> sources_;
};

}  // namespace

Result<void> find_json_labels(
    const TableHead& lines,
    const LineWants& wants,
    std::span<const uint32_t> rows,
    RenderLimit& limit,
    const ColumnOf& column,
    LineValues& out
) {
    return Finder(lines, wants, limit, column).run(rows, out);
}

}  // namespace seyir::store::columns
