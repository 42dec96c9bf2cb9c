// SPDX-License-Identifier: Apache-2.0
#include "plugins/filter/multiline/multiline_filter.hpp"

#include <algorithm>
#include <random>

#include <doctest/doctest.h>

#include "test/support/filter_fixture.hpp"

using namespace seyir;
using namespace seyir::test;
using Lines = std::vector<std::string>;

namespace {

class Fixture : public FilterFixture {
  public:
    explicit Fixture(const std::string& options)
        : FilterFixture(plugins::multiline_filter_type(), "type: multiline\n" + options) {
        REQUIRE_MESSAGE(ok(), diagnostics());
    }

    void feed(const Lines& lines, const std::string& app = "a", const LabelMap& metadata = {}) {
        std::vector<PlainRow> rows;
        for (const std::string& line : lines) {
            rows.push_back({{{"app", app}}, ++ts_, line, metadata});
        }
        REQUIRE(process(make_batch(rows)));
    }

    /// All lines that went on, in the order of their times.
    Lines by_time() const {
        std::map<int64_t, std::string> sorted;
        const auto add = [&](const BatchView& view) {
            for_each_row(view, [&](uint32_t i) {
                sorted[view.batch->ts(i).value] += std::string(view.batch->body(i));
            });
        };
        for (const BatchView& view : sink.emitted) {
            add(view);
        }
        for (const auto& held : sink.emitted_held) {
            add(held.view);
        }
        Lines lines;
        for (const auto& [ts, line] : sorted) {
            lines.push_back(line);
        }
        return lines;
    }

  private:
    int64_t ts_ = 0;
};

}  // namespace

