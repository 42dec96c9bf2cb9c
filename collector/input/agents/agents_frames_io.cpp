// SPDX-License-Identifier: Apache-2.0
// What an accepted connection's messages mean: frames into the pipeline, questions to the store.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "collector/input/agents/agents_server_io.hpp"
#include "collector/services/store_positions.hpp"
#include "common/async/event.hpp"
#include "common/async/offload.hpp"
#include "common/base/log.hpp"
#include "common/samples/metric_samples.hpp"
#include "common/wire/relay.hpp"

namespace seyir::collector::input {
namespace {

/// Until other connections give bytes back there is nobody to wake this one.
constexpr auto kRoomAgain = std::chrono::milliseconds(20);

/// Below the soft mark of the disk: in bytes, which is one frame at a time; and how long one waits
/// at most. What was sent before comes within `ack_timeout` of the agent all the same.
constexpr uint64_t kSlowCredit = 64 * kKiB;
constexpr auto kSlowWaitMax = std::chrono::seconds(3);

/// The answer to send for what the pipeline reported.
wire::Ack ack_of(uint64_t seq, const DeliveryReport& report) {
    wire::Ack ack;
    ack.seq = seq;
    ack.outcome = report.outcome;
    ack.accepted = report.accepted;
    ack.duplicate = report.duplicate;
    ack.message = report.message;
    ack.lanes = report.lanes;
    ack.lanes.resize(std::min(ack.lanes.size(), wire::kLanesMax));
    if (report.dropped > 0) {
        ack.rejected.push_back({report.reason, report.dropped});
    }
    return ack;
}

uint32_t retry_ms(const DeliveryReport& report, const AgentsShared& shared) {
    const auto asked = std::chrono::ceil<std::chrono::milliseconds>(report.retry_after).count();
    return std::max(
        shared.retry_after_ms, static_cast<uint32_t>(std::clamp<int64_t>(asked, 0, 60'000))
    );
}

/// Samples come in frames of their kind only, and what the store and its readers believe of them is
/// checked here. A frame without rows moves a position on.
Result<void> check_metrics(const RecordBatch& batch, bool is_metrics) {
    if (batch.row_count() > 0 && samples::is_metrics(batch) != is_metrics) {
        return fail(ErrorCode::kCorrupt, "metric samples and the frame's kind do not go together");
    }
    for (size_t i = 0; is_metrics && i < batch.row_count(); ++i) {
        SEYIR_TRY([[maybe_unused]] const auto decoded, samples::decode_samples(batch.body(i)));
    }
    return {};
}

}  // namespace

async::Awaitable<std::optional<AgentsServer::Refusal>> AgentsServer::handle(
    ConnectionPtr connection, wire::RawMessage message
) {
    using wire::MessageType;
    const auto bad = [](std::string what) {
        return Refusal{wire::RefuseCode::kBadMessage, "bad_message", std::move(what)};
    };
    std::optional<Refusal> refusal;
    switch (message.type) {
        case MessageType::kFrame:
            if (connection->phase != Phase::kAccepted) {
                co_return bad("frame on a connection whose agent id is in use");
            }
            refusal = co_await on_frame(connection, message.body);
            break;
        case MessageType::kAsk:
            refusal = co_await on_ask(connection, message.body);
            break;
        case MessageType::kEvent:
            if (connection->phase == Phase::kAccepted) {
                refusal = on_event(*connection, message.body);
            }
            break;
        case MessageType::kPing: {
            const auto id = wire::decode_ping(message.body);
            if (!id) {
                co_return bad(id.error().message);
            }
            std::string out;
            wire::append_pong(out, *id);
            connection->link->queue(out);
            break;
        }
        case MessageType::kPong:
            connection->link->on_pong();
            break;
        case MessageType::kHello:
            co_return bad("a second hello");
        default:
            break;  // what a later minor version may send
    }
    co_return std::move(refusal);
}

async::Awaitable<void> AgentsServer::wait_for_room(ConnectionPtr connection, uint64_t raw_bytes) {
    const SteadyTime slow_until = clock_.steady_now() + kSlowWaitMax;
    const auto full = [&] {
        if (setup_.brake && setup_.brake->wait().count() > 0 && clock_.steady_now() < slow_until) {
            return true;
        }
        const uint64_t own = connection->link->in_flight_bytes();
        const uint64_t all = shared_->in_flight_bytes.load();
        return (own > 0 && own + raw_bytes > setup_.credit_bytes) ||
               (all > 0 && all + raw_bytes > setup_.in_flight_bytes_max);
    };
    if (!full()) {
        co_return;
    }
    connection->link->set_paused(true);
    while (full() && !connection->ended) {
        auto waited = co_await connection->reader->wait(clock_.steady_now() + kRoomAgain);
        if (!waited && waited.error().code == ErrorCode::kCancelled) {
            break;
        }
    }
    connection->link->set_paused(false);
}

void AgentsServer::tell_credit(Connection& connection) const {
    const bool is_slow = setup_.brake && setup_.brake->is_on();
    if (is_slow == connection.is_slowed) {
        return;
    }
    connection.is_slowed = is_slow;
    std::string out;
    wire::append_message(out, wire::Throttle{0, is_slow ? kSlowCredit : setup_.credit_bytes});
    connection.link->queue(out);
}

async::Awaitable<std::optional<AgentsServer::Refusal>> AgentsServer::on_frame(
    ConnectionPtr connection, std::string_view body
) {
    auto frame = wire::decode_frame(body);
    if (!frame) {
        const ErrorCode code = frame.error().code;
        const auto refuse_code = code == ErrorCode::kUnsupported ? wire::RefuseCode::kVersion
                                                                 : wire::RefuseCode::kBadMessage;
        co_return Refusal{refuse_code, "bad_frame", frame.error().message};
    }
    connection->stream.set_read_deadline(SteadyTime::max());  // not read while it waits for room
    tell_credit(*connection);
    co_await wait_for_room(connection, frame->header.raw_bytes);
    if (connection->ended) {
        co_return std::nullopt;
    }
    if (setup_.brake) {
        setup_.brake->charge(frame->header.raw_bytes);
    }
    co_return take_frame(*connection, *frame);
}

std::optional<AgentsServer::Refusal> AgentsServer::take_frame(
    Connection& connection, const wire::Frame& frame
) {
    const wire::FrameHeader& header = frame.header;
    const auto bad = [&](std::string what) {
        return Refusal{
            wire::RefuseCode::kBadMessage,
            "bad_frame",
            fmt::format(
                "frame {} before byte {} of the connection: {}",
                header.seq,
                connection.splitter.offset(),
                what
            )
        };
    };
    if (header.epoch != connection.epoch || header.seq <= connection.last_seq) {
        return bad(fmt::format(
            "epoch {} (now {}), seq not above {}",
            header.epoch,
            connection.epoch,
            connection.last_seq
        ));
    }
    const bool is_relayed = header.kind == wire::FrameKind::kRelay;
    const bool is_metrics = header.kind == wire::FrameKind::kMetrics;
    if (header.kind != wire::FrameKind::kLogs && !is_relayed && !is_metrics) {
        return bad(fmt::format("kind {} is not taken here", static_cast<int>(header.kind)));
    }
    const EncodedBatch encoded{
        std::make_shared<const std::string>(frame.payload),
        header.codec,
        header.raw_bytes,
        header.xxh3
    };
    auto batch = decoders_[connection.thread]->decode(encoded, TenantId::kDefault);
    if (!batch) {
        return bad(batch.error().message);
    }
    if ((*batch)->row_count() != header.rows) {
        return bad(fmt::format("{} rows stated, {} there", header.rows, (*batch)->row_count()));
    }
    if (is_relayed && ((*batch)->row_count() > 1 || (*batch)->positions().size() != 1)) {
        return bad("a relayed request is one row with one position");
    }
    if (const auto checked = check_metrics(**batch, is_metrics); !checked) {
        return bad(checked.error().message);
    }
    connection.last_seq = header.seq;
    if (is_relayed && (*batch)->row_count() == 1) {
        return take_relayed(connection, frame, **batch);
    }
    submit(connection, frame, *std::move(batch));
    return std::nullopt;
}

/// The records of the body take the place of the row that holds it. A body nobody can take is
/// refused for good, and its position moves on all the same: what comes behind it must join.
std::optional<AgentsServer::Refusal> AgentsServer::take_relayed(
    Connection& connection, const wire::Frame& frame, const RecordBatch& relayed
) {
    const auto attribute = [&](const char* name) {
        const auto key = relayed.find_key(name);
        const Value* const value = key ? relayed.find_attr(0, *key) : nullptr;
        return value == nullptr ? std::string() : std::string(value->as_text());
    };
    RelayedRequest request{
        .path = attribute(relay::kPath),
        .content_type = attribute(relay::kContentType),
        .body = std::string(relayed.body(0)),
        .peer = connection.hello.hostname
    };
    FoundRelayTarget found{.is_ready = true, .target = nullptr};
    if (setup_.find_relay_target) {
        found = setup_.find_relay_target(request.path);
    }
    if (!found.is_ready) {
        connection.link->took_frame(0);
        const auto report = DeliveryReport::retry("the collector is starting");
        connection.link->answer(ack_of(frame.header.seq, report), shared_->retry_after_ms, 0);
        return std::nullopt;
    }
    std::string refused;
    auto batch = std::make_shared<RecordBatch>(relayed.tenant());
    if (found.target == nullptr) {
        refused = fmt::format("no input of the collector takes {}", request.path);
    } else {
        auto read = found.target->read_relayed(std::move(request));
        if (read) {
            batch = *std::move(read);
        } else {
            refused = read.error().message;
        }
    }
    batch->replace_positions(relayed.positions()[0]);
    RelayTarget* const target = refused.empty() ? found.target.get() : nullptr;
    submit(connection, frame, std::move(batch), target, std::move(refused));
    return std::nullopt;
}

void AgentsServer::submit(
    Connection& connection,
    const wire::Frame& frame,
    std::shared_ptr<RecordBatch> batch,
    RelayTarget* target,
    std::string refused
) {
    const wire::FrameHeader& header = frame.header;
    batch->set_provenance({.agent = connection.hello.agent, .epoch = connection.epoch});
    const std::shared_lock lock(submit_mutex_);
    if (stopping_) {
        return;  // without an answer the agent sends it again
    }
    AgentsMetrics& metrics = shared_->metrics;
    metrics.frames.add();
    if (header.kind == wire::FrameKind::kMetrics) {
        metrics.metric_rows.add(header.rows);
    } else {
        metrics.rows.add(header.rows);
    }
    metrics.raw_bytes.add(batch->raw_bytes());
    metrics.wire_bytes.add(header.wire_bytes);
    directory_.on_frame(
        connection.hello.agent,
        header.kind == wire::FrameKind::kMetrics ? 0 : header.rows,
        batch->raw_bytes(),
        batch->max_ts(),
        clock_.wall_now()
    );
    connection.link->took_frame(header.raw_bytes);
    const uint64_t held = shared_->in_flight_bytes.fetch_add(header.raw_bytes) + header.raw_bytes;
    metrics.in_flight_bytes.set(static_cast<double>(held));
    auto answered = [shared = shared_,
                     link = connection.link,
                     seq = header.seq,
                     raw_bytes = header.raw_bytes,
                     refused = std::move(refused),
                     is_relayed = target != nullptr,
                     begun = clock_.steady_now()](const DeliveryReport& stored) {
        DeliveryReport report = stored;
        if (!refused.empty() && report.outcome < Outcome::kRejected) {
            report = {
                .outcome = Outcome::kRejected,
                .dropped = 1,
                .reason = "relay_refused",
                .message = refused
            };
        }
        if (is_relayed && report.outcome == Outcome::kRejected) {
            // Records of the body were refused, and went to the dead letters here or are counted
            // here. The agent has the body only, and would add those that are stored.
            report.outcome = Outcome::kDelivered;
            report.accepted = 1;
            report.dropped = 0;
        }
        shared->in_flight_bytes.fetch_sub(raw_bytes);
        const auto took = shared->clock.steady_now() - begun;
        shared->metrics.ack_seconds.observe(std::chrono::duration<double>(took).count());
        shared->metrics.duplicates.add(report.duplicate);
        const bool retry = report.outcome == Outcome::kRetry;
        link->answer(ack_of(seq, report), retry ? retry_ms(report, *shared) : 0, raw_bytes);
    };
    batch->set_ack(AckToken(std::move(answered)));
    if (target != nullptr) {
        target->submit_relayed(std::move(batch));
    } else {
        submit_(std::move(batch));
    }
}

Result<wire::Committed> AgentsServer::committed(AgentId agent, const wire::Ask& ask) {
    std::vector<std::shared_ptr<const pipeline::PositionKeeper>> keepers;
    if (setup_.find_position_keepers) {
        auto found = setup_.find_position_keepers(setup_.id);
        if (!found) {
            return fail(ErrorCode::kBackpressure, "the pipeline does not run yet");
        }
        keepers = *std::move(found);
    } else {
        keepers.push_back(std::make_shared<const StorePositions>(store_, kStoreOutput));
    }
    const store::StoreStats stats = store_.stats();
    wire::Committed out{ask.request, stats.store_id, stats.restore_generation, {}};
    out.lanes.resize(ask.lanes.size());
    if (keepers.empty()) {
        out.store_id = {};  // nobody knows any lane, or ever will: the agent's checkpoint decides
    }
    for (const auto& keeper : keepers) {
        SEYIR_TRY(const auto known, keeper->committed(TenantId::kDefault, agent, ask.lanes));
        for (size_t i = 0; i < known.size(); ++i) {
            wire::CommittedEntry& lane = out.lanes[i];
            // The lowest wins, so that no output misses bytes. One that never saw the lane, as it
            // takes other kinds of records or is new, begins where the others are.
            if (known[i].known && (!lane.known || known[i].committed < lane.committed)) {
                lane = {true, known[i].committed, known[i].tail_hash};
            }
        }
    }
    return out;
}

async::Awaitable<std::optional<AgentsServer::Refusal>> AgentsServer::on_ask(
    ConnectionPtr connection, std::string_view body
) {
    auto ask = wire::decode_ask(body);
    if (!ask) {
        co_return Refusal{wire::RefuseCode::kBadMessage, "bad_message", ask.error().message};
    }
    const AgentId agent = connection->hello.agent;
    auto look_up = [this, agent, ask = *std::move(ask)] { return committed(agent, ask); };
    auto answer = co_await async::offload(store_pool_, std::move(look_up));
    if (!answer) {
        const std::string what = "positions cannot be told: " + answer.error().message;
        co_return Refusal{wire::RefuseCode::kBusy, "store", what};
    }
    std::string out;
    wire::append_message(out, *answer);
    connection->link->queue(out);
    co_return std::nullopt;
}

std::optional<AgentsServer::Refusal> AgentsServer::on_event(
    Connection& connection, std::string_view body
) {
    auto event = wire::decode_event(body);
    if (!event) {
        return Refusal{wire::RefuseCode::kBadMessage, "bad_message", event.error().message};
    }
    shared_->metrics.events.add();
    const wire::Hello& hello = connection.hello;
    if (directory_.may_log(hello.agent.to_hex() + " " + event->kind, clock_.steady_now())) {
        log::warn(
            "agents",
            "agent reports",
            {{"host", hello.hostname},
             {"agent", hello.agent.to_hex()},
             {"kind", event->kind},
             {"detail", event->detail}}
        );
    }
    directory_.on_event({event->ts, hello.agent, hello.hostname, event->kind, event->detail});
    return std::nullopt;
}

}  // namespace seyir::collector::input
