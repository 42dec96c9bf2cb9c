// SPDX-License-Identifier: Apache-2.0
// RecordFilter: Fluent Bit's `function cb(tag, timestamp, record) return code, timestamp, record`,
// and the form with five parameters. A record is a table of the row's attributes with the line
// under `line_key`.
// Threads: one at a time.
// Errors: a row whose call fails goes to `on_error` as it came; the others go on.
// Spec: docs/guide/lua.md.
#pragma once

#include <memory>

#include "common/pipeline/filter.hpp"
#include "plugins/filter/lua/record/worker.hpp"

namespace seyir::plugins::lua {

class RecordFilter final : public pipeline::Filter {
  public:
    explicit RecordFilter(std::unique_ptr<LuaWorker> worker) : worker_(std::move(worker)) {}

    Result<void> process(BatchView view, pipeline::FilterSink& sink) override;

    bool never_fails() const override { return true; }

  private:
    std::unique_ptr<LuaWorker> worker_;
};

}  // namespace seyir::plugins::lua
