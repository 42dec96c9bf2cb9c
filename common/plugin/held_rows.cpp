// SPDX-License-Identifier: Apache-2.0
#include "common/plugin/held_rows.hpp"

#include <algorithm>
#include <map>

namespace seyir::plugin {
namespace {

/// Rows that leave, and the promises they leave with.
struct Leaving {
    std::shared_ptr<RecordBatch> batch;
    std::map<HeldGroupPtr, uint32_t> rows_of;

    void add(const HeldRow& row) { ++rows_of[row.group]; }
};

/// One promise for all: whoever resolves it answers each group.
pipeline::HeldRows join(const Leaving& leaving) {
    pipeline::HeldRows all;
    std::vector<AckToken> tokens;
    for (const auto& [group, rows] : leaving.rows_of) {
        all.rows += rows;
        tokens.push_back(group->promise.token.clone());
        group->promise.rows -= std::min(rows, group->promise.rows);
    }
    if (tokens.size() == 1) {
        all.token = std::move(tokens.front());
    } else {
        all.token = AckToken([shares = std::move(tokens)](const DeliveryReport& report) mutable {
            for (AckToken& share : shares) {
                share.resolve(report);
            }
        });
    }
    return all;
}

/// Groups whose last row has left need no share of their own any more.
void let_go(const Leaving& leaving) {
    for (const auto& [group, rows] : leaving.rows_of) {
        if (group->promise.rows == 0) {
            group->promise.token.resolve(DeliveryReport{});
        }
    }
}

void append(Leaving& leaving, const HeldRow& from, const std::optional<std::string>& body) {
    const RecordBatch& batch = *from.group->batch;
    if (leaving.batch == nullptr) {
        leaving.batch = std::make_shared<RecordBatch>(batch.tenant());
    }
    RecordBatch& to = *leaving.batch;
    if (!leaving.rows_of.contains(from.group)) {
        to.arena().adopt(from.group->batch, 0);
    }
    Row row = batch.row(from.row);
    std::vector<Attr> attrs;
    for (const Attr& attr : batch.attrs_in(row.attrs)) {
        attrs.emplace_back(to.add_key(batch.keys()[attr.key]), attr.value, attr.is_parsed);
    }
    row.attrs = to.add_attrs(attrs);
    row.stream = to.add_stream(batch.streams()[row.stream]);
    // Without its position: the rest of its batch has gone on with it, and a store would take the
    // same stretch for a duplicate.
    row.origin = kNoOrigin;
    if (body) {
        row.body = to.arena().copy(*body);
    }
    to.append_row(row);
}

class Emitter {
  public:
    explicit Emitter(pipeline::FilterSink& sink) : sink_(sink) {}

    void emit(const std::vector<HeldRow>& rows, const std::optional<std::string>& body) {
        Leaving& leaving = by_tenant_[rows.front().group->batch->tenant()];
        append(leaving, rows.front(), body);
        for (const HeldRow& row : rows) {
            leaving.add(row);
        }
        if (leaving.batch->row_count() >= kRowsMax) {
            flush();
        }
    }

    void drop(const std::vector<HeldRow>& rows, const std::string& reason) {
        flush();
        Leaving leaving;
        for (const HeldRow& row : rows) {
            leaving.add(row);
        }
        sink_.drop_held(reason, join(leaving));
        let_go(leaving);
    }

    void flush() {
        for (auto& [tenant, leaving] : by_tenant_) {
            sink_.emit_held({leaving.batch, {}}, join(leaving));
            let_go(leaving);
        }
        by_tenant_.clear();
    }

  private:
    /// Positions and streams of a batch are numbered with 16 bits.
    static constexpr size_t kRowsMax = 16'384;

    pipeline::FilterSink& sink_;
    std::map<TenantId, Leaving> by_tenant_;
};

}  // namespace

seyir_held* HeldTable::add() {
    const std::lock_guard lock(mutex_);
    if (rows_.size() >= kHeldMax || *bytes_ >= kHeldBytesMax) {
        return nullptr;
    }
    // A handle is a number no pointer ever was: a plugin that reads through it fails at once.
    auto* handle = reinterpret_cast<seyir_held*>(next_);
    next_ += 16;
    rows_.emplace(handle, HeldRow{});
    return handle;
}

HeldGroupPtr HeldTable::make_group(RecordBatch rows, pipeline::HeldRows promise) {
    auto group = std::make_shared<HeldGroup>();
    group->batch = std::make_shared<const RecordBatch>(std::move(rows));
    group->promise = std::move(promise);
    group->bytes = group->batch->memory_bytes();
    group->bytes_of_table = bytes_;
    *bytes_ += group->bytes;
    return group;
}

void HeldTable::set(seyir_held* handle, HeldGroupPtr group, uint32_t row) {
    const std::lock_guard lock(mutex_);
    HeldRow& held = rows_[handle];
    held.group = std::move(group);
    held.row = row;
}

bool HeldTable::claim(seyir_held* const* handles, uint32_t count) {
    const std::lock_guard lock(mutex_);
    for (uint32_t i = 0; i < count; ++i) {
        const auto at = rows_.find(handles[i]);
        if (at == rows_.end() || at->second.is_claimed) {
            for (uint32_t k = 0; k < i; ++k) {
                rows_[handles[k]].is_claimed = false;
            }
            return false;
        }
        at->second.is_claimed = true;
    }
    return count > 0;
}

void HeldTable::unclaim(const std::vector<seyir_held*>& handles) {
    const std::lock_guard lock(mutex_);
    for (seyir_held* handle : handles) {
        rows_[handle].is_claimed = false;
    }
}

std::vector<HeldRow> HeldTable::take(const std::vector<seyir_held*>& handles) {
    const std::lock_guard lock(mutex_);
    std::vector<HeldRow> taken;
    taken.reserve(handles.size());
    for (seyir_held* handle : handles) {
        const auto at = rows_.find(handle);
        taken.push_back(std::move(at->second));
        rows_.erase(at);
    }
    return taken;
}

std::vector<pipeline::HeldRows> HeldTable::take_all() {
    std::unordered_map<seyir_held*, HeldRow> all;
    {
        const std::lock_guard lock(mutex_);
        all.swap(rows_);
    }
    std::vector<pipeline::HeldRows> promises;
    for (auto& [handle, row] : all) {
        if (row.group != nullptr && row.group->promise.rows != 0) {
            promises.push_back({row.group->promise.rows, std::move(row.group->promise.token)});
            row.group->promise.rows = 0;
        }
    }
    return promises;
}

size_t HeldTable::size() const {
    const std::lock_guard lock(mutex_);
    return rows_.size();
}

void carry_out(std::vector<HeldOrder> orders, HeldTable& table, pipeline::FilterSink& sink) {
    Emitter emitter(sink);
    for (const HeldOrder& order : orders) {
        const auto rows = table.take(order.handles);
        if (order.drop_reason.empty()) {
            emitter.emit(rows, order.body);
        } else {
            emitter.drop(rows, order.drop_reason);
        }
    }
    emitter.flush();
}

}  // namespace seyir::plugin
