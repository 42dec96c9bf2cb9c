// SPDX-License-Identifier: Apache-2.0
#include "collector/store/engine/block_filter.hpp"

#include "collector/store/gram/escapes.hpp"

namespace seyir::store {
namespace {

void add_value(const Value& value, gram::KeyCollector& collector) {
    const bool is_text = value.kind() == ValueKind::kString || value.kind() == ValueKind::kBytes ||
                         value.kind() == ValueKind::kNumberText;
    if (is_text) {
        collector.add(value.as_text());
    } else {
        collector.add(value.to_text());
    }
}

/// As a label shows it.
template <class Id>
void add_id(const Id& id, gram::KeyCollector& collector) {
    static constexpr char kDigits[] = "0123456789abcdef";
    char text[2 * sizeof(id)];
    char* to = text;
    for (const uint8_t byte : id) {
        *to++ = kDigits[byte >> 4];
        *to++ = kDigits[byte & 15];
    }
    collector.add({text, sizeof(text)});
}

/// What a label filter may ask for and the line does not say.
class Values {
  public:
    Values(const RecordBatch& block, gram::KeyCollector& collector)
        : block_(block), collector_(collector) {
        for (const StreamLabelsPtr& labels : block.streams()) {
            for (const auto& [name, value] : labels->pairs()) {
                collector_.add(value);
            }
        }
    }

    void add(size_t i) {
        const Row row = block_.row(i);
        if (row.attrs != last_attrs_ || i == 0) {
            last_attrs_ = row.attrs;
            for (const Attr& attr : block_.attrs(i)) {
                add_value(attr.value, collector_);
            }
        }
        if (row.trace.trace_id != TraceIds{}.trace_id) {
            add_id(row.trace.trace_id, collector_);
        }
        if (row.trace.span_id != TraceIds{}.span_id) {
            add_id(row.trace.span_id, collector_);
        }
    }

  private:
    const RecordBatch& block_;
    gram::KeyCollector& collector_;
    AttrRange last_attrs_;
};

}  // namespace

namespace {

void add_values(const RecordBatch& block, gram::KeyCollector& collector) {
    Values values(block, collector);
    bool has_odd_escape = false;
    for (size_t i = 0; i < block.row_count(); ++i) {
        values.add(i);
        has_odd_escape = has_odd_escape || gram::has_odd_escape(block.body(i));
    }
    if (has_odd_escape) {
        collector.add_key(gram::kOddEscapeKey);
    }
}

}  // namespace

FilteredBlock encode_block(
    const RecordBatch& block, columns::BlockEncoder& encoder, gram::KeyCollector& collector
) {
    columns::PieceSink pieces = [&](std::string_view piece) { collector.add(piece); };
    FilteredBlock out{encoder.encode(block, &pieces), {}};
    add_values(block, collector);
    out.keys = collector.take();
    return out;
}

gram::KeyTree keys_of(const SelectQuery& query) {
    return gram::make_key_tree(query.holds);
}

}  // namespace seyir::store
