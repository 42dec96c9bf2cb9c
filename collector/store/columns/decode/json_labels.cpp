// SPDX-License-Identifier: Apache-2.0
#include "collector/store/columns/decode/json_labels.hpp"

#include <algorithm>
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

    enum : uint8_t { kPlain, kOdd, kNull };

    std::vector<uint8_t> kinds;      ///< by text
    std::vector<uint8_t> is_object;  ///< by text
};

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
        for (size_t label = 0; label < wants_.json_labels.size(); ++label) {
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
            give_texts(label, *out.labels[label]);
        }
        return {};
    }

  private:
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
        const std::string label = name.is_odd ? std::string() : wants_.json_label_name(path);
        for (size_t i = 0; i < wants_.json_labels.size(); ++i) {
            if (wants_.json_labels[i].name == label) {
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
            SEYIR_TRY(source.texts, texts_of(column));
            source.first = first_text(source.label, column);
        }
        for (Source& source : plan.arrays) {
            SEYIR_TRY(source.texts, texts_of(shape.slots[source.slot].column));
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
            if (wants_.json_labels[other.label].group == wants_.json_labels[label].group) {
                plan.needs_line = true;
            }
        }
        plan.labels.push_back({i, label, nullptr, 0, is_scalar});
    }

    Result<const Texts*> texts_of(uint32_t number) {
        const auto [at, is_new] = texts_.try_emplace(number);
        Texts& texts = at->second;
        if (!is_new) {
            return &texts;
        }
        SEYIR_TRY(const Column* const column, column_(number));
        if (!column->number_texts(texts.numbered, limit_)) {
            return fail(ErrorCode::kCorrupt, "a field of the block is malformed");
        }
        for (size_t i = 0; i < texts.numbered.ends.size(); ++i) {
            const std::string_view text = texts.numbered.text(i);
            // U+FFFD is shown as a blank.
            const bool is_odd = text.contains('\\') || text.contains("\xef\xbf\xbd");
            texts.kinds.push_back(
                is_odd           ? Texts::kOdd
                : text == "null" ? Texts::kNull
                                 : Texts::kPlain
            );
            texts.is_object.push_back(text.starts_with('{') ? 1 : 0);
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
            if (array.texts->is_object[array.texts->numbered.numbers[places[array.slot]]] != 0) {
                return false;
            }
        }
        for (const Source& source : plan.labels) {
            const uint32_t text = source.texts->numbered.numbers[places[source.slot]];
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
        sources_[label].texts += static_cast<uint32_t>(texts_.at(column).numbered.ends.size());
        return first;
    }

    void give_texts(size_t label, LineValues::Label& out) const {
        if (label >= sources_.size()) {
            return;
        }
        std::vector<size_t> ends;
        for (const auto& [column, first] : sources_[label].columns) {
            const NumberedTexts& texts = texts_.at(column).numbered;
            const size_t begin = out.bytes.size();
            out.bytes += texts.bytes;
            for (const uint32_t end : texts.ends) {
                ends.push_back(begin + end);
            }
        }
        size_t begin = 0;
        out.texts.reserve(ends.size());
        for (const size_t end : ends) {
            out.texts.push_back(std::string_view(out.bytes).substr(begin, end - begin));
            begin = end;
        }
    }

    struct Sources {
        std::vector<std::pair<uint32_t, uint32_t>> columns;  ///< and the number of its first text
        uint32_t texts = 0;
    };

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
