// SPDX-License-Identifier: Apache-2.0
#include "plugins/filter/field/row_key.hpp"

#include <bit>
#include <utility>

#include <xxhash.h>

namespace seyir::plugins {
namespace {

template <class T>
void append(std::string& out, T value) {
    static_assert(std::endian::native == std::endian::little);
    out.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

}  // namespace

RowKeys::RowKeys(const std::vector<FieldRef>& fields, bool with_stream)
    : with_stream_(with_stream) {
    for (const FieldRef& field : fields) {
        fields_.emplace_back(field);
    }
}

void RowKeys::bind(const RecordBatch& batch) {
    for (BoundField& field : fields_) {
        field.bind(batch);
    }
}

RowKey RowKeys::hash(const RecordBatch& batch, uint32_t row, bool* has_any) {
    bytes_.clear();
    if (with_stream_) {
        const StreamFingerprint print = batch.streams()[batch.stream(row)]->fingerprint();
        append(bytes_, print.hi);
        append(bytes_, print.lo);
    }
    bool any = false;
    for (const BoundField& field : fields_) {
        const auto text = field.text(batch, row, scratch_);
        any = any || text;
        append(bytes_, text ? static_cast<uint32_t>(text->size()) : UINT32_MAX);
        bytes_ += text.value_or("");
    }
    if (has_any != nullptr) {
        *has_any = any;
    }
    const XXH128_hash_t hash = XXH3_128bits(bytes_.data(), bytes_.size());
    return {hash.high64, hash.low64};
}

std::vector<FieldRef> read_fields(
    const config::ObjectReader& r, std::string_view key, component::PlanContext& context
) {
    std::vector<FieldRef> fields;
    const std::vector<std::string> names = r.strings(key);
    for (size_t i = 0; i < names.size(); ++i) {
        auto field = FieldRef::parse(names[i]);
        if (!field) {
            context.diagnostics.add(
                {.code = config::kBadName,
                 .at = r.item_span(key, i),
                 .message = field.error().message}
            );
            continue;
        }
        fields.push_back(std::move(*field));
    }
    return fields;
}

}  // namespace seyir::plugins
