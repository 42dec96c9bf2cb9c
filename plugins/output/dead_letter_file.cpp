// SPDX-License-Identifier: Apache-2.0
#include "plugins/output/dead_letter_file.hpp"

#include "common/base/units.hpp"
#include "common/io/file_system.hpp"
#include "plugins/output/file_output.hpp"

namespace seyir::plugins {

Result<std::unique_ptr<pipeline::Output>> make_dead_letter_file(const std::string& home) {
    io::FileSystem& files = io::posix_file_system();
    const std::string directory = home + "/dead_letter";
    SEYIR_CHECK(files.make_directories(directory));
    return std::make_unique<FileOutput>(
        FileOutputOptions{
            .path = directory + "/records.jsonl", .max_size_bytes = 64 * kMiB, .keep = 4
        },
        files
    );
}

}  // namespace seyir::plugins
