// SPDX-License-Identifier: Apache-2.0
#include "collector/api/fields/field_detector.hpp"

#include <charconv>

#include "common/logql/extract/logfmt.hpp"
#include "common/logql/text/quantity.hpp"

namespace seyir::collector::api {
namespace {

constexpr std::string_view kJson = "json";
constexpr std::string_view kLogfmt = "logfmt";

bool is_integer(std::string_view text) {
    int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return !text.empty() && error == std::errc() && end == text.data() + text.size();
}

/// What both kinds of value allow.
FieldType join(FieldType a, FieldType b) {
    if (a == b) {
        return a;
    }
    const auto is_number = [](FieldType type) {
        return type == FieldType::kInt || type == FieldType::kFloat;
    };
    return is_number(a) && is_number(b) ? FieldType::kFloat : FieldType::kString;
}

std::string text_of(json::View value) {
    const auto text = value.string();
    return text ? std::string(*text) : json::to_text(value);
}

/// As the label is called where a stream has one of that name.
std::string shown_name(const logql::ScratchRow& row, std::string_view name) {
    std::string shown(name);
    if (!row.is_parsed(name) && row.in_base(name)) {
        shown += logql::kExtractedSuffix;
    }
    return shown;
}

}  // namespace

std::string_view to_text(FieldType type) {
    switch (type) {
        case FieldType::kInt:
            return "int";
        case FieldType::kFloat:
            return "float";
        case FieldType::kBoolean:
            return "boolean";
        case FieldType::kDuration:
            return "duration";
        case FieldType::kBytes:
            return "bytes";
        case FieldType::kString:
            break;
    }
    return "string";
}

FieldType type_of(std::string_view value) {
    if (is_integer(value)) {
        return FieldType::kInt;
    }
    if (logql::parse_number(value)) {
        return FieldType::kFloat;
    }
    if (value == "true" || value == "false") {
        return FieldType::kBoolean;
    }
    if (logql::parse_duration_ns(value)) {
        return FieldType::kDuration;
    }
    if (logql::parse_byte_size(value)) {
        return FieldType::kBytes;
    }
    return FieldType::kString;
}

void FieldDetector::add_value(
    std::string_view name,
    std::string_view value,
    std::string_view parser,
    const std::vector<std::string>* path
) {
    if (name.empty() || value.empty() || name.starts_with("__") ||
        (!only_.empty() && name != only_)) {
        return;
    }
    auto at = fields_.find(name);
    const FieldType type = type_of(value);
    if (at == fields_.end()) {
        if (fields_.size() >= kFieldsMax) {
            return;
        }
        at = fields_.emplace(name, DetectedField{.type = type}).first;
    }
    DetectedField& field = at->second;
    field.type = join(field.type, type);
    if (!parser.empty()) {
        field.parsers.insert(parser);
    }
    if (path != nullptr && field.json_path.empty()) {
        field.json_path = *path;
    }
    if (field.values.size() < kValuesMax) {
        field.values.emplace(value.substr(0, kValueBytesMax));
    }
}

void FieldDetector::add_json(const logql::ScratchRow& row, json::View object) {
    object.for_each_member([&](std::string_view member, json::View value) {
        path_.emplace_back(member);
        switch (value.type()) {
            case json::Type::kObject:
                add_json(row, value);
                break;
            case json::Type::kArray:
            case json::Type::kNull:
                break;
            default: {
                std::string name;
                for (const std::string& part : path_) {
                    name += name.empty() ? "" : "_";
                    logql::append_label_name(name, part, name.empty());
                }
                add_value(shown_name(row, name), text_of(value), kJson, &path_);
            }
        }
        path_.pop_back();
        return true;
    });
}

void FieldDetector::add_logfmt(logql::ScratchRow& row) {
    logql::LogfmtScanner scanner(row.line(), row.scratch());
    std::string name;
    for (auto step = scanner.next(); step != logql::LogfmtScanner::Step::kEnd;
         step = scanner.next()) {
        if (step == logql::LogfmtScanner::Step::kPair) {
            name.clear();
            logql::append_label_name(name, scanner.key(), true);
            add_value(shown_name(row, name), scanner.value(), kLogfmt, nullptr);
        }
    }
}

void FieldDetector::add(logql::ScratchRow& row) {
    const size_t first = row.line().find_first_not_of(" \t\r\n");
    if (first != std::string_view::npos && row.line()[first] == '{') {
        const auto root = document_.parse(row.line());
        if (root && root->is_object()) {
            path_.clear();
            add_json(row, *root);
        }
    } else if (row.line().find('=') != std::string_view::npos) {
        add_logfmt(row);
    }
    row.for_each_label([&](const logql::Label& label) {
        if (label.source != logql::LabelSource::kStream) {
            add_value(label.name, label.value, "", nullptr);
        }
    });
}

}  // namespace seyir::collector::api
