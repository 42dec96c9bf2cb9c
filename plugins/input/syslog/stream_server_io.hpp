// SPDX-License-Identifier: Apache-2.0
// StreamServer: syslog over TCP, TLS and unix stream sockets.
// Room: connections -> Framer -> SyslogRows -> RowSender.
// Threads: its own I/O threads.   Errors: kIo, kRefused naming the address.
// Limits: connections_max; a connection that is silent for idle_timeout, or takes longer than
// message_timeout for a message, is ended; while the input's memory is full nothing is read.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "common/async/event.hpp"
#include "common/async/gate.hpp"
#include "common/async/runtime.hpp"
#include "common/io/clock.hpp"
#include "common/net/peer_share.hpp"
#include "common/net/stream.hpp"
#include "plugins/input/syslog/row_sender.hpp"
#include "plugins/input/syslog/syslog_setup.hpp"

namespace seyir::plugins::syslog {

class StreamServer {
  public:
    StreamServer(
        const SyslogSetup& setup,
        std::shared_ptr<RowSender> sender,
        const SyslogMetrics& metrics,
        io::Clock& clock
    );
    ~StreamServer();

    Result<void> start();
    /// Accepts no more and ends the connections.
    void stop();

    /// In the order of SyslogSetup: tcp, then tls_listen.
    const std::vector<net::Endpoint>& local() const { return local_; }

  private:
    Result<void> listen_on(const net::Endpoint& endpoint, bool with_tls);
    async::Awaitable<void> accept_loop(std::shared_ptr<net::Listener> listener);
    async::Awaitable<void> serve(net::Stream stream, net::PeerShare::Place place);
    async::Awaitable<std::string> read_loop(std::shared_ptr<net::Stream> stream);

    const SyslogSetup& setup_;
    std::shared_ptr<RowSender> sender_;
    const SyslogMetrics& metrics_;
    io::Clock& clock_;
    std::vector<net::Endpoint> local_;
    std::atomic<size_t> connections_{0};
    net::PeerShare peers_{setup_.connections_max};
    async::Runtime runtime_{"syslog-io", 1};
    async::Gate gate_;
};

}  // namespace seyir::plugins::syslog
