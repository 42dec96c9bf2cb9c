// SPDX-License-Identifier: Apache-2.0
// RowKeys: a 128-bit hash of chosen fields of each row, for filters that treat rows by key. A field
// that is absent differs from one that is empty. Equal on every host and in every version, so that
// agents choose the same traces.
// Threads: an instance belongs to one thread.   Cost: no allocation once its buffers have grown.
// Format: XXH3-128 (seed 0) over `length u32 LE | bytes` of each field, length 0xffffffff = absent,
// after the stream's fingerprint (hi, lo u64 LE) where the stream counts too.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/id128.hpp"
#include "common/component/types.hpp"
#include "plugins/filter/field/field_ref.hpp"

namespace seyir::plugins {

using RowKey = Id128<struct RowKeyTag>;

class RowKeys {
  public:
    RowKeys(const std::vector<FieldRef>& fields, bool with_stream);

    void bind(const RecordBatch& batch);

    RowKey of(const RecordBatch& batch, uint32_t row) { return hash(batch, row, nullptr); }

    /// `has_any`: some field is there.
    RowKey of(const RecordBatch& batch, uint32_t row, bool& has_any) {
        return hash(batch, row, &has_any);
    }

  private:
    RowKey hash(const RecordBatch& batch, uint32_t row, bool* has_any);

    std::vector<BoundField> fields_;
    bool with_stream_;
    std::string bytes_;
    std::string scratch_;
};

/// Names under `key` as fields; mistakes become diagnostics.
std::vector<FieldRef> read_fields(
    const config::ObjectReader& r, std::string_view key, component::PlanContext& context
);

}  // namespace seyir::plugins
