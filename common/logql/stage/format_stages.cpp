// SPDX-License-Identifier: Apache-2.0
// line_format, label_format, drop, keep, decolorize: stages that change the line or the labels.
#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "common/logql/matcher.hpp"
#include "common/logql/stage/stage_op.hpp"
#include "common/logql/template/printf.hpp"
#include "common/logql/template/template.hpp"

namespace seyir::logql {
namespace {

using tmpl::Template;

class LineFormatOp final : public StageOp {
  public:
    explicit LineFormatOp(Template text) : template_(std::move(text)) {}

    bool apply(ScratchRow& row) const override {
        if (const auto line = template_.render(row)) {
            row.set_line(*line);
        }
        return true;
    }

  private:
    Template template_;
};

class LabelFormatOp final : public StageOp {
  public:
    struct Item {
        std::string name;
        std::string rename_from;  ///< "" = template
        Template text;
    };

    explicit LabelFormatOp(std::vector<Item> items) : items_(std::move(items)) {}

    bool apply(ScratchRow& row) const override {
        // All templates see the labels as they were at the first of them.
        std::optional<tmpl::Value> labels;
        for (const Item& item : items_) {
            if (item.rename_from.empty()) {
                if (!labels && items_.size() > 1) {
                    labels = tmpl::labels_map(row);
                }
                if (const auto text = item.text.render(row, labels ? &*labels : nullptr)) {
                    row.set(item.name, *text);
                }
            } else if (const auto value = row.get(item.rename_from)) {
                row.set(item.name, *value);
                row.remove(item.rename_from);
            }
        }
        return true;
    }

  private:
    std::vector<Item> items_;
};

struct Choice {
    std::string name;
    std::optional<CompiledMatcher> matcher;

    bool fits(std::string_view label, std::string_view value) const {
        return label == name && (!matcher || matcher->matches(value));
    }
};

class DropOp final : public StageOp {
  public:
    explicit DropOp(std::vector<Choice> choices) : choices_(std::move(choices)) {}

    bool apply(ScratchRow& row) const override {
        for (const Choice& choice : choices_) {
            const auto value = row.get(choice.name);
            if (value && choice.fits(choice.name, *value)) {
                row.remove(choice.name);
            }
        }
        return true;
    }

  private:
    std::vector<Choice> choices_;
};

class KeepOp final : public StageOp {
  public:
    explicit KeepOp(std::vector<Choice> choices) : choices_(std::move(choices)) {}

    bool apply(ScratchRow& row) const override {
        row.keep_only([&](const Label& label) {
            // Errors are never hidden by keep, only by drop.
            return label.name == kErrorLabel || label.name == kErrorDetailsLabel ||
                   std::ranges::any_of(choices_, [&](const Choice& choice) {
                       return choice.fits(label.name, label.value);
                   });
        });
        return true;
    }

  private:
    std::vector<Choice> choices_;
};

/// Removes ECMA-48 control sequences: ESC [ parameters final byte.
class DecolorizeOp final : public StageOp {
  public:
    bool apply(ScratchRow& row) const override {
        const std::string_view line = row.line();
        if (line.find('\x1b') == std::string_view::npos) {
            return true;
        }
        char* const begin = row.scratch().allocate(line.size());
        char* out = begin;
        for (size_t at = 0; at < line.size();) {
            if (line.substr(at).starts_with("\x1b[")) {
                at += 2;
                while (at < line.size() && line[at] >= 0x20 && line[at] <= 0x3f) {
                    ++at;
                }
                at += at < line.size() ? 1 : 0;
            } else {
                *out++ = line[at++];
            }
        }
        row.set_line({begin, static_cast<size_t>(out - begin)});
        return true;
    }
};

Result<std::vector<Choice>> compile(const std::vector<LabelChoice>& choices) {
    std::vector<Choice> compiled;
    for (const LabelChoice& choice : choices) {
        Choice one{.name = choice.name};
        if (choice.matcher) {
            SEYIR_TRY(one.matcher, CompiledMatcher::compile(*choice.matcher));
        }
        compiled.push_back(std::move(one));
    }
    return compiled;
}

Result<Template> compile_template(const std::string& text, std::string_view what) {
    auto compiled = Template::compile(text);
    if (!compiled && compiled.error().code != ErrorCode::kUnsupported) {
        return fail(
            compiled.error().code,
            fmt::format("invalid {} template: {}", what, compiled.error().message)
        );
    }
    return compiled;
}

}  // namespace

Result<StageOpPtr> make_stage(const DecolorizeStage&) {
    return StageOpPtr(std::make_unique<DecolorizeOp>());
}

Result<StageOpPtr> make_stage(const LineFormatStage& stage) {
    SEYIR_TRY(auto text, compile_template(stage.format, "line"));
    return StageOpPtr(std::make_unique<LineFormatOp>(std::move(text)));
}

Result<StageOpPtr> make_stage(const LabelFormatStage& stage) {
    std::vector<LabelFormatOp::Item> items;
    for (const LabelFormat& format : stage.formats) {
        LabelFormatOp::Item item{.name = format.name};
        if (format.is_rename) {
            item.rename_from = format.text;
        } else {
            SEYIR_TRY(item.text, compile_template(format.text, "label"));
        }
        items.push_back(std::move(item));
    }
    return StageOpPtr(std::make_unique<LabelFormatOp>(std::move(items)));
}

Result<StageOpPtr> make_stage(const DropStage& stage) {
    SEYIR_TRY(auto choices, compile(stage.choices));
    return StageOpPtr(std::make_unique<DropOp>(std::move(choices)));
}

Result<StageOpPtr> make_stage(const KeepStage& stage) {
    SEYIR_TRY(auto choices, compile(stage.choices));
    return StageOpPtr(std::make_unique<KeepOp>(std::move(choices)));
}

}  // namespace seyir::logql
