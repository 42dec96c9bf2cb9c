// SPDX-License-Identifier: Apache-2.0
// FixedAtStart: implemented by plans of components whose configuration is read once, when the
// program starts (the store): a reload says that a change of it needs a restart, and leaves the
// component alone.
#pragma once

namespace seyir::component {

class FixedAtStart {
  public:
    virtual ~FixedAtStart() = default;
};

}  // namespace seyir::component
