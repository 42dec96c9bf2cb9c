// SPDX-License-Identifier: Apache-2.0
// CuttingProxy: a TCP relay that cuts each connection after so many bytes, in the middle of
// whatever they are. One connection at a time.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <thread>

namespace seyir::test {

class CuttingProxy {
  public:
    /// `next_cut` gives the bytes (of both directions) after which a connection is cut; 0 = never.
    CuttingProxy(uint16_t upstream_port, std::function<uint64_t()> next_cut);
    ~CuttingProxy();
    CuttingProxy(const CuttingProxy&) = delete;
    CuttingProxy& operator=(const CuttingProxy&) = delete;

    uint16_t port() const { return port_; }

    uint64_t cuts() const { return cuts_.load(); }

    /// Cuts the present connection now.
    void cut() { cut_now_.store(true); }

    /// Where later connections go (a collector that came back on another port).
    void set_upstream(uint16_t port) { upstream_port_.store(port); }

  private:
    void run();
    void relay(int client, int server, uint64_t budget);

    std::function<uint64_t()> next_cut_;
    std::atomic<uint16_t> upstream_port_;
    std::atomic<uint64_t> cuts_{0};
    std::atomic<bool> cut_now_{false};
    std::atomic<bool> stopped_{false};
    int listener_ = -1;
    uint16_t port_ = 0;
    std::thread thread_;
};

/// Connects to 127.0.0.1; -1 when refused.
int connect_loopback(uint16_t port);

}  // namespace seyir::test
