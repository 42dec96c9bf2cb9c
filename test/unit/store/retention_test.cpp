// SPDX-License-Identifier: Apache-2.0
// What goes when: classes of retention, a size, parts of days; and what stays although others go.
#include <filesystem>

#include <fmt/format.h>

#include "collector/store/engine/due_parts.hpp"
#include "collector/store/format/dropped_keys.hpp"
#include "test/support/store_in_memory.hpp"

namespace {

using namespace seyir;
using namespace seyir::test;
using namespace std::chrono_literals;

constexpr Nanos kDay = 24h;

StreamLabelsPtr debug_stream() {
    return stream_of("debug");
}

StreamLabelsPtr audit_stream() {
    return stream_of("audit");
}

/// Debug lines for two days, audit lines for 30, all others for ten.
store::RetentionPolicy policy() {
    const auto input_is = [](std::string name) {
        return [name = std::move(name)](const StreamLabels& labels) {
            return labels.get("input") == name;
        };
    };
    return {kDay * 10, {{input_is("debug"), kDay * 2}, {input_is("audit"), kDay * 30}}};
}

struct World {
    World() {
        f.options.retention = policy();
        f.open();
    }

    /// A line of its stream, so many days ago; the store thinks it just came.
    void line(const StreamLabelsPtr& stream, int age_days, std::string text) {
        const UnixNanos now = f.clock.wall_now();
        Frame frame{
            .key = source(++sources),
            .lines = {std::move(text)},
            .ts = now - kDay * age_days,
            .stream = stream
        };
        const auto stored = append(*f.store, frame);
        REQUIRE(stored.has_value());
        REQUIRE(stored->accepted == 1);
    }

    void seal() { REQUIRE(f.store->seal(store::SealScope::kAll).has_value()); }

    /// Days pass, a minute at a time as far as the clock's watcher is concerned.
    void pass(int days) {
        f.clock.advance(kDay * days);
        REQUIRE(f.store->maintain().has_value());
    }

    store::DropReport drop(store::DropRule rule, bool confirm = false) {
        rule.now = f.clock.wall_now();
        auto due = f.store->due(rule, confirm);
        REQUIRE_MESSAGE(due.has_value(), due.error().message);
        const Nanos longest = rule.retention.longest();
        const UnixNanos floor =
            longest.count() > 0 ? store::day_of(rule.now - longest).begin() : UnixNanos::min();
        const auto done = f.store->drop(due->dropped, floor, confirm);
        REQUIRE_MESSAGE(done.has_value(), done.error().message);
        return *due;
    }

    std::vector<std::string> bodies() { return read_all(*f.store).bodies(); }

    StoreInMemory f;
    uint64_t sources = 0;
};

using Bodies = std::vector<std::string>;

}  // namespace

