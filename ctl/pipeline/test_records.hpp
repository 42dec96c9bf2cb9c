// SPDX-License-Identifier: Apache-2.0
// Records of `tests:` as batches, and whether a record is the one a test means.
// Threads: pure.   Limits: a file of lines 64 MiB.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "common/base/result.hpp"
#include "common/config/sections/tests.hpp"
#include "common/record/batch.hpp"

namespace seyir::ctl {

/// What a test feeds. Labels that are not given are `host="test"`, `input` and `service_name` of
/// the component; times start at 2026-01-01T00:00:00Z and rise by 1 ms a record. kIo for a file.
Result<std::shared_ptr<RecordBatch>> test_batch(const config::TestFeed& feed);

/// Everything `wanted` says is so in the row.
bool contains(const RecordBatch& batch, uint32_t row, const config::TestRecord& wanted);

}  // namespace seyir::ctl