TEST_SUITE("plugins/filter/multiline") {
    TEST_CASE("groups within a batch are joined there; only the open one is held") {
        Fixture f("preset: java");
        f.feed({"one", "boom", "\tat a", "\tat b", "two", "last"});
        CHECK(f.sink.lines() == Lines{"one", "boom\n\tat a\n\tat b", "two"});
        CHECK(f.sink.held == 1);
        CHECK(f.sink.holds_open == 1);
        REQUIRE(f.flush(pipeline::FlushReason::kShutdown));
        CHECK(f.sink.lines().back() == "last");
        CHECK(f.sink.held == 0);
        CHECK(f.sink.holds_open == 0);
    }

    TEST_CASE("a group across batches keeps the first row's time, severity and attributes") {
        Fixture f("preset: java");
        auto batch = make_batch({{{{"app", "a"}}, 7, "boom", {{"k", "v"}}, kSeverityError}});
        REQUIRE(f.process(batch));
        batch.reset();
        f.feed({"\tat a", "\tat b"});
        f.feed({"\tat c", "next"});
        REQUIRE(f.sink.emitted_held.size() == 1);
        const BatchView& view = f.sink.emitted_held[0].view;
        CHECK(f.sink.emitted_held[0].rows == 4);
        CHECK(view.batch->body(0) == "boom\n\tat a\n\tat b\n\tat c");
        CHECK(view.batch->ts(0).value == 7);
        CHECK(view.batch->severity(0) == kSeverityError);
        CHECK(view.batch->find_attr(0, *view.batch->find_key("k"))->as_text() == "v");
        CHECK(f.sink.outcomes.size() == 3);
        CHECK(f.sink.held == 1);
    }

    TEST_CASE("a quiet group goes on after flush_timeout, not before") {
        Fixture f("preset: java\nflush_timeout: 3s");
        f.feed({"boom"});
        f.clock.advance(std::chrono::seconds(2));
        f.feed({"\tat a"});
        f.clock.advance(std::chrono::milliseconds(2'900));
        REQUIRE(f.flush());
        CHECK(f.sink.lines().empty());
        f.clock.advance(std::chrono::milliseconds(100));
        REQUIRE(f.flush());
        CHECK(f.sink.lines() == Lines{"boom\n\tat a"});
        f.feed({"\tat late", "x"});
        CHECK(f.sink.lines() == Lines{"\tat late", "boom\n\tat a"});
    }

    TEST_CASE("streams are never mixed: labels and the keys named") {
        Fixture f("preset: java\nkey: [container, stream]");
        f.feed({"boom a"}, "a");
        f.feed({"boom b"}, "b");
        f.feed({"boom c"}, "a", {{"container", "x"}});
        f.feed({"boom d"}, "a", {{"stream", "x"}});
        f.feed({"\tat a"}, "a");
        f.feed({"\tat b"}, "b");
        f.feed({"\tat c"}, "a", {{"container", "x"}});
        f.feed({"\tat d"}, "a", {{"stream", "x"}});
        REQUIRE(f.flush(pipeline::FlushReason::kReload));
        CHECK(
            f.by_time() ==
            Lines{"boom a\n\tat a", "boom b\n\tat b", "boom c\n\tat c", "boom d\n\tat d"}
        );
    }

    TEST_CASE("too many streams, or too much held: the longest waiting goes on, counted") {
        Fixture streams("preset: java\nmax_streams: 3");
        for (int i = 0; i < 10; ++i) {
            streams.feed({"s" + std::to_string(i)}, "app" + std::to_string(i));
        }
        CHECK(streams.sink.held == 3);
        CHECK(streams.sink.lines().size() == 7);
        CHECK(streams.sink.lines().front() == "s0");
        CHECK(
            streams.registry.text().find("multiline_evicted_total{filter=\"under_test\"} 7") !=
            std::string::npos
        );
        Fixture bytes("start: ^begin\nmax_held: 1MiB");
        for (int i = 0; i < 40; ++i) {
            bytes.feed({"begin" + std::string(100'000, 'x')}, "app" + std::to_string(i));
        }
        CHECK(bytes.sink.held < 12);
        CHECK(bytes.sink.held > 4);
    }

    TEST_CASE("groups at their bounds become several, counted") {
        Fixture f("preset: java\nmax_lines: 3\nmax_bytes: 1KiB");
        f.feed({"boom", "\tat 1", "\tat 2", "\tat 3"});
        f.feed({"\tat 4", "\tat 5", "\tat 6"});
        f.feed({"large", "\tat " + std::string(900, 'x'), "\tat " + std::string(900, 'y'), "end"});
        REQUIRE(f.flush(pipeline::FlushReason::kShutdown));
        const Lines lines = f.by_time();
        REQUIRE(lines.size() == 6);
        CHECK(lines[0] == "boom\n\tat 1\n\tat 2");
        CHECK(lines[1] == "\tat 3\n\tat 4\n\tat 5");
        CHECK(lines[2] == "\tat 6");
        CHECK(lines[3].starts_with("large\n\tat x"));
        CHECK(lines[4].starts_with("\tat y"));
        CHECK(
            f.registry.text().find("multiline_cut_total{filter=\"under_test\"} 3") !=
            std::string::npos
        );
    }

    TEST_CASE("random batches: every row leaves once, the records do not depend on the batches") {
        for (uint32_t seed = 1; seed <= 40; ++seed) {
            CAPTURE(seed);
            std::mt19937 random(seed);
            Lines all;
            for (int i = 0; i < 300; ++i) {
                all.push_back((random() % 3 == 0 ? "line " : "\tat ") + std::to_string(i));
            }
            Fixture whole("preset: java");
            whole.feed(all);
            REQUIRE(whole.flush(pipeline::FlushReason::kShutdown));
            Fixture parts("preset: java");
            for (size_t at = 0; at < all.size();) {
                const size_t size = std::min<size_t>(1 + random() % 40, all.size() - at);
                parts.feed(Lines(
                    all.begin() + static_cast<ptrdiff_t>(at),
                    all.begin() + static_cast<ptrdiff_t>(at + size)
                ));
                at += size;
            }
            REQUIRE(parts.flush(pipeline::FlushReason::kShutdown));
            CHECK(parts.by_time() == whole.by_time());
            CHECK(parts.sink.held == 0);
            CHECK(parts.sink.holds_open == 0);
            size_t rows = 0;
            for (const BatchView& view : parts.sink.emitted) {
                rows += view.row_count();
            }
            for (const auto& held : parts.sink.emitted_held) {
                rows += held.rows;
            }
            CHECK(rows == all.size());
        }
    }

    TEST_CASE("parts of container lines are put together, several streams in one batch") {
        Fixture f("preset: cri");
        f.feed({"T stdout P a", "T stderr P x", "T stdout F b"});
        f.feed({"T stderr F y", "T stdout F c"});
        REQUIRE(f.flush(pipeline::FlushReason::kShutdown));
        Lines lines = f.sink.lines();
        std::ranges::sort(lines);
        CHECK(lines == Lines{"T stderr F xy", "T stdout F ab", "T stdout F c"});
    }

    TEST_CASE("wrong rules are diagnostics at their key") {
        FilterFixture f(plugins::multiline_filter_type(), "type: multiline\nstart: '('");
        CHECK(!f.ok());
        CHECK(f.diagnostics().find("E0431") != std::string::npos);
        CHECK(f.diagnostics().find("test.yaml:4:12") != std::string::npos);
        FilterFixture none(plugins::multiline_filter_type(), "type: multiline");
        CHECK(none.diagnostics().find("give one of") != std::string::npos);
    }

    TEST_CASE("the plan's rules are what the tail input takes") {
        Fixture f("preset: python\nmax_lines: 7");
        const auto& plan = dynamic_cast<const plugins::MultilinePlan&>(f.plan());
        CHECK(plan.rules().rules != nullptr);
        CHECK(plan.rules().bounds.lines_max == 7);
        CHECK(plan.holds_rows());
    }
}
