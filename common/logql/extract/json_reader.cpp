// SPDX-License-Identifier: Apache-2.0
#include "common/logql/extract/json_reader.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

#include <simdjson.h>

#include "common/logql/extract/json_scanner.hpp"
#include "common/logql/stage/scratch_row.hpp"
#include "common/logql/text/search.hpp"
#include "common/record/stream_labels.hpp"

namespace seyir::logql {
namespace ondemand = simdjson::ondemand;

struct JsonReader::Simd {
    ondemand::parser parser;
    std::string padded;
    std::vector<size_t> prefix_ends;

    /// A copy with the padding simdjson may read beyond the end.
    simdjson::padded_string_view pad(std::string_view line) {
        if (padded.size() < line.size() + simdjson::SIMDJSON_PADDING) {
            padded.resize(2 * line.size() + simdjson::SIMDJSON_PADDING);
        }
        std::memcpy(padded.data(), line.data(), line.size());
        return simdjson::padded_string_view(padded.data(), line.size(), padded.size());
    }
};

namespace {

std::string_view trim(std::string_view token) {
    while (!token.empty() && static_cast<unsigned char>(token.back()) <= ' ') {
        token.remove_suffix(1);
    }
    return token;
}

void extend_prefix(std::string& prefix, std::string_view name) {
    const size_t before = prefix.size();
    if (!prefix.empty()) {
        prefix += '_';
    }
    const size_t joined = prefix.size();
    append_label_name(prefix, name, before == 0);
    if (prefix.size() == joined) {
        prefix.resize(before);  // a blank name adds nothing
    }
}

/// Extends the prefix by one level's name and takes it off again.
class PrefixLevel {
  public:
    PrefixLevel(std::string& prefix, std::string_view name)
        : prefix_(prefix), size_(prefix.size()) {
        extend_prefix(prefix_, name);
    }

    ~PrefixLevel() { prefix_.resize(size_); }

  private:
    std::string& prefix_;
    size_t size_;
};

/// A member at the top that no stage wants and whose name needs no change: no label is made of it.
bool is_skipped(
    const ScratchRow& row, const std::string& prefix, std::string_view key, ondemand::json_type type
) {
    return row.has_wanted() && prefix.empty() && type != ondemand::json_type::object &&
           is_label_name(key) && !row.is_wanted(key);
}

/// Walks with simdjson; any error means "let the scanner decide".
simdjson::error_code walk(
    ondemand::object object, ScratchRow& row, std::string& prefix, int depth
) {
    if (depth > kJsonDepthMax) {
        return simdjson::DEPTH_ERROR;
    }
    for (auto field_result : object) {
        ondemand::field field;
        SIMDJSON_TRY(std::move(field_result).get(field));
        std::string_view key;
        SIMDJSON_TRY(field.unescaped_key().get(key));
        ondemand::json_type type{};
        SIMDJSON_TRY(field.value().type().get(type));
        if (is_skipped(row, prefix, key, type)) {
            continue;
        }
        const PrefixLevel level(prefix, key);
        if (type == ondemand::json_type::object) {
            ondemand::object child;
            SIMDJSON_TRY(field.value().get_object().get(child));
            SIMDJSON_TRY(walk(child, row, prefix, depth + 1));
            continue;
        }
        if (type == ondemand::json_type::array || type == ondemand::json_type::null ||
            !row.is_wanted(prefix)) {
            continue;
        }
        if (type == ondemand::json_type::string) {
            std::string_view text;
            SIMDJSON_TRY(field.value().get_string().get(text));
            // simdjson checked the encoding; only U+FFFD (0xef 0xbf 0xbd) is left to look for.
            const std::string_view kept = row.scratch().copy(text);
            const bool plain = kept.find('\xef') == std::string_view::npos;
            row.extract(prefix, plain ? kept : clean_utf8(kept, row.scratch()));
            continue;
        }
        // A number or boolean: the text as written, after a check that it is one.
        const std::string_view token = trim(field.value().raw_json_token());
        if (type == ondemand::json_type::boolean) {
            bool value = false;
            SIMDJSON_TRY(field.value().get_bool().get(value));
        } else if (!is_json_number(token)) {
            return simdjson::NUMBER_ERROR;
        }
        row.extract(prefix, row.scratch().copy(token));
    }
    return simdjson::SUCCESS;
}

std::optional<std::string_view> scan_all(
    std::string_view object, ScratchRow& row, std::string& prefix, int depth
) {
    if (depth > kJsonDepthMax) {
        return "nested too deep";
    }
    std::optional<std::string_view> inner_error;
    const auto error =
        scan_object(object, [&](std::string_view raw_key, const ScannedValue& value) {
            const auto key = unescape_json(raw_key, row.scratch());
            const PrefixLevel level(prefix, key.value_or(""));
            if (value.kind == ScannedKind::kObject) {
                inner_error = scan_all(value.text, row, prefix, depth + 1);
                return !inner_error.has_value();
            }
            if (value.kind == ScannedKind::kArray || value.kind == ScannedKind::kNull) {
                return true;
            }
            if (row.is_wanted(prefix)) {
                row.extract(prefix, value.to_label(row.scratch()));
            }
            return true;
        });
    return inner_error ? inner_error : error;
}

}  // namespace

std::string json_label_name(std::span<const std::string_view> path) {
    std::string label;
    for (const std::string_view name : path) {
        extend_prefix(label, name);
    }
    return label;
}

JsonReader::JsonReader() : simd_(std::make_unique<Simd>()) {}

JsonReader::~JsonReader() = default;

std::optional<std::string_view> JsonReader::extract_all(ScratchRow& row) {
    prefix_.clear();
    const std::string_view line = row.line();
    const size_t first = line.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos || line[first] != '{') {
        return "expecting a JSON object, but it is not";
    }
    ondemand::document document;
    ondemand::object object;
    if (simd_->parser.iterate(simd_->pad(line)).get(document) == simdjson::SUCCESS &&
        document.get_object().get(object) == simdjson::SUCCESS &&
        walk(object, row, prefix_, 1) == simdjson::SUCCESS) {
        return std::nullopt;
    }
    // What was extracted so far stays: the scanner finds the same values again.
    prefix_.clear();
    return scan_all(line, row, prefix_, 1);
}

