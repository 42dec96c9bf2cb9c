// SPDX-License-Identifier: Apache-2.0
// A collector that passes records on: agent's file -> disk buffer -> second collector, with power
// cuts of the first, cut connections and other stores behind them.
#include <algorithm>
#include <random>

#include <doctest/doctest.h>

#include "common/buffer/buffer_set.hpp"
#include "common/io/faulty_file_system.hpp"
#include "plugins/output/collector/relay_output_type.hpp"
#include "test/support/cutting_proxy.hpp"
#include "test/support/plan_output.hpp"
#include "test/support/temp_dir.hpp"
#include "test/unit/ship/loopback.hpp"

using namespace seyir;
using namespace seyir::test;
using namespace std::chrono_literals;

namespace {

SteadyTime in(Nanos wait) {
    return io::system_clock().steady_now() + wait;
}

/// The first collector's output with its buffer, on a file system that can lose power.
class Relay {
  public:
    Relay(io::FileSystem& fs, uint16_t port) : fs_(fs), port_(port) {}

    ~Relay() { stop(0s); }

    Result<void> start() {
        ship::ShipSetup setup;
        setup.id = "second";
        setup.endpoints = {{.host = "127.0.0.1", .port = port_, .unix_path = ""}};
        setup.token = "secret";
        setup.state_dir = "/data/buffer/second";
        setup.retry_initial = 2ms;
        setup.retry_max = 20ms;
        SEYIR_TRY(setup.identity, ship::load_agent_identity(fs_, {setup.state_dir}));
        registry_ = std::make_unique<metrics::Registry>();
        set_ = std::make_unique<buffer::BufferSet>(fs_, io::system_clock(), *registry_, "/data");
        output_ = set_->wrap(
            std::make_unique<ship::CollectorOutput>(
                std::move(setup), fs_, io::system_clock(), *registry_
            ),
            {.id = "second",
             .buffer =
                 {.kind = buffer::BufferOptions::Kind::kDisk,
                  .max_size_bytes = 64 << 20,
                  .in_flight_max = 4},
             .retry = {.initial = 1ms, .max = 10ms}}
        );
        return output_->start();
    }

    void stop(Nanos patience) {
        if (output_ != nullptr) {
            output_->stop(in(patience));
        }
        output_.reset();
        set_.reset();
    }

    pipeline::Output& output() { return *output_; }

    uint64_t rows() {
        const auto buffer = set_->open("second", {.kind = buffer::BufferOptions::Kind::kDisk});
        return buffer ? (*buffer)->rows() : 0;
    }

  private:
    io::FileSystem& fs_;
    const uint16_t port_;
    std::unique_ptr<metrics::Registry> registry_;
    std::unique_ptr<buffer::BufferSet> set_;
    std::unique_ptr<pipeline::Output> output_;
};

/// An agent's file: sends from where it was acknowledged, goes back when told.
class AgentFile {
  public:
    AgentFile(std::string name, size_t count, uint64_t seed)
        : lines_(make_lines(name, count, seed)), random_(seed) {
        offsets_.push_back(0);
        for (const std::string& line : lines_) {
            offsets_.push_back(offsets_.back() + line.size() + 1);
        }
        key_ = {{9, seed}, 0};
    }

    const std::vector<std::string>& lines() const { return lines_; }

    bool is_done() const { return acked_ == offsets_.back(); }

