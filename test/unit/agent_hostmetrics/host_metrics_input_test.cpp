// SPDX-License-Identifier: Apache-2.0
#include "agent/hostmetrics/host_metrics_input.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "common/samples/metric_samples.hpp"
#include "test/support/eventually.hpp"
#include "test/unit/agent_hostmetrics/fake_root.hpp"

using namespace seyir;
using namespace seyir::agent::hostmetrics;
using seyir::test::FakeRoot;

namespace {

/// Keeps what the input hands on, to be answered when told.
struct Taken {
    std::mutex mutex;
    std::vector<RecordBatchPtr> batches;
    std::vector<AckToken> tokens;

    pipeline::Submit submit() {
        return [this](const RecordBatchPtr& batch) {
            const std::lock_guard lock(mutex);
            tokens.push_back(batch->take_ack());
            batches.push_back(batch);
        };
    }

    size_t size() {
        const std::lock_guard lock(mutex);
        return batches.size();
    }

    void answer_last(const DeliveryReport& report) {
        AckToken token;
        {
            const std::lock_guard lock(mutex);
            token = std::move(tokens.back());
        }
        token.resolve(report);
    }
};

struct World {
    FakeRoot root;
    io::ManualClock clock{UnixNanos{1'767'225'600'000'000'000}};
    metrics::Registry registry;
    Taken taken;
    HostMetricsInput input{
        {.id = "host",
         .interval = std::chrono::hours(1),
         .labels = {{"host", "web1"}, {"job", "node"}},
         .root = root.path()},
        io::posix_file_system(),
        clock,
        registry
    };

    World() {
        REQUIRE(input.start(taken.submit()));
        REQUIRE(test::eventually([&] { return taken.size() == 1; }));
        input.stop();  // the thread; sample_now() is called by hand from here on
    }

    bool counts(const std::string& line) {
        return registry.text().find(line + "\n") != std::string::npos;
    }
};

}  // namespace

TEST_SUITE("agent/hostmetrics/host_metrics_input") {
    TEST_CASE("a sample has the names, labels, types and values of the page, and the host's labels"
    ) {
        World w;
        const RecordBatch& batch = *w.taken.batches[0];
        CHECK(samples::is_metrics(batch));
        CHECK(batch.positions().empty());
        const auto samples = samples::decode_samples(batch.body(0));
        REQUIRE(samples);
        const auto table = samples::decode_table(samples->table);
        REQUIRE(table);
        std::map<std::string, double> values;
        for (size_t i = 0; i < table->series.size(); ++i) {
            const samples::Family& family = table->families[table->series[i].family];
            std::string name = fmt::format("{} {}", to_string(family.type), family.name);
            for (const samples::Label& label : table->own_labels(table->series[i])) {
                name += fmt::format(" {}={}", label.name, label.value);
            }
            CHECK(values.emplace(name, samples->rows[0].value(i)).second);
        }
        CHECK(values.at("counter node_cpu_seconds_total cpu=0 mode=user") == 123.45);
        CHECK(values.at("gauge node_load15") == 15.03);
        CHECK(values.at("gauge node_memory_MemTotal_bytes") == 25276502016);
        CHECK(values.at("unknown node_vmstat_oom_kill") == 2);
        CHECK(values.at("counter node_disk_read_bytes_total device=vda") == 1024000);
        CHECK(values.at("counter node_network_receive_bytes_total device=eth0") == 145);
        CHECK(values.at("counter node_pressure_cpu_waiting_seconds_total") == 1280.761597);
        CHECK(values.at("gauge node_boot_time_seconds") == 1767225600);
        REQUIRE(table->common().size() == 2);
        CHECK(table->common()[0] == samples::Label{"host", "web1"});
        CHECK(samples->rows[0].ts == w.clock.wall_now());
    }

    TEST_CASE("a sample that was not taken is handed on again at the next turn, one that was is not"
    ) {
        World w;
        w.taken.answer_last(DeliveryReport::retry("the spool is full"));
        w.input.sample_now();
        REQUIRE(w.taken.size() == 3);  // the first again, and a new one
        CHECK(w.taken.batches[1]->body(0) == w.taken.batches[0]->body(0));
        for (AckToken& token : w.taken.tokens) {
            if (token) {
                token.resolve(DeliveryReport::delivered(1));
            }
        }
        CHECK(w.counts("seyir_host_metrics_taken_total{input=\"host\"} 2"));
        w.input.sample_now();
        CHECK(w.taken.size() == 4);
    }

    TEST_CASE("without answers the memory is bounded, drops are counted and health says so") {
        World w;
        for (size_t i = 0; i < HostMetricsInput::kWaitingMax + 9; ++i) {
            w.input.sample_now();
        }
        CHECK(w.taken.size() == HostMetricsInput::kWaitingMax);
        CHECK_FALSE(w.input.health().ok);
        CHECK(w.counts("seyir_host_metrics_dropped_total{reason=\"not_taken\",input=\"host\"} 10"));
    }
}
