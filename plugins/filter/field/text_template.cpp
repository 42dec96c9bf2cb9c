// SPDX-License-Identifier: Apache-2.0
#include "plugins/filter/field/text_template.hpp"

#include <fmt/format.h>

namespace seyir::plugins {
namespace {

std::string_view trimmed(std::string_view text) {
    const size_t first = text.find_first_not_of(" \t\n");
    if (first == std::string_view::npos) {
        return {};
    }
    return text.substr(first, text.find_last_not_of(" \t\n") - first + 1);
}

}  // namespace

Result<TextTemplate> TextTemplate::parse(std::string_view text) {
    if (text.size() > kTemplateBytesMax) {
        return fail(
            ErrorCode::kTooLarge,
            fmt::format("a template of {} bytes, limit {}", text.size(), kTemplateBytesMax)
        );
    }
    TextTemplate result;
    while (true) {
        const size_t open = text.find("{{");
        result.literals_.emplace_back(text.substr(0, open));
        if (open == std::string_view::npos) {
            return result;
        }
        const size_t close = text.find("}}", open);
        if (close == std::string_view::npos) {
            return fail(ErrorCode::kInvalidArgument, "a template without its closing }}");
        }
        const std::string_view action = trimmed(text.substr(open + 2, close - open - 2));
        if (action == "__line__") {
            result.fields_.emplace_back(FieldRef{FieldKind::kLine, ""});
        } else if (action.starts_with('.')) {
            SEYIR_TRY(FieldRef field, FieldRef::parse(action.substr(1)));
            result.fields_.emplace_back(std::move(field));
        } else {
            return fail(
                ErrorCode::kUnsupported,
                fmt::format(
                    "the template action {{{{{}}}}}; templates know {{{{.field}}}} and "
                    "{{{{__line__}}}}",
                    action
                )
            );
        }
        text.remove_prefix(close + 2);
    }
}

void TextTemplate::bind(const RecordBatch& batch) {
    for (BoundField& field : fields_) {
        field.bind(batch);
    }
}

bool TextTemplate::render(
    const RecordBatch& batch,
    uint32_t row,
    std::span<const Attr> attrs,
    size_t bytes_max,
    std::string& out
) {
    out = literals_.front();
    for (size_t i = 0; i < fields_.size(); ++i) {
        const auto text = fields_[i].text(batch, row, attrs, scratch_);
        if (text && text->size() > bytes_max) {
            return false;
        }
        out += text.value_or("");
        out += literals_[i + 1];
        if (out.size() > bytes_max) {
            return false;
        }
    }
    return true;
}

}  // namespace seyir::plugins
