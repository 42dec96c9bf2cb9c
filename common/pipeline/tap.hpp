// SPDX-License-Identifier: Apache-2.0
// Tap: looks at rows on their way, for `seyir tap`. It belongs to the program, not to the engine,
// so that a watcher stays connected while the graph is replaced. Threads: called from every thread
// that moves rows; must not block.
#pragma once

#include <string_view>

#include "common/record/batch.hpp"

namespace seyir::pipeline {

enum class TapSide {
    kIn,      ///< what a filter or output gets
    kOut,     ///< what an input or filter gives
    kFailed,  ///< rows a filter or output could not handle
};

class Tap {
  public:
    virtual ~Tap() = default;
    /// Cheap: asked for each batch at each component. False nearly always.
    virtual bool wants(std::string_view component, TapSide side) const noexcept = 0;
    /// `note`: why, for kFailed; else "".
    virtual void rows(
        std::string_view component, TapSide side, const BatchView& view, std::string_view note
    ) = 0;
};

}  // namespace seyir::pipeline
