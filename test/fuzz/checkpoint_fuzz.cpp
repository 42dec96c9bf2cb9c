// SPDX-License-Identifier: Apache-2.0
// decode() on any bytes; what it accepts must encode to something it reads back as the same.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "agent/checkpoint/checkpoint.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace seyir::agent::checkpoint;
    const auto read = decode({reinterpret_cast<const char*>(data), size});
    if (read) {
        const auto again = decode(encode(*read));
        if (!again || *again != *read) {
            std::abort();
        }
    }
    return 0;
}
