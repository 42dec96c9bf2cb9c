// SPDX-License-Identifier: Apache-2.0
// HostSelection: which disks, network devices and file systems are sampled: node_exporter's
// defaults, and what an operator takes in or leaves out by name.
// Threads: immutable.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace seyir::agent::hostmetrics {

/// True when the whole name fits: `*` is any text, `?` one byte.
bool matches_pattern(std::string_view pattern, std::string_view name);

struct NameSelection {
    std::vector<std::string> include;  ///< not empty: these only, also where the default leaves out
    std::vector<std::string> exclude;  ///< besides what the default leaves out

    bool takes(std::string_view name, bool is_left_out_by_default) const;
};

struct HostSelection {
    NameSelection disks;
    NameSelection network;
    NameSelection mounts;             ///< by path
    NameSelection file_system_types;  ///< by type; both must take a mount
};

}  // namespace seyir::agent::hostmetrics
