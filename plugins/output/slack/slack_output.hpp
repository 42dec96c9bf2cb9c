// SPDX-License-Identifier: Apache-2.0
// SlackOutput: records as messages to an incoming webhook. One view of a batch is one message.
// Errors: 429 (with its Retry-After), 5xx and connections: kRetry; other answers: kRejected.
// Limits: one message a second; DigestLimits.
// Spec: Slack, "Sending messages using incoming webhooks"; & < > are escaped in text.
#pragma once

#include <string>

#include "plugins/output/notify/digest.hpp"
#include "plugins/output/notify/send_loop.hpp"

namespace seyir::plugins {

struct SlackOutputOptions {
    std::string url;
    std::string channel;  ///< "" = the webhook's own
    notify::RowTemplate text;
    notify::DigestLimits limits;
    notify::TransferOptions transfer;
};

class SlackOutput final : public pipeline::Output {
  public:
    SlackOutput(SlackOutputOptions options, std::string id, metrics::Registry& registry);

    Result<void> start() override;
    void deliver(BatchView view, pipeline::DeliverDone done) override;
    void stop(SteadyTime deadline) override;
    pipeline::ComponentHealth health() const override;

  private:
    notify::Attempt send(const BatchView& view, notify::Transfer& transfer) const;

    const SlackOutputOptions options_;
    notify::SendLoop loop_;
};

}  // namespace seyir::plugins
