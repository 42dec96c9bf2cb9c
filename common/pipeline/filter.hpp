// SPDX-License-Identifier: Apache-2.0
// Filter: changes, adds or removes rows between inputs and outputs. One instance per worker, so a
// filter needs no locks. A filter that changes rows clones them (clone_rows); it never writes to a
// shared batch. Dropped rows go through FilterSink::drop so that in = out + dropped holds.
#pragma once

#include <cstdint>
#include <string_view>

#include "common/base/result.hpp"
#include "common/record/batch.hpp"

namespace seyir::pipeline {

class FilterSink {
  public:
    virtual ~FilterSink() = default;
    /// Passes rows on; may be called several times.
    virtual void emit(BatchView view) = 0;
    /// Counts rows that end here on purpose.
    virtual void drop(std::string_view reason, uint32_t rows) = 0;
};

enum class FlushReason { kTimer, kShutdown, kReload };

class Filter {
  public:
    virtual ~Filter() = default;
    virtual Result<void> process(BatchView view, FilterSink& sink) = 0;

    virtual Result<void> flush(FlushReason /*reason*/, FilterSink& /*sink*/) { return {}; }
};

}  // namespace seyir::pipeline
