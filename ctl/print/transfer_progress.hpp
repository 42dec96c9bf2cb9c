// SPDX-License-Identifier: Apache-2.0
// TransferProgress: how far a long copy is, on stderr: on a terminal one line with a bar, the rate
// and the time left; elsewhere a plain line now and then. Nothing for what is done at once.
// Threads: one owner.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/time.hpp"

namespace seyir::ctl {

class TransferProgress {
  public:
    /// `label`: "restoring". `enabled` false shows nothing.
    explicit TransferProgress(std::string label, bool enabled = true);
    /// Removes the bar.
    ~TransferProgress();
    TransferProgress(const TransferProgress&) = delete;
    TransferProgress& operator=(const TransferProgress&) = delete;

    /// `total` 0: not known.
    void update(uint64_t done, uint64_t total, std::string_view more = {});
    void finish();

  private:
    const std::string label_;
    const bool enabled_;
    const bool is_terminal_;
    SteadyTime started_;
    SteadyTime shown_at_;
    bool is_shown_ = false;
};

/// "restoring [#####-----]  50%  1.2 GiB of 2.4 GiB, 310 MiB/s, 4s left"
std::string transfer_text(
    std::string_view label, uint64_t done, uint64_t total, Nanos took, std::string_view more
);

}  // namespace seyir::ctl
