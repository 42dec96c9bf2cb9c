// SPDX-License-Identifier: Apache-2.0
#include "common/net/peer_share.hpp"

#include <array>
#include <cstring>
#include <string>

#include <arpa/inet.h>

#include "common/net/endpoint.hpp"

namespace seyir::net {
namespace {

/// Nothing for this machine's own.
std::optional<uint64_t> peer_key(std::string_view peer) {
    const auto endpoint = parse_endpoint(peer);
    if (!endpoint || endpoint->is_loopback()) {
        return std::nullopt;
    }
    std::array<unsigned char, 16> bytes{};
    uint64_t key = 0;
    if (inet_pton(AF_INET, endpoint->host.c_str(), bytes.data()) == 1) {
        std::memcpy(&key, bytes.data(), 4);
        return key;
    }
    if (inet_pton(AF_INET6, endpoint->host.c_str(), bytes.data()) != 1) {
        return std::nullopt;
    }
    constexpr std::array<unsigned char, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    const bool is_v4 = std::memcmp(bytes.data(), kMapped.data(), kMapped.size()) == 0;
    std::memcpy(&key, bytes.data() + (is_v4 ? 12 : 0), is_v4 ? 4 : 8);
    return key;
}

}  // namespace

std::optional<PeerShare::Place> PeerShare::take(std::string_view peer) {
    const auto key = peer_key(peer);
    if (!key) {
        return Place(nullptr, 0);
    }
    const std::lock_guard lock(mutex_);
    size_t& open = open_[*key];
    if (open >= share_) {
        return std::nullopt;
    }
    ++open;
    return Place(this, *key);
}

PeerShare::Place::~Place() {
    if (of_ == nullptr) {
        return;
    }
    const std::lock_guard lock(of_->mutex_);
    const auto at = of_->open_.find(peer_);
    if (--at->second == 0) {
        of_->open_.erase(at);
    }
}

}  // namespace seyir::net