TEST_SUITE("collector/store/retention") {
    TEST_CASE("streams of a class go at its time, the others of the same day stay") {
        World w;
        w.line(debug_stream(), 0, "debug");
        w.line(audit_stream(), 0, "audit");
        w.line(stream_of("app"), 0, "app");
        w.seal();
        CHECK(w.f.segment_files().size() == 3);
        w.pass(3);
        const auto first = w.drop({.retention = policy()});
        REQUIRE(first.dropped.size() == 1);
        CHECK(first.dropped[0].name() == "20260101-kept2d");
        CHECK_FALSE(first.dropped[0].is_whole_day);
        CHECK(first.dropped[0].rows == 1);
        CHECK(w.bodies() == Bodies{"app", "audit"});
        CHECK(w.f.segment_files().size() == 2);
        CHECK(w.f.store->stats().records == 2);
        w.f.open();
        CHECK(w.bodies() == Bodies{"app", "audit"});
        CHECK(w.f.store->stats().records == 2);
        w.pass(8);
        CHECK(w.drop({.retention = policy()}).dropped.at(0).name() == "20260101-kept10d");
        CHECK(w.bodies() == Bodies{"audit"});
        w.pass(20);
        const auto last = w.drop({.retention = policy()});
        CHECK(last.dropped.at(0).name() == "20260101");
        CHECK(last.dropped.at(0).is_whole_day);
        CHECK(w.bodies().empty());
        CHECK(w.f.fs.list("/data/segments").value().empty());
    }

    TEST_CASE("a file with streams of two classes stays as long as the longer one") {
        World w;
        w.f.options.retention = Nanos(0);  // sealed before there were classes
        w.f.open();
        w.line(debug_stream(), 0, "debug");
        w.line(audit_stream(), 0, "audit");
        w.seal();
        CHECK(w.f.segment_files().size() == 1);
        w.f.options.retention = policy();
        w.f.open();
        w.pass(20);
        CHECK(w.drop({.retention = policy()}).dropped.empty());
        CHECK(w.bodies() == Bodies{"audit", "debug"});
        w.pass(11);
        CHECK(w.drop({.retention = policy()}).dropped.size() == 1);
        CHECK(w.bodies().empty());
    }

    TEST_CASE("a query that began before a part went reads it to its end") {
        World w;
        w.line(debug_stream(), 0, "debug");
        w.line(audit_stream(), 0, "audit");
        w.seal();
        w.f.open();  // no file is open any more
        auto cursor = w.f.store->select({});
        REQUIRE(cursor.has_value());
        w.pass(3);
        REQUIRE(w.drop({.retention = policy()}).dropped.size() == 1);
        CHECK(w.f.segment_files().size() == 2);
        w.pass(30);
        REQUIRE(w.drop({.retention = policy()}).dropped.size() == 1);
        CHECK(w.bodies().empty());
        CHECK(read_back(**cursor).bodies() == Bodies{"audit", "debug"});
        cursor->reset();
        CHECK(w.f.segment_files().empty());
    }

    TEST_CASE("rows sealed late into a day that went stay although its old readers end") {
        World w;
        w.line(debug_stream(), 0, "debug");
        w.seal();
        auto reader = w.f.store->select({});
        REQUIRE(reader.has_value());
        w.pass(3);
        REQUIRE(w.drop({.retention = policy()}).dropped.at(0).is_whole_day);
        w.line(audit_stream(), 3, "audit of that day");
        w.seal();
        reader->reset();
        CHECK(w.bodies() == Bodies{"audit of that day"});
        w.f.open();
        CHECK(w.bodies() == Bodies{"audit of that day"});
    }

    TEST_CASE("what came too late for its class is refused, and only that") {
        World w;
        Frame frame{.lines = {"old"}, .ts = kNoon - kDay * 5, .stream = debug_stream()};
        CHECK(append(*w.f.store, frame)->rejected == 1);
        frame = {.key = source(2), .lines = {"old"}, .ts = kNoon - kDay * 5};
        CHECK(append(*w.f.store, frame)->accepted == 1);
        frame = {.key = source(3), .lines = {"older"}, .ts = kNoon - kDay * 11};
        CHECK(append(*w.f.store, frame)->rejected == 1);
        frame = {
            .key = source(4), .lines = {"older"}, .ts = kNoon - kDay * 11, .stream = audit_stream()
        };
        CHECK(append(*w.f.store, frame)->accepted == 1);
    }

    TEST_CASE("two days of each retention go in a run, and none of them after a clock step") {
        World w;
        for (const int age : {0, 1}) {
            w.line(debug_stream(), age, "debug");
            w.line(stream_of("app"), age, "app");
        }
        for (const int age : {2, 3}) {
            w.line(stream_of("app"), age, "app");
        }
        w.seal();
        w.pass(13);
        const auto first = w.drop({.retention = policy()});
        CHECK(first.dropped.size() == 4);
        CHECK(first.held_back.size() == 2);
        CHECK(first.reason.contains("6 days are due"));
        w.f.clock.set_wall(w.f.clock.wall_now() + kDay * 300);
        CHECK(w.drop({.retention = policy()}).dropped.empty());
        CHECK(w.f.store->due({w.f.clock.wall_now(), policy()}, true)->dropped.size() == 2);
        // What a caller says does not get around it.
        auto due = w.f.store->due({w.f.clock.wall_now(), policy()}, true);
        const auto refused = w.f.store->drop(due->dropped, UnixNanos::min(), false);
        REQUIRE_FALSE(refused.has_value());
        CHECK(refused.error().code == ErrorCode::kRefused);
        CHECK(w.bodies().size() == 2);
    }

    TEST_CASE("a clock step is remembered over a restart, until an operator confirms") {
        World w;
        w.line(stream_of("app"), 0, "app");
        w.seal();
        w.pass(1);
        w.f.clock.set_wall(w.f.clock.wall_now() + kDay * 300);
        REQUIRE(w.f.store->maintain().has_value());
        for (int i = 0; i < 2; ++i) {
            w.f.store.reset();
            w.f.open();
            CHECK(w.f.store->health().is_clock_stepped);
            const auto held = w.drop({.retention = policy()});
            CHECK(held.dropped.empty());
            CHECK(held.reason == "the clock was stepped by more than an hour");
        }
        REQUIRE(w.f.store->drop({}, UnixNanos::min(), true).has_value());
        w.f.store.reset();
        w.f.open();
        CHECK_FALSE(w.f.store->health().is_clock_stepped);
        CHECK(w.drop({.retention = policy()}).dropped.size() == 1);
    }

    TEST_CASE("beyond a size the oldest segments go, whatever the clock says") {
        World w;
        for (int age = 4; age >= 0; --age) {
            w.line(audit_stream(), age, fmt::format("day {}", 4 - age));
        }
        w.seal();
        const uint64_t each = w.f.store->segment_file_bytes() / 5;
        w.f.clock.set_wall(kNoon + kDay);  // a step
        const auto report = w.drop({.file_bytes_max = each * 3 + each / 2});
        CHECK(report.dropped.size() == 2);
        CHECK(report.dropped[0].retention == Nanos(0));
        CHECK(w.bodies() == Bodies{"day 2", "day 3", "day 4"});
        CHECK(w.f.store->segment_file_bytes() <= each * 3 + each / 2);
        // Nothing was said about time: late rows of those days are welcome.
        w.line(audit_stream(), 5, "late");
        CHECK(w.bodies().size() == 4);
    }

    TEST_CASE("days that are held back count for the size, and go for it") {
        World w;
        for (int age = 4; age >= 0; --age) {
            w.line(audit_stream(), age, fmt::format("day {}", 4 - age));
        }
        w.seal();
        const uint64_t each = w.f.store->segment_file_bytes() / 5;
        REQUIRE(w.f.store->maintain().has_value());
        w.f.clock.set_wall(kNoon + kDay * 300);  // a step: nothing goes because of its age
        const store::DropRule rule{
            .now = w.f.clock.wall_now(),
            .retention = kDay * 10,
            .file_bytes_max = each * 3 + each / 2
        };
        const auto report = w.f.store->due(rule, false);
        REQUIRE(report.has_value());
        REQUIRE(report->dropped.size() == 2);
        CHECK(report->dropped[0].retention == Nanos(0));
        CHECK(report->held_back.size() == 3);
        CHECK(report->held_back[0].rows == 1);
        CHECK(w.drop(rule).dropped.size() == 2);
        CHECK(w.bodies() == Bodies{"day 2", "day 3", "day 4"});
        CHECK(w.f.store->segment_file_bytes() <= each * 3 + each / 2);
    }

    TEST_CASE("of one day the segments that end first go first") {
        World w;
        for (int hour = 0; hour < 4; ++hour) {
            w.f.clock.advance(1h);
            w.line(audit_stream(), 0, fmt::format("hour {}", hour));
            w.seal();
        }
        REQUIRE(w.f.segment_files().size() == 4);
        const uint64_t each = w.f.store->segment_file_bytes() / 4;
        const auto report = w.drop({.file_bytes_max = each * 2 + each / 2});
        REQUIRE(report.dropped.size() == 1);
        CHECK(report.dropped[0].name() == "20260101-size");
        CHECK(w.bodies() == Bodies{"hour 2", "hour 3"});
    }

    TEST_CASE("asking what is due seals nothing, and says what is not sealed") {
        World w;
        w.line(audit_stream(), 0, "audit");
        w.seal();
        w.line(debug_stream(), 0, "debug");
        w.f.clock.advance(kDay * 3);  // nobody looked after the end of a day yet
        const auto due = w.f.store->due({w.f.clock.wall_now(), policy()}, false);
        REQUIRE(due.has_value());
        CHECK(due->dropped.empty());
        REQUIRE(due->staged.size() == 1);
        CHECK(due->staged[0].rows == 1);
        CHECK(due->staged[0].raw_bytes == 6);
        CHECK(due->staged[0].day == store::day_of(kNoon));
        CHECK(w.f.segment_files().size() == 1);
    }

    TEST_CASE("a staged batch is read once, however often somebody asks what is due") {
        World w;
        w.line(debug_stream(), 0, "debug");
        w.line(audit_stream(), 0, "audit");
        w.f.clock.advance(kDay * 3);
        store::RocksStoreOptions options = w.f.options;
        w.f.store.reset();
        store::Core core(options);
        REQUIRE(core.load().has_value());
        store::StagedCounts known;
        const auto ask = [&](const store::RetentionPolicy& asked) {
            const auto view = core.view();
            REQUIRE(view.has_value());
            const auto parts =
                store::staged_parts(core, *view, {w.f.clock.wall_now(), asked}, known);
            REQUIRE(parts.has_value());
            uint64_t rows = 0;
            for (const store::PartReport& part : *parts) {
                rows += part.rows;
            }
            return rows;
        };
        CHECK(ask(policy()) == 1);
        CHECK(known.batches.size() == 2);

        // Who would read them again finds nothing.
        store::WriteSet set = core.database->new_write();
        core.stage.snapshot().for_each([&](const store::StageEntry& entry) {
            set.erase(store::Family::kStage, store::key::stage_payload(entry.number));
        });
        REQUIRE(core.database->write(std::move(set)).has_value());
        CHECK(ask(policy()) == 1);
        CHECK(ask(kDay) == 2);  // of another policy too
        CHECK(ask(kDay * 30) == 0);
        CHECK(known.batches.empty());  // none of them begins early enough
        core.close();
    }

    TEST_CASE("what went is noted until its file is gone and others go") {
        World w;
        w.line(debug_stream(), 0, "one");
        w.seal();
        w.pass(1);
        w.line(debug_stream(), 0, "two");
        w.seal();
        const auto noted = [&] {
            w.f.store.reset();
            store::Core core(w.f.options);
            REQUIRE(core.load().has_value());
            std::vector<store::key::DroppedKey> out;
            const std::string prefix = store::key::dropped_prefix();
            const auto read = core.database->scan(
                store::Family::kMeta,
                prefix,
                store::key::prefix_end(prefix),
                [&](std::string_view key, std::string_view) -> Result<bool> {
                    const auto one = store::key::parse_dropped(key);
                    REQUIRE(one.has_value());
                    out.push_back(*one);
                    return true;
                }
            );
            REQUIRE(read.has_value());
            core.close();
            return out;
        };
        const auto first = w.drop({.retention = policy()}, true);
        CHECK(first.dropped.empty());
        w.pass(2);
        const auto second = w.drop({.retention = policy()}, true);
        REQUIRE(second.dropped.size() == 1);
        auto now = noted();
        REQUIRE(now.size() == 1);
        CHECK(now[0].day == second.dropped[0].day);
        CHECK(now[0].id == second.dropped[0].segments[0]);
        w.f.open();
        w.pass(1);
        const auto third = w.drop({.retention = policy()}, true);
        REQUIRE(third.dropped.size() == 1);
        now = noted();
        REQUIRE(now.size() == 1);
        CHECK(now[0].id == third.dropped[0].segments[0]);
        w.f.open();
    }

    TEST_CASE("rows of chosen segments alone are read, nothing staged") {
        World w;
        w.line(debug_stream(), 0, "debug");
        w.line(audit_stream(), 0, "audit");
        w.seal();
        w.line(debug_stream(), 0, "staged");
        w.f.clock.advance(kDay * 3);
        const auto due = w.f.store->due({w.f.clock.wall_now(), policy()}, false);
        REQUIRE(due->dropped.size() == 1);
        auto cursor = w.f.store->select_segments(
            TenantId::kDefault, due->dropped[0].day, due->dropped[0].segments
        );
        REQUIRE(cursor.has_value());
        CHECK(read_back(**cursor).bodies() == Bodies{"debug"});
    }
}
