// SPDX-License-Identifier: Apache-2.0
#include "common/ship/frame_window.hpp"

#include <doctest/doctest.h>

using namespace seyir;
using ship::FrameWindow;
using ship::OutFrame;

namespace {

OutFrame frame(uint32_t raw_bytes = 100) {
    OutFrame out;
    out.encoded.raw_bytes = raw_bytes;
    return out;
}

wire::Ack ack(uint64_t seq, Outcome outcome = Outcome::kDelivered) {
    wire::Ack out;
    out.seq = seq;
    out.outcome = outcome;
    return out;
}

/// Sends what may be sent; how many.
int send_all(FrameWindow& window, uint64_t& seq, uint64_t credit) {
    int sent = 0;
    while (OutFrame* next = window.next(credit)) {
        window.mark_sent(*next, ++seq, SteadyTime{});
        ++sent;
    }
    return sent;
}

}  // namespace

TEST_SUITE("common/ship/frame_window") {
    TEST_CASE("credit bounds what is under way, but one frame always goes") {
        FrameWindow window;
        for (int i = 0; i < 4; ++i) {
            window.push(frame());
        }
        uint64_t seq = 0;
        CHECK(send_all(window, seq, 250) == 2);
        CHECK(window.sent_bytes() == 200);
        CHECK(*window.on_ack(ack(1)));
        CHECK(send_all(window, seq, 250) == 1);
        FrameWindow small;
        small.push(frame(1000));
        CHECK(send_all(small, seq, 10) == 1);
    }

    TEST_CASE("a frame refused for now is sent again, with all behind it, once nothing is under way"
    ) {
        FrameWindow window;
        for (int i = 0; i < 3; ++i) {
            window.push(frame());
        }
        uint64_t seq = 0;
        send_all(window, seq, 1000);
        CHECK_FALSE(window.on_ack(ack(1, Outcome::kRetry))->has_value());
        CHECK_FALSE(window.wants_resend());
        CHECK(window.next(1000) == nullptr);
        CHECK_FALSE(window.on_ack(ack(2, Outcome::kRewind))->has_value());
        CHECK(window.on_ack(ack(3))->has_value());
        CHECK(window.wants_resend());
        window.resend();
        CHECK(send_all(window, seq, 1000) == 2);
        CHECK(window.on_ack(ack(4))->has_value());
        CHECK(window.on_ack(ack(5))->has_value());
        CHECK(window.empty());
    }

    TEST_CASE("a rewind counts for the oldest frame at once") {
        FrameWindow window;
        window.push(frame());
        window.push(frame());
        uint64_t seq = 0;
        send_all(window, seq, 1000);
        const auto first = window.on_ack(ack(1, Outcome::kRewind));
        REQUIRE(first->has_value());
        CHECK((*first)->report.outcome == Outcome::kRewind);
        CHECK(window.on_ack(ack(2, Outcome::kRewind))->has_value());
    }

    TEST_CASE("after a lost connection everything waits again and stays pinned to its endpoint") {
        FrameWindow window;
        window.push(frame());
        window.push(frame());
        CHECK_FALSE(window.pinned());
        uint64_t seq = 0;
        send_all(window, seq, 100);
        window.on_disconnect();
        CHECK(window.pinned());
        CHECK(window.sent_bytes() == 0);
        CHECK(send_all(window, seq, 1000) == 2);
        CHECK(window.on_ack(ack(2))->has_value());
        CHECK_FALSE(window.on_ack(ack(2)));
        CHECK_FALSE(window.on_ack(ack(1)));
    }

    TEST_CASE("rows left out at encoding are part of the answer") {
        FrameWindow window;
        OutFrame cut = frame();
        cut.dropped_rows = 7;
        cut.drop_reason = "frame_too_large";
        window.push(std::move(cut));
        uint64_t seq = 0;
        send_all(window, seq, 1000);
        const auto answered = window.on_ack(ack(1));
        CHECK((*answered)->report.outcome == Outcome::kRejected);
        CHECK((*answered)->report.dropped == 7);
    }
}
