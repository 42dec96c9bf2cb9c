// SPDX-License-Identifier: Apache-2.0
// KeyTable: values by RowKey, at most `entries_max` of them; the one not touched for longest makes
// room. Touching is finding or adding.
// Threads: one at a time.   Limits: entries_max; memory is taken as it fills.
// Cost: a lookup is a probe or two; nothing is allocated for an entry but when the table grows.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "common/base/assert.hpp"
#include "plugins/filter/field/row_key.hpp"

namespace seyir::plugins {

template <class Value>
class KeyTable {
  public:
    explicit KeyTable(size_t entries_max) : entries_max_(entries_max), index_(16, kNone) {}

    size_t size() const { return entries_.size(); }

    bool is_full() const { return entries_.size() >= entries_max_; }

    /// nullptr when there is none. The pointer lives until the next add() or remove.
    Value* find(const RowKey& key) {
        const uint32_t at = index_[probe(key)];
        if (at == kNone) {
            return nullptr;
        }
        touch(at);
        return &entries_[at].value;
    }

    /// Requires: the key is not there and the table is not full.
    Value& add(const RowKey& key, Value value) {
        SEYIR_ASSERT(!is_full());
        if ((entries_.size() + 1) * 2 > index_.size()) {
            grow();
        }
        const size_t slot = probe(key);
        SEYIR_ASSERT(index_[slot] == kNone);
        const auto at = static_cast<uint32_t>(entries_.size());
        index_[slot] = at;
        entries_.push_back({key, std::move(value), kNone, kNone});
        link_first(at);
        return entries_[at].value;
    }

    /// The one not touched for longest, or nullptr.
    Value* oldest() { return last_ == kNone ? nullptr : &entries_[last_].value; }

    /// Takes it out. Requires: there is one.
    Value take_oldest() {
        SEYIR_ASSERT(last_ != kNone);
        return take(last_);
    }

    /// fn(Value&) of each, in no order.
    template <class Fn>
    void for_each(Fn&& fn) {
        for (Entry& entry : entries_) {
            fn(entry.value);
        }
    }

    /// Takes out every entry that `is_gone(Value&)`.
    template <class Fn>
    void remove_if(Fn&& is_gone) {
        for (uint32_t at = 0; at < entries_.size();) {
            if (is_gone(entries_[at].value)) {
                take(at);  // another entry moves here
            } else {
                ++at;
            }
        }
    }

  private:
    static constexpr uint32_t kNone = UINT32_MAX;

    struct Entry {
        RowKey key;
        Value value;
        uint32_t newer = kNone;
        uint32_t older = kNone;
    };

    size_t home(const RowKey& key) const { return key.lo & (index_.size() - 1); }

    /// The slot of the key, or the free slot where it belongs.
    size_t probe(const RowKey& key) const {
        size_t slot = home(key);
        while (index_[slot] != kNone && entries_[index_[slot]].key != key) {
            slot = (slot + 1) & (index_.size() - 1);
        }
        return slot;
    }

    void grow() {
        index_.assign(index_.size() * 2, kNone);
        for (uint32_t at = 0; at < entries_.size(); ++at) {
            index_[probe(entries_[at].key)] = at;
        }
    }

    void unlink(uint32_t at) {
        const Entry& entry = entries_[at];
        (entry.newer == kNone ? first_ : entries_[entry.newer].older) = entry.older;
        (entry.older == kNone ? last_ : entries_[entry.older].newer) = entry.newer;
    }

    void link_first(uint32_t at) {
        entries_[at].newer = kNone;
        entries_[at].older = first_;
        (first_ == kNone ? last_ : entries_[first_].newer) = at;
        first_ = at;
    }

    void touch(uint32_t at) {
        if (at != first_) {
            unlink(at);
            link_first(at);
        }
    }

    /// Closes the gap that an emptied slot leaves in a run of probes.
    void free_slot(size_t slot) {
        const size_t mask = index_.size() - 1;
        size_t next = (slot + 1) & mask;
        while (index_[next] != kNone) {
            const size_t wanted = home(entries_[index_[next]].key);
            if (((next - wanted) & mask) >= ((next - slot) & mask)) {
                index_[slot] = index_[next];
                slot = next;
            }
            next = (next + 1) & mask;
        }
        index_[slot] = kNone;
    }

    Value take(uint32_t at) {
        unlink(at);
        free_slot(probe(entries_[at].key));
        Value value = std::move(entries_[at].value);
        const auto last = static_cast<uint32_t>(entries_.size() - 1);
        if (at != last) {
            index_[probe(entries_[last].key)] = at;
            entries_[at] = std::move(entries_[last]);
            const Entry& moved = entries_[at];
            (moved.newer == kNone ? first_ : entries_[moved.newer].older) = at;
            (moved.older == kNone ? last_ : entries_[moved.older].newer) = at;
        }
        entries_.pop_back();
        return value;
    }

    size_t entries_max_;
    std::vector<Entry> entries_;
    std::vector<uint32_t> index_;  // a power of two of slots, at most half of them used
    uint32_t first_ = kNone;       // touched last
    uint32_t last_ = kNone;
};

}  // namespace seyir::plugins
