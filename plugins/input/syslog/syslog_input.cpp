// SPDX-License-Identifier: Apache-2.0
#include "plugins/input/syslog/syslog_input.hpp"

#include <utility>

#include <fmt/format.h>

#include "common/base/log.hpp"

namespace seyir::plugins::syslog {

SyslogInput::SyslogInput(SyslogSetup setup, io::Clock& clock, metrics::Registry& registry)
    : setup_(std::move(setup)), clock_(clock), metrics_(registry, setup_.id) {}

SyslogInput::~SyslogInput() {
    stop();
}

Result<void> SyslogInput::start(pipeline::Submit submit) {
    sender_ = std::make_shared<RowSender>(
        std::move(submit), setup_.in_flight_bytes_max, setup_.retry_after, metrics_
    );
    std::vector<net::Endpoint> endpoints = setup_.udp;
    for (const std::string& path : setup_.unix_datagram) {
        endpoints.push_back({.host = "", .port = 0, .unix_path = path});
    }
    streams_ = std::make_unique<StreamServer>(setup_, sender_, metrics_, clock_);
    if (auto listening = streams_->start(); !listening) {
        streams_->stop();
        return listening;
    }
    for (const net::Endpoint& endpoint : endpoints) {
        auto reader = DatagramReader::open(endpoint, setup_, sender_, metrics_, clock_);
        if (!reader) {
            streams_->stop();
            datagrams_.clear();
            return reader.error();
        }
        log::info(
            "syslog",
            "listening",
            {{"input", setup_.id}, {"address", (*reader)->local().text()}, {"protocol", "datagrams"}
            }
        );
        datagrams_.push_back(std::move(*reader));
    }
    sender_->start();
    return {};
}

void SyslogInput::stop() {
    for (const auto& reader : datagrams_) {
        reader->stop();
    }
    if (streams_ != nullptr) {
        streams_->stop();
    }
    if (sender_ != nullptr) {
        sender_->stop();
    }
}

pipeline::ComponentHealth SyslogInput::health() const {
    if (sender_ == nullptr || sender_->held_bytes() < sender_->bytes_max()) {
        return {};
    }
    return {
        false,
        fmt::format(
            "{} wait for the outputs, the limit: connections wait, datagrams are dropped",
            format_bytes(sender_->held_bytes())
        )
    };
}

pipeline::InputReport SyslogInput::report() const {
    if (sender_ == nullptr) {
        return {};
    }
    const uint64_t held_bytes = sender_->held_bytes();
    return {
        .lag_bytes = held_bytes,
        .lag_seconds = sender_->oldest_seconds(),
        .in_flight_bytes = held_bytes,
        .is_at_end = false,
        .busy_for = std::nullopt,
        .details = "",
    };
}

std::vector<net::Endpoint> SyslogInput::local_datagrams() const {
    std::vector<net::Endpoint> all;
    for (const auto& reader : datagrams_) {
        all.push_back(reader->local());
    }
    return all;
}

}  // namespace seyir::plugins::syslog
