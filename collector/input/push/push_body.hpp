// SPDX-License-Identifier: Apache-2.0
// PushBody: what one request holds: the batch, and the entries that were left out.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/id128.hpp"
#include "common/base/units.hpp"
#include "common/record/batch.hpp"

namespace seyir::collector::input {

/// Which stretch of an import a request is: stored once, however often and however late it comes.
struct ImportPlace {
    Id128<struct ImportTag> id;
    uint64_t begin = 0;  ///< bytes of the unpacked file
    uint64_t end = 0;
};

struct PushBody {
    std::shared_ptr<RecordBatch> batch;
    std::optional<ImportPlace> place;
    uint64_t rejected = 0;
    /// Characters no text can hold (half a surrogate pair) that became U+FFFD in fields.
    uint64_t altered = 0;
    /// The first few, for the answer; `rejected` counts all.
    std::vector<std::string> problems;

    void reject(std::string problem, uint64_t entries = 1);
};

}  // namespace seyir::collector::input
