// SPDX-License-Identifier: Apache-2.0
#include "collector/store/format/dropped_keys.hpp"

namespace seyir::store::key {
namespace {

constexpr char kDropped = 'x';
constexpr uint32_t kSign = 0x80000000U;
constexpr size_t kBytes = 1 + 4 + 8;

uint64_t number_at(std::string_view bytes, size_t at, size_t size) {
    uint64_t out = 0;
    for (const char c : bytes.substr(at, size)) {
        out = (out << 8) | static_cast<uint8_t>(c);
    }
    return out;
}

void put_number(std::string& out, uint64_t number, int size) {
    for (int shift = size * 8 - 8; shift >= 0; shift -= 8) {
        out += static_cast<char>(number >> shift);
    }
}

}  // namespace

std::string dropped_prefix() {
    return std::string(1, kDropped);
}

std::string dropped(Day day, SegmentId id) {
    std::string out = dropped_prefix();
    put_number(out, static_cast<uint32_t>(day.number) ^ kSign, 4);
    put_number(out, id, 8);
    return out;
}

std::optional<DroppedKey> parse_dropped(std::string_view bytes) {
    if (bytes.size() != kBytes || bytes[0] != kDropped) {
        return std::nullopt;
    }
    const auto day = static_cast<uint32_t>(number_at(bytes, 1, 4));
    return DroppedKey{{static_cast<int32_t>(day ^ kSign)}, number_at(bytes, 5, 8)};
}

}  // namespace seyir::store::key
