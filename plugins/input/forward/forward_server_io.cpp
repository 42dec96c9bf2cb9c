// SPDX-License-Identifier: Apache-2.0
// Accepting, greeting and the two loops of a connection. What messages become:
// forward_server_rows.cpp.
#include <algorithm>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "common/base/log.hpp"
#include "common/base/units.hpp"
#include "plugins/input/forward/forward_server.hpp"

namespace seyir::plugins::forward {
namespace {

constexpr size_t kReadBytes = 64 * 1024;
/// Up to here a message needs no share of the budget: with connections_max it is the whole bound.
constexpr size_t kFreeBytes = kReadBytes;
/// What a longer message reserves at first; beyond it, the largest there may be.
constexpr uint64_t kFirstReservationBytes = 4 * kMiB;
constexpr auto kWriteMax = std::chrono::seconds(60);
constexpr auto kStopMax = std::chrono::seconds(5);
constexpr auto kLogAgain = std::chrono::minutes(1);
constexpr size_t kLoggedMax = 1000;
constexpr uint8_t kNil = 0xc0;

bool begins_array(uint8_t first) {
    return (first >= 0x90 && first < 0xa0) || first == 0xdc || first == 0xdd;
}

}  // namespace

ForwardServer::ForwardServer(ForwardSetup setup, io::Clock& clock, metrics::Registry& registry)
    : setup_(std::move(setup)),
      clock_(clock),
      shared_(std::make_shared<ForwardShared>(registry, setup_, clock)),
      runtime_("forward-io", setup_.io_threads) {
    for (size_t i = 0; i < runtime_.size(); ++i) {
        tags_.push_back(std::make_unique<TagStreams>(setup_.rows));
    }
    shared_->again_event = std::make_shared<async::Event>(runtime_.executor(0));
}

ForwardServer::~ForwardServer() {
    stop();
    if (auto stopped = gate_.stop(clock_.steady_now() + kStopMax); !stopped) {
        log::warn("forward", stopped.error().message);
    }
    // Tokens may outlive this server and keep what is shared; the event belongs to its threads.
    const std::lock_guard lock(shared_->mutex);
    shared_->again_event.reset();
}

Result<void> ForwardServer::start(pipeline::Submit submit) {
    submit_ = std::move(submit);
    const async::Executor executor = runtime_.executor(0);
    std::vector<std::shared_ptr<net::Listener>> listeners;
    for (const net::Endpoint& endpoint : setup_.listen) {
        net::ListenOptions options;
        // Whoever may open the directory of a unix socket may write to it, as with syslog's.
        options.unix_mode = 0666;
        options.tls = endpoint.is_unix() ? nullptr : setup_.tls;
        SEYIR_TRY(net::Listener listener, net::listen(executor, endpoint, options));
        local_.push_back(listener.local());
        listeners.push_back(std::make_shared<net::Listener>(std::move(listener)));
    }
    for (const auto& listener : listeners) {
        log::info(
            "forward", "listening", {{"input", setup_.id}, {"address", listener->local().text()}}
        );
        SEYIR_CHECK(accept_gate_.spawn(executor, "forward accept", accept_loop(listener)));
    }
    return gate_.spawn(executor, "forward retries", retry_loop());
}

void ForwardServer::stop() {
    {
        const std::unique_lock lock(submit_mutex_);
        if (std::exchange(stopping_, true)) {
            return;
        }
    }
    if (auto stopped = accept_gate_.stop(clock_.steady_now() + kStopMax); !stopped) {
        log::warn("forward", stopped.error().message);
    }
    std::vector<ForwardShared::Again> lost;
    {
        const std::lock_guard lock(shared_->mutex);
        shared_->stopped = true;
        lost.swap(shared_->again);
    }
    for (const ForwardShared::Again& entry : lost) {
        shared_->metrics.lost_rows.add(entry.batch->row_count());
        entry.link->answered("");
    }
    const std::lock_guard lock(mutex_);
    for (const auto& weak : links_) {
        if (const auto link = weak.lock()) {
            link->finish();
        }
    }
}

async::Awaitable<void> ForwardServer::accept_loop(std::shared_ptr<net::Listener> listener) {
    size_t next_thread = 0;
    while (true) {
        const size_t thread = next_thread++ % runtime_.size();
        const async::Executor executor = runtime_.executor(thread);
        auto stream = co_await listener->accept(executor);
        if (!stream) {
            const ErrorCode code = stream.error().code;
            if (code == ErrorCode::kCancelled || code == ErrorCode::kClosed) {
                break;
            }
            if (may_log("accept")) {
                log::warn("forward", "cannot accept", {{"why", stream.error().message}});
            }
            auto slept =
                co_await async::sleep_until(clock_.steady_now() + std::chrono::milliseconds(100));
            if (!slept) {
                break;
            }
            continue;
        }
        if (connections_.load() >= setup_.connections_max) {
            shared_->metrics.refused("connections_max").add();
            if (may_log("connections_max")) {
                log::warn(
                    "forward",
                    fmt::format("{} connections are open, the limit", setup_.connections_max),
                    {{"input", setup_.id}, {"peer", stream->peer()}}
                );
            }
            continue;
        }
        auto place = peers_.take(stream->peer());
        if (!place) {
            shared_->metrics.refused("peer_share").add();
            if (may_log("peer_share")) {
                log::warn(
                    "forward",
                    fmt::format("a peer has {} connections open, its share", peers_.share()),
                    {{"input", setup_.id}, {"peer", stream->peer()}}
                );
            }
            continue;
        }
        connections_.fetch_add(1);
        auto spawned = gate_.spawn(
            executor, "forward client", serve(*std::move(stream), *std::move(place), thread)
        );
        if (!spawned) {
            connections_.fetch_sub(1);
        }
    }
    listener->close();
}

async::Awaitable<void> ForwardServer::serve(
    net::Stream stream, net::PeerShare::Place /*held until it ends*/, size_t thread
) {
    auto connection = std::make_shared<Connection>(Connection{
        .stream = std::move(stream), .scanner = codec::MsgpackScanner(setup_.message_bytes_max)
    });
    const async::Executor executor = connection->stream.executor();
    connection->thread = thread;
    connection->writer = std::make_shared<async::Event>(executor);
    connection->room = std::make_shared<async::Event>(executor);
    connection->writer_done = std::make_shared<async::Event>(executor);
    connection->link = std::make_shared<ForwardLink>(connection->writer);
    shared_->metrics.connections.set(static_cast<double>(connections_.load()));
    auto refusal = co_await greet(connection);
    if (!refusal) {
        {
            const std::lock_guard lock(mutex_);
            std::erase_if(links_, [](const auto& weak) { return weak.expired(); });
            links_.push_back(connection->link);
        }
        {
            const std::shared_lock lock(submit_mutex_);
            if (stopping_) {
                connection->link->finish();
            }
        }
        auto spawned = gate_.spawn(executor, "forward acks", write_loop(connection));
        if (spawned) {
            refusal = co_await read_loop(connection);
            // What is under way still gets its acks: the client may have ended its side only.
            connection->link->finish();
            co_await connection->writer_done->wait_uncancelled();
        }
    }
    if (refusal && !refusal->reason.empty()) {
        note_refused(*connection, *refusal);
    }
    connection->link->close();
    connection->stream.close();
    connections_.fetch_sub(1);
    shared_->metrics.connections.set(static_cast<double>(connections_.load()));
}

async::Awaitable<std::optional<ForwardServer::Refusal>> ForwardServer::greet(
    ConnectionPtr connection
) {
    const SteadyTime deadline = clock_.steady_now() + setup_.handshake_timeout;
    connection->stream.set_read_deadline(deadline);
    connection->stream.set_write_deadline(deadline);
    auto shaken = co_await connection->stream.handshake();
    if (!shaken) {
        co_return Refusal{"tls", shaken.error().message};
    }
    if (!setup_.shared_key.empty()) {
        auto refusal = co_await authenticate(connection);
        if (refusal) {
            co_return std::move(refusal);
        }
    }
    connection->stream.set_read_deadline(SteadyTime::max());
    connection->stream.set_write_deadline(SteadyTime::max());
    co_return std::nullopt;
}

async::Awaitable<std::optional<ForwardServer::Refusal>> ForwardServer::authenticate(
    ConnectionPtr connection
) {
    const Helo helo{
        .nonce = make_salt(), .auth = setup_.users.empty() ? std::string() : make_salt()
    };
    std::string out;
    append_helo(out, helo);
    auto written = co_await connection->stream.write(out);
    if (!written) {
        co_return Refusal{"", written.error().message};
    }
    codec::MsgpackScanner scanner(kHandshakeBytesMax);
    std::string& buffer = connection->buffer;
    buffer.resize(kHandshakeBytesMax);
    auto state = codec::MsgpackScanner::State::kMore;
    while (state == codec::MsgpackScanner::State::kMore) {
        const std::span room(buffer.data() + connection->used, buffer.size() - connection->used);
        auto bytes = co_await connection->stream.read_some(room);
        if (!bytes || *bytes == 0) {
            const bool is_late = !bytes && bytes.error().code == ErrorCode::kTimeout;
            co_return Refusal{is_late ? "no_ping" : "", "no PING came"};
        }
        connection->used += *bytes;
        state = scanner.scan({buffer.data(), connection->used});
    }
    if (state != codec::MsgpackScanner::State::kWhole) {
        co_return Refusal{"bad_ping", "what came instead of PING is no handshake message"};
    }
    const size_t ping_bytes = scanner.needed_bytes();
    auto ping = read_ping({buffer.data(), ping_bytes});
    if (!ping) {
        co_return Refusal{"bad_ping", ping.error().message};
    }
    buffer.erase(0, ping_bytes);
    connection->used -= ping_bytes;
    auto checked = check_ping(*ping, helo, setup_.shared_key, setup_.users);
    Pong pong{.is_accepted = checked.has_value(), .hostname = setup_.hostname};
    if (checked) {
        pong.key_digest = key_digest(ping->salt, setup_.hostname, helo.nonce, setup_.shared_key);
    } else {
        pong.reason = checked.error().message;
        pong.hostname.clear();
    }
    out.clear();
    append_pong(out, pong);
    written = co_await connection->stream.write(out);
    if (!checked) {
        co_return Refusal{"unauthorized", checked.error().message};
    }
    co_return std::nullopt;
}

std::optional<ForwardServer::Refusal> ForwardServer::not_a_message(
    const Connection& connection, size_t at
) const {
    const auto first = static_cast<uint8_t>(connection.buffer[at]);
    if (begins_array(first)) {
        return std::nullopt;
    }
    if (first == '{' || first == '[') {
        return Refusal{"json", "JSON came; only MessagePack is taken here"};
    }
    if (first == 0x16 && !connection.stream.is_tls()) {
        return Refusal{"tls_on_plain", "the client speaks TLS, this input does not"};
    }
    return Refusal{"bad_message", fmt::format("byte {:#04x} begins no forward message", first)};
}

std::optional<ForwardServer::Refusal> ForwardServer::find_next(
    Connection& connection, size_t& at, Stretch& stretch
) {
    using State = codec::MsgpackScanner::State;
    const std::string_view bytes(connection.buffer.data(), connection.used);
    while (at < bytes.size() && static_cast<uint8_t>(bytes[at]) == kNil) {
        ++at;  // keeps the connection alive, says nothing
    }
    if (at == bytes.size()) {
        return std::nullopt;
    }
    if (auto refusal = not_a_message(connection, at)) {
        return refusal;
    }
    switch (connection.scanner.scan(bytes.substr(at))) {
        case State::kMore:
            return std::nullopt;
        case State::kWhole:
            stretch.messages.emplace_back(at, connection.scanner.needed_bytes());
            at += connection.scanner.needed_bytes();
            connection.scanner.reset();
            return std::nullopt;
        case State::kTooLarge:
            return Refusal{
                "message_too_large",
                fmt::format(
                    "a message is larger than max_message_size ({})",
                    format_bytes(setup_.message_bytes_max)
                )
            };
        default:
            return Refusal{"bad_message", "what came is no MessagePack"};
    }
}

/// Takes the whole messages out of the buffer; what is left stands at its beginning then.
void ForwardServer::find_messages(Connection& connection, Stretch& stretch) {
    size_t at = 0;
    size_t before = 1;
    while (!stretch.fault && at != before) {
        before = at;
        stretch.fault = find_next(connection, at, stretch);
    }
    if (at == 0) {
        return;
    }
    std::string rest = connection.buffer.substr(at, connection.used - at);
    if (!stretch.messages.empty()) {
        // A short message in a long buffer is copied, so that it does not keep the buffer.
        stretch.bytes = at > connection.buffer.size() / 2
                            ? std::make_shared<const std::string>(std::move(connection.buffer))
                            : std::make_shared<const std::string>(connection.buffer, 0, at);
        stretch.share = std::move(connection.receiving);
    }
    connection.used = rest.size();
    connection.buffer = std::move(rest);
    connection.begun = clock_.steady_now();
}

async::Awaitable<std::optional<ForwardServer::Refusal>> ForwardServer::reserve(
    ConnectionPtr connection
) {
    const uint64_t needed = connection->scanner.needed_bytes();
    const uint64_t largest = setup_.message_bytes_max + kReadBytes;
    const uint64_t wanted =
        needed <= kFirstReservationBytes ? std::min(kFirstReservationBytes, largest) : largest;
    const uint64_t held = connection->receiving.bytes();
    if (needed <= kFreeBytes || held >= wanted) {
        co_return std::nullopt;
    }
    // Who holds nothing may wait as long as it takes. Who holds a part already may not: all could
    // wait for each other.
    const bool may_wait = held == 0;
    const SteadyTime since = clock_.steady_now();
    const SteadyTime deadline =
        may_wait ? SteadyTime::max() : connection->begun + setup_.message_timeout;
    while (!shared_->budget->take(wanted - held, connection->room)) {
        auto waited = co_await connection->room->wait(deadline);
        if (connection->ended || (!waited && waited.error().code == ErrorCode::kCancelled)) {
            co_return Refusal{};
        }
        if (!waited) {
            co_return Refusal{
                "no_room",
                fmt::format(
                    "no room for a long message: {} of {} are in use",
                    format_bytes(shared_->budget->held_bytes()),
                    format_bytes(shared_->budget->bytes_max())
                )
            };
        }
    }
    connection->receiving.add(BudgetShare(shared_->budget, wanted - held));
    if (may_wait) {
        connection->begun += clock_.steady_now() - since;
    }
    co_return std::nullopt;
}

async::Awaitable<std::optional<ForwardServer::Refusal>> ForwardServer::read_more(
    ConnectionPtr connection
) {
    auto refusal = co_await reserve(connection);
    if (refusal) {
        co_return std::move(refusal);
    }
    std::string& buffer = connection->buffer;
    const size_t needed = connection->scanner.needed_bytes();
    if (buffer.size() < kFreeBytes || buffer.size() < needed || buffer.size() == connection->used) {
        // By doubling, within what is reserved.
        const size_t doubled =
            std::min<size_t>(2 * connection->used, connection->receiving.bytes());
        const size_t size = std::max({kFreeBytes, needed, doubled});
        buffer.resize_and_overwrite(size, [size](char*, size_t) { return size; });
    }
    const bool is_within = connection->used > 0;
    connection->stream.set_read_deadline(
        is_within ? connection->begun + setup_.message_timeout : SteadyTime::max()
    );
    const std::span room(buffer.data() + connection->used, buffer.size() - connection->used);
    auto bytes = co_await connection->stream.read_some(room);
    connection->stream.set_read_deadline(SteadyTime::max());
    if (!bytes) {
        const bool is_late = bytes.error().code == ErrorCode::kTimeout;
        co_return Refusal{
            is_late ? "slow" : "",
            fmt::format(
                "a message was not whole {} after its first byte",
                format_duration(setup_.message_timeout)
            )
        };
    }
    if (*bytes == 0) {
        co_return Refusal{
            is_within ? "cut_short" : "",
            fmt::format("the connection ended {} bytes into a message", connection->used)
        };
    }
    if (!is_within) {
        connection->begun = clock_.steady_now();
    }
    connection->used += *bytes;
    co_return std::nullopt;
}

async::Awaitable<std::optional<ForwardServer::Refusal>> ForwardServer::read_loop(
    ConnectionPtr connection
) {
    while (!connection->ended) {
        if (connection->link->is_backed_up()) {
            auto read_on = co_await connection->room->wait();
            if (!read_on) {
                break;
            }
            continue;
        }
        Stretch stretch;
        find_messages(*connection, stretch);
        if (!stretch.messages.empty()) {
            auto refusal = co_await take_messages(connection, stretch);
            if (refusal) {
                co_return std::move(refusal);
            }
        }
        if (stretch.fault) {
            co_return std::move(stretch.fault);
        }
        if (stretch.messages.empty()) {
            auto refusal = co_await read_more(connection);
            if (refusal) {
                co_return std::move(refusal);
            }
        }
    }
    co_return std::nullopt;
}

async::Awaitable<void> ForwardServer::write_loop(ConnectionPtr connection) {
    while (true) {
        const ForwardLink::Work work = connection->link->take();
        if (!work.bytes.empty()) {
            connection->stream.set_write_deadline(clock_.steady_now() + kWriteMax);
            auto written = co_await connection->stream.write(work.bytes);
            connection->stream.set_write_deadline(SteadyTime::max());
            if (!written) {
                break;
            }
            connection->room->set();
        }
        if (work.ends) {
            break;
        }
        if (work.bytes.empty()) {
            auto woken = co_await connection->writer->wait();
            if (!woken) {
                break;
            }
        }
    }
    connection->ended = true;
    connection->stream.close();  // wakes the reader
    connection->room->set();
    connection->writer_done->set();
}

bool ForwardServer::may_log(const std::string& what) {
    const SteadyTime now = clock_.steady_now();
    const std::lock_guard lock(mutex_);
    if (logged_.size() >= kLoggedMax) {
        std::erase_if(logged_, [&](const auto& entry) { return now - entry.second > kLogAgain; });
    }
    const auto known = logged_.find(what);
    if (known == logged_.end()) {
        return logged_.size() < kLoggedMax && logged_.emplace(what, now).second;
    }
    if (now - known->second < kLogAgain) {
        return false;
    }
    known->second = now;
    return true;
}

void ForwardServer::note_refused(const Connection& connection, const Refusal& refusal) {
    shared_->metrics.refused(refusal.reason).add();
    const std::string& peer = connection.stream.peer();
    if (may_log(peer.substr(0, peer.rfind(':')) + " " + refusal.reason)) {
        log::warn(
            "forward",
            "connection ended",
            {{"input", setup_.id},
             {"peer", peer},
             {"reason", refusal.reason},
             {"why", refusal.message}}
        );
    }
}

}  // namespace seyir::plugins::forward
