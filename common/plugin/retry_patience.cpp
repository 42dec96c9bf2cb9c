// SPDX-License-Identifier: Apache-2.0
#include "common/plugin/retry_patience.hpp"

#include <algorithm>
#include <functional>
#include <string_view>

namespace seyir::plugin {
namespace {

constexpr size_t kSeenMax = 1024;

uint64_t mix(uint64_t seed, uint64_t value) {
    return (seed ^ value) * 0x9e3779b97f4a7c15ULL;
}

/// Of the first row: when, from where, what.
uint64_t identity(const BatchView& rows) {
    uint32_t first = 0;
    bool is_known = false;
    for_each_row(rows, [&](uint32_t i) {
        first = is_known ? first : i;
        is_known = true;
    });
    if (!is_known) {
        return 0;
    }
    const Row row = rows.batch->row(first);
    const Slice body = rows.batch->body(first);
    uint64_t id = mix(static_cast<uint64_t>(row.ts.value), body.size());
    id = mix(id, std::hash<std::string_view>{}(std::string_view(body.data(), body.size())));
    for (const auto& [name, value] : rows.batch->streams()[row.stream]->pairs()) {
        id = mix(id, std::hash<std::string_view>{}(value));
    }
    return id;
}

}  // namespace

bool RetryPatience::is_over(const BatchView& rows, SteadyTime now) {
    since_ = since_.value_or(now);
    forget_old(now);
    const auto [at, is_new] = seen_.try_emplace(identity(rows), Seen{now, now});
    at->second.last = now;
    const bool is_over = now - *since_ >= longest_ || now - at->second.first >= longest_;
    if (is_over) {
        seen_.erase(at);
    }
    return is_over;
}

/// A batch that has not been back for so long went through meanwhile.
void RetryPatience::forget_old(SteadyTime now) {
    std::erase_if(seen_, [&](const auto& entry) { return now - entry.second.last >= longest_; });
    if (seen_.size() >= kSeenMax) {
        seen_.erase(std::ranges::min_element(seen_, {}, [](const auto& entry) {
            return entry.second.last;
        }));
    }
}

}  // namespace seyir::plugin
