// SPDX-License-Identifier: Apache-2.0
#include "common/buffer/buffered_output.hpp"

#include <algorithm>

#include <doctest/doctest.h>

#include "common/io/faulty_file_system.hpp"
#include "test/support/eventually.hpp"
#include "test/unit/buffer/fake_output.hpp"

namespace {

using namespace seyir;
using namespace seyir::buffer;
using namespace std::chrono_literals;
using test::FakeOutput;
using test::numbered_batch;
using Far = FakeOutput::Far;
using Kind = BufferOptions::Kind;

SteadyTime in(Nanos wait) {
    return io::system_clock().steady_now() + wait;
}

/// Outputs of one id, as successive graphs have them, and one far side.
struct World {
    World() {
        setup.id = "far";
        setup.buffer = {.kind = Kind::kDisk, .max_size_bytes = 64 << 20, .in_flight_max = 3};
        setup.retry = {.initial = 1ms, .max = 5ms};
        setup.on_dead_letter =
            [this](BatchView rows, std::string_view code, std::string_view, AckToken token) {
                const std::lock_guard lock(mutex);
                dead.emplace_back(std::string(code), test::numbers_of(rows));
                if (keeps_dead_letters_waiting) {
                    dead_tokens.push_back(std::move(token));
                } else {
                    token.resolve(DeliveryReport{});
                }
            };
    }

    std::unique_ptr<pipeline::Output> make() {
        auto output = set.wrap(std::make_unique<FakeOutput>(far), setup);
        REQUIRE(output->start());
        return output;
    }

    size_t deliver(pipeline::Output& output, std::vector<uint64_t> numbers) {
        size_t index = 0;
        {
            const std::lock_guard lock(mutex);
            index = reports.size();
            reports.emplace_back();
        }
        output.deliver({numbered_batch(numbers), {}}, [this, index](DeliveryReport report) {
            const std::lock_guard lock(mutex);
            reports[index] = std::move(report);
        });
        return index;
    }

    std::optional<DeliveryReport> report(size_t index) {
        const std::lock_guard lock(mutex);
        return reports[index];
    }

    DeliveryReport wait(size_t index) {
        REQUIRE(test::eventually([&] { return report(index).has_value(); }));
        return *report(index);
    }

    size_t dead_count() {
        const std::lock_guard lock(mutex);
        return dead.size();
    }

    /// Answers the oldest dead letter that waits.
    void answer_dead_letter(DeliveryReport report) {
        AckToken token;
        {
            const std::lock_guard lock(mutex);
            token = std::move(dead_tokens.front());
            dead_tokens.pop_front();
        }
        token.resolve(std::move(report));
    }

    bool eventually_stored(const std::vector<uint64_t>& numbers) {
        return test::eventually([&] { return far->numbers() == numbers; });
    }

    uint64_t counter(const std::string& name, metrics::Labels labels = {}) {
        labels.insert(labels.begin(), {"component", "far"});
        return registry.counter("seyir_buffer_" + name + "_rows_total", "", labels).value();
    }

    std::shared_ptr<Far> far = std::make_shared<Far>();
    metrics::Registry registry;
    io::FaultyFileSystem fs{1};
    BufferSet set{fs, io::system_clock(), registry, "/state"};
    BufferedOutputSetup setup;
    std::mutex mutex;
    std::vector<std::optional<DeliveryReport>> reports;
    std::vector<std::pair<std::string, std::vector<uint64_t>>> dead;
    bool keeps_dead_letters_waiting = false;
    std::deque<AckToken> dead_tokens;
};

std::optional<DeliveryReport> refuse(const BatchView& /*view*/) {
    return DeliveryReport::retry("the far side is away");
}

std::optional<DeliveryReport> reject(const BatchView& view) {
    const auto rows = static_cast<uint32_t>(view.row_count());
    return DeliveryReport{.outcome = Outcome::kRejected, .dropped = rows, .reason = "bad_row"};
}

std::optional<DeliveryReport> hold(const BatchView& /*view*/) {
    return std::nullopt;
}

}  // namespace

