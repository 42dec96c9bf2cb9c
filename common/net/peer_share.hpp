// SPDX-License-Identifier: Apache-2.0
// PeerShare: how many of a listener's connections one peer may hold, so that one that opens all it
// can does not shut out the others. A peer is an IPv4 address or an IPv6 /64; this machine's own
// addresses and unix sockets (where a proxy or everybody's programs come from) have no share.
// Threads: thread-safe.   Limits: half of connections_max each, at least one.
// Ownership: outlives its places.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string_view>
#include <utility>

namespace seyir::net {

class PeerShare {
  public:
    explicit PeerShare(size_t connections_max)
        : share_(connections_max < 2 ? 1 : connections_max / 2) {}

    /// One connection's part of its peer's share; given back when it dies.
    class Place {
      public:
        Place(PeerShare* of, uint64_t peer) : of_(of), peer_(peer) {}

        Place(Place&& other) noexcept
            : of_(std::exchange(other.of_, nullptr)), peer_(other.peer_) {}

        Place& operator=(Place&&) = delete;
        ~Place();

      private:
        PeerShare* of_;  ///< nullptr: of a peer without a share
        uint64_t peer_;
    };

    /// Nothing when the peer ("192.0.2.7:5012", "[2001:db8::1]:5012", "unix") has its share.
    std::optional<Place> take(std::string_view peer);

    size_t share() const { return share_; }

  private:
    const size_t share_;
    std::mutex mutex_;
    std::map<uint64_t, size_t> open_;
};

}  // namespace seyir::net
