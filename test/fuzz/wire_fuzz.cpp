// SPDX-License-Identifier: Apache-2.0
// Bytes of a hostile peer, trusted and not: every message that decodes encodes to something that
// decodes again.
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "common/wire/message_splitter.hpp"

namespace {

using namespace seyir::wire;

template <class Decode>
void round_trip(std::string_view body, Decode decode) {
    const auto first = decode(body);
    if (!first) {
        return;
    }
    std::string out;
    append_message(out, *first);
    if (!decode(std::string_view(out).substr(kMessageHeaderBytes))) {
        std::abort();
    }
}

void decode_one(const RawMessage& message) {
    switch (message.type) {
        case MessageType::kHello:
            round_trip(message.body, decode_hello);
            break;
        case MessageType::kWelcome:
            round_trip(message.body, decode_welcome);
            break;
        case MessageType::kRefuse:
            round_trip(message.body, decode_refuse);
            break;
        case MessageType::kAsk:
            round_trip(message.body, decode_ask);
            break;
        case MessageType::kCommitted:
            round_trip(message.body, decode_committed);
            break;
        case MessageType::kFrame:
            (void)decode_frame(message.body);
            break;
        case MessageType::kAck:
            round_trip(message.body, decode_ack);
            break;
        case MessageType::kThrottle:
            round_trip(message.body, decode_throttle);
            break;
        case MessageType::kEvent:
            round_trip(message.body, decode_event);
            break;
        case MessageType::kPing:
        case MessageType::kPong:
            (void)decode_ping(message.body);
            break;
        case MessageType::kGoodbye:
            round_trip(message.body, decode_goodbye);
            break;
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    for (const bool trusted : {false, true}) {
        MessageSplitter splitter;
        if (trusted) {
            splitter.trust();
        }
        size_t fed = 0;
        while (fed < size) {
            const size_t piece = std::min<size_t>(size - fed, 1 + data[fed] % 64U);
            const auto room = splitter.prepare(piece);
            std::memcpy(room.data(), data + fed, piece);
            splitter.commit(piece);
            fed += piece;
            while (true) {
                const auto message = splitter.next();
                if (!message) {
                    fed = size;
                    break;
                }
                if (!message->has_value()) {
                    break;
                }
                decode_one(**message);
            }
        }
    }
    return 0;
}