TEST_SUITE("common/buffer/output") {
    TEST_CASE("without a buffer the output is itself") {
        World world;
        world.setup.buffer.kind = Kind::kNone;
        auto inner = std::make_unique<FakeOutput>(world.far);
        const pipeline::Output* const same = inner.get();
        CHECK(world.set.wrap(std::move(inner), world.setup).get() == same);
    }

    TEST_CASE("on disk the source is answered while the far side is away, and it gets all later") {
        World world;
        world.far->set(refuse);
        auto output = world.make();
        CHECK(world.wait(world.deliver(*output, {1, 2})).outcome == Outcome::kDelivered);
        CHECK(world.wait(world.deliver(*output, {3})).outcome == Outcome::kDelivered);
        REQUIRE(test::eventually([&] { return !output->health().ok; }));
        CHECK(output->health().message.find("the far side is away") != std::string::npos);
        world.far->set({});
        CHECK(world.eventually_stored({1, 2, 3}));
        CHECK(test::eventually([&] { return output->health().ok; }));
        CHECK(world.counter("retried") > 0);
        output->stop(in(5s));
    }

    TEST_CASE("in memory the source is answered when the far side has the rows") {
        World world;
        world.setup.buffer.kind = Kind::kMemory;
        world.far->set(hold);
        auto output = world.make();
        const size_t index = world.deliver(*output, {1});
        REQUIRE(test::eventually([&] { return world.far->held_count() == 1; }));
        CHECK_FALSE(world.report(index).has_value());
        world.far->answer_held([](const BatchView& view) { return *FakeOutput::delivered(view); });
        CHECK(world.wait(index).accepted == 1);
        output->stop(in(5s));
    }

    TEST_CASE("several batches are under way at once, no more than allowed, begun in order") {
        for (const Kind kind : {Kind::kMemory, Kind::kDisk}) {
            World world;
            world.setup.buffer.kind = kind;
            world.far->set(hold);
            auto output = world.make();
            for (uint64_t i = 0; i < 10; ++i) {
                world.deliver(*output, {i});
            }
            REQUIRE(test::eventually([&] { return world.far->held_count() == 3; }));
            CHECK(world.far->delivery_count() == 3);
            world.far->set({});
            world.far->answer_held([](const BatchView& view) {
                return *FakeOutput::delivered(view);
            });
            const std::vector<uint64_t> all{0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
            CHECK(test::eventually([&] { return world.far->numbers().size() == all.size(); }));
            output->stop(in(5s));
            std::vector<uint64_t> begun;
            for (const BatchView& view : world.far->deliveries) {
                begun.push_back(test::numbers_of(view)[0]);
            }
            CHECK(begun == all);
        }
    }

    TEST_CASE("while the far side fails only the oldest batch is tried") {
        World world;
        std::vector<uint64_t> tried;
        world.far->set([&](const BatchView& view) {
            tried.push_back(test::numbers_of(view)[0]);
            return tried.size() < 20 ? refuse(view) : FakeOutput::delivered(view);
        });
        auto output = world.make();
        for (uint64_t i = 0; i < 3; ++i) {
            world.deliver(*output, {i});
        }
        CHECK(world.eventually_stored({0, 1, 2}));
        output->stop(in(5s));
        // At most the first three were under way before the first failure was known.
        CHECK(std::count(tried.begin(), tried.begin() + 19, uint64_t{0}) >= 17);
    }

    TEST_CASE("rows the far side can never take go to the dead letter function, the rest is done") {
        World world;
        world.far->set([](const BatchView& view) -> std::optional<DeliveryReport> {
            const auto rows = static_cast<uint32_t>(view.row_count());
            DeliveryReport report = DeliveryReport::delivered(rows - 1);
            report.outcome = Outcome::kRejected;
            report.dropped = 1;
            report.reason = "bad_row";
            report.rejected_rows = {1};
            return report;
        });
        auto output = world.make();
        world.wait(world.deliver(*output, {1, 2, 3}));
        REQUIRE(test::eventually([&] { return world.counter("delivered") == 2; }));
        output->stop(in(5s));
        REQUIRE(world.dead.size() == 1);
        CHECK(world.dead[0].first == "bad_row");
        CHECK(world.dead[0].second == std::vector<uint64_t>{2});
        CHECK(world.counter("dropped", {{"reason", "bad_row"}}) == 1);
    }

    TEST_CASE("refused rows stay in the disk buffer until the dead letters have them") {
        World world;
        world.keeps_dead_letters_waiting = true;
        world.far->set(reject);
        auto output = world.make();
        world.wait(world.deliver(*output, {1, 2}));
        REQUIRE(test::eventually([&] { return world.dead_count() == 1; }));
        CHECK(world.counter("dropped", {{"reason", "bad_row"}}) == 0);
        world.far->set({});
        world.wait(world.deliver(*output, {3}));
        CHECK(world.eventually_stored({3}));  // others go on meanwhile
        world.answer_dead_letter(DeliveryReport::retry("no room"));
        REQUIRE(test::eventually([&] { return world.dead_count() == 2; }));
        CHECK(output->health().message.find("no room") != std::string::npos);
        CHECK(world.counter("dropped", {{"reason", "bad_row"}}) == 0);
        world.answer_dead_letter(DeliveryReport::delivered(2));
        CHECK(test::eventually([&] {
            return world.counter("dropped", {{"reason", "bad_row"}}) == 2;
        }));
        CHECK(test::eventually([&] { return output->health().ok; }));
        output->stop(in(5s));
    }

    TEST_CASE("a program that dies before a dead letter is written sends those rows again") {
        World world;
        world.keeps_dead_letters_waiting = true;
        world.far->set(reject);
        auto output = world.make();
        world.wait(world.deliver(*output, {1, 2}));
        REQUIRE(test::eventually([&] { return world.dead_count() == 1; }));
        output->stop(in(10ms));
        output.reset();
        world.set.keep_only({});
        world.dead_tokens.clear();  // answered too late
        output = world.make();
        CHECK(test::eventually([&] { return world.dead_count() == 2; }));
        CHECK(world.dead[1].second == std::vector<uint64_t>{1, 2});
        output->stop(in(10ms));
    }

    TEST_CASE("what comes after rows that were given up is tried too") {
        World world;
        world.setup.buffer.in_flight_max = 1;
        world.setup.retry.attempts_max = 2;
        world.far->set(refuse);
        auto output = world.make();
        world.wait(world.deliver(*output, {1}));
        REQUIRE(test::eventually([&] { return world.dead_count() == 1; }));
        world.far->set({});
        world.wait(world.deliver(*output, {2}));
        CHECK(world.eventually_stored({2}));
        output->stop(in(5s));
    }

    TEST_CASE("given up means the dead letter function on disk, and a refusal in memory") {
        for (const Kind kind : {Kind::kMemory, Kind::kDisk}) {
            World world;
            world.setup.buffer.kind = kind;
            world.setup.retry.attempts_max = 3;
            world.far->set(refuse);
            auto output = world.make();
            const DeliveryReport report = world.wait(world.deliver(*output, {7}));
            REQUIRE(test::eventually([&] {
                return world.counter("dropped", {{"reason", "gave_up"}}) == 1;
            }));
            output->stop(in(5s));
            if (kind == Kind::kDisk) {
                REQUIRE(world.dead.size() == 1);
                CHECK(world.dead[0].first == "gave_up");
            } else {
                CHECK(report.outcome == Outcome::kRejected);
                CHECK(report.reason == "gave_up");
                CHECK(world.dead.empty());
            }
            CHECK(world.far->delivery_count() == 3);
        }
    }

    TEST_CASE("a new output of the same id takes over where the old one stopped") {
        World world;
        world.far->set(hold);
        auto old_output = world.make();
        for (uint64_t i = 0; i < 5; ++i) {
            world.wait(world.deliver(*old_output, {i}));
        }
        REQUIRE(test::eventually([&] { return world.far->held_count() == 3; }));
        auto new_output = world.make();
        world.wait(world.deliver(*new_output, {5}));
        world.wait(world.deliver(*old_output, {6}));
        CHECK(world.far->delivery_count() == 3);
        world.far->set({});
        old_output->stop(in(50ms));
        old_output.reset();
        CHECK(world.eventually_stored({0, 1, 2, 3, 4, 5, 6}));
        new_output->stop(in(5s));
    }

    TEST_CASE("reloads under load lose and double nothing") {
        World world;
        auto output = world.make();
        std::vector<uint64_t> expected;
        for (uint64_t round = 0; round < 50; ++round) {
            for (uint64_t i = 0; i < 4; ++i) {
                expected.push_back(4 * round + i);
                world.deliver(*output, {expected.back()});
            }
            auto next = world.make();
            output->stop(in(10s));
            output = std::move(next);
        }
        CHECK(world.eventually_stored(expected));
        output->stop(in(5s));
        for (size_t i = 0; i < world.reports.size(); ++i) {
            CHECK(world.wait(i).outcome == Outcome::kDelivered);
        }
    }

    TEST_CASE("what is left in memory at the deadline goes back to its source") {
        World world;
        world.setup.buffer.kind = Kind::kMemory;
        world.far->set(refuse);
        auto output = world.make();
        const size_t index = world.deliver(*output, {1});
        output->stop(in(20ms));
        CHECK(world.wait(index).outcome == Outcome::kRetry);
        CHECK(world.counter("returned") == 1);
    }

    TEST_CASE("in memory, drop modes and rows nobody waits for are bounded and counted") {
        using WhenFull = BufferOptions::WhenFull;
        for (const WhenFull when_full :
             {WhenFull::kBlock, WhenFull::kDropOldest, WhenFull::kDropNewest}) {
            World world;
            world.setup.buffer = {
                .kind = Kind::kMemory,
                .max_size_bytes = 1 << 20,
                .when_full = when_full,
                .in_flight_max = 1
            };
            world.setup.required = when_full != WhenFull::kBlock;
            world.far->set(hold);
            auto output = world.make();
            uint32_t dropped = 0;
            for (uint64_t i = 0; i < 200; ++i) {
                world.deliver(*output, {i});
            }
            output->stop(in(10ms));
            for (size_t i = 0; i < 200; ++i) {
                const DeliveryReport report = world.wait(i);
                dropped += report.reason == "buffer_full" ? report.dropped : 0;
            }
            CHECK(dropped > 100);
            CHECK(dropped < 200);
        }
    }

    TEST_CASE("rows of an output that was removed stay on disk until it is back") {
        World world;
        world.far->set(refuse);
        auto output = world.make();
        world.wait(world.deliver(*output, {1}));
        output->stop(in(10ms));
        output.reset();
        world.set.keep_only({});
        world.far->set({});
        output = world.make();
        CHECK(world.eventually_stored({1}));
        output->stop(in(5s));
    }

    TEST_CASE("two outputs cannot have one folder") {
        World world;
        world.setup.buffer.path = "/same";
        auto output = world.make();
        world.setup.id = "other";
        auto second = world.set.wrap(std::make_unique<FakeOutput>(world.far), world.setup);
        const auto started = second->start();
        REQUIRE_FALSE(started);
        CHECK(started.error().code == ErrorCode::kConflict);
        output->stop(in(1s));
    }
}

TEST_SUITE("common/buffer/retry") {
    TEST_CASE("waits double up to the limit, with jitter, and at least as long as asked") {
        RetryPolicy policy({.initial = 100ms, .max = 1s}, 1);
        for (uint32_t failures = 1; failures < 40; ++failures) {
            const Nanos full = std::min<Nanos>(1s, 100ms * (1 << std::min(failures - 1, 4U)));
            const Nanos wait = policy.wait(failures, Nanos(0));
            CHECK(wait >= full / 2);
            CHECK(wait <= full);
        }
        CHECK(policy.wait(1, 30s) == 30s);
        CHECK(policy.wait(1, 1000h) == 1h);
    }

    TEST_CASE("giving up is by attempts or by time, and never by default") {
        CHECK_FALSE(RetryPolicy({}, 1).gives_up(1'000'000, 10000h));
        CHECK(RetryPolicy({.attempts_max = 3}, 1).gives_up(3, Nanos(0)));
        CHECK_FALSE(RetryPolicy({.attempts_max = 3}, 1).gives_up(2, 1000h));
        CHECK(RetryPolicy({.give_up_after = 1h}, 1).gives_up(1, 1h));
        CHECK_FALSE(RetryPolicy({.give_up_after = 1h}, 1).gives_up(100, 59min));
    }
}
