// SPDX-License-Identifier: Apache-2.0
// Filters of segments: whatever lies on the disk, reading them never crashes, a directory that
// decodes reads back the same, and a page is believed only with its checksum.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "collector/store/gram/page.hpp"
#include "collector/store/gram/segment_filter.hpp"

using namespace seyir;
using namespace seyir::store;

namespace {

gram::KeyTree question() {
    return gram::make_key_tree(
        Needle::any({Needle::of("connection reset"), Needle::all({Needle::of("deadbeefdeadbeef")})})
    );
}

/// As stored: a page each key asks for is the whole rest of the input.
void ask(const gram::Group& group, std::string_view page) {
    static const gram::KeyTree kQuestion = question();
    for (const bool is_sealed : {false, true}) {
        const auto bits = gram::find_blocks(group, 1, kQuestion, [&](uint32_t number) {
            return Result<std::string>(
                is_sealed ? gram::seal_page(std::string(page), 1, number) : std::string(page)
            );
        });
        if (bits && bits->size() != (group.blocks + 63) / 64) {
            std::abort();
        }
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    if (const auto groups = gram::decode_directory(bytes)) {
        const auto again = gram::decode_directory(gram::encode(*groups));
        if (!again || *again != *groups) {
            std::abort();
        }
        if (!groups->empty()) {
            ask(groups->front(), "");
        }
    }
    if (size > 6) {
        gram::Group group;
        group.blocks = 1 + (data[0] | static_cast<uint32_t>(data[1]) << 8) % gram::kBlocksMax;
        group.rows = gram::kRowsMin + (data[2] | static_cast<uint32_t>(data[3]) << 8);
        ask(group, bytes.substr(6));
    }
    return 0;
}
