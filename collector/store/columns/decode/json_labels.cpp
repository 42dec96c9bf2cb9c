// SPDX-License-Identifier: Apache-2.0
#include "collector/store/columns/decode/json_labels.hpp"

#include <algorithm>
#include <limits>
#include <optional>
#include <unordered_map>

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

    enum : uint8_t { kPlain, kOdd, kNull };

    std::vector<uint8_t> kinds;      ///< by text
    std::vector<uint8_t> is_object;  ///< by text

    uint32_t text_of(uint32_t value) const {
        return scalars != nullptr ? value : numbered.numbers[value];
    }

    void look_at(size_t number, std::string_view text) {
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
        name.is_odd = own.contains('\\');
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
        plan.needs_line = shape.mode != Mode::kJson;
        for (uint32_t i = 0; i < shape.slots.size() && !plan.needs_line; ++i) {
            plan_slot(shape, i, plan);
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
            plan.arrays.push_back({i, 0, nullptr, 0, false});
            return;
        }
        if (name.label == kNoLabel) {
            return;
        }
        const auto label = static_cast<size_t>(name.label);
        for (const Source& other : plan.labels) {
            if (wants_.labels[other.label].group == wants_.labels[label].group) {
                plan.needs_line = true;
            }
        }
        plan.labels.push_back({i, label, nullptr, 0, is_scalar});
    }

    Result<const Texts*> texts_of(uint32_t number, bool has_number) {
        const auto [at, is_new] = texts_.try_emplace(number);
        Texts& texts = at->second;
        if (!is_new) {
            return &texts;
        }
        SEYIR_TRY(const Column* const column, column_(number));
        auto scalars = has_number ? column->scalars() : nullptr;
        if (scalars != nullptr && scalars->form.is_number() && !has_small_range(*scalars)) {
            texts.kinds.assign(column->count(), Texts::kPlain);
            texts.is_object.assign(column->count(), 0);
            for (const auto& [value, text] : scalars->exceptions.at) {
                texts.look_at(value, text);
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
            texts.look_at(i, texts.numbered.text(i));
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
            out.labels[source.label]->numbers[to] =
                is_null ? LineValues::kAbsent : source.first + text + 1;
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
