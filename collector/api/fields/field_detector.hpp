// SPDX-License-Identifier: Apache-2.0
// FieldDetector: which fields rows have, of which type, with how many values, and what finds them.
// Room: ScratchRow after the query's stages -> DetectedField.
// Threads: one owner.   Limits: kFieldsMax names, kValuesMax values of a field, depth as
// json::Document; what is beyond is left out.
// Spec: detected_fields of Grafana Loki's HTTP API.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/json/reader.hpp"
#include "common/logql/stage/scratch_row.hpp"

namespace seyir::collector::api {

/// Loki's words.
enum class FieldType { kString, kInt, kFloat, kBoolean, kDuration, kBytes };

std::string_view to_text(FieldType type);

FieldType type_of(std::string_view value);

struct DetectedField {
    FieldType type = FieldType::kString;
    std::set<std::string, std::less<>> values;
    std::set<std::string_view> parsers;  ///< "json", "logfmt"; none: metadata or a stage's label
    std::vector<std::string> json_path;
};

class FieldDetector {
  public:
    static constexpr size_t kFieldsMax = 10'000;
    static constexpr size_t kValuesMax = 10'000;
    static constexpr size_t kValueBytesMax = 1024;

    /// Only this field's values are kept; "" = all.
    explicit FieldDetector(std::string only = "") : only_(std::move(only)) {}

    void add(logql::ScratchRow& row);

    const std::map<std::string, DetectedField, std::less<>>& fields() const { return fields_; }

  private:
    void add_value(
        std::string_view name,
        std::string_view value,
        std::string_view parser,
        const std::vector<std::string>* path
    );
    void add_json(const logql::ScratchRow& row, json::View object);
    void add_logfmt(logql::ScratchRow& row);

    std::string only_;
    std::map<std::string, DetectedField, std::less<>> fields_;
    json::Document document_;
    std::vector<std::string> path_;
};

}  // namespace seyir::collector::api
