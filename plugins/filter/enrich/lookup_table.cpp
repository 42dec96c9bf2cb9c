// SPDX-License-Identifier: Apache-2.0
#include "plugins/filter/enrich/lookup_table.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "common/config/document.hpp"
#include "common/json/reader.hpp"
#include "plugins/filter/enrich/csv_reader.hpp"
#include "plugins/filter/field/constant.hpp"

namespace seyir::plugins {

/// Puts keys and cells in, whatever the format.
class LookupBuilder {
  public:
    explicit LookupBuilder(const LookupShape& shape) : shape_(shape) {
        table_->columns_ = shape.columns;
    }

    Result<void> begin_row(std::string_view key, std::string_view where) {
        LookupTable& table = *table_;
        if (table.rows_.size() >= kLookupKeysMax) {
            return fail(
                ErrorCode::kTooLarge, fmt::format("{}: more than {} keys", where, kLookupKeysMax)
            );
        }
        SEYIR_CHECK(check_size(key, where));
        const auto row = static_cast<uint32_t>(table.rows_.size());
        if (!table.rows_.emplace(table.arena_.copy(key), row).second) {
            return fail(
                ErrorCode::kInvalidArgument,
                fmt::format("{}: the key `{}` is there twice", where, key.substr(0, 100))
            );
        }
        rows_.emplace_back();
        return {};
    }

    /// Of the row begun last. Columns that were not asked for are left out.
    Result<void> cell(std::string_view column, const Value& value, std::string_view where) {
        size_t at = 0;
        const auto& columns = table_->columns_;
        at = static_cast<size_t>(std::ranges::find(columns, column) - columns.begin());
        if (at == columns.size()) {
            if (!shape_.columns.empty()) {
                return {};
            }
            if (at == kLookupColumnsMax) {
                return fail(
                    ErrorCode::kTooLarge,
                    fmt::format("{}: more than {} columns", where, kLookupColumnsMax)
                );
            }
            table_->columns_.emplace_back(column);
        }
        Value kept = value;
        if (value.kind() == ValueKind::kString) {
            SEYIR_CHECK(check_size(value.as_text(), where));
            kept = Value::string(table_->arena_.copy(value.as_text()));
        }
        auto& row = rows_.back();
        row.resize(std::max(row.size(), at + 1));
        row[at] = kept;
        return {};
    }

    std::shared_ptr<const LookupTable> finish() {
        const size_t width = table_->columns_.size();
        table_->cells_.reserve(width * rows_.size());
        for (auto& row : rows_) {
            row.resize(width);
            table_->cells_.insert(table_->cells_.end(), row.begin(), row.end());
        }
        return std::move(table_);
    }

  private:
    static Result<void> check_size(std::string_view text, std::string_view where) {
        if (text.size() > kLookupValueBytesMax) {
            return fail(
                ErrorCode::kTooLarge,
                fmt::format(
                    "{}: a value of {} bytes, limit {}", where, text.size(), kLookupValueBytesMax
                )
            );
        }
        return {};
    }

