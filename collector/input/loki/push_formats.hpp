// SPDX-License-Identifier: Apache-2.0
// Loki's push bodies -> one RecordBatch: JSON and snappy-compressed protobuf.
// Room: bytes -> PushBody.
// Threads: pure functions.
// Errors: kInvalidArgument for a body that cannot be read (nothing of it is taken); entries that
// break a rule are left out and listed, the others are kept, as in Loki.
// Limits: PushLimits.   Spec: Grafana Loki's HTTP API, "Ingest logs"; logproto.PushRequest.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "collector/input/push/push_body.hpp"
#include "common/base/result.hpp"
#include "common/base/units.hpp"
#include "common/record/batch.hpp"

namespace seyir::collector::input {

struct PushLimits {
    uint64_t raw_bytes_max = 64 * kMiB;  ///< after decompression
    uint64_t line_bytes_max = 1 * kMiB;
    size_t streams_max = 10'000;
    size_t metadata_max = 128;  ///< structured metadata of one entry
};

struct PushSettings {
    TenantId tenant = TenantId::kDefault;
    UnixNanos now;
    /// Added where a stream lacks them.
    const std::vector<std::pair<std::string, std::string>>& labels;
    PushLimits limits;
};

Result<PushBody> read_push_json(std::string_view body, const PushSettings& settings);

/// `body` is snappy's block format around a logproto.PushRequest.
Result<PushBody> read_push_protobuf(std::string_view body, const PushSettings& settings);

}  // namespace seyir::collector::input
