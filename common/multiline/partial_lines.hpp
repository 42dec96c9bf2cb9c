// SPDX-License-Identifier: Apache-2.0
// Partial lines: container runtimes cut lines at 16 KiB and say so. Parts of stdout and stderr may
// alternate in one file; each stream's parts are put together by themselves.
// Threads: thread-safe.   Limits: 2 streams; a record at most `bytes_max`, then it is cut there.
// Format: CRI "TIME STREAM P|F TEXT" (Kubernetes); Docker json-file {"log":"TEXT\n",...}: a part
// whose text does not end with an escaped line break is not the last.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

namespace seyir::multiline {

struct PartialLine {
    unsigned stream = 0;      ///< 0 stdout, 1 stderr
    bool is_partial = false;  ///< more of this line follows
    bool is_known = false;    ///< the line has the format; others stand alone
    std::string_view before;  ///< up to the text, with the P or F
    std::string_view text;
    std::string_view after;  ///< what follows the text (docker)
};

PartialLine read_cri_line(std::string_view line);
PartialLine read_docker_line(std::string_view line);

/// The records of `lines` (one or more, separated by line breaks), in the order they begin in.
void join_partial_lines(
    std::string_view lines,
    PartialLine (*read)(std::string_view),
    uint64_t bytes_max,
    const std::function<void(std::string_view)>& emit
);

}  // namespace seyir::multiline
