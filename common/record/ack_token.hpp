// SPDX-License-Identifier: Apache-2.0
// AckToken: the promise an input holds until every required output has answered for a batch.
// A root token calls back once, with the merged report, when its last share is resolved. A share
// that dies unresolved counts as kRetry: forgetting a batch can never look like delivering it.
// Threads: thread-safe; the callback runs on the thread that resolves the last share, so it must
// be short and must not throw.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/base/time.hpp"
#include "common/record/position.hpp"

namespace seyir {

/// Worst last: merging reports takes the greater. Values are metric labels, not a wire format.
enum class Outcome : uint8_t {
    kDelivered = 0,  ///< durable, or already durable before (duplicates count as delivered)
    kDropped = 1,    ///< given up on purpose, counted with a reason; the source may go on
    kRejected = 2,   ///< some rows can never be accepted; counted; the source may go on
    kRetry = 3,      ///< nothing is known to be stored: the source must send again
    kRewind = 4,     ///< positions do not join: the source must resume at `lanes`
};

/// What the store says of one lane of a batch.
struct LaneVerdict {
    enum class Kind : uint8_t {
        kStored = 0,     ///< begin == committed; committed now `end`
        kDuplicate = 1,  ///< end <= committed; nothing stored
        kRewind = 2,     ///< begin < committed < end; nothing stored, resume at `committed`
        kGap = 3,        ///< begin > committed; nothing stored, resume at `committed`
    };

    SourceKey key;
    Kind kind = Kind::kStored;
    uint64_t committed = 0;
    uint64_t tail_hash = 0;
};

struct DeliveryReport {
    Outcome outcome = Outcome::kDelivered;
    uint32_t accepted = 0;           ///< rows made durable now
    uint32_t duplicate = 0;          ///< rows that were durable before
    uint32_t dropped = 0;            ///< rows given up, with `reason`
    std::string reason;              ///< snake_case word for metrics; "" when nothing was lost
    std::string message;             ///< for people
    std::vector<LaneVerdict> lanes;  ///< only lanes that are not kStored
    /// kRejected: which rows of the delivered batch (indexes into view.batch), ascending; empty =
    /// not known, or all of them when `dropped` says so.
    std::vector<uint32_t> rejected_rows;
    Nanos retry_after{0};  ///< kRetry: the far side asked to wait this long; 0 = it did not say

    static DeliveryReport delivered(uint32_t rows) { return {.accepted = rows}; }

    static DeliveryReport retry(std::string message) {
        return {.outcome = Outcome::kRetry, .message = std::move(message)};
    }

    /// Worst outcome; counts by maximum (each output saw the same rows); verdicts are joined.
    void merge(DeliveryReport other);
};

class AckToken {
  public:
    using OnResolved = std::move_only_function<void(const DeliveryReport&)>;

    /// Ignores everything: for batches whose source needs no answer.
    AckToken() = default;
    /// A root with one share.
    explicit AckToken(OnResolved on_resolved);

    AckToken(AckToken&&) noexcept = default;
    AckToken& operator=(AckToken&& other) noexcept;
    AckToken(const AckToken&) = delete;
    AckToken& operator=(const AckToken&) = delete;
    ~AckToken();

    /// One more share of the same promise; the callback waits for it too.
    [[nodiscard]] AckToken clone() const;

    /// Ends this share. A second call does nothing.
    void resolve(DeliveryReport report);

    explicit operator bool() const { return state_ != nullptr; }

  private:
    struct State;

    explicit AckToken(std::shared_ptr<State> state) : state_(std::move(state)) {}

    std::shared_ptr<State> state_;
};

}  // namespace seyir
