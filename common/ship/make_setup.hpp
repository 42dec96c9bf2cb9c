// SPDX-License-Identifier: Apache-2.0
// From options to what CollectorOutput is built from: reads TLS files, loads or makes the id.
// Errors: of the files, with their paths.
#pragma once

#include "common/io/file_system.hpp"
#include "common/ship/collector_output_options.hpp"
#include "common/ship/ship_setup.hpp"

namespace seyir::ship {

inline constexpr uint64_t kTokenFileBytesMax = 4096;

/// What `token_file` holds, without the line break. kInvalidConfig when there is nothing in it.
Result<std::string> read_token_file(io::FileSystem& files, const std::string& path);

/// `identity_dir` holds `agent.id`.
Result<ShipSetup> make_ship_setup(
    const CollectorOutputOptions& options,
    const std::string& output_id,
    const std::string& identity_dir,
    const std::string& host_name,
    io::FileSystem& files
);

}  // namespace seyir::ship
