// SPDX-License-Identifier: Apache-2.0
// The `syslog` input: RFC 3164 and RFC 5424 over UDP, TCP, TLS and unix sockets.
// Room: configuration -> SyslogInput.   Threads: thread-safe; its own threads.
// Errors: a bad message is kept whole with the attribute `syslog_error`; a bad peer costs its
// connection, never the process.   Limits: SyslogSetup.
#pragma once

#include <memory>
#include <vector>

#include "common/component/types.hpp"
#include "common/pipeline/report.hpp"
#include "plugins/input/syslog/datagram_reader.hpp"
#include "plugins/input/syslog/stream_server_io.hpp"

namespace seyir::plugins::syslog {

class SyslogInput final : public pipeline::Input, public pipeline::ReportsInput {
  public:
    SyslogInput(SyslogSetup setup, io::Clock& clock, metrics::Registry& registry);
    ~SyslogInput() override;

    Result<void> start(pipeline::Submit submit) override;
    void stop() override;
    pipeline::ComponentHealth health() const override;
    pipeline::InputReport report() const override;

    std::vector<net::Endpoint> local_datagrams() const;

    std::vector<net::Endpoint> local_streams() const { return streams_->local(); }

  private:
    const SyslogSetup setup_;
    io::Clock& clock_;
    SyslogMetrics metrics_;
    std::shared_ptr<RowSender> sender_;
    std::vector<std::unique_ptr<DatagramReader>> datagrams_;
    std::unique_ptr<StreamServer> streams_;
};

component::InputType syslog_input_type();

}  // namespace seyir::plugins::syslog