    /// One batch, and its answer; false when there was none in time.
    bool send_one(pipeline::Output& output) {
        const size_t first =
            static_cast<size_t>(std::ranges::lower_bound(offsets_, acked_) - offsets_.begin());
        const size_t last = std::min(lines_.size(), first + 1 + random_() % 20);
        RecordBatch batch;
        const uint16_t stream = batch.add_stream(*StreamLabels::make({{"host", "h"}}));
        batch.set_provenance({.agent = {4, 2}, .epoch = 1});
        const uint16_t origin = batch.add_position(
            {.key = key_, .begin = offsets_[first], .end = offsets_[last], .tail_hash = last}
        );
        for (size_t i = first; i < last; ++i) {
            batch.append_row(
                {.ts = {static_cast<int64_t>(i) + 1},
                 .stream = stream,
                 .origin = origin,
                 .body = batch.arena().copy(lines_[i])}
            );
        }
        auto answer = std::make_shared<Answer>();
        output.deliver(
            {std::make_shared<const RecordBatch>(std::move(batch)), {}},
            [answer](DeliveryReport report) {
                const std::lock_guard lock(answer->mutex);
                answer->report = std::move(report);
            }
        );
        const bool came = eventually([&] { return answer->get().has_value(); });
        if (!came) {
            return false;
        }
        const DeliveryReport report = *answer->get();
        if (report.outcome == Outcome::kDelivered) {
            acked_ = offsets_[last];
        } else if (report.outcome == Outcome::kRewind) {
            acked_ = report.lanes.at(0).committed;
        }
        return true;
    }

  private:
    struct Answer {
        std::mutex mutex;
        std::optional<DeliveryReport> report;

        std::optional<DeliveryReport> get() {
            const std::lock_guard lock(mutex);
            return report;
        }
    };

    const std::vector<std::string> lines_;
    std::mt19937_64 random_;
    std::vector<uint64_t> offsets_;
    SourceKey key_;
    uint64_t acked_ = 0;
};

collector::input::AgentsSetup with_secret() {
    collector::input::AgentsSetup setup;
    setup.authenticator = *net::Authenticator::build(
        {{.name = "agents", .sha256_hex = net::sha256_hex("secret"), .scopes = {net::Scope::kIngest}
        }}
    );
    setup.probe_timeout = 100ms;
    setup.retry_after_ms = 20;
    return setup;
}

}  // namespace

