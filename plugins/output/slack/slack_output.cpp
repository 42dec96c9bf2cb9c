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

std::string slack_message(const SlackOutputOptions& options, const BatchView& view) {
    const notify::Digest digest =
        notify::make_digest(view, options.text, options.limits, append_escaped);
    std::string out = "{\"text\":";
    append_json_quoted(out, std::string_view(digest.text).substr(0, digest.text.size() - 1));
    if (!options.channel.empty()) {
        out += ",\"channel\":";
        append_json_quoted(out, options.channel);
    }
    out += '}';
    return out;
}

SlackOutput::SlackOutput(SlackOutputOptions options, std::string id, metrics::Registry& registry)
    : options_(std::move(options)),
      loop_(
          {.name = "slack output " + id,
           .id = id,
           .interval = kInterval,
           .transfer = options_.transfer},
          registry,
          [this](const BatchView& view, notify::Transfer& transfer) {
              const std::string body = slack_message(options_, view);
              return transfer.http(
                  {.url = options_.url,
                   .headers = {"Content-Type: application/json; charset=utf-8"},
                   .body = body}
              );
          }
      ) {}

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
