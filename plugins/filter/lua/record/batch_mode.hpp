// SPDX-License-Identifier: Apache-2.0
// BatchFilter: `function process(batch)`. Rows are proxies: only fields that are touched cross into
// Lua. Changes are gathered and applied when process() has returned; if it fails, no row changed.
// Threads: one at a time.
// Errors: the whole batch goes to `on_error` as it came.
// Spec: docs/guide/lua.md.
#pragma once

#include <memory>

#include "common/pipeline/filter.hpp"
#include "plugins/filter/lua/record/worker.hpp"

namespace seyir::plugins::lua {

class BatchFilter final : public pipeline::Filter {
  public:
    explicit BatchFilter(std::unique_ptr<LuaWorker> worker) : worker_(std::move(worker)) {}

    Result<void> process(BatchView view, pipeline::FilterSink& sink) override;

    bool never_fails() const override { return true; }

  private:
    std::unique_ptr<LuaWorker> worker_;
    uint32_t generation_ = 0;
};

/// The proxies' metatables; once for each state, in a protected call.
void open_batch_mode(lua_State* L);

}  // namespace seyir::plugins::lua
