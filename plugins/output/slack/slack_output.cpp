// SPDX-License-Identifier: Apache-2.0
#include "plugins/output/slack/slack_output.hpp"

#include "common/base/text.hpp"

namespace seyir::plugins {
namespace {

// Slack allows about one message a second to a webhook.
constexpr Nanos kInterval = std::chrono::seconds(1);

void append_escaped(std::string& out, std::string_view text) {
    for (const char c : text) {
        switch (c) {
            case '&':
                out += "&amp;";
                break;
            case '<':
                out += "&lt;";
                break;
            case '>':
                out += "&gt;";
                break;
            default:
                out += c;
        }
    }
}

}  // namespace

SlackOutput::SlackOutput(SlackOutputOptions options, std::string id, metrics::Registry& registry)
    : options_(std::move(options)),
      loop_(
          {.name = "slack output " + id,
           .id = id,
           .interval = kInterval,
           .transfer = options_.transfer},
          registry,
          [this](const BatchView& view, notify::Transfer& transfer) { return send(view, transfer); }
      ) {}

notify::Attempt SlackOutput::send(const BatchView& view, notify::Transfer& transfer) const {
    const notify::Digest digest =
        notify::make_digest(view, options_.text, options_.limits, append_escaped);
    std::string body = "{\"text\":";
    append_json_quoted(body, std::string_view(digest.text).substr(0, digest.text.size() - 1));
    if (!options_.channel.empty()) {
        body += ",\"channel\":";
        append_json_quoted(body, options_.channel);
    }
    body += '}';
    notify::Attempt attempt = transfer.http(
        {.url = options_.url,
         .headers = {"Content-Type: application/json; charset=utf-8"},
         .body = body}
    );
    attempt.left_out = digest.left_out;
    return attempt;
}

Result<void> SlackOutput::start() {
    loop_.start();
    return {};
}

void SlackOutput::deliver(BatchView view, pipeline::DeliverDone done) {
    loop_.deliver(std::move(view), std::move(done));
}

void SlackOutput::stop(SteadyTime deadline) {
    loop_.stop(deadline);
}

pipeline::ComponentHealth SlackOutput::health() const {
    return loop_.health();
}

}  // namespace seyir::plugins
