// SPDX-License-Identifier: Apache-2.0
// EmailOutput: one mail for each view of a batch.
// Errors: 4yz, connections, TLS and refused accounts: kRetry; other 5yz: kRejected. One recipient
// the server refuses does not keep the mail from the others.
// Limits: DigestLimits.   Format: mail_message.hpp.   Spec: RFC 5321, through libcurl.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "common/io/clock.hpp"
#include "plugins/output/email/mail_message.hpp"
#include "plugins/output/notify/digest.hpp"
#include "plugins/output/notify/send_loop.hpp"

namespace seyir::plugins {

struct EmailOutputOptions {
    std::string url;  ///< smtp://host:port or smtps://host:port
    notify::StartTls start_tls = notify::StartTls::kRequired;
    std::string user, password;
    MailAddress from;
    std::vector<MailAddress> to;
    notify::RowTemplate subject;  ///< of the first record
    notify::RowTemplate body;     ///< of each record
    notify::DigestLimits limits;
    notify::TransferOptions transfer;
};

class EmailOutput final : public pipeline::Output {
  public:
    EmailOutput(
        EmailOutputOptions options,
        std::string id,
        const std::string& host_name,
        io::Clock& clock,
        metrics::Registry& registry
    );

    Result<void> start() override;
    void deliver(BatchView view, pipeline::DeliverDone done) override;
    void stop(SteadyTime deadline) override;
    pipeline::ComponentHealth health() const override;

  private:
    notify::Attempt send(const BatchView& view, notify::Transfer& transfer);
    std::string next_message_id();

    const EmailOutputOptions options_;
    const std::string host_name_;
    io::Clock& clock_;
    std::atomic<uint64_t> sent_{0};
    notify::SendLoop loop_;
};

}  // namespace seyir::plugins
