// SPDX-License-Identifier: Apache-2.0
#include "collector/output/store_output.hpp"

#include <optional>
#include <string>
#include <utility>

#include <doctest/doctest.h>

#include "test/support/memory_log_store.hpp"

using namespace seyir;
using namespace seyir::collector;

namespace {

BatchView frame(AgentId agent, uint32_t epoch, uint64_t begin, const std::string& line) {
    auto batch = std::make_shared<RecordBatch>();
    const auto stream = batch->add_stream(*StreamLabels::make({{"input", "app"}}));
    const uint16_t origin = batch->add_position(
        {.key = {.source = {1, 2}}, .begin = begin, .end = begin + line.size() + 1}
    );
    batch->append_row(
        {.ts = {1}, .stream = stream, .origin = origin, .body = batch->arena().copy(line)}
    );
    batch->set_provenance({.agent = agent, .epoch = epoch});
    return {std::move(batch), {}};
}

DeliveryReport deliver(StoreOutput& output, BatchView view) {
    std::optional<DeliveryReport> answer;
    output.deliver(std::move(view), [&](DeliveryReport report) { answer = std::move(report); });
    REQUIRE(answer.has_value());
    return *answer;
}

}  // namespace

TEST_SUITE("collector/output/store_output") {
    TEST_CASE("a stored frame is delivered, the same frame again is a duplicate, a later one a gap"
    ) {
        store::MemoryLogStore memory;
        const AgentId agent{7, 7};
        const uint32_t epoch = *memory.begin_epoch(TenantId::kDefault, agent);
        StoreOutput output(memory, 0);
        CHECK(deliver(output, frame(agent, epoch, 0, "abc")).accepted == 1);

        const DeliveryReport again = deliver(output, frame(agent, epoch, 0, "abc"));
        CHECK(again.outcome == Outcome::kDelivered);
        CHECK(again.duplicate == 1);

        const DeliveryReport gap = deliver(output, frame(agent, epoch, 100, "def"));
        CHECK(gap.outcome == Outcome::kRewind);
        REQUIRE(gap.lanes.size() == 1);
        CHECK(gap.lanes[0].committed == 4);

        const auto lanes = output.committed(TenantId::kDefault, agent, {{{9, 9}, 0}, {{1, 2}, 0}});
        REQUIRE(lanes.has_value());
        REQUIRE(lanes->size() == 2);
        CHECK_FALSE(lanes->front().known);
        CHECK(lanes->back().committed == 4);
    }

    TEST_CASE("a store that refuses makes the source keep its data and health says why") {
        store::MemoryLogStore memory;
        memory.fail_appends(Error{ErrorCode::kNoSpace, "the disk of /data is full"});
        StoreOutput output(memory, 0);
        const DeliveryReport report = deliver(output, frame({}, 0, 0, "abc"));
        CHECK(report.outcome == Outcome::kRetry);
        CHECK(report.reason == "no_space");
        CHECK(report.retry_after == std::chrono::seconds(10));
        CHECK(output.health().message == "the disk of /data is full");
        memory.fail_appends(std::nullopt);
        CHECK(deliver(output, frame({}, 0, 0, "abc")).accepted == 1);
        CHECK(output.health().ok);
    }
}
