// SPDX-License-Identifier: Apache-2.0
// MemoryRelease: gives back to the host what only start-up, a handshake or a burst needed: freed
// heap (malloc_trim(3)), and from the resident set the program's and its libraries' read-only
// pages, which are clean copies of files: what is used again comes back from the page cache by a
// minor fault, about 0.1 us a page. Threads: one owner calls look(); other threads may run
// meanwhile. Limits: breakpoints and probes a debugger wrote into code are lost by a release.
#pragma once

#include <cstddef>
#include <optional>

#include "common/base/time.hpp"

namespace seyir::process {

/// When a release is worth it: once after start-up, and after each time of work once it is over.
class QuietTime {
  public:
    /// `cpu` is what the process has used since it began. True: release now.
    bool due(SteadyTime now, Nanos cpu);

  private:
    std::optional<SteadyTime> begun_;  ///< of the present window
    Nanos cpu_at_window_{0};
    Nanos cpu_at_release_{0};
    bool released_once_ = false;
};

/// Before other threads run: freed heap up to some MiB stays with the program, so that batches, one
/// like the other, do not have the kernel clear the same pages for each of them (mallopt(3)). Work
/// that is over is what MemoryRelease is for.
void keep_freed_heap();

/// The resident set without what can be had again. True: freed heap was given back too.
bool release_memory();

/// Gives freed heap back where there is more than `bytes` of it. True: it was.
bool release_heap_above(size_t bytes);

class MemoryRelease {
  public:
    /// About every second.
    void look(SteadyTime now);

  private:
    QuietTime quiet_;
};

}  // namespace seyir::process
