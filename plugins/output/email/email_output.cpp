// SPDX-License-Identifier: Apache-2.0
#include "plugins/output/email/email_output.hpp"

#include <algorithm>
#include <random>

#include <fmt/format.h>

namespace seyir::plugins {
namespace {

/// What a message id and the greeting may hold (RFC 5322, dot-atom).
std::string dot_atom(std::string_view host) {
    std::string out;
    for (const char c : host) {
        const bool is_good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                             (c >= '0' && c <= '9') || c == '-' || c == '.';
        out += is_good ? c : '-';
    }
    return out.empty() ? "localhost" : out;
}

}  // namespace

EmailOutput::EmailOutput(
    EmailOutputOptions options,
    std::string id,
    const std::string& host_name,
    io::Clock& clock,
    metrics::Registry& registry
)
    : options_(std::move(options)),
      host_name_(dot_atom(host_name)),
      clock_(clock),
      loop_(
          {.name = "email output " + id, .id = id, .transfer = options_.transfer},
          registry,
          [this](const BatchView& view, notify::Transfer& transfer) { return send(view, transfer); }
      ) {}

Result<void> EmailOutput::start() {
    loop_.start();
    return {};
}

std::string EmailOutput::next_message_id() {
    std::random_device random;
    const uint64_t chance = (uint64_t{random()} << 32) | random();
    return fmt::format("{:x}.{:x}.{}@{}", clock_.wall_now().value, chance, ++sent_, host_name_);
}

notify::Attempt EmailOutput::send(const BatchView& view, notify::Transfer& transfer) {
    logql::ScratchRow scratch;
    const uint32_t first = view.rows.all ? 0 : view.rows.rows.front();
    MailMessage message{
        .from = options_.from,
        .to = options_.to,
        .subject = std::string(options_.subject.render(scratch, *view.batch, first)),
        .date = clock_.wall_now(),
        .message_id = next_message_id(),
    };
    notify::Digest digest = notify::make_digest(
        view,
        options_.body,
        options_.limits,
        [](std::string& out, std::string_view text) { out += text; }
    );
    message.body = std::move(digest.text);
    const std::string text = format_mail(message);
    notify::MailCall call{
        .url = options_.url + "/" + host_name_,
        .from = options_.from.address,
        .message = text,
        .user = options_.user,
        .password = options_.password,
        .start_tls = options_.start_tls,
    };
    for (const MailAddress& to : options_.to) {
        call.to.push_back(to.address);
    }
    notify::Attempt attempt = transfer.mail(call);
    attempt.left_out = digest.left_out;
    return attempt;
}

void EmailOutput::deliver(BatchView view, pipeline::DeliverDone done) {
    loop_.deliver(std::move(view), std::move(done));
}

void EmailOutput::stop(SteadyTime deadline) {
    loop_.stop(deadline);
}

pipeline::ComponentHealth EmailOutput::health() const {
    return loop_.health();
}

}  // namespace seyir::plugins
