// SPDX-License-Identifier: Apache-2.0
// HttpOutput: records as requests to a server. Delivered means the server answered 2xx.
// Errors: 408, 425, 429, 5xx and connections: kRetry, Retry-After honoured; else kRejected.
// Format: docs/format/record-json.md, or the template's.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "plugins/output/http/http_body.hpp"
#include "plugins/output/notify/send_loop.hpp"

namespace seyir::plugins {

struct HttpOutputOptions {
    std::string url;
    std::string method = "POST";
    std::vector<std::string> headers;  ///< "name: value"
    HttpBodyOptions body;
    bool gzip = false;
    std::string user, password;
    uint32_t in_flight_max = 2;
    notify::TransferOptions transfer;
};

class HttpOutput final : public pipeline::Output {
  public:
    HttpOutput(HttpOutputOptions options, std::string id, metrics::Registry& registry);

    Result<void> start() override;
    void deliver(BatchView view, pipeline::DeliverDone done) override;
    void stop(SteadyTime deadline) override;
    pipeline::ComponentHealth health() const override;

  private:
    notify::Attempt send(const BatchView& view, notify::Transfer& transfer) const;
    notify::Attempt send_body(const std::string& body, notify::Transfer& transfer) const;

    const HttpOutputOptions options_;
    notify::SendLoop loop_;
};

}  // namespace seyir::plugins
