// SPDX-License-Identifier: Apache-2.0
#include "plugins/output/forward/forward_sender_io.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "common/base/log.hpp"

namespace seyir::plugins::forward {
namespace {

constexpr size_t kReadBytes = 4096;
constexpr auto kEndMax = std::chrono::seconds(10);

Error protocol_error(const std::string& what) {
    return fail(ErrorCode::kCorrupt, "the server does not speak the forward protocol: " + what);
}

}  // namespace

ForwardSender::ForwardSender(
    ForwardOutputSetup setup,
    ChunkEncoder encoder,
    io::Clock& clock,
    metrics::Registry& registry,
    async::Executor executor
)
    : setup_(std::move(setup)),
      encoder_(std::move(encoder)),
      clock_(clock),
      executor_(executor),
      wake_(executor),
      chunks_(registry.counter(
          "seyir_forward_output_chunks_total", "Chunks sent", {{"output", setup_.id}}
      )),
      bytes_(registry.counter(
          "seyir_forward_output_sent_bytes_total", "Bytes of chunks sent", {{"output", setup_.id}}
      )),
      connects_(registry.counter(
          "seyir_forward_output_connects_total", "Connections made", {{"output", setup_.id}}
      )),
      failures_(registry.counter(
          "seyir_forward_output_failures_total",
          "Groups of chunks that could not be sent or got no ack",
          {{"output", setup_.id}}
      )) {}

Result<void> ForwardSender::start() {
    return gate_.spawn(executor_, "forward output " + setup_.id, run());
}

void ForwardSender::push(BatchView view, pipeline::DeliverDone done) {
    {
        const std::lock_guard lock(mutex_);
        if (!stopped_) {
            ++unanswered_;
            queue_.push_back({std::move(view), std::move(done)});
            wake_.set();
            return;
        }
    }
    done(DeliveryReport::retry("the output is stopping"));
}

void ForwardSender::stop(SteadyTime deadline) {
    {
        std::unique_lock lock(mutex_);
        idle_.wait_until(lock, deadline, [this] { return unanswered_ == 0; });
        stopped_ = true;
    }
    if (auto stopped = gate_.stop(clock_.steady_now() + kEndMax); !stopped) {
        log::warn("forward", stopped.error().message);
    }
    std::deque<Delivery> rest;
    {
        const std::lock_guard lock(mutex_);
        rest.swap(queue_);
    }
    for (Delivery& delivery : rest) {
        delivery.done(DeliveryReport::retry("the output is stopping"));
    }
}

pipeline::ComponentHealth ForwardSender::health() const {
    const std::lock_guard lock(mutex_);
    return {failure_.empty(), failure_};
}

std::vector<ForwardSender::Delivery> ForwardSender::take_group() {
    const std::lock_guard lock(mutex_);
    std::vector<Delivery> group;
    uint64_t bytes = 0;
    while (!queue_.empty() && (group.empty() || bytes < setup_.group_bytes_max)) {
        bytes += queue_.front().view.batch->raw_bytes();
        group.push_back(std::move(queue_.front()));
        queue_.pop_front();
    }
    return group;
}

async::Awaitable<void> ForwardSender::run() {
    while (true) {
        std::vector<Delivery> group = take_group();
        if (group.empty()) {
            auto woken = co_await wake_.wait();
            if (!woken) {
                break;
            }
            continue;
        }
        auto sent = co_await send(group);
        note(sent);
        if (!sent) {
            failures_.add();
            drop_session(sent.error().message);
            // So that nobody who tries again at once turns in circles.
            auto slept = co_await async::sleep_until(clock_.steady_now() + setup_.retry_pause);
            static_cast<void>(slept);
        }
        answer(std::move(group), sent);
    }
    drop_session("the output is stopping");
}

void ForwardSender::answer(std::vector<Delivery> group, const Result<void>& sent) {
    for (Delivery& delivery : group) {
        const auto rows = static_cast<uint32_t>(delivery.view.row_count());
        const bool is_safe =
            sent.has_value() || (setup_.chunks.wants_ack && delivery.chunks_open == 0);
        delivery.done(
            is_safe ? DeliveryReport::delivered(rows) : DeliveryReport::retry(sent.error().message)
        );
    }
    const std::lock_guard lock(mutex_);
    unanswered_ -= group.size();
    idle_.notify_all();
}

std::string ForwardSender::encode(std::vector<Delivery>& group, Session& session) {
    std::string out;
    for (Delivery& delivery : group) {
        for (Chunk& chunk : encoder_.encode(delivery.view)) {
            out += chunk.message;
            chunks_.add();
            if (setup_.chunks.wants_ack) {
                session.waiting[std::move(chunk.id)].push_back(&delivery);
                ++delivery.chunks_open;
            }
        }
    }
    bytes_.add(out.size());
    return out;
}

async::Awaitable<Result<void>> ForwardSender::send(std::vector<Delivery>& group) {
    for (Delivery& delivery : group) {
        delivery.chunks_open = 1;  // until it is encoded nothing is safe
    }
    if (session_ && !session_->ended.empty()) {
        drop_session(session_->ended);
    }
    if (!session_) {
        auto connected = co_await connect();
        if (!connected) {
            endpoint_ = (endpoint_ + 1) % setup_.endpoints.size();
            co_return std::move(connected);
        }
    }
    const SessionPtr session = session_;
    for (Delivery& delivery : group) {
        delivery.chunks_open = 0;
    }
    const std::string bytes = encode(group, *session);
    const SteadyTime deadline = clock_.steady_now() + setup_.ack_timeout;
    session->stream.set_write_deadline(deadline);
    auto written = co_await session->stream.write(bytes);
    session->stream.set_write_deadline(SteadyTime::max());
    if (!written) {
        co_return std::move(written);
    }
    while (!session->waiting.empty() && session->ended.empty()) {
        auto changed = co_await session->changed.wait(deadline);
        if (!changed && changed.error().code == ErrorCode::kTimeout) {
            co_return fail(
                ErrorCode::kTimeout,
                fmt::format(
                    "{}: no ack within {}; does the server answer chunks?",
                    session->stream.peer(),
                    format_duration(setup_.ack_timeout)
                )
            );
        }
        if (!changed) {
            co_return std::move(changed);
        }
    }
    if (!session->waiting.empty()) {
        co_return fail(ErrorCode::kClosed, session->ended);
    }
    co_return Result<void>{};
}

async::Awaitable<Result<void>> ForwardSender::connect() {
    const SteadyTime deadline = clock_.steady_now() + setup_.connect_timeout;
    net::ConnectOptions options{.deadline = deadline, .tls = setup_.tls};
    auto stream = co_await net::connect(setup_.endpoints[endpoint_], std::move(options));
    if (!stream) {
        co_return std::move(stream).error();
    }
    auto session = std::make_shared<Session>(*std::move(stream));
    std::string buffer;
    if (!setup_.shared_key.empty()) {
        session->stream.set_read_deadline(deadline);
        session->stream.set_write_deadline(deadline);
        auto greeted = co_await greet(session);
        if (!greeted) {
            co_return greeted.error().context(session->stream.peer());
        }
        session->stream.set_read_deadline(SteadyTime::max());
        session->stream.set_write_deadline(SteadyTime::max());
    }
    connects_.add();
    session_ = session;
    co_return gate_.spawn(executor_, "forward acks", read_acks(session, std::move(buffer)));
}

async::Awaitable<Result<std::string>> ForwardSender::receive_value(
    SessionPtr session, std::string& buffer
) {
    codec::MsgpackScanner scanner(kHandshakeBytesMax);
    char room[kReadBytes];
    while (true) {
        const auto state = scanner.scan(buffer);
        if (state == codec::MsgpackScanner::State::kWhole) {
            std::string value = buffer.substr(0, scanner.needed_bytes());
            buffer.erase(0, value.size());
            co_return value;
        }
        if (state != codec::MsgpackScanner::State::kMore) {
            co_return protocol_error("its answer is no short MessagePack value");
        }
        auto bytes = co_await session->stream.read_some(room);
        if (!bytes) {
            co_return std::move(bytes).error();
        }
        if (*bytes == 0) {
            co_return fail(ErrorCode::kClosed, "the server closed the connection");
        }
        buffer.append(room, *bytes);
    }
}

async::Awaitable<Result<void>> ForwardSender::greet(SessionPtr session) {
    std::string buffer;
    auto helo_bytes = co_await receive_value(session, buffer);
    if (!helo_bytes) {
        const bool is_silent = helo_bytes.error().code == ErrorCode::kTimeout;
        co_return is_silent ? fail(
                                  ErrorCode::kTimeout,
                                  "the server asks for no shared key: remove `shared_key`, or give "
                                  "the server one"
                              )
                            : std::move(helo_bytes).error();
    }
    auto helo = read_helo(*helo_bytes);
    if (!helo) {
        co_return protocol_error(helo.error().message);
    }
    Ping ping{.hostname = setup_.hostname, .salt = make_salt()};
    ping.key_digest = key_digest(ping.salt, ping.hostname, helo->nonce, setup_.shared_key);
    if (!helo->auth.empty()) {
        ping.user = setup_.user.name;
        ping.password_digest = password_digest(helo->auth, setup_.user.name, setup_.user.password);
    }
    std::string out;
    append_ping(out, ping);
    auto written = co_await session->stream.write(out);
    if (!written) {
        co_return std::move(written);
    }
    auto pong_bytes = co_await receive_value(session, buffer);
    if (!pong_bytes) {
        co_return std::move(pong_bytes).error();
    }
    auto pong = read_pong(*pong_bytes);
    if (!pong) {
        co_return protocol_error(pong.error().message);
    }
    co_return check_pong(*pong, ping, helo->nonce, setup_.shared_key);
}

Result<void> ForwardSender::take_ack(Session& session, std::string_view bytes) {
    codec::MsgpackReader reader(bytes);
    codec::MsgpackItem item;
    if (!reader.next(item) || item.type != codec::MsgpackType::kMap) {
        return protocol_error("its answer is no map");
    }
    for (uint32_t pairs = item.count; pairs > 0; --pairs) {
        codec::MsgpackItem key;
        codec::MsgpackItem value;
        if (!reader.next(key) || !key.is_text()) {
            return protocol_error("its answer has a key that is no text");
        }
        const std::string_view encoded = reader.skip();
        codec::MsgpackReader(encoded).next(value);
        if (key.bytes != "ack" || !value.is_text()) {
            continue;
        }
        const auto known = session.waiting.find(value.bytes);
        if (known == session.waiting.end()) {
            continue;  // of a chunk given up on
        }
        // Equal chunks of one group: one ack for each comes.
        --known->second.front()->chunks_open;
        known->second.erase(known->second.begin());
        if (known->second.empty()) {
            session.waiting.erase(known);
        }
    }
    return {};
}

async::Awaitable<void> ForwardSender::read_acks(SessionPtr session, std::string buffer) {
    while (true) {
        auto value = co_await receive_value(session, buffer);
        if (!value) {
            session->ended = value.error().message;
            break;
        }
        auto taken = take_ack(*session, *value);
        if (!taken) {
            session->ended = taken.error().message;
            break;
        }
        session->changed.set();
    }
    session->changed.set();
}

void ForwardSender::drop_session(const std::string& why) {
    if (!session_) {
        return;
    }
    session_->ended = why;
    session_->waiting.clear();
    session_->stream.close();
    session_.reset();
}

void ForwardSender::note(const Result<void>& result) {
    if (!result && result.error().code == ErrorCode::kCancelled) {
        return;
    }
    const std::string failure = result ? std::string() : result.error().message;
    const std::lock_guard lock(mutex_);
    if (failure == failure_) {
        return;
    }
    failure_ = failure;
    if (failure.empty()) {
        log::info("forward", "sends again", {{"output", setup_.id}});
    } else {
        log::warn("forward", "cannot send", {{"output", setup_.id}, {"why", failure}});
    }
}

}  // namespace seyir::plugins::forward
