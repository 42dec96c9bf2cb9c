// SPDX-License-Identifier: Apache-2.0
#include "plugins/input/syslog/stream_server_io.hpp"

#include <span>
#include <utility>

#include <fmt/format.h>

#include "common/base/log.hpp"
#include "plugins/input/syslog/framer.hpp"

namespace seyir::plugins::syslog {
namespace {

constexpr size_t kReadBytes = 64 * 1024;
constexpr auto kHandshakeMax = std::chrono::seconds(10);
constexpr auto kStopMax = std::chrono::seconds(5);

}  // namespace

StreamServer::StreamServer(
    const SyslogSetup& setup,
    std::shared_ptr<RowSender> sender,
    const SyslogMetrics& metrics,
    io::Clock& clock
)
    : setup_(setup), sender_(std::move(sender)), metrics_(metrics), clock_(clock) {}

StreamServer::~StreamServer() {
    stop();
}

Result<void> StreamServer::listen_on(const net::Endpoint& endpoint, bool with_tls) {
    net::ListenOptions options;
    options.unix_mode = 0666;  // whoever may open its directory may log, as with /dev/log
    options.tls = with_tls ? setup_.tls : nullptr;
    const async::Executor executor = runtime_.executor();
    SEYIR_TRY(net::Listener made, net::listen(executor, endpoint, options));
    auto listener = std::make_shared<net::Listener>(std::move(made));
    local_.push_back(listener->local());
    log::info(
        "syslog",
        "listening",
        {{"input", setup_.id},
         {"address", listener->local().text()},
         {"protocol", with_tls ? "tls" : "tcp"}}
    );
    return gate_.spawn(executor, "syslog accept", accept_loop(std::move(listener)));
}

Result<void> StreamServer::start() {
    for (const net::Endpoint& endpoint : setup_.tcp) {
        SEYIR_CHECK(listen_on(endpoint, false));
    }
    for (const net::Endpoint& endpoint : setup_.tls_listen) {
        SEYIR_CHECK(listen_on(endpoint, true));
    }
    return {};
}

void StreamServer::stop() {
    if (auto stopped = gate_.stop(clock_.steady_now() + kStopMax); !stopped) {
        log::warn("syslog", stopped.error().message);
    }
}

async::Awaitable<void> StreamServer::accept_loop(std::shared_ptr<net::Listener> listener) {
    while (true) {
        const async::Executor executor = runtime_.executor();
        auto stream = co_await listener->accept(executor);
        if (!stream) {
            const ErrorCode code = stream.error().code;
            if (code == ErrorCode::kCancelled || code == ErrorCode::kClosed) {
                break;
            }
            const SteadyTime later = clock_.steady_now() + std::chrono::milliseconds(100);
            auto slept = co_await async::sleep_until(later);
            if (!slept) {
                break;
            }
            continue;
        }
        if (connections_.load() >= setup_.connections_max) {
            metrics_.refused("connections_max").add();
            continue;
        }
        auto place = peers_.take(stream->peer());
        if (!place) {
            metrics_.refused("peer_share").add();
            continue;
        }
        connections_.fetch_add(1);
        auto spawned =
            gate_.spawn(executor, "syslog client", serve(*std::move(stream), *std::move(place)));
        if (!spawned) {
            connections_.fetch_sub(1);
        }
    }
    listener->close();
}

async::Awaitable<void> StreamServer::serve(
    net::Stream accepted, net::PeerShare::Place /*held until it ends*/
) {
    auto stream = std::make_shared<net::Stream>(std::move(accepted));
    metrics_.connections.set(static_cast<double>(connections_.load()));
    stream->set_read_deadline(clock_.steady_now() + kHandshakeMax);
    auto shaken = co_await stream->handshake();
    std::string reason = "tls";
    if (shaken) {
        reason = co_await read_loop(stream);
    }
    if (!reason.empty()) {
        metrics_.refused(reason).add();
        log::warn(
            "syslog",
            "connection ended",
            {{"input", setup_.id}, {"peer", stream->peer()}, {"reason", reason}}
        );
    }
    stream->close();
    connections_.fetch_sub(1);
    metrics_.connections.set(static_cast<double>(connections_.load()));
}

/// Why this side ends the connection; "" when the peer did.
async::Awaitable<std::string> StreamServer::read_loop(std::shared_ptr<net::Stream> stream) {
    Framer framer(setup_.message_bytes_max);
    SyslogRows rows(setup_.rows);
    std::string buffer(kReadBytes, '\0');
    const async::Executor executor = stream->executor();
    const auto room = std::make_shared<async::Event>(executor);
    const std::string peer = stream->peer();
    const auto add = [&](std::string_view message) {
        metrics_.messages.add();
        rows.add(message, peer, clock_.wall_now());
    };
    SteadyTime begun = clock_.steady_now();
    while (true) {
        while (!sender_->has_room(room)) {
            auto waited = co_await room->wait();
            if (!waited) {
                co_return std::string();
            }
        }
        const bool is_within = framer.pending_bytes() != 0;
        const SteadyTime now = clock_.steady_now();
        begun = is_within ? begun : now;
        const Nanos patience = is_within ? setup_.message_timeout : setup_.idle_timeout;
        stream->set_read_deadline(begun + patience);
        const std::span<char> into(buffer);
        auto bytes = co_await stream->read_some(into);
        rows.begin();
        const bool is_end = !bytes || *bytes == 0;
        if (is_end) {
            framer.finish(add);
        } else {
            framer.push(std::string_view(buffer.data(), *bytes), add);
        }
        metrics_.truncated.add(framer.take_truncated());
        metrics_.bad.add(rows.take_bad());
        if (rows.row_count() != 0) {
            begun = clock_.steady_now();
            sender_->send(rows.take());
        }
        if (is_end) {
            const bool is_late = !bytes && bytes.error().code == ErrorCode::kTimeout;
            co_return is_late ? std::string(is_within ? "slow" : "idle") : std::string();
        }
    }
}

}  // namespace seyir::plugins::syslog
