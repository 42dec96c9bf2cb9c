// SPDX-License-Identifier: Apache-2.0
#include "common/buffer/options.hpp"

#include <doctest/doctest.h>

#include "common/config/loader.hpp"

namespace {

using namespace seyir;
using namespace seyir::buffer;
using Kind = BufferOptions::Kind;

struct ReadBack {
    BufferOptions buffer;
    RetryOptions retry;
    std::vector<std::string> problems;
};

ReadBack read(const std::string& yaml, Kind kind) {
    const config::Schema schema =
        config::Schema("out", "").with(buffer_field(kind)).with(retry_field());
    config::CheckedDocument checked = config::load_document("t.yaml", schema, {}, yaml);
    ReadBack out;
    const config::ObjectReader r(checked.document.root(), schema, checked.context);
    out.buffer = read_buffer(r, kind);
    out.retry = read_retry(r);
    check_buffer(r, out.buffer, "far", checked.diagnostics);
    CHECK(has_retry_field(schema));
    check_retry(r, "far", checked.diagnostics);
    for (const config::Diagnostic& d : checked.diagnostics.sorted()) {
        out.problems.push_back(std::string(d.code) + " " + d.message);
    }
    return out;
}

}  // namespace

TEST_SUITE("common/buffer/options") {
    TEST_CASE("the output's type decides what the buffer is when the file does not") {
        CHECK(read("retry: {}\n", Kind::kNone).buffer.kind == Kind::kNone);
        const ReadBack memory = read("retry: {}\n", Kind::kMemory);
        CHECK(memory.buffer.kind == Kind::kMemory);
        CHECK(memory.buffer.max_size_bytes == 32 * kMiB);
        const ReadBack disk = read("retry: {}\n", Kind::kDisk);
        CHECK(disk.buffer.kind == Kind::kDisk);
        CHECK(disk.buffer.max_size_bytes == kGiB);
        CHECK(disk.buffer.when_full == BufferOptions::WhenFull::kBlock);
        CHECK(disk.buffer.sync == BufferOptions::Sync::kAck);
        CHECK(disk.buffer.in_flight_max == 8);
        CHECK_FALSE(disk.retry.gives_up());
        CHECK(read("buffer: {type: memory}\n", Kind::kDisk).buffer.kind == Kind::kMemory);
    }

    TEST_CASE("every key is read") {
        const ReadBack got = read(
            "buffer: {type: disk, max_size: 2GiB, when_full: drop_oldest, sync: interval,\n"
            "         sync_interval: 5s, path: /spool/far, keep_free: 1GiB, in_flight: 3}\n"
            "retry: {initial: 1s, max: 10s, give_up_after: 1h, attempts: 7}\n",
            Kind::kNone
        );
        CHECK(got.problems.empty());
        CHECK(got.buffer.max_size_bytes == 2 * kGiB);
        CHECK(got.buffer.when_full == BufferOptions::WhenFull::kDropOldest);
        CHECK(got.buffer.sync == BufferOptions::Sync::kInterval);
        CHECK(got.buffer.sync_interval == std::chrono::seconds(5));
        CHECK(got.buffer.path == "/spool/far");
        CHECK(got.buffer.free_bytes_min == kGiB);
        CHECK(got.buffer.in_flight_max == 3);
        CHECK(got.retry.initial == std::chrono::seconds(1));
        CHECK(got.retry.max == std::chrono::seconds(10));
        CHECK(got.retry.give_up_after == std::chrono::hours(1));
        CHECK(got.retry.attempts_max == 7);
        CHECK(got.retry.gives_up());
    }

    TEST_CASE("values that do not fit each other are diagnostics at their place") {
        const ReadBack small = read("buffer: {type: disk, max_size: 2MiB}\n", Kind::kNone);
        REQUIRE(small.problems.size() == 1);
        CHECK(small.problems[0].starts_with("E0403 `max_size` of the disk buffer of `far` is 2 MiB")
        );
        const ReadBack order = read("retry: {initial: 10s, max: 1s}\n", Kind::kDisk);
        REQUIRE(order.problems.size() == 1);
        CHECK(order.problems[0].starts_with("E0506"));
    }
}
