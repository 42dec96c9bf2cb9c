// SPDX-License-Identifier: Apache-2.0
// Frames of a websocket from anyone: read whole and cut, both ways must agree.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "common/net/http/websocket.hpp"

namespace {

using namespace seyir::net;

std::vector<std::string> read(WebSocketReader::Side side, std::string_view input, size_t piece) {
    WebSocketReader reader(side, 4096);
    std::vector<std::string> seen;
    for (size_t at = 0; at < input.size(); at += piece) {
        reader.feed(input.substr(at, piece));
        while (true) {
            auto message = reader.next();
            if (!message) {
                seen.push_back("failed " + std::to_string(reader.close_code()));
                return seen;
            }
            if (!*message) {
                break;
            }
            seen.push_back(
                std::to_string(static_cast<int>((*message)->opcode)) + (*message)->payload
            );
        }
    }
    return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    if (input.empty()) {
        return 0;
    }
    for (const auto side : {WebSocketReader::Side::kServer, WebSocketReader::Side::kClient}) {
        if (read(side, input, input.size()) != read(side, input, 3)) {
            std::abort();
        }
    }
    return 0;
}