    const LookupShape& shape_;
    std::shared_ptr<LookupTable> table_ = std::make_shared<LookupTable>();
    std::vector<std::vector<Value>> rows_;
};

namespace {

Result<void> read_csv(std::string_view text, const LookupShape& shape, LookupBuilder& builder) {
    CsvReader reader(text);
    std::vector<std::string> header;
    SEYIR_TRY(const bool has_header, reader.next(header));
    if (!has_header) {
        return fail(ErrorCode::kInvalidArgument, "empty: the first line names the columns");
    }
    const std::string& key_column = shape.key_column.empty() ? header.front() : shape.key_column;
    const auto key = static_cast<size_t>(std::ranges::find(header, key_column) - header.begin());
    for (const std::string& column : shape.columns) {
        if (std::ranges::find(header, column) == header.end()) {
            return fail(
                ErrorCode::kInvalidArgument, fmt::format("there is no column `{}`", column)
            );
        }
    }
    if (key == header.size()) {
        return fail(
            ErrorCode::kInvalidArgument, fmt::format("there is no column `{}`", key_column)
        );
    }
    std::vector<std::string> cells;
    while (true) {
        SEYIR_TRY(const bool has_row, reader.next(cells));
        if (!has_row) {
            return {};
        }
        const std::string where = fmt::format("line {}", reader.line());
        if (cells.size() != header.size()) {
            return fail(
                ErrorCode::kInvalidArgument,
                fmt::format("{}: {} fields, the header has {}", where, cells.size(), header.size())
            );
        }
        SEYIR_CHECK(builder.begin_row(cells[key], where));
        for (size_t i = 0; i < cells.size(); ++i) {
            if (i != key && !cells[i].empty()) {
                SEYIR_CHECK(builder.cell(header[i], Value::string(cells[i]), where));
            }
        }
    }
}

/// Arrays and objects inside a cell stay JSON text.
Value json_value(json::View view, std::string& text) {
    switch (view.type()) {
        case json::Type::kNull:
            return Value::null();
        case json::Type::kBool:
            return Value::boolean(*view.boolean());
        case json::Type::kInt64:
            return Value::integer(*view.int64());
        case json::Type::kDouble:
            return Value::real(*view.number());
        case json::Type::kString:
            return Value::string(*view.string());
        default:
            text = json::to_text(view);
            return Value::string(text);
    }
}

Result<void> read_json_row(
    json::View row, std::string_view key, std::string_view skipped, LookupBuilder& builder
) {
    const std::string where = fmt::format("key `{}`", key.substr(0, 100));
    SEYIR_CHECK(builder.begin_row(key, where));
    std::string text;
    if (!row.is_object()) {
        return builder.cell("value", json_value(row, text), where);
    }
    for (const auto& [name, value] : row.members()) {
        if (name != skipped) {
            SEYIR_CHECK(builder.cell(name, json_value(value, text), where));
        }
    }
    return {};
}

Result<void> read_json(std::string_view text, const LookupShape& shape, LookupBuilder& builder) {
    json::Document document;
    SEYIR_TRY(const json::View root, document.parse(text));
    if (root.is_object()) {
        for (const auto& [key, row] : root.members()) {
            SEYIR_CHECK(read_json_row(row, key, "", builder));
        }
        return {};
    }
    if (!root.is_array()) {
        return fail(ErrorCode::kInvalidArgument, "neither an object nor an array of objects");
    }
    if (shape.key_column.empty()) {
        return fail(ErrorCode::kInvalidArgument, "an array of objects needs `key_column`");
    }
    std::string number;
    for (const json::View row : root.elements()) {
        const auto key = row.get(shape.key_column);
        if (!key) {
            return fail(
                ErrorCode::kInvalidArgument,
                fmt::format("an element without `{}`", shape.key_column)
            );
        }
        const auto string = key->string();
        number = string ? std::string(*string) : json::to_text(*key);
        SEYIR_CHECK(read_json_row(row, number, shape.key_column, builder));
    }
    return {};
}

Result<void> read_yaml(std::string_view text, const std::string& path, LookupBuilder& builder) {
    auto source = std::make_shared<config::SourceFile>(path, std::string(text));
    config::Diagnostics diagnostics(source);
    const config::Document document = config::parse_document(source, diagnostics);
    if (diagnostics.has_errors()) {
        return diagnostics.to_error();
    }
    const config::Node* root = document.root();
    if (root == nullptr || !root->is_map()) {
        return fail(ErrorCode::kInvalidArgument, "not a map");
    }
    for (const config::Entry& entry : root->entries) {
        const std::string where =
            fmt::format("line {}", source->position(entry.key->span.begin).line);
        SEYIR_CHECK(builder.begin_row(entry.key->text, where));
        std::vector<std::pair<std::string_view, const config::Node*>> cells;
        if (entry.value->is_map()) {
            for (const config::Entry& cell : entry.value->entries) {
                cells.emplace_back(cell.key->text, cell.value);
            }
        } else {
            cells.emplace_back("value", entry.value);
        }
        for (const auto& [name, node] : cells) {
            if (!node->is_scalar()) {
                return fail(
                    ErrorCode::kInvalidArgument,
                    fmt::format("{}: `{}` is not a single value", where, name)
                );
            }
            const Constant constant = constant_of(*node);
            const Value value = node->is_null() ? Value::null() : value_of(constant);
            SEYIR_CHECK(builder.cell(name, value, where));
        }
    }
    return {};
}

}  // namespace

Result<std::shared_ptr<const LookupTable>> LookupTable::parse(
    std::string_view text, const std::string& path, const LookupShape& shape
) {
    LookupBuilder builder(shape);
    Result<void> read;
    switch (shape.format) {
        case LookupFormat::kCsv:
            read = read_csv(text, shape, builder);
            break;
        case LookupFormat::kJson:
            read = read_json(text, shape, builder);
            break;
        case LookupFormat::kYaml:
            read = text.size() > config::kFileBytesMax
                       ? Result<void>(fail(
                             ErrorCode::kTooLarge,
                             fmt::format(
                                 "{} bytes of YAML, limit {}", text.size(), config::kFileBytesMax
                             )
                         ))
                       : read_yaml(text, path, builder);
            break;
    }
    if (!read) {
        return read.error().context(path);
    }
    return builder.finish();
}

std::optional<std::span<const Value>> LookupTable::find(std::string_view key) const {
    const auto at = rows_.find(key);
    if (at == rows_.end()) {
        return std::nullopt;
    }
    return std::span(cells_).subspan(at->second * columns_.size(), columns_.size());
}

}  // namespace seyir::plugins
