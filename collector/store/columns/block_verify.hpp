// SPDX-License-Identifier: Apache-2.0
// Proof that a block reads back as it was, before the rows it was made of are let go.
// Threads: pure.   Errors: kInternal names the first row that differs, else what decoding says.
#pragma once

#include "collector/store/columns/block_encoder.hpp"
#include "common/base/result.hpp"
#include "common/record/batch.hpp"

namespace seyir::store::columns {

/// The rows of `encoded` are those of `batch`, byte for byte.
Result<void> verify(const EncodedBlock& encoded, const RecordBatch& batch);

}  // namespace seyir::store::columns
