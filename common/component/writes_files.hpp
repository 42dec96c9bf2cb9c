// SPDX-License-Identifier: Apache-2.0
// WritesFiles: what an OutputPlan is beside, when its output writes files and rotates or cuts them:
// two outputs of a configuration must not have one in common.
#pragma once

#include <vector>

#include "common/config/sections/sections.hpp"

namespace seyir::component {

class WritesFiles {
  public:
    virtual ~WritesFiles() = default;
    /// Resolved paths, each with its place in the configuration.
    virtual std::vector<config::NamedPlace> files() const = 0;
};

}  // namespace seyir::component
