// SPDX-License-Identifier: Apache-2.0
// Delivery: hands views to outputs, accounts for their answers, and sends what can never be
// delivered to a dead letter output.
// Room: BatchView + AckToken -> Output::deliver -> DeliveryReport -> AckToken.
// Threads: thread-safe; answers come on the outputs' threads.
// Ownership: shared by everything that may still get an answer.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "common/base/shared_cell.hpp"
#include "common/pipeline/slots.hpp"
#include "common/pipeline/tap.hpp"

namespace seyir::pipeline {

/// The attribute of a dead letter that names who refused it.
inline constexpr const char* kDeadLetterComponent = "dead_letter.component";

/// Why rows go to a dead letter output; becomes the attributes dead_letter.* of the rows.
struct DeadLetterReason {
    std::string component;
    std::string code;
    std::string message;
    std::string route;
    bool is_sensitive = false;  ///< body and attributes stay behind
};

/// The rows as a dead letter output gets them: no positions (they have left their source's order),
/// with the reason as attributes.
BatchView dead_letter_rows(const BatchView& rows, const DeadLetterReason& reason);

class Delivery : public std::enable_shared_from_this<Delivery> {
  public:
    struct Ticket {
        BatchView view;
        AckToken token;         ///< empty: nobody waits
        bool required = false;  ///< kRetry goes back to the source; else such rows are dropped
        std::string route;
        std::shared_ptr<OutputSlot> dead_letter;  ///< for rows the output refuses for ever
    };

    void hand_over(const std::shared_ptr<OutputSlot>& slot, Ticket ticket);

    /// With an empty token nobody sends rows again: kRetry then counts them as dropped.
    void send_dead_letter(
        const std::shared_ptr<OutputSlot>& slot,
        const BatchView& rows,
        const DeadLetterReason& reason,
        AckToken token
    );

    /// Deliveries without an answer, of all outputs.
    uint64_t in_flight() const { return in_flight_.load(); }

    /// True once nothing is in flight; false at the deadline.
    bool wait_idle(SteadyTime deadline);

    void set_tap(std::shared_ptr<Tap> tap);
    void tap(
        const std::string& component, TapSide side, const BatchView& view, std::string_view note
    ) const;

  private:
    void answered(OutputSlot& slot, Ticket ticket, uint32_t rows, DeliveryReport report);
    void count_answer(
        OutputSlot& slot, const Ticket& ticket, uint32_t rows, DeliveryReport& report
    );

    std::atomic<uint64_t> in_flight_{0};
    std::mutex mutex_;
    std::condition_variable changed_;
    SharedCell<Tap> tap_;
    std::atomic<bool> has_tap_{false};
};

}  // namespace seyir::pipeline
