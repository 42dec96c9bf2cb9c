// SPDX-License-Identifier: Apache-2.0
#include "collector/api/metrics/metrics_export.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "test/support/metric_batch.hpp"
#include "test/support/store_in_memory.hpp"

using namespace seyir;
using namespace seyir::test;
using namespace seyir::collector::api;

namespace {

/// Two hosts, three times, three series each.
struct World {
    StoreInMemory f;

    World() {
        for (uint64_t i = 0; i < 3; ++i) {
            for (const uint64_t host : {1, 2}) {
                samples::SampleWriter writer({{"host", fmt::format("web{}", host)}, {"job", "node"}}
                );
                writer.family("node_load1", samples::MetricType::kGauge);
                writer.sample({}, 0.25 * static_cast<double>(i));
                writer.family("node_cpu_seconds_total", samples::MetricType::kCounter);
                for (const std::string_view mode : {"idle", "us\"er"}) {
                    const samples::Label labels[] = {{"mode", mode}};
                    writer.sample(labels, static_cast<double>(100 * host + i));
                }
                const UnixNanos ts = kNoon + std::chrono::seconds(15 * i);
                const MetricFrame frame{
                    .ts = ts,
                    .begin = i * 10,
                    .end = i * 10 + 10,
                    .agent = {host, host},
                    .body = std::string(writer.finish(ts))
                };
                REQUIRE(test::append(*f.store, {frame.build(), {}})->accepted == 1);
            }
        }
    }

    std::string run(
        const std::string& match,
        bool json = false,
        uint64_t points_max = 1000,
        TimeRange range = {}
    ) {
        const auto view = f.store->metrics(TenantId::kDefault);
        REQUIRE(view);
        const auto selector = SeriesSelector::compile(match);
        REQUIRE(selector);
        MetricsExport work(*view, range, *selector, points_max);
        const auto total = work.count();
        REQUIRE(total);
        samples = *total;
        std::string out;
        const auto sink = [&](std::string_view piece) {
            out += piece;
            return true;
        };
        REQUIRE((json ? work.write_json_lines(sink) : work.write_open_metrics(sink)));
        return out;
    }

    uint64_t samples = 0;
};

}  // namespace

TEST_SUITE("collector/api/metrics") {
    TEST_CASE("OpenMetrics: a name's samples together, by series and time, counters by their family"
    ) {
        World w;
        const TimeRange two{kNoon, kNoon + std::chrono::seconds(20)};
        CHECK(
            w.run("", false, 1000, two) ==
            "# TYPE node_cpu_seconds counter\n"
            "node_cpu_seconds_total{host=\"web1\",job=\"node\",mode=\"idle\"} 100 1767268800.000\n"
            "node_cpu_seconds_total{host=\"web1\",job=\"node\",mode=\"idle\"} 101 1767268815.000\n"
            "node_cpu_seconds_total{host=\"web1\",job=\"node\",mode=\"us\\\"er\"} 100 "
            "1767268800.000\n"
            "node_cpu_seconds_total{host=\"web1\",job=\"node\",mode=\"us\\\"er\"} 101 "
            "1767268815.000\n"
            "node_cpu_seconds_total{host=\"web2\",job=\"node\",mode=\"idle\"} 200 1767268800.000\n"
            "node_cpu_seconds_total{host=\"web2\",job=\"node\",mode=\"idle\"} 201 1767268815.000\n"
            "node_cpu_seconds_total{host=\"web2\",job=\"node\",mode=\"us\\\"er\"} 200 "
            "1767268800.000\n"
            "node_cpu_seconds_total{host=\"web2\",job=\"node\",mode=\"us\\\"er\"} 201 "
            "1767268815.000\n"
            "# TYPE node_load1 gauge\n"
            "node_load1{host=\"web1\",job=\"node\"} 0 1767268800.000\n"
            "node_load1{host=\"web1\",job=\"node\"} 0.25 1767268815.000\n"
            "node_load1{host=\"web2\",job=\"node\"} 0 1767268800.000\n"
            "node_load1{host=\"web2\",job=\"node\"} 0.25 1767268815.000\n"
            "# EOF\n"
        );
        CHECK(w.samples == 12);
    }

    TEST_CASE("however little memory there is for samples, the text is the same") {
        World w;
        const std::string whole = w.run("");
        for (const uint64_t points_max : {1, 7, 13}) {
            CHECK(w.run("", false, points_max) == whole);
        }
    }

    TEST_CASE("JSON lines: values and times of a series as long as nothing changes") {
        World w;
        CHECK(
            w.run("node_load1{host=\"web2\"}", true) ==
            R"({"metric":{"__name__":"node_load1","host":"web2","job":"node"},"values":[0,0.25,0.5],)"
            R"("timestamps":[1767268800000,1767268815000,1767268830000]})"
            "\n"
        );
        CHECK(w.samples == 3);
    }

    TEST_CASE("series are chosen by name and labels") {
        World w;
        const std::pair<const char*, uint64_t> cases[] = {
            {"", 18},
            {"{}", 18},
            {"node_load1", 6},
            {"{host=\"web1\"}", 9},
            {"node_cpu_seconds_total{mode!=\"idle\",host=~\"web.*\"}", 6},
            {"{__name__=~\"node_l.*\"}", 6},
            {"{mode=\"\"}", 6},
            {"node_none", 0},
        };
        for (const auto& [match, expected] : cases) {
            CAPTURE(match);
            w.run(match);
            CHECK(w.samples == expected);
        }
        for (const char* wrong : {"a b", "{host=}", "node_load1{host=\"x\"", "{host=~\"(\"}"}) {
            CAPTURE(wrong);
            CHECK_FALSE(SeriesSelector::compile(wrong));
        }
    }

    TEST_CASE("an export whose reader has gone stops") {
        World w;
        const auto view = w.f.store->metrics(TenantId::kDefault);
        const auto selector = SeriesSelector::compile("");
        MetricsExport work(*view, {}, *selector);
        REQUIRE(work.count());
        const auto gone = [](std::string_view) { return false; };
        CHECK(work.write_open_metrics(gone).error().code == ErrorCode::kClosed);
        CHECK(work.write_json_lines(gone).error().code == ErrorCode::kClosed);
    }
}
