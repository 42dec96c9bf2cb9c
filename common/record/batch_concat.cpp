// SPDX-License-Identifier: Apache-2.0
#include "common/record/batch_concat.hpp"

#include <optional>

#include "common/base/assert.hpp"

namespace seyir {
namespace {

class Concat {
  public:
    explicit Concat(const RecordBatch& first) : to_(std::make_shared<RecordBatch>(first.tenant())) {
        for (const SourcePosition& position : first.positions()) {
            to_->add_position(position);
        }
        to_->set_provenance(first.provenance());
    }

    void add(const BatchView& view) {
        const RecordBatch& from = *view.batch;
        to_->arena().adopt(view.batch, from.memory_bytes());
        streams_.clear();
        for (const StreamLabelsPtr& labels : from.streams()) {
            streams_.push_back(to_->add_stream(labels));
        }
        keys_.clear();
        for (const Slice key : from.keys()) {
            keys_.push_back(to_->add_key(key));
        }
        std::optional<AttrRange> last_from;
        AttrRange last_to;
        for_each_row(view, [&](uint32_t i) {
            Row row = from.row(i);
            if (last_from != row.attrs) {
                last_from = row.attrs;
                last_to = move_attrs(from.attrs(i));
            }
            row.attrs = last_to;
            row.stream = streams_[row.stream];
            to_->append_row(row);
        });
    }

    RecordBatchPtr take() { return std::move(to_); }

  private:
    AttrRange move_attrs(std::span<const Attr> attrs) {
        attrs_.assign(attrs.begin(), attrs.end());
        for (Attr& attr : attrs_) {
            attr.key = keys_[attr.key];
        }
        return to_->add_attrs(attrs_);
    }

    std::shared_ptr<RecordBatch> to_;
    std::vector<uint16_t> streams_;
    std::vector<KeyIndex> keys_;
    std::vector<Attr> attrs_;
};

}  // namespace

RecordBatchPtr concat_views(const std::vector<BatchView>& parts) {
    SEYIR_ASSERT(!parts.empty());
    Concat concat(*parts.front().batch);
    for (const BatchView& part : parts) {
        concat.add(part);
    }
    return concat.take();
}

}  // namespace seyir
