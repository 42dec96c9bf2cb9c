// SPDX-License-Identifier: Apache-2.0
// 128-bit identifiers as distinct types: an AgentId never passes for a SourceId.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace seyir {

/// Prints 32 lowercase hex digits, high half first.
std::string id128_to_hex(uint64_t hi, uint64_t lo);
/// Reads exactly 32 hex digits of either case; nothing otherwise.
bool id128_from_hex(std::string_view text, uint64_t& hi, uint64_t& lo);
/// Fills from the kernel's random source; never zero.
void id128_random(uint64_t& hi, uint64_t& lo);

template <class Tag>
struct Id128 {
    uint64_t hi = 0;
    uint64_t lo = 0;

    auto operator<=>(const Id128&) const = default;

    bool is_zero() const { return hi == 0 && lo == 0; }

    std::string to_hex() const { return id128_to_hex(hi, lo); }

    static std::optional<Id128> from_hex(std::string_view text) {
        Id128 id;
        if (!id128_from_hex(text, id.hi, id.lo)) {
            return std::nullopt;
        }
        return id;
    }

    static Id128 random() {
        Id128 id;
        id128_random(id.hi, id.lo);
        return id;
    }
};

}  // namespace seyir

template <class Tag>
struct std::hash<seyir::Id128<Tag>> {
    size_t operator()(const seyir::Id128<Tag>& id) const noexcept {
        return static_cast<size_t>(id.hi ^ (id.lo * 0x9e3779b97f4a7c15ULL));
    }
};
