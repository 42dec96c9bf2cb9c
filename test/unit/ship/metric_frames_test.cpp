// SPDX-License-Identifier: Apache-2.0
#include <future>

#include <doctest/doctest.h>

#include "common/record/batch_codec.hpp"
#include "common/ship/frame_encoder.hpp"
#include "test/support/metric_batch.hpp"

using namespace seyir;
using namespace seyir::test;

namespace {

ship::OutFrame encoded(const RecordBatchPtr& batch) {
    std::promise<ship::OutFrame> made;
    auto frame = made.get_future();
    ship::FrameEncoder encoder({}, 1 << 20);
    encoder.start([&](ship::OutFrame out) { made.set_value(std::move(out)); });
    encoder.deliver({batch, {}}, [](const DeliveryReport&) {});
    return frame.get();
}

}  // namespace

TEST_SUITE("common/ship/metric_frames") {
    TEST_CASE("a batch of samples becomes a frame of kind metrics") {
        const ship::OutFrame frame = encoded(MetricFrame{.ts = {5}}.build());
        CHECK(frame.kind == wire::FrameKind::kMetrics);
        CHECK(frame.rows == 1);
    }

    TEST_CASE("for a collector that takes no samples the position goes without the row, counted") {
        ship::OutFrame frame = encoded(MetricFrame{.ts = {5}, .begin = 40, .end = 90}.build());
        ship::leave_rows_out(frame, "collector_takes_no_metrics");
        CHECK(frame.kind == wire::FrameKind::kLogs);
        CHECK(frame.rows == 0);
        CHECK(frame.dropped_rows == 1);
        CHECK(frame.drop_reason == "collector_takes_no_metrics");
        BatchDecoder decoder;
        const auto batch = decoder.decode(frame.encoded, TenantId::kDefault);
        REQUIRE(batch);
        CHECK((*batch)->row_count() == 0);
        REQUIRE((*batch)->positions().size() == 1);
        CHECK((*batch)->positions()[0].begin == 40);
        CHECK((*batch)->positions()[0].end == 90);
    }
}
