// SPDX-License-Identifier: Apache-2.0
#include "common/logql/stage/pipeline.hpp"

#include <algorithm>

#include "common/logql/extract/json_reader.hpp"
#include "common/logql/stage/line_matcher.hpp"
#include "common/logql/template/template.hpp"
#include "common/logql/text/regex.hpp"

namespace seyir::logql {
namespace {

// A shorter text is in nearly every block: not worth a look at the filters.
constexpr size_t kRequiredTextBytesMin = 3;

void collect_required(const Stage& stage, std::vector<std::string>& texts) {
    const auto* filter = std::get_if<LineFilter>(&stage.kind);
    if (filter == nullptr || filter->negated || filter->terms.size() != 1 ||
        filter->terms[0].is_ip) {
        return;
    }
    std::string text;
    if (filter->op == LineOp::kContains) {
        text = filter->terms[0].value;
    } else if (filter->op == LineOp::kRegex) {
        text = required_literal(filter->terms[0].value);
    }
    if (text.size() >= kRequiredTextBytesMin && text.find('\\') == std::string::npos) {
        texts.push_back(std::move(text));
    }
}

LineUse use_of(const Stage& stage) {
    if (const auto* json = std::get_if<JsonStage>(&stage.kind)) {
        return json->extractions.empty() ? LineUse::kJsonLabels
               : key_paths_of(*json)     ? LineUse::kJsonPaths
                                         : LineUse::kWhole;
    }
    if (const auto* logfmt = std::get_if<LogfmtStage>(&stage.kind)) {
        const bool is_plain = !logfmt->strict && !logfmt->keep_empty && logfmt->extractions.empty();
        return is_plain ? LineUse::kLogfmtLabels : LineUse::kWhole;
    }
    if (const auto* labels = std::get_if<LabelFormatStage>(&stage.kind)) {
        return std::ranges::all_of(labels->formats, &LabelFormat::is_rename) ? LineUse::kNone
                                                                             : LineUse::kWhole;
    }
    const bool reads_no_line = std::holds_alternative<LineFilter>(stage.kind) ||
                               std::holds_alternative<LabelFilter>(stage.kind) ||
                               std::holds_alternative<DropStage>(stage.kind) ||
                               std::holds_alternative<KeepStage>(stage.kind);
    return reads_no_line ? LineUse::kNone : LineUse::kWhole;
}

/// Of two stages: a row has the stand-in of one of them only.
LineUse both(LineUse a, LineUse b) {
    if (a == LineUse::kNone || b == LineUse::kNone) {
        return a == LineUse::kNone ? b : a;
    }
    return a == LineUse::kJsonLabels && b == a ? a : LineUse::kWhole;
}

void collect_labels(const LabelFilter& filter, std::vector<std::string>& names) {
    std::visit(
        [&](const auto& test) {
            using Test = std::decay_t<decltype(test)>;
            if constexpr (std::is_same_v<Test, StringTest>) {
                names.push_back(test.matcher.name);
            } else if constexpr (std::is_same_v<Test, BothTests>) {
                collect_labels(*test.left, names);
                collect_labels(*test.right, names);
            } else {
                names.push_back(test.name);
            }
        },
        filter.test
    );
}

void add_template(std::string_view text, std::optional<std::vector<std::string>>& names) {
    const auto compiled = tmpl::Template::compile(text);
    if (!compiled || !compiled->referenced_labels()) {
        names.reset();
    } else if (names) {
        const std::vector<std::string>& read = *compiled->referenced_labels();
        names->insert(names->end(), read.begin(), read.end());
    }
}

/// Labels the stage reads; nothing any more when it may read any.
void add_references(const Stage& stage, std::optional<std::vector<std::string>>& names) {
    if (!names) {
        return;
    }
    if (const auto* filter = std::get_if<LabelFilter>(&stage.kind)) {
        collect_labels(*filter, *names);
    } else if (const auto* line = std::get_if<LineFormatStage>(&stage.kind)) {
        add_template(line->format, names);
    } else if (const auto* labels = std::get_if<LabelFormatStage>(&stage.kind)) {
        for (const LabelFormat& format : labels->formats) {
            if (!format.is_rename) {
                add_template(format.text, names);
            } else if (names) {
                names->push_back(format.text);
            }
        }
    }
}

}  // namespace

std::optional<std::vector<KeyPath>> key_paths_of(const JsonStage& stage) {
    std::vector<KeyPath> paths;
    for (const Extraction& extraction : stage.extractions) {
        const auto path = parse_json_path(extraction.expression);
        if (!path) {
            return std::nullopt;
        }
        KeyPath found{extraction.name, {}};
        for (const auto& step : *path) {
            const auto* key = std::get_if<std::string>(&step);
            // Such a key stands in lines as it is, or with an escape.
            const bool is_plain =
                key != nullptr && !key->empty() && std::ranges::all_of(*key, [](char c) {
                    return c > ' ' && c < 0x7f && c != '"' && c != '\\';
                });
            if (!is_plain) {
                return std::nullopt;
            }
            found.keys.push_back(*key);
        }
        if (std::ranges::any_of(paths, [&](const KeyPath& other) {
                return other.name == found.name || other.keys == found.keys;
            })) {
            return std::nullopt;
        }
        paths.push_back(std::move(found));
    }
    return paths;
}

Result<Pipeline> Pipeline::compile(std::string_view text, const std::vector<Stage>& stages) {
    Pipeline pipeline;
    bool line_changed = false;
    for (const Stage& stage : stages) {
        auto op = std::visit([](const auto& kind) { return make_stage(kind); }, stage.kind);
        if (!op) {
            const Error& error = op.error();
            return error.code == ErrorCode::kUnsupported
                       ? unsupported_error(text, stage.at, error.message)
                       : parse_error(text, stage.at, error.message);
        }
        pipeline.stages_.push_back(std::move(*op));
        line_changed = line_changed || changes_line(stage);
        if (!line_changed) {
            collect_required(stage, pipeline.required_texts_);
        }
        add_references(stage, pipeline.referenced_);
        pipeline.line_use_ = both(pipeline.line_use_, use_of(stage));
    }
    return pipeline;
}

}  // namespace seyir::logql
