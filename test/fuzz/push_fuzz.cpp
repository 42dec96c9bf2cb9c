// SPDX-License-Identifier: Apache-2.0
// Loki push bodies, JSON and protobuf (with and without snappy around them): an error or a batch.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "collector/input/loki/push_formats.hpp"
#include "common/codec/snappy_block.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace seyir;
    using namespace seyir::collector::input;
    const std::string_view body(reinterpret_cast<const char*>(data), size);
    const std::vector<std::pair<std::string, std::string>> labels{{"env", "test"}};
    const PushSettings settings{.labels = labels, .limits = {.raw_bytes_max = 1 << 20}};
    for (const auto& read : {
             read_push_json(body, settings),
             read_push_protobuf(body, settings),
             read_push_protobuf(codec::snappy_compress(body), settings),
         }) {
        if (read && read->batch->row_count() > 0 && read->batch->streams().empty()) {
            std::abort();
        }
    }
    return 0;
}
