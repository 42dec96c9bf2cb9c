// SPDX-License-Identifier: Apache-2.0
// DatagramReader: a UDP or unix datagram socket and the thread that empties it. The socket is never
// left full on purpose: programs that log to it must not wait. What does not fit into the input's
// memory is dropped and counted.
// Threads: one of its own.   Errors: kIo, kRefused naming the address.
// Limits: 1,024 datagrams a batch; 64 KiB each.   Spec: RFC 5426 (one message a datagram).
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "common/io/clock.hpp"
#include "common/net/endpoint.hpp"
#include "plugins/input/syslog/row_sender.hpp"
#include "plugins/input/syslog/syslog_setup.hpp"

namespace seyir::plugins::syslog {

class DatagramReader {
  public:
    static Result<std::unique_ptr<DatagramReader>> open(
        const net::Endpoint& endpoint,
        const SyslogSetup& setup,
        std::shared_ptr<RowSender> sender,
        const SyslogMetrics& metrics,
        io::Clock& clock
    );
    ~DatagramReader();
    DatagramReader(const DatagramReader&) = delete;
    DatagramReader& operator=(const DatagramReader&) = delete;

    /// With the port the system chose.
    const net::Endpoint& local() const { return local_; }

    /// Reads what is there already, then ends.
    void stop();

  private:
    DatagramReader(
        int fd,
        net::Endpoint local,
        const SyslogSetup& setup,
        std::shared_ptr<RowSender> sender,
        const SyslogMetrics& metrics,
        io::Clock& clock
    );

    void run();
    /// False when the socket is empty.
    bool read_some();

    const int fd_;
    const net::Endpoint local_;
    const size_t message_bytes_max_;
    std::shared_ptr<RowSender> sender_;
    const SyslogMetrics& metrics_;
    io::Clock& clock_;
    SyslogRows rows_;
    std::string memory_;
    std::atomic<bool> is_stopping_{false};
    std::thread thread_;
};

}  // namespace seyir::plugins::syslog