TEST_SUITE("common/buffer/relay") {
    TEST_CASE("every line is stored once at the second collector, over power cuts and cut links") {
        uint64_t all_power_cuts = 0;
        uint64_t all_link_cuts = 0;
        for (uint64_t seed = 1; seed <= 6; ++seed) {
            CAPTURE(seed);
            std::mt19937_64 random(seed);
            std::mt19937_64 cuts(seed + 1000);  // of its own: the proxy's thread uses it
            HoldingStore store;
            TestCollector second(store, with_secret());
            CuttingProxy proxy(second.port(), [&] { return 500 + cuts() % 20'000; });
            io::FaultyFileSystem fs(seed);
            REQUIRE(fs.make_directories("/data/buffer"));
            REQUIRE(fs.sync_directory("/"));
            REQUIRE(fs.sync_directory("/data"));
            AgentFile file("f", 1500, seed);
            size_t power_cuts = 0;
            while (!file.is_done()) {
                Relay relay(fs, proxy.port());
                const auto started = relay.start();
                if (started) {
                    fs.plan_fault(15 + random() % 40, io::Fault::kPowerCut);
                    while (!fs.crashed() && !file.is_done() && random() % 60 != 0) {
                        std::atomic<bool> answered{false};
                        std::thread stopper([&] {
                            eventually([&] { return answered.load() || fs.crashed(); });
                            if (!answered) {
                                relay.output().stop(SteadyTime::min());
                            }
                        });
                        REQUIRE(file.send_one(relay.output()));
                        answered = true;
                        stopper.join();
                    }
                }
                power_cuts += fs.crashed() ? 1 : 0;
                fs.crash();
                relay.stop(0s);
                fs.restart();
            }
            Relay relay(fs, proxy.port());
            REQUIRE(relay.start());
            const auto all_there = [&] { return stored_lines(store.inner)["f"].size() >= 1500; };
            CHECK(eventually(all_there));
            CHECK(eventually([&] { return relay.rows() == 0; }));
            CHECK(stored_lines(store.inner)["f"] == file.lines());
            all_power_cuts += power_cuts;
            all_link_cuts += proxy.cuts();
        }
        MESSAGE("power cuts: " << all_power_cuts << ", link cuts: " << all_link_cuts);
        CHECK(all_power_cuts > 12);
        CHECK(all_link_cuts > 50);
    }

    TEST_CASE("a buffer put back to an older state begins a new lane instead of losing rows") {
        HoldingStore store;
        TestCollector second(store, with_secret());
        const TempDir dir;
        io::FaultyFileSystem fs(1);
        REQUIRE(fs.make_directories("/data/buffer"));
        AgentFile before("f", 100, 1);
        {
            Relay relay(fs, second.port());
            REQUIRE(relay.start());
            while (!before.is_done()) {
                REQUIRE(before.send_one(relay.output()));
            }
            REQUIRE(eventually([&] { return relay.rows() == 0; }));
            relay.stop(5s);
        }
        // As a snapshot taken before: the same buffer and agent id, none of the rows.
        const auto names = fs.list("/data/buffer/second");
        buffer::BufferId id;
        for (const std::string& name : *names) {
            if (buffer::segment_base(name)) {
                const std::string path = "/data/buffer/second/" + name;
                id = buffer::decode_segment_header(*io::read_file(fs, path, 1 << 26))->buffer;
                REQUIRE(fs.remove(path));
            }
        }
        REQUIRE(fs.remove("/data/buffer/second/cursor"));
        buffer::CursorFile cursor(fs, "/data/buffer/second/cursor");
        REQUIRE(cursor.save({.buffer = id}, true));
        AgentFile after("g", 30, 2);
        Relay relay(fs, second.port());
        REQUIRE(relay.start());
        while (!after.is_done()) {
            REQUIRE(after.send_one(relay.output()));
        }
        REQUIRE(eventually([&] { return relay.rows() == 0; }));
        auto stored = stored_lines(store.inner);
        CHECK(stored["f"] == before.lines());
        CHECK(stored["g"] == after.lines());
    }

    TEST_CASE("a second collector with another store gets what is still held, from there on") {
        HoldingStore first_store;
        HoldingStore second_store;
        io::FaultyFileSystem fs(1);
        REQUIRE(fs.make_directories("/data/buffer"));
        auto first = std::make_unique<TestCollector>(first_store, with_secret());
        CuttingProxy proxy(first->port(), [] { return 0; });
        Relay relay(fs, proxy.port());
        REQUIRE(relay.start());
        AgentFile file("f", 400, 3);
        for (int i = 0; i < 10; ++i) {
            REQUIRE(file.send_one(relay.output()));
        }
        REQUIRE(eventually([&] { return relay.rows() == 0; }));
        TestCollector second(second_store, with_secret());
        proxy.set_upstream(second.port());
        proxy.cut();
        while (!file.is_done()) {
            REQUIRE(file.send_one(relay.output()));
        }
        REQUIRE(eventually([&] { return relay.rows() == 0; }));
        std::vector<std::string> all = stored_lines(first_store.inner)["f"];
        const std::vector<std::string> rest = stored_lines(second_store.inner)["f"];
        CHECK_FALSE(rest.empty());
        // What both have is what was on its way when the store changed.
        for (const std::string& line : rest) {
            if (std::ranges::find(all, line) == all.end()) {
                all.push_back(line);
            }
        }
        CHECK(all == file.lines());
    }

    TEST_CASE("the type plans with a disk buffer only") {
        const auto type = plugins::relay_output_type();
        const PlannedOutput good = plan_output(type, "endpoints: ['127.0.0.1:7410']\n");
        REQUIRE(good.plan != nullptr);
        CHECK(good.plan->buffer_default() == component::BufferDefault::kDisk);
        const PlannedOutput bad =
            plan_output(type, "endpoints: ['127.0.0.1:7410']\nbuffer: {type: memory}\n");
        CHECK(bad.plan == nullptr);
        REQUIRE(bad.problems.size() == 1);
        CHECK(bad.problems[0].starts_with("E0404"));
    }
}
