// SPDX-License-Identifier: Apache-2.0
#include "common/ship/frame_window.hpp"

#include <vector>

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

const ship::Place kFirst{0, {1, 1}};
const ship::Place kSecond{1, {2, 2}};

/// Ten rows.
OutFrame of_lanes(const std::vector<uint64_t>& lanes) {
    OutFrame out = frame();
    out.rows = 10;
    for (const uint64_t lane : lanes) {
        out.lanes.push_back({{lane, lane}, 0});
    }
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

    TEST_CASE("after a lost connection everything waits again") {
        FrameWindow window;
        window.push(frame());
        window.push(frame());
        uint64_t seq = 0;
        send_all(window, seq, 100);
        window.on_disconnect();
        CHECK(window.sent_bytes() == 0);
        CHECK(send_all(window, seq, 1000) == 2);
        CHECK(window.on_ack(ack(2))->has_value());
        CHECK_FALSE(window.on_ack(ack(2)));
        CHECK_FALSE(window.on_ack(ack(1)));
    }

    TEST_CASE("what another store may have waits for it with what is behind it in its lanes") {
        FrameWindow window;
        window.set_place(kFirst, false);
        window.push(of_lanes({1, 2}));
        uint64_t seq = 0;
        send_all(window, seq, 1000);
        window.push(of_lanes({2, 3}));
        window.push(of_lanes({3}));
        window.push(of_lanes({4}));
        window.on_disconnect();
        window.set_place(kSecond, false);
        CHECK(window.held() == 3);
        CHECK(window.pinned_elsewhere() == 0);
        CHECK(window.rows_sent_elsewhere() == 10);
        window.push(of_lanes({1}));
        window.push(of_lanes({5}));
        CHECK(window.held() == 4);
        CHECK(send_all(window, seq, 1000) == 2);
        // A verdict about the oldest that went there counts, whatever is held back before it.
        CHECK(window.on_ack(ack(2, Outcome::kRewind))->has_value());
        CHECK(window.on_ack(ack(3))->has_value());
        CHECK(send_all(window, seq, 1000) == 0);
        window.on_disconnect();
        window.set_place(kFirst, false);
        CHECK(window.held() == 0);
        CHECK_FALSE(window.pinned_elsewhere());
        CHECK(window.rows_sent_elsewhere() == 0);
        CHECK(send_all(window, seq, 1000) == 4);
    }

    TEST_CASE("what may move goes to the other store, and its rows are counted once") {
        FrameWindow window;
        window.set_place(kFirst, true);
        window.push(of_lanes({1}));
        uint64_t seq = 0;
        send_all(window, seq, 1000);
        window.push(of_lanes({1}));
        window.on_disconnect();
        window.set_place(kSecond, true);
        CHECK(window.held() == 0);
        CHECK(window.rows_sent_elsewhere() == 10);
        std::vector<uint32_t> twice;
        while (OutFrame* next = window.next(1000)) {
            twice.push_back(window.mark_sent(*next, ++seq, SteadyTime{}));
        }
        CHECK(twice == std::vector<uint32_t>{10, 0});
        window.on_disconnect();
        window.set_place(kSecond, true);
        CHECK(window.rows_sent_elsewhere() == 0);
        CHECK(window.mark_sent(*window.next(1000), ++seq, SteadyTime{}) == 0);
    }

    TEST_CASE("one store behind two endpoints, or another at the same endpoint, holds nothing back"
    ) {
        const ship::Place same_store{1, kFirst.store};
        const ship::Place took_its_place{0, kSecond.store};
        for (const ship::Place& next : {same_store, took_its_place}) {
            FrameWindow window;
            window.set_place(kFirst, false);
            window.push(of_lanes({1}));
            uint64_t seq = 0;
            send_all(window, seq, 1000);
            window.on_disconnect();
            window.set_place(next, false);
            CHECK(window.held() == 0);
            CHECK(window.rows_sent_elsewhere() == 0);
            CHECK(send_all(window, seq, 1000) == 1);
        }
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
