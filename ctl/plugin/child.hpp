// SPDX-License-Identifier: Apache-2.0
// Work that may crash or never end, done in a process of its own. What it reports arrives line by
// line, so that its last words are known when it dies.
// Threads: call from a program with one thread (fork).   Errors: kIo when no process can be made.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "common/base/result.hpp"

namespace seyir::ctl {

class ChildReport {
  public:
    explicit ChildReport(int fd) : fd_(fd) {}

    /// What is being done now; named when the child dies of it.
    void step(const std::string& text) { send('S', text); }

    /// A line for the user.
    void line(const std::string& text) { send('L', text); }

  private:
    void send(char kind, const std::string& text);

    int fd_;
};

struct ChildResult {
    std::vector<std::string> lines;
    std::string last_step;
    int exit_status = 0;
    int signal = 0;  ///< what killed it; 0 = nothing
    bool is_timeout = false;

    bool ended_well() const { return signal == 0 && !is_timeout; }

    /// "it crashed (Segmentation fault) while ..."
    std::string how_it_died() const;
};

Result<ChildResult> run_in_child(
    const std::function<int(ChildReport&)>& work, std::chrono::seconds timeout
);

}  // namespace seyir::ctl
