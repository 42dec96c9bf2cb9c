// SPDX-License-Identifier: Apache-2.0
// Sender: takes batches from a source, gives them to the output in order, several at a time, and
// tries again what failed. While the far side fails, only the oldest batch is tried. Rows that can
// never be delivered go to the dead letter function, again and again until it has them; only then
// is their batch settled, so that at each moment rows are safe in one of the two places.
// Threads: one of its own; wake() and answers from any.
// Errors: shown by health().   Ownership: source and output outlive it.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "common/buffer/delivery_source.hpp"
#include "common/buffer/retry_policy.hpp"
#include "common/io/clock.hpp"
#include "common/pipeline/position_source.hpp"

namespace seyir::buffer {

/// Rows that will not be delivered: `code` is a snake_case word, `message` for people. `token` is
/// resolved once the rows are durable elsewhere or given up, counted; kRetry: call again later.
/// Must not block; called from any thread.
using OnDeadLetter = std::function<
    void(BatchView rows, std::string_view code, std::string_view message, AckToken token)>;

class Sender {
  public:
    struct Setup {
        std::string id;
        RetryOptions retry;
        uint32_t in_flight_max = 8;
        OnDeadLetter on_dead_letter;
        /// May take now? (the lease)
        std::function<bool()> may_take;
        /// For outputs that keep positions: the lane to ask for, and what to do with the answer.
        pipeline::PositionSource* positions = nullptr;
        std::function<SourceKey()> lane;
        std::function<Result<std::string>(const pipeline::CommittedLane&, StoreId)> resume;
    };

    Sender(Setup setup, DeliverySource& source, pipeline::Output& output, io::Clock& clock);
    ~Sender();

    void start();
    /// There may be something to take. The function may be kept longer than the sender.
    std::function<void()> waker() const;
    /// Takes nothing more; waits for the answers of what is under way until `deadline`. With
    /// `drain` it first delivers everything the source has, while the deadline allows.
    void stop(SteadyTime deadline, bool drain);
    /// Gives back what has no answer; after the output was stopped.
    void finish();

    pipeline::ComponentHealth health() const;

  private:
    struct Job {
        Delivery delivery;
        uint32_t attempts = 0;
        SteadyTime first_at;
        bool is_out = false;  ///< given to the output or to the dead letter function
        /// Why rows of it can never be delivered: they are on their way to the dead letters.
        std::optional<DeliveryReport> refused;
        uint32_t dead_letter_failures = 0;
        SteadyTime dead_letter_at;

        bool waits_for_output() const { return !is_out && !refused; }
    };

    struct Answer {
        uint64_t id = 0;
        DeliveryReport report;
    };

    /// What other threads put in; outlives the sender.
    struct Inbox {
        std::mutex mutex;
        std::condition_variable changed;
        std::vector<Answer> answers;
        std::optional<Result<pipeline::CommittedAnswer>> committed;
        bool store_changed = false;
        bool is_poked = false;
        bool stopping = false;
        bool draining = false;
        bool is_closed = false;
        SteadyTime deadline{};
    };

    enum class Resume { kNotNeeded, kAsk, kAsked };

    void run();
    bool step();
    bool take_inbox();
    void handle(Answer answer);
    void retry(Job& job, const DeliveryReport& report);
    void settle(uint64_t id, DeliveryReport report);
    void hand_over(Job& job);
    pipeline::DeliverDone answer_to(uint64_t id) const;
    bool deliver_some();
    bool take_one();
    void refuse(Job& job, DeliveryReport report);
    void bury(Job& job);
    void bury_again();
    void dead_letter_answered(Job& job, const DeliveryReport& answer);
    void ask();
    void wait();
    size_t out_count() const;
    size_t refused_count() const;
    void note(std::string message);
    void note_dead_letter(std::string message);

    const Setup setup_;
    DeliverySource& source_;
    pipeline::Output& output_;
    io::Clock& clock_;
    RetryPolicy policy_;
    const std::shared_ptr<Inbox> inbox_;

    // The sender thread's.
    std::deque<Job> jobs_;
    bool is_failing_ = false;
    uint32_t failures_ = 0;
    SteadyTime retry_at_;
    SteadyTime ask_at_;
    Resume resume_ = Resume::kNotNeeded;
    bool source_is_empty_ = false;

    mutable std::mutex health_mutex_;
    std::string health_;
    std::string dead_letter_health_;
    std::thread thread_;
};

}  // namespace seyir::buffer
