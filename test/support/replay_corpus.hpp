// SPDX-License-Identifier: Apache-2.0
// Runs a fuzz target over its committed corpus, so that every test run covers what fuzzing found.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "common/io/file_system.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace seyir::test {

/// How many inputs ran; 0 when the folder is missing.
inline size_t replay_corpus(const std::string& directory) {
    io::FileSystem& fs = io::posix_file_system();
    const auto names = fs.list(directory);
    size_t runs = 0;
    for (const std::string& name : names ? *names : std::vector<std::string>{}) {
        if (const auto bytes = io::read_file(fs, directory + "/" + name, 8 << 20)) {
            LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(bytes->data()), bytes->size());
            ++runs;
        }
    }
    return runs;
}

}  // namespace seyir::test