std::optional<std::string_view> JsonReader::find(ScratchRow& row, const JsonPath& path) {
    std::string_view value = row.line();
    ScannedValue scanned{ScannedKind::kObject, value};
    for (const auto& step : path) {
        std::optional<ScannedValue> next;
        if (const auto* key = std::get_if<std::string>(&step)) {
            if (scanned.kind != ScannedKind::kObject) {
                return std::nullopt;
            }
            scan_object(scanned.text, [&](std::string_view raw_key, const ScannedValue& member) {
                const auto name = unescape_json(raw_key, row.scratch());
                if (name && *name == *key) {
                    next = member;
                }
                return !next.has_value();
            });
        } else {
            if (scanned.text.find_first_not_of(" \t\r\n") == std::string_view::npos) {
                return std::nullopt;
            }
            uint32_t left = std::get<uint32_t>(step);
            scan_array(scanned.text, [&](const ScannedValue& item) {
                if (left-- == 0) {
                    next = item;
                }
                return !next.has_value();
            });
        }
        if (!next) {
            return std::nullopt;
        }
        scanned = *next;
    }
    return scanned.to_label(row.scratch());
}

bool JsonReader::string_members(ScratchRow& row, std::vector<Member>& members) {
    members.clear();
    const auto error =
        scan_object(row.line(), [&](std::string_view raw_key, const ScannedValue& value) {
            const auto key = unescape_json(raw_key, row.scratch());
            if (key && value.kind == ScannedKind::kString) {
                members.push_back({*key, value.to_label(row.scratch())});
            }
            return true;
        });
    return !error.has_value();
}

std::optional<JsonPath> parse_json_path(std::string_view text) {
    JsonPath path;
    const auto is_letter = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    };
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    size_t at = 0;
    while (at < text.size()) {
        if (text[at] == '[') {
            const bool is_key = at + 1 < text.size() && text[at + 1] == '"';
            if (is_key) {
                const size_t end = text.find("\"]", at + 2);
                if (end == std::string_view::npos) {
                    return std::nullopt;
                }
                path.emplace_back(std::string(text.substr(at + 2, end - at - 2)));
                at = end + 2;
                continue;
            }
            uint32_t index = 0;
            const auto [rest, error] =
                std::from_chars(text.data() + at + 1, text.data() + text.size(), index);
            if (error != std::errc() || rest == text.data() + text.size() || *rest != ']') {
                return std::nullopt;
            }
            path.emplace_back(index);
            at = static_cast<size_t>(rest - text.data()) + 1;
            continue;
        }
        if (text[at] == '.') {
            if (path.empty()) {
                return std::nullopt;
            }
            ++at;
        } else if (!path.empty()) {
            return std::nullopt;
        }
        const size_t begin = at;
        while (at < text.size() && (is_letter(text[at]) || (at > begin && is_digit(text[at])))) {
            ++at;
        }
        if (at == begin) {
            return std::nullopt;
        }
        path.emplace_back(std::string(text.substr(begin, at - begin)));
    }
    return path.empty() ? std::nullopt : std::optional(std::move(path));
}

}  // namespace seyir::logql
