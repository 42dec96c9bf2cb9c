// SPDX-License-Identifier: Apache-2.0
// What becomes of messages: batches with tokens, acks, and batches that are handed on again.
#include <utility>

#include <xxhash.h>

#include "common/codec/inflate.hpp"
#include "plugins/input/forward/forward_server.hpp"

namespace seyir::plugins::forward {
namespace {

/// The same chunk with the same content: the store keeps it once. Without a chunk two equal
/// messages are two messages.
PushHash hash_of(std::string_view bytes) {
    const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
    return {hash.high64, hash.low64};
}

bool is_safe(const DeliveryReport& report) {
    return report.outcome != Outcome::kRetry && report.outcome != Outcome::kRewind;
}

Result<std::string> inflate_entries(const ForwardMessage& message, size_t bytes_max) {
    const codec::InflateLimits limits{.bytes_max = bytes_max};
    return message.compression == Compression::kGzip ? codec::gzip_inflate(message.entries, limits)
                                                     : codec::zstd_inflate(message.entries, limits);
}

/// A message's own bytes and its entries decompressed: rows have slices of both.
struct Inflated {
    std::shared_ptr<const std::string> message;
    std::string entries;
};

}  // namespace

async::Awaitable<bool> ForwardServer::wait_for_room(ConnectionPtr connection, uint64_t bytes) {
    // Who waits may hold a part already: without an end all could wait for each other.
    const SteadyTime deadline = clock_.steady_now() + setup_.message_timeout;
    while (!shared_->budget->take(bytes, connection->room)) {
        auto waited = co_await connection->room->wait(deadline);
        if (!waited || connection->ended) {
            co_return false;
        }
    }
    co_return true;
}

async::Awaitable<std::optional<ForwardServer::Refusal>> ForwardServer::take_messages(
    ConnectionPtr connection, Stretch& stretch
) {
    if (stretch.share.bytes() == 0) {
        const bool has_room = co_await wait_for_room(connection, stretch.bytes->size());
        if (!has_room) {
            co_return Refusal{};
        }
        stretch.share = BudgetShare(shared_->budget, stretch.bytes->size());
    }
    Work work(setup_.rows, *tags_[connection->thread]);
    work.arrived = clock_.wall_now();
    std::optional<Refusal> refusal;
    const std::string_view bytes = *stretch.bytes;
    for (const auto& [at, size] : stretch.messages) {
        refusal = co_await take_message(connection, stretch.bytes, bytes.substr(at, size), work);
        if (refusal) {
            break;
        }
    }
    submit_loose(*connection, work);
    shared_->metrics.count(work.counts);
    co_return std::move(refusal);
}

async::Awaitable<std::optional<ForwardServer::Refusal>> ForwardServer::take_message(
    ConnectionPtr connection,
    std::shared_ptr<const std::string> keep,
    std::string_view bytes,
    Work& work
) {
    auto message = read_forward_message(bytes);
    if (!message) {
        const bool is_other = message.error().code == ErrorCode::kUnsupported;
        co_return Refusal{is_other ? "not_logs" : "bad_message", message.error().message};
    }
    shared_->metrics.messages.add();
    shared_->metrics.received_bytes.add(bytes.size());
    AckToken whole;
    if (!message->chunk.empty()) {
        submit_loose(*connection, work);  // in the order they came
        whole = chunk_token(*connection, message->chunk);
        work.hash = hash_of(bytes);
    }
    if (message->compression == Compression::kNone) {
        work.rows.begin(message->tag, std::move(keep), work.arrived);
        co_await take_entries(connection, *message, work, whole);
        co_return std::nullopt;
    }
    auto entries = inflate_entries(*message, setup_.inflated_bytes_max);
    if (!entries) {
        const bool is_bomb = entries.error().code == ErrorCode::kTooLarge;
        co_return Refusal{is_bomb ? "inflates_too_far" : "bad_message", entries.error().message};
    }
    const uint64_t inflated_bytes = entries->size();
    shared_->budget->take_anyway(inflated_bytes);
    const BudgetShare share(shared_->budget, inflated_bytes);
    auto both = std::make_shared<const Inflated>(std::move(keep), *std::move(entries));
    message->entries = both->entries;
    work.rows.begin(message->tag, both, work.arrived);
    co_await take_entries(connection, *message, work, whole);
    co_return std::nullopt;
}

async::Awaitable<void> ForwardServer::take_entries(
    ConnectionPtr connection, const ForwardMessage& message, Work& work, AckToken& whole
) {
    ForwardEntries entries(message.entries, message.mode);
    while (auto entry = entries.next()) {
        work.rows.add(*entry);
        if (!work.rows.is_full()) {
            continue;
        }
        pass(*connection, work, whole);
        const bool has_room = co_await wait_for_room(connection, 0);
        if (!has_room) {
            co_return;  // a chunk's token dies unanswered; the connection has ended
        }
    }
    if (entries.is_broken()) {
        work.rows.leave_out(EntryFault::kUnreadable);
    }
    if (whole) {
        pass(*connection, work, whole);
        whole.resolve(DeliveryReport::delivered(0));
    }
}

void ForwardServer::pass(Connection& connection, Work& work, const AckToken& whole) {
    if (whole) {
        submit_part(work, whole);
    } else {
        submit_loose(connection, work);
    }
}

AckToken ForwardServer::chunk_token(Connection& connection, std::string_view chunk) {
    connection.link->sent_on();
    return AckToken([shared = shared_,
                     link = connection.link,
                     chunk = std::string(chunk),
                     begun = clock_.steady_now()](const DeliveryReport& report) {
        ForwardMetrics& metrics = shared->metrics;
        const auto took = shared->clock.steady_now() - begun;
        metrics.ack_seconds.observe(std::chrono::duration<double>(took).count());
        if (is_safe(report)) {
            metrics.acks.add();
            link->answered(chunk);
        } else {
            metrics.unsafe_chunks.add();
            link->refused();
        }
    });
}

void ForwardServer::submit_part(Work& work, const AckToken& whole) {
    if (work.rows.is_empty()) {
        return;
    }
    auto batch = work.rows.take();
    batch->set_provenance({.push_hash = work.hash});
    ++work.hash.lo;
    const uint64_t bytes = batch->memory_bytes();
    shared_->budget->take_anyway(bytes);
    shared_->metrics.rows.add(batch->row_count());
    batch->set_ack(AckToken([share = BudgetShare(shared_->budget, bytes),
                             whole = whole.clone()](const DeliveryReport& report) mutable {
        share.reset();
        whole.resolve(report);
    }));
    submit(std::move(batch));  // if not, its token dies and the client sends the chunk again
}

void ForwardServer::submit_loose(Connection& connection, Work& work) {
    if (work.rows.is_empty()) {
        return;
    }
    auto batch = work.rows.take();
    shared_->metrics.rows.add(batch->row_count());
    hand_on(std::move(batch), connection.link);
}

void ForwardServer::hand_on(std::shared_ptr<RecordBatch> batch, std::shared_ptr<ForwardLink> link) {
    const uint64_t bytes = batch->memory_bytes();
    shared_->budget->take_anyway(bytes);
    link->sent_on();
    auto answered = [shared = shared_,
                     link = std::move(link),
                     kept = RecordBatchPtr(batch),
                     share = BudgetShare(shared_->budget, bytes)](const DeliveryReport& report
                    ) mutable {
        if (!is_safe(report)) {
            const std::lock_guard lock(shared->mutex);
            if (!shared->stopped) {
                shared->again.push_back({std::move(kept), std::move(link), std::move(share)});
                shared->again_event->set();
                return;
            }
            shared->metrics.lost_rows.add(kept->row_count());
        }
        share.reset();
        link->answered("");
        kept.reset();
    };
    batch->set_ack(AckToken(std::move(answered)));
    if (!submit(batch)) {
        // The token holds the batch that holds it: it has to be taken out to die.
        static_cast<void>(batch->take_ack());
    }
}

bool ForwardServer::submit(std::shared_ptr<RecordBatch> batch) {
    const std::shared_lock lock(submit_mutex_);
    if (stopping_) {
        return false;
    }
    submit_(std::move(batch));
    return true;
}

async::Awaitable<void> ForwardServer::retry_loop() {
    while (true) {
        auto woken = co_await shared_->again_event->wait();
        if (!woken) {
            co_return;
        }
        auto slept = co_await async::sleep_until(clock_.steady_now() + setup_.retry_after);
        if (!slept) {
            co_return;
        }
        std::vector<ForwardShared::Again> again;
        {
            const std::lock_guard lock(shared_->mutex);
            again.swap(shared_->again);
        }
        for (ForwardShared::Again& entry : again) {
            shared_->metrics.resubmitted_rows.add(entry.batch->row_count());
            auto copy = std::make_shared<RecordBatch>(clone_rows({entry.batch, {}}));
            hand_on(std::move(copy), entry.link);
            entry.link->answered("");
        }
    }
}

}  // namespace seyir::plugins::forward
