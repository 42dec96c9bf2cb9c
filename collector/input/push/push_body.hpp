// SPDX-License-Identifier: Apache-2.0
// PushBody: what one request holds: the batch, and the entries that were left out.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/base/units.hpp"
#include "common/record/batch.hpp"

namespace seyir::collector::input {

struct PushBody {
    std::shared_ptr<RecordBatch> batch;
    uint64_t rejected = 0;
    /// Characters no text can hold (half a surrogate pair) that became U+FFFD in fields.
    uint64_t altered = 0;
    /// The first few, for the answer; `rejected` counts all.
    std::vector<std::string> problems;

    void reject(std::string problem, uint64_t entries = 1);
};

}  // namespace seyir::collector::input
