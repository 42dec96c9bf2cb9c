// SPDX-License-Identifier: Apache-2.0
// Parameters of Loki's HTTP API from anyone: what is accepted keeps to the limits.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "collector/api/request_params.hpp"
#include "common/net/http/encoding.hpp"

namespace {

using namespace seyir;
using namespace seyir::collector::api;

void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    auto query = net::parse_query(input);
    if (!query) {
        return 0;
    }
    net::HttpRequest request{.method = "GET", .path = "/"};
    request.query = *std::move(query);
    const query::QueryLimits limits;
    const UnixNanos now{1'700'000'000'000'000'000};
    const auto range = read_range(request, now, std::chrono::hours(1));
    if (range) {
        require(range->begin <= range->end);
        if (const auto grid = read_grid(request, *range, limits)) {
            require(grid->step_ns > 0 && grid->points >= 1 && grid->points <= limits.points_max);
            require(grid->at(grid->points - 1) <= range->end.value);
        }
        if (const auto grid = read_volume_grid(request, *range, limits)) {
            require(grid->step_ns > 0 && grid->points >= 1 && grid->points <= limits.points_max);
            const int64_t last = grid->at(grid->points - 1);
            require(last >= range->begin.value && last <= range->end.value);
            require(last < range->end.value || range->begin == range->end);
            // The last step reaches the end.
            require(static_cast<__int128>(last) + grid->step_ns >= range->end.value);
        }
    }
    if (const auto limit = read_limit(request, limits)) {
        require(*limit > 0 && *limit <= limits.rows_max);
    }
    if (const auto count = read_count_or(request, "line_limit", 100, 7)) {
        require(*count > 0 && *count <= 100);
    }
    if (const auto interval = read_interval(request)) {
        require(interval->count() >= 0);
    }
    (void)read_direction(request);
    (void)read_streams_format(request);
    return 0;
}
