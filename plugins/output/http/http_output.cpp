// SPDX-License-Identifier: Apache-2.0
#include "plugins/output/http/http_output.hpp"

#include "common/net/http/content_coding.hpp"

namespace seyir::plugins {

using notify::Attempt;
using notify::Transfer;

HttpOutput::HttpOutput(HttpOutputOptions options, std::string id, metrics::Registry& registry)
    : options_(std::move(options)),
      loop_(
          {.name = "http output " + id,
           .id = id,
           .threads = options_.in_flight_max,
           .transfer = options_.transfer},
          registry,
          [this](const BatchView& view, Transfer& transfer) { return send(view, transfer); }
      ) {}

Result<void> HttpOutput::start() {
    loop_.start();
    return {};
}

Attempt HttpOutput::send(const BatchView& view, Transfer& transfer) const {
    HttpBody body(options_.body);
    Attempt attempt = Attempt::delivered();
    for_each_row(view, [&](uint32_t row) {
        if (attempt.outcome != Outcome::kDelivered || body.add(*view.batch, row)) {
            return;
        }
        attempt = send_body(body.take(), transfer);
        body.add(*view.batch, row);
    });
    if (attempt.outcome == Outcome::kDelivered && !body.empty()) {
        attempt = send_body(body.take(), transfer);
    }
    return attempt;
}

Attempt HttpOutput::send_body(const std::string& body, Transfer& transfer) const {
    notify::HttpCall call{
        .url = options_.url,
        .method = options_.method,
        .headers = options_.headers,
        .body = body,
        .user = options_.user,
        .password = options_.password,
    };
    if (!options_.gzip) {
        return transfer.http(call);
    }
    const std::string packed = net::gzip(body);
    call.headers.emplace_back("Content-Encoding: gzip");
    call.body = packed;
    return transfer.http(call);
}

void HttpOutput::deliver(BatchView view, pipeline::DeliverDone done) {
    loop_.deliver(std::move(view), std::move(done));
}

void HttpOutput::stop(SteadyTime deadline) {
    loop_.stop(deadline);
}

pipeline::ComponentHealth HttpOutput::health() const {
    return loop_.health();
}

}  // namespace seyir::plugins
