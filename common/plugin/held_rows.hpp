// SPDX-License-Identifier: Apache-2.0
// HeldTable: the rows an instance keeps beyond the call they came in, by handle, each with its
// share of the promise to its source.
// Threads: thread-safe.   Limits: 65,536 rows, 64 MiB with their bytes.   Ownership: handles live
// until they are taken; rows that are still here when the table dies are sent again by their
// source.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include <seyir/plugin.h>

#include "common/pipeline/filter.hpp"

namespace seyir::plugin {

inline constexpr size_t kHeldMax = 65'536;
inline constexpr size_t kHeldBytesMax = 64 * 1024 * 1024;

/// The rows of one batch that were held, copied so that they do not keep all of it in memory; they
/// share one promise.
struct HeldGroup {
    RecordBatchPtr batch;
    pipeline::HeldRows promise;
    std::shared_ptr<std::atomic<size_t>> bytes_of_table;
    size_t bytes = 0;

    HeldGroup() = default;
    HeldGroup(const HeldGroup&) = delete;
    HeldGroup& operator=(const HeldGroup&) = delete;

    ~HeldGroup() {
        if (bytes_of_table != nullptr) {
            *bytes_of_table -= bytes;
        }
    }
};

using HeldGroupPtr = std::shared_ptr<HeldGroup>;

struct HeldRow {
    HeldGroupPtr group;  ///< nullptr while the call that holds it is not over
    uint32_t row = 0;
    bool is_claimed = false;  ///< named by an emit or a drop that has not been carried out yet
};

class HeldTable {
  public:
    /// A handle for a row whose group is not known yet; nullptr when there are too many.
    /// Rows of one call may bring the table over its bytes; the next call is refused.
    seyir_held* add();
    HeldGroupPtr make_group(RecordBatch rows, pipeline::HeldRows promise);
    void set(seyir_held* handle, HeldGroupPtr group, uint32_t row);
    /// False when a handle is unknown, given twice or claimed before: then none is claimed.
    bool claim(seyir_held* const* handles, uint32_t count);
    void unclaim(const std::vector<seyir_held*>& handles);
    /// Removes them.
    std::vector<HeldRow> take(const std::vector<seyir_held*>& handles);
    /// Everything, as promises to be given back: for a plugin that will not be called again.
    std::vector<pipeline::HeldRows> take_all();
    size_t size() const;

  private:
    mutable std::mutex mutex_;
    uintptr_t next_ = 16;
    std::shared_ptr<std::atomic<size_t>> bytes_ = std::make_shared<std::atomic<size_t>>(0);
    std::unordered_map<seyir_held*, HeldRow> rows_;
};

/// What process() and flush() asked for, carried out when the call is over.
struct HeldOrder {
    std::vector<seyir_held*> handles;
    std::optional<std::string> body;  ///< of an emit
    std::string drop_reason;          ///< "" = emit
};

/// Carries out orders one after another: consecutive emits become one batch for each tenant.
void carry_out(std::vector<HeldOrder> orders, HeldTable& table, pipeline::FilterSink& sink);

}  // namespace seyir::plugin
