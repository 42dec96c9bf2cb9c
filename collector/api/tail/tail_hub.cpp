// SPDX-License-Identifier: Apache-2.0
#include "collector/api/tail/tail_hub.hpp"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

namespace seyir::collector::api {
namespace {

using namespace std::chrono_literals;

// How often rows that wait (for their delay, or for a slow client) are looked at again.
constexpr auto kTick = 100ms;
constexpr size_t kLostMax = 1'000;

}  // namespace

TailHub::TailHub(store::LogStore& store, io::Clock& clock, metrics::Registry* registry)
    : store_(store), clock_(clock) {
    if (registry != nullptr) {
        dropped_ = &registry->counter(
            "seyir_tail_dropped_rows_total",
            "Rows that a live tail did not show because its client or query was too slow."
        );
        open_ = &registry->gauge("seyir_tail_sessions", "Live tails under way.");
    }
    thread_ = std::thread([this] { run(); });
}

TailHub::~TailHub() {
    {
        const std::lock_guard lock(mutex_);
        is_stopping_ = true;
    }
    subscription_.reset();
    work_.notify_all();
    thread_.join();
    for (const auto& session : sessions_) {
        session->end();
    }
}

Result<void> TailHub::add(const std::shared_ptr<TailSession>& session) {
    {
        const std::lock_guard lock(mutex_);
        if (sessions_.size() >= kSessionsMax) {
            return fail(
                ErrorCode::kBackpressure,
                fmt::format("{} live tails are open, which is the limit; close some", kSessionsMax)
            );
        }
        sessions_.push_back(session);
        if (open_ != nullptr) {
            open_->set(static_cast<double>(sessions_.size()));
        }
        work_.notify_one();
        if (subscription_ != nullptr) {
            return {};
        }
    }
    auto subscription = store_.subscribe([this](const BatchView& view) { on_committed(view); });
    const std::lock_guard lock(mutex_);
    if (subscription_ == nullptr) {
        subscription_ = std::move(subscription);
    }
    return {};
}

void TailHub::remove(const std::shared_ptr<TailSession>& session) {
    const std::lock_guard lock(mutex_);
    std::erase(sessions_, session);
    if (open_ != nullptr) {
        open_->set(static_cast<double>(sessions_.size()));
    }
}

void TailHub::on_committed(const BatchView& view) {
    const std::lock_guard lock(mutex_);
    if (sessions_.empty() || is_stopping_) {
        return;
    }
    const size_t bytes = view.batch->memory_bytes();
    if (!queue_.empty() && queue_bytes_ + bytes > kQueueBytesMax) {
        lose(view);
    } else {
        queue_.push_back(view);
        queue_bytes_ += bytes;
    }
    work_.notify_one();
}

void TailHub::lose(const BatchView& view) {
    const RecordBatch& batch = *view.batch;
    std::vector<uint64_t> rows(batch.streams().size());
    for_each_row(view, [&](uint32_t i) { ++rows[batch.stream(i)]; });
    for (size_t s = 0; s < rows.size() && lost_.size() < kLostMax; ++s) {
        if (rows[s] > 0) {
            lost_.push_back({batch.tenant(), batch.streams()[s], batch.max_ts(), rows[s]});
        }
    }
}

void TailHub::run() {
    while (true) {
        {
            std::unique_lock lock(mutex_);
            work_.wait(lock, [&] { return is_stopping_ || !sessions_.empty(); });
            work_.wait_for(lock, kTick, [&] { return is_stopping_ || !queue_.empty(); });
            if (is_stopping_) {
                return;
            }
        }
        serve_sessions();
    }
}

void TailHub::serve_sessions() {
    std::vector<std::shared_ptr<TailSession>> sessions;
    std::deque<BatchView> batches;
    std::vector<Lost> lost;
    {
        const std::lock_guard lock(mutex_);
        sessions = sessions_;
        // A few at a time: what waits counts as waiting until it is taken.
        constexpr size_t kBatchesPerTurn = 16;
        while (!queue_.empty() && batches.size() < kBatchesPerTurn) {
            queue_bytes_ -= queue_.front().batch->memory_bytes();
            batches.push_back(std::move(queue_.front()));
            queue_.pop_front();
        }
        lost.swap(lost_);
    }
    const SteadyTime now = clock_.steady_now();
    for (const auto& session : sessions) {
        for (const BatchView& batch : batches) {
            session->take(batch, now);
        }
        for (const Lost& what : lost) {
            session->lose(what.tenant, *what.labels, what.ts, what.rows);
        }
        const bool goes_on = session->flush(now);
        if (const uint64_t dropped = session->take_dropped(); dropped > 0 && dropped_ != nullptr) {
            dropped_->add(dropped);
        }
        if (!goes_on) {
            remove(session);
        }
    }
}

}  // namespace seyir::collector::api
