// SPDX-License-Identifier: Apache-2.0
#include "collector/input/loki/loki_input.hpp"

#include <fmt/format.h>

namespace seyir::collector::input {

LokiInput::LokiInput(
    LokiOptions options,
    metrics::Registry& registry,
    io::Clock& clock,
    uint64_t in_flight_bytes_max,
    PushLimits limits
)
    : PushInput(options.id, registry, clock, in_flight_bytes_max),
      options_(std::move(options)),
      limits_(limits) {}

Result<PushBody> LokiInput::read(const net::HttpRequest& request) const {
    const PushSettings settings{
        .tenant = static_cast<TenantId>(request.tenant),
        .now = clock_.wall_now(),
        .labels = options_.labels,
        .limits = limits_,
    };
    const std::string_view type = request.header("Content-Type").value_or("application/x-protobuf");
    if (type.starts_with("application/json")) {
        return read_push_json(request.body, settings);
    }
    if (type.starts_with("application/x-protobuf")) {
        return read_push_protobuf(request.body, settings);
    }
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("Content-Type {} is not application/json or application/x-protobuf", type)
    );
}

}  // namespace seyir::collector::input
