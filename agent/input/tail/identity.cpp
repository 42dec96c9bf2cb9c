// SPDX-License-Identifier: Apache-2.0
#include "agent/input/tail/identity.hpp"

#include <algorithm>
#include <cstring>
#include <string>

#define XXH_STATIC_LINKING_ONLY
#include <xxhash.h>

#include "common/codec/bytes.hpp"

namespace seyir::agent::input {

SourceId source_id_of(const FileIdentity& identity) {
    std::string bytes = "seyir-tail-1";
    codec::append_le(bytes, identity.device);
    codec::append_le(bytes, identity.inode);
    codec::append_le(bytes, identity.birth.value);
    const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
    return {hash.high64, hash.low64};
}

uint64_t tail_hash_of(std::string_view bytes) {
    if (bytes.size() > kTailHashBytes) {
        bytes.remove_prefix(bytes.size() - kTailHashBytes);
    }
    return XXH3_64bits(bytes.data(), bytes.size());
}

PrefixHash PrefixHash::of(std::string_view first_bytes) {
    const std::string_view used = first_bytes.substr(0, kBytesMax);
    return {static_cast<uint32_t>(used.size()), XXH3_64bits(used.data(), used.size())};
}

bool PrefixHash::fits(std::string_view first_bytes) const {
    if (length == 0) {
        return true;
    }
    return first_bytes.size() >= length && XXH3_64bits(first_bytes.data(), length) == hash;
}

static_assert(sizeof(XXH64_state_t) == RunningHash::kStateWords * sizeof(uint64_t));

RunningHash::RunningHash() {
    XXH64_state_t state;
    XXH64_reset(&state, 0);
    std::memcpy(state_.data(), &state, sizeof state);
}

void RunningHash::update(std::string_view bytes) {
    XXH64_state_t state;
    std::memcpy(&state, state_.data(), sizeof state);
    XXH64_update(&state, bytes.data(), bytes.size());
    std::memcpy(state_.data(), &state, sizeof state);
}

uint64_t RunningHash::digest() const {
    XXH64_state_t state;
    std::memcpy(&state, state_.data(), sizeof state);
    return XXH64_digest(&state);
}

bool RunningHash::restore(const State& state, RunningHash& into) {
    XXH64_state_t check;
    std::memcpy(&check, state.data(), sizeof check);
    // The library trusts memsize: it must be what it can be (total length modulo the block size).
    if (check.memsize != check.total_len % 32) {
        return false;
    }
    into.state_ = state;
    return true;
}

bool looks_compressed(std::string_view first_bytes) {
    using namespace std::string_view_literals;
    static constexpr std::array kMagics = {
        "\x1f\x8b\x08"sv,
        "\x28\xb5\x2f\xfd"sv,
        "BZh91AY&SY"sv,
        "\xfd"
        "7zXZ\0"sv,
        "\x04\x22\x4d\x18"sv,
    };
    return std::ranges::any_of(kMagics, [&](std::string_view magic) {
        return first_bytes.starts_with(magic);
    });
}

}  // namespace seyir::agent::input
