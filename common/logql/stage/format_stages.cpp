// SPDX-License-Identifier: Apache-2.0
// line_format, label_format, drop, keep, decolorize: stages that change the line or the labels.
// Templates hold text, {{.label}} and {{__line__}}; functions are refused when compiled.
#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "common/logql/matcher.hpp"
#include "common/logql/stage/stage_op.hpp"
#include "common/record/stream_labels.hpp"

namespace seyir::logql {
namespace {

class Template {
  public:
    static Result<Template> compile(std::string_view text) {
        Template result;
        while (!text.empty()) {
            const size_t open = text.find("{{");
            if (open != 0) {
                result.parts_.push_back({false, std::string(text.substr(0, open))});
                text.remove_prefix(std::min(open, text.size()));
                continue;
            }
            const size_t close = text.find("}}");
            if (close == std::string_view::npos) {
                return fail(ErrorCode::kInvalidArgument, "template without its closing }}");
            }
            std::string_view action = text.substr(2, close - 2);
            text.remove_prefix(close + 2);
            const size_t first = action.find_first_not_of(" \t\n");
            action = first == std::string_view::npos ? "" : action.substr(first);
            action = action.substr(0, action.find_last_not_of(" \t\n") + 1);
            if (action == "__line__") {
                result.parts_.push_back({true, ""});
            } else if (action.starts_with('.') && is_label_name(action.substr(1))) {
                result.parts_.push_back({true, std::string(action.substr(1))});
            } else {
                return fail(
                    ErrorCode::kUnsupported, fmt::format("the template action {{{{{}}}}}", action)
                );
            }
        }
        return result;
    }

    /// Nothing, and an error of the row, beyond what templates may write for it.
    std::optional<std::string_view> render(ScratchRow& row) const {
        size_t size = 0;
        for (const Part& part : parts_) {
            size += text_of(part, row).size();
        }
        if (!row.take_rendered(size)) {
            row.set_error("TemplateFormatErr", "templates wrote more than 4 MiB for this line");
            return std::nullopt;
        }
        char* const begin = row.scratch().allocate(size);
        char* out = begin;
        for (const Part& part : parts_) {
            out = std::ranges::copy(text_of(part, row), out).out;
        }
        return std::string_view(begin, size);
    }

  private:
    struct Part {
        bool is_action = false;
        std::string text;  ///< literal, or the label's name, "" for __line__
    };

    static std::string_view text_of(const Part& part, const ScratchRow& row) {
        if (!part.is_action) {
            return part.text;
        }
        return part.text.empty() ? row.line() : row.get_or_empty(part.text);
    }

    std::vector<Part> parts_;
};

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
        for (const Item& item : items_) {
            if (item.rename_from.empty()) {
                if (const auto text = item.text.render(row)) {
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

}  // namespace

Result<StageOpPtr> make_stage(const DecolorizeStage&) {
    return StageOpPtr(std::make_unique<DecolorizeOp>());
}

Result<StageOpPtr> make_stage(const LineFormatStage& stage) {
    SEYIR_TRY(auto text, Template::compile(stage.format));
    return StageOpPtr(std::make_unique<LineFormatOp>(std::move(text)));
}

Result<StageOpPtr> make_stage(const LabelFormatStage& stage) {
    std::vector<LabelFormatOp::Item> items;
    for (const LabelFormat& format : stage.formats) {
        LabelFormatOp::Item item{.name = format.name};
        if (format.is_rename) {
            item.rename_from = format.text;
        } else {
            SEYIR_TRY(item.text, Template::compile(format.text));
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
