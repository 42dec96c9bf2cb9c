// SPDX-License-Identifier: Apache-2.0
#include "plugins/output/write_loop.hpp"

#include <atomic>
#include <optional>
#include <vector>

#include <doctest/doctest.h>

#include "common/io/clock.hpp"
#include "test/support/eventually.hpp"

using namespace seyir;
using namespace seyir::plugins;

namespace {

BatchView batch_of(size_t body_bytes) {
    auto batch = std::make_shared<RecordBatch>();
    const auto stream = batch->add_stream(*StreamLabels::make({{"host", "h"}}));
    const std::string body(body_bytes, 'x');
    batch->append_row({.ts = {1}, .stream = stream, .body = batch->arena().copy(Slice(body))});
    return {std::move(batch), {}};
}

/// A loop whose disk works when told.
struct World {
    std::atomic<bool> works{false};
    std::atomic<int> retried{0};
    std::atomic<int> delivered{0};
    std::optional<DeliveryReport> last;
    WriteLoop loop{
        "file output /f",
        [](std::string& to, const BatchView&) { to += "line\n"; },
        [this](std::string_view) -> Result<void> {
            return works ? Result<void>{} : fail(ErrorCode::kNoSpace, "disk full");
        },
        1 << 20
    };

    void deliver(size_t bytes) {
        loop.deliver(batch_of(bytes), [this](DeliveryReport report) {
            const bool again = report.outcome == Outcome::kRetry;
            if (again && !last) {
                last = report;
            }
            ++(again ? retried : delivered);
        });
    }
};

}  // namespace

TEST_SUITE("plugins/output/write_loop") {
    TEST_CASE("while nothing can be written a bounded number of bytes waits, the rest goes back") {
        World w;
        w.loop.start();
        constexpr int kBatches = 50;
        for (int i = 0; i < kBatches; ++i) {
            w.deliver(100'000);
        }
        CHECK(w.retried.load() > kBatches - 12);
        CHECK(w.retried.load() < kBatches);
        REQUIRE(w.last);
        CHECK(w.last->message.find("1 MiB are allowed") != std::string::npos);
        const int waiting = kBatches - w.retried.load();
        w.works = true;
        CHECK(test::eventually([&] { return w.delivered.load() == waiting; }));
        w.deliver(100'000);
        CHECK(test::eventually([&] { return w.delivered.load() == waiting + 1; }));
        w.loop.stop(io::system_clock().steady_now());
    }

    TEST_CASE("a batch above the limit is written when nothing else waits") {
        World w;
        w.works = true;
        w.deliver(2 << 20);
        w.loop.start();
        CHECK(test::eventually([&] { return w.delivered.load() == 1; }));
        w.loop.stop(io::system_clock().steady_now());
    }
}
