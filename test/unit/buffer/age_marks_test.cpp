// SPDX-License-Identifier: Apache-2.0
#include "common/buffer/age_marks.hpp"

#include <doctest/doctest.h>

namespace {

using namespace seyir;
using namespace seyir::buffer;

UnixNanos second(int64_t n) {
    return UnixNanos{n * 1'000'000'000};
}

}  // namespace

TEST_SUITE("buffer/age_marks") {
    TEST_CASE("what waits is as old as told, to within a second, and never younger") {
        AgeMarks marks;
        CHECK(!marks.at(0));
        for (int64_t i = 0; i < 1000; ++i) {
            marks.add(static_cast<uint64_t>(i) * 10, UnixNanos{i * 300'000'000});
        }
        marks.forget_before(5000);
        for (int64_t i = 500; i < 1000; ++i) {
            const UnixNanos told = marks.at(static_cast<uint64_t>(i) * 10).value();
            CHECK(told.value <= i * 300'000'000);
            CHECK(told.value > i * 300'000'000 - 1'000'000'000);
        }
    }

    TEST_CASE("many seconds take no more memory than kMarksMax, and grow no younger by it") {
        AgeMarks marks;
        constexpr int64_t kSeconds = 100'000;
        for (int64_t i = 0; i < kSeconds; ++i) {
            marks.add(static_cast<uint64_t>(i), second(i));
        }
        for (int64_t i = 0; i < kSeconds; i += 97) {
            const UnixNanos told = marks.at(static_cast<uint64_t>(i)).value();
            CHECK(told <= second(i));
            CHECK(told > second(i - 2 * kSeconds / 2048));
        }
    }

    TEST_CASE("a clock that is set back makes a mark of its own") {
        AgeMarks marks;
        marks.add(0, second(1000));
        marks.add(10, second(10));
        CHECK(marks.at(0) == second(1000));
        CHECK(marks.at(10) == second(10));
    }

    TEST_CASE("what an earlier run left is as old as its first batch") {
        AgeMarks marks;
        marks.add(500, second(60));
        marks.add_before(100, second(5));
        marks.add_before(500, second(7));
        CHECK(marks.at(100) == second(5));
        CHECK(marks.at(300) == second(5));
        CHECK(marks.at(500) == second(60));
    }
}
