// SPDX-License-Identifier: Apache-2.0
#include "common/io/disk_budget.hpp"

#include <limits>
#include <optional>

#include <doctest/doctest.h>

using seyir::io::DiskBudget;

namespace {

constexpr uint64_t kNoCap = std::numeric_limits<uint64_t>::max();

}  // namespace

TEST_SUITE("io/disk_budget") {
    TEST_CASE("without a cap everything fits") {
        DiskBudget disk(0);
        DiskBudget::Share share(disk, 10, kNoCap);
        CHECK(share.try_hold(uint64_t{1} << 60));
        CHECK(share.excess() == 0);
    }

    TEST_CASE("one holder has the whole cap") {
        DiskBudget disk(100);
        DiskBudget::Share only(disk, 0, kNoCap);
        CHECK(only.try_hold(100));
        CHECK_FALSE(only.try_hold(101));
        CHECK(disk.total() == 100);
    }

    TEST_CASE("a greedy holder leaves each of the others its part of the half that is divided") {
        DiskBudget disk(120);
        DiskBudget::Share greedy(disk, 0, kNoCap);
        DiskBudget::Share second(disk, 0, kNoCap);
        DiskBudget::Share third(disk, 0, kNoCap);
        CHECK_FALSE(greedy.try_hold(81));
        CHECK(greedy.try_hold(80));
        CHECK(second.try_hold(20));
        CHECK_FALSE(second.try_hold(21));
        CHECK(third.try_hold(20));
        CHECK(disk.total() == disk.limit());
        greedy.hold(70);
        CHECK(second.try_hold(30));
        CHECK_FALSE(greedy.try_hold(71));
    }

    TEST_CASE("what is there already is not cut, only grows no more; the others have their part") {
        DiskBudget disk(100);
        DiskBudget::Share old(disk, 0, kNoCap);
        old.hold(500);
        CHECK_FALSE(old.try_hold(501));
        CHECK(old.try_hold(500));
        CHECK(old.try_hold(400));
        DiskBudget::Share other(disk, 0, kNoCap);
        CHECK(other.try_hold(25));
        CHECK_FALSE(other.try_hold(26));
    }

    TEST_CASE("a holder that cannot do with less is guaranteed what it needs") {
        DiskBudget disk(100);
        DiskBudget::Share first(disk, 0, kNoCap);
        DiskBudget::Share segments(disk, 64, kNoCap);
        first.hold(100);
        CHECK(segments.try_hold(64));
        CHECK_FALSE(segments.try_hold(65));
    }

    TEST_CASE("to a holder with a small cap of its own no more than that is kept") {
        DiskBudget disk(100);
        DiskBudget::Share large(disk, 0, kNoCap);
        DiskBudget::Share small(disk, 0, 3);
        DiskBudget::Share none(disk, 0, 0);
        CHECK_FALSE(large.try_hold(98));
        CHECK(large.try_hold(97));
        CHECK(small.try_hold(3));
        CHECK_FALSE(none.try_hold(1));
    }

    TEST_CASE("a share that ends is free again, for the guarantees too") {
        DiskBudget disk(100);
        DiskBudget::Share stays(disk, 0, kNoCap);
        std::optional<DiskBudget::Share> leaves;
        leaves.emplace(disk, 0, kNoCap);
        leaves->hold(60);
        CHECK_FALSE(stays.try_hold(41));
        leaves.reset();
        CHECK(disk.total() == 0);
        CHECK(stays.try_hold(100));
    }

    TEST_CASE("the excess of a holder is never what is guaranteed to it") {
        DiskBudget disk(100);
        DiskBudget::Share buffers(disk, 0, kNoCap);
        DiskBudget::Share files(disk, 0, kNoCap);
        buffers.hold(200);
        files.hold(20);
        CHECK(files.excess() == 0);
        files.hold(40);
        CHECK(files.excess() == 15);
        buffers.hold(50);
        CHECK(files.excess() == 0);
        files.hold(60);
        CHECK(files.excess() == 10);
        disk.set_limit(0);
        CHECK(files.excess() == 0);
    }
}
