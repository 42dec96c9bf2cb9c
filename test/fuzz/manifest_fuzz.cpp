// SPDX-License-Identifier: Apache-2.0
// decode_manifest() on any bytes, and on any bytes with a checksum that fits; what it accepts must
// encode to something it reads back as the same.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include <xxhash.h>

#include "collector/backup/repository/manifest.hpp"

namespace {

void check(std::string_view text) {
    using namespace seyir::collector::backup;
    const auto read = decode_manifest(text);
    if (read) {
        const auto again = decode_manifest(encode(*read).value());
        if (!again || *again != *read) {
            std::abort();
        }
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    check(text);
    const XXH128_hash_t hash = XXH3_128bits(data, size);
    const seyir::collector::backup::ContentHash id{hash.high64, hash.low64};
    check(std::string(text) + R"({"xxh3":")" + id.to_hex() + "\"}\n");
    return 0;
}
