// SPDX-License-Identifier: Apache-2.0
// LookupTable: a file that gives attributes for a key. CSV (RFC 4180, first line names the
// columns), JSON or YAML: a map of keys to maps or single values, or (JSON) an array of objects.
// Threads: immutable once read.   Ownership: values point into the table; batches that use them
// adopt it.
// Errors: kInvalidArgument with the line or key; kTooLarge with limit and value.
// Limits: file 64 MiB (YAML 4 MiB), 1,000,000 keys, 64 columns, a value 64 KiB.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/base/result.hpp"
#include "common/record/arena.hpp"
#include "common/record/value.hpp"

namespace seyir::plugins {

inline constexpr size_t kLookupFileBytesMax = 64 * 1024 * 1024;
inline constexpr size_t kLookupKeysMax = 1'000'000;
inline constexpr size_t kLookupColumnsMax = 64;
inline constexpr size_t kLookupValueBytesMax = 64 * 1024;

enum class LookupFormat : uint8_t { kCsv, kJson, kYaml };

struct LookupShape {
    LookupFormat format = LookupFormat::kCsv;
    std::string key_column;            ///< "" = the first of a CSV file; needed for JSON arrays
    std::vector<std::string> columns;  ///< empty = all but the key's
};

class LookupTable {
  public:
    static Result<std::shared_ptr<const LookupTable>> parse(
        std::string_view text, const std::string& path, const LookupShape& shape
    );

    /// Names of what a key gives, in order.
    const std::vector<std::string>& columns() const { return columns_; }

    /// One value a column, kNull where there is none; nothing for an unknown key.
    std::optional<std::span<const Value>> find(std::string_view key) const;

    size_t size() const { return rows_.size(); }

  private:
    friend class LookupBuilder;

    Arena arena_;
    std::vector<std::string> columns_;
    std::vector<Value> cells_;  // rows_ x columns_
    std::unordered_map<std::string_view, uint32_t> rows_;
};

using LookupTablePtr = std::shared_ptr<const LookupTable>;

}  // namespace seyir::plugins
