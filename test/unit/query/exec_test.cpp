// SPDX-License-Identifier: Apache-2.0
// Query execution against a naive evaluation of the same rows.
#include <algorithm>
#include <random>
#include <tuple>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "collector/query/engine.hpp"
#include "collector/query/log_exec.hpp"
#include "common/logql/parser.hpp"
#include "test/support/memory_log_store.hpp"
#include "test/support/rows.hpp"

using namespace seyir;
using namespace seyir::query;
using store::Direction;
using test::PlainRow;

namespace {

/// (time, stream, line): what an answer says of a row.
using Answer = std::vector<std::tuple<int64_t, std::string, std::string>>;

Result<LogResult> run_log(
    store::LogStore& store, std::string_view text, LogRequest request, QueryContext& context
) {
    SEYIR_TRY(const auto expr, logql::parse(text));
    SEYIR_TRY(const auto plan, LogPlan::make(text, std::get<logql::LogExpr>(expr.node)));
    return run_log_query(store, plan, request, context);
}

Answer answer_of(const LogResult& result) {
    Answer answer;
    for (const LogStream& stream : result.streams) {
        for (const LogRow& row : stream.rows) {
            answer.emplace_back(row.ts().value, to_text(stream.labels), std::string(row.line()));
        }
    }
    return answer;
}

Result<MetricResult> run_metric(
    store::LogStore& store, std::string_view text, Grid grid, QueryContext& context
) {
    SEYIR_TRY(const auto expr, logql::parse(text));
    return run_metric_query(store, text, expr, TenantId::kDefault, grid, context);
}

struct World {
    io::ManualClock clock;
    store::MemoryLogStore store{clock};
    QueryContext context{{}, clock};
    std::vector<PlainRow> rows;
};

/// Random rows with many equal times, in commits whose times overlap.
void fill(World& world, std::mt19937& random) {
    const size_t commits = 1 + random() % 8;
    for (size_t c = 0; c < commits; ++c) {
        std::vector<PlainRow> commit;
        const size_t rows = 1 + random() % 30;
        for (size_t i = 0; i < rows; ++i) {
            commit.push_back({
                .labels = {{"app", std::string(1, static_cast<char>('a' + random() % 3))}},
                .ts_ns = static_cast<int64_t>(random() % 40),
                .line = fmt::format("n={} id={}", random() % 4, world.rows.size() + i),
            });
        }
        REQUIRE(test::store_rows(world.store, commit));
        world.rows.insert(world.rows.end(), commit.begin(), commit.end());
    }
}

}  // namespace

TEST_SUITE("collector/query/log_exec") {
    TEST_CASE("log queries give what a naive evaluation gives, on random rows") {
        const uint32_t seed = std::random_device{}();
        CAPTURE(seed);
        std::mt19937 random(seed);
        for (int round = 0; round < 300; ++round) {
            World world;
            fill(world, random);
            const int64_t begin = static_cast<int64_t>(random() % 30);
            const int64_t end = begin + static_cast<int64_t>(random() % 30);
            const auto limit = static_cast<uint32_t>(1 + random() % 60);
            const bool backward = random() % 2 == 0;
            const LogRequest request{
                .range = {{begin}, {end}},
                .direction = backward ? Direction::kBackward : Direction::kForward,
                .limit = limit,
            };
            const auto result =
                run_log(world.store, R"({app=~"a|b"} |= "n=1")", request, world.context);
            REQUIRE(result);
            const Answer got = answer_of(*result);

            std::vector<PlainRow> naive;
            std::ranges::copy_if(world.rows, std::back_inserter(naive), [&](const PlainRow& row) {
                return row.labels.at("app") != "c" && row.line.contains("n=1") &&
                       row.ts_ns >= begin && row.ts_ns < end;
            });
            REQUIRE(got.size() == std::min<size_t>(limit, naive.size()));
            std::vector<int64_t> times;
            for (const PlainRow& row : naive) {
                times.push_back(row.ts_ns);
            }
            std::ranges::sort(times);
            if (backward) {
                std::ranges::reverse(times);
            }
            times.resize(got.size());
            std::vector<int64_t> got_times;
            for (const auto& [ts, stream, line] : got) {
                got_times.push_back(ts);
                const bool exists = std::ranges::any_of(naive, [&](const PlainRow& row) {
                    return row.ts_ns == ts && row.line == line &&
                           stream == fmt::format("{{app=\"{}\"}}", row.labels.at("app"));
                });
                REQUIRE(exists);
            }
            std::ranges::sort(got_times);
            std::ranges::sort(times);
            REQUIRE(got_times == times);
            for (const LogStream& stream : result->streams) {
                REQUIRE(std::ranges::is_sorted(stream.rows, [&](const LogRow& a, const LogRow& b) {
                    return backward ? a.ts() > b.ts() : a.ts() < b.ts();
                }));
            }
        }
    }

    TEST_CASE("identical rows are all kept, equal times in stored order") {
        World world;
        REQUIRE(test::store_rows(
            world.store,
            {{{{"app", "a"}}, 5, "same"}, {{{"app", "a"}}, 5, "same"}, {{{"app", "a"}}, 5, "other"}}
        ));
        for (const Direction direction : {Direction::kForward, Direction::kBackward}) {
            const auto result = run_log(
                world.store,
                "{app=\"a\"}",
                {.range = {{0}, {9}}, .direction = direction},
                world.context
            );
            REQUIRE(result->streams.size() == 1);
            const auto& rows = result->streams[0].rows;
            REQUIRE(rows.size() == 3);
            CHECK(rows[0].line() == "same");
            CHECK(rows[2].line() == "other");
        }
    }

    TEST_CASE("an interval leaves rows at least so far apart, whatever their stream") {
        World world;
        for (const int second : {0, 4, 5, 9, 10, 11, 25}) {
            world.rows.push_back(
                {{{"app", second % 2 == 0 ? "a" : "b"}}, second * 1'000'000'000LL, "x"}
            );
        }
        // More than are asked for at once: a millisecond apart.
        for (int i = 0; i < 3'000; ++i) {
            world.rows.push_back({{{"app", "c"}}, i * 1'000'000LL, "x"});
        }
        REQUIRE(test::store_rows(world.store, world.rows));
        const auto times = [&](std::string_view text, Nanos interval, bool forward, uint32_t limit
                           ) {
            LogRequest request{.range = {{0}, {100'000'000'000}}};
            request.direction = forward ? Direction::kForward : Direction::kBackward;
            request.limit = limit;
            request.interval = interval;
            const auto result = run_log(world.store, text, request, world.context);
            REQUIRE(result);
            std::vector<int64_t> found;
            for (const LogStream& stream : result->streams) {
                for (const LogRow& row : stream.rows) {
                    found.push_back(row.ts().value / 1'000'000);
                }
            }
            std::ranges::sort(found);
            return found;
        };
        using Times = std::vector<int64_t>;
        const std::string_view both = "{app=~\"a|b\"}";
        const Nanos five = std::chrono::seconds(5);
        CHECK(times(both, five, true, 100) == Times{0, 5'000, 10'000, 25'000});
        CHECK(times(both, five, false, 100) == Times{0, 5'000, 11'000, 25'000});
        CHECK(times(both, five, false, 2) == Times{11'000, 25'000});
        CHECK(times(both, Nanos(0), false, 100).size() == 7);
        const Nanos second = std::chrono::seconds(1);
        CHECK(times("{app=\"c\"}", second, true, 100) == Times{0, 1'000, 2'000});
        CHECK(times("{app=\"c\"}", second, false, 100) == Times{999, 1'999, 2'999});
    }

    TEST_CASE("a limited query stops before old pages") {
        World world;
        for (int64_t i = 0; i < 100; ++i) {
            REQUIRE(test::store_rows(world.store, {{{{"app", "a"}}, i, "x"}}));
        }
        const auto result = run_log(
            world.store, "{app=\"a\"}", {.range = {{0}, {1'000}}, .limit = 3}, world.context
        );
        CHECK(answer_of(*result).size() == 3);
        CHECK(world.context.stats().cursor.blocks_read <= 4);
    }

    TEST_CASE("metadata folds into the stream, or stands apart when categorized") {
        World world;
        REQUIRE(test::store_rows(
            world.store, {{{{"app", "a"}}, 1, R"({"k":"v"})", {{"filename", "/x"}}, kSeverityError}}
        ));
        const auto folded =
            run_log(world.store, "{app=\"a\"} | json", {.range = {{0}, {9}}}, world.context);
        CHECK(
            to_text(folded->streams.at(0).labels) ==
            R"({app="a", detected_level="error", filename="/x", k="v"})"
        );
        const auto apart = run_log(
            world.store,
            "{app=\"a\"} | json",
            {.range = {{0}, {9}}, .categorize = true},
            world.context
        );
        CHECK(to_text(apart->streams.at(0).labels) == R"({app="a"})");
        CHECK(
            apart->streams[0].rows.at(0).labels_json() ==
            R"({"structuredMetadata":{"filename":"/x","detected_level":"error"},"parsed":{"k":"v"}})"
        );
    }

    TEST_CASE("limits, deadline and a gone client end a query with their reason") {
        World world;
        REQUIRE(test::store_rows(world.store, {{{{"app", "a"}}, 1, std::string(100, 'x')}}));
        const LogRequest request{.range = {{0}, {9}}};
        QueryContext small({.result_bytes_max = 50}, world.clock);
        CHECK(
            run_log(world.store, "{app=\"a\"}", request, small).error().code == ErrorCode::kTooLarge
        );
        QueryContext late({.deadline = std::chrono::seconds(1)}, world.clock);
        world.clock.advance(std::chrono::seconds(2));
        CHECK(
            run_log(world.store, "{app=\"a\"}", request, late).error().code == ErrorCode::kTimeout
        );
        QueryContext gone({}, world.clock, [] { return true; });
        CHECK(
            run_log(world.store, "{app=\"a\"}", request, gone).error().code == ErrorCode::kCancelled
        );
        QueryContext few_series({.series_max = 1}, world.clock);
        REQUIRE(test::store_rows(world.store, {{{{"app", "b"}}, 1, "y"}}));
        const auto series =
            run_metric(world.store, "count_over_time({app=~\".+\"}[9ns])", {5, 1, 1}, few_series);
        CHECK(series.error().code == ErrorCode::kTooLarge);
    }
}

TEST_SUITE("collector/query/range_exec") {
    /// `SERIES or SERIES' or ..`: each operand with labels of its own.
    std::string many_operands(std::string_view series, size_t operands) {
        std::string text;
        for (size_t i = 0; i < operands; ++i) {
            text += i == 0 ? "" : " or ";
            text += fmt::format(R"(label_replace({}, "n", "{}", "app", ".*"))", series, i);
        }
        return text;
    }

    TEST_CASE("the limits of samples and series hold for a query, not for each of its scans") {
        World world;
        for (int i = 0; i < 20; ++i) {
            world.rows.push_back({{{"app", "a"}, {"i", std::to_string(i)}}, 5, "line"});
        }
        REQUIRE(test::store_rows(world.store, world.rows));
        const std::string series = "count_over_time({app=\"a\"}[1m])";
        const Grid grid{.start_ns = 10, .step_ns = 1, .points = 10};
        QueryContext samples({.samples_max = 1'000}, world.clock);
        // One scan fits: 20 series of 10 steps and their labels.
        CHECK(run_metric(world.store, "count(" + series + ")", grid, samples));
        CHECK(samples.held() < 100);
        for (const size_t operands : {size_t{10}, size_t{200}}) {
            const auto many = run_metric(
                world.store, "count(" + many_operands(series, operands) + ")", grid, samples
            );
            REQUIRE_FALSE(many);
            CHECK(many.error().code == ErrorCode::kTooLarge);
            CHECK(many.error().message.starts_with("maximum of samples (1000)"));
            samples.hold_only(0);
        }
        // What an operand held is given back: a long sum of small results fits.
        std::string sum = "count(" + series + ")";
        for (int i = 0; i < 50; ++i) {
            sum += " + count(" + series + ")";
        }
        CHECK(run_metric(world.store, sum, grid, samples));
        QueryContext few({.series_max = 50}, world.clock);
        CHECK(run_metric(world.store, many_operands(series, 2), grid, few));
        const auto many = run_metric(world.store, many_operands(series, 3), grid, few);
        REQUIRE_FALSE(many);
        CHECK(many.error().message.starts_with("maximum of series (50)"));
    }

    TEST_CASE("operations without a scan keep to samples, labels and the deadline, too") {
        World world;
        const Grid grid{.start_ns = 10, .step_ns = 1, .points = 1'000};
        std::string numbers = "vector(1)";
        for (int i = 0; i < 30; ++i) {
            numbers = fmt::format("(vector({}) + {})", i, numbers);
        }
        QueryContext small({.samples_max = 10'000}, world.clock);
        const auto deep = run_metric(world.store, numbers, grid, small);
        REQUIRE_FALSE(deep);
        CHECK(deep.error().code == ErrorCode::kTooLarge);

        std::string doubled = R"(label_replace(vector(1), "a", "xxxxxxxxxxxxxxxx", "", ""))";
        for (int i = 0; i < 40; ++i) {
            doubled = "label_replace(" + doubled + R"x(, "a", "$1$1", "a", "(.*)"))x";
        }
        QueryContext usual({}, world.clock);
        const auto grown = run_metric(world.store, doubled, {.start_ns = 10}, usual);
        REQUIRE_FALSE(grown);
        CHECK(grown.error().message.find("more than 64 KiB") != std::string::npos);

        QueryContext gone({}, world.clock, [] { return true; });
        const auto left = run_metric(world.store, "vector(1) + vector(2)", grid, gone);
        REQUIRE_FALSE(left);
        CHECK(left.error().code == ErrorCode::kCancelled);
    }

    TEST_CASE("windows count what a naive evaluation counts, on random rows") {
        const uint32_t seed = std::random_device{}();
        CAPTURE(seed);
        std::mt19937 random(seed);
        for (int round = 0; round < 300; ++round) {
            World world;
            fill(world, random);
            const int64_t range = static_cast<int64_t>(1 + random() % 20);
            const int64_t offset = static_cast<int64_t>(random() % 10) - 5;
            const Grid grid{
                static_cast<int64_t>(random() % 40) - 10,
                static_cast<int64_t>(1 + random() % 7),
                1 + random() % 12,
            };
            const std::string inner = fmt::format(
                R"(bytes_over_time({{app=~"a|b"}} | logfmt | n > 1 [{}ns] offset {}ns))",
                range,
                offset
            );
            const auto result =
                run_metric(world.store, fmt::format("sum by (n) ({})", inner), grid, world.context);
            REQUIRE_MESSAGE(result, result.error().message);
            std::map<std::string, std::vector<double>> want;
            for (size_t k = 0; k < grid.points; ++k) {
                for (const PlainRow& row : world.rows) {
                    const int64_t at = row.ts_ns + offset;
                    const std::string n = row.line.substr(2, 1);
                    const bool inside = at > grid.at(k) - range && at <= grid.at(k);
                    if (!inside || row.labels.at("app") == "c" || n <= "1") {
                        continue;
                    }
                    auto& values = want[fmt::format("{{n=\"{}\"}}", n)];
                    values.resize(grid.points, kAbsent);
                    const double before = is_absent(values[k]) ? 0 : values[k];
                    values[k] = before + static_cast<double>(row.line.size());
                }
            }
            std::map<std::string, std::vector<double>> got;
            for (const Series& series : std::get<Matrix>(*result).series) {
                got[to_text(series.labels)] = series.values;
            }
            const auto bits = [](const std::vector<double>& a, const std::vector<double>& b) {
                return std::ranges::equal(a, b, [](double x, double y) {
                    return std::bit_cast<uint64_t>(x) == std::bit_cast<uint64_t>(y);
                });
            };
            REQUIRE(std::ranges::equal(want, got, [&](const auto& a, const auto& b) {
                return a.first == b.first && bits(a.second, b.second);
            }));
            // The sum taken while scanning equals the sum over the finished series.
            const auto slow = run_metric(
                world.store, fmt::format("sum by (n) ({} + 0)", inner), grid, world.context
            );
            const auto& quick = std::get<Matrix>(*result).series;
            REQUIRE(std::ranges::equal(
                quick,
                std::get<Matrix>(*slow).series,
                [&](const Series& a, const Series& b) {
                    return a.labels == b.labels && bits(a.values, b.values);
                }
            ));
        }
    }

    TEST_CASE("the health check of Grafana gives 2") {
        World world;
        const auto result = run_metric(world.store, "vector(1)+vector(1)", {}, world.context);
        REQUIRE(std::get<Matrix>(*result).series.size() == 1);
        CHECK(std::get<Matrix>(*result).series[0].values[0] == 2);
    }

    TEST_CASE("a row with an error fails a metric query unless the query drops it") {
        World world;
        REQUIRE(test::store_rows(world.store, {{{{"app", "a"}}, 1, "not json"}}));
        const auto failed = run_metric(
            world.store, "count_over_time({app=\"a\"} | json [5ns])", {2, 1, 1}, world.context
        );
        REQUIRE(!failed);
        CHECK(
            failed.error().message ==
            "a line of {__error_details__=\"expecting a JSON object, but it is not\", app=\"a\"} "
            "has __error__=\"JSONParserErr\", and lines with an error cannot be counted: add "
            "`| __error__=\"\"` after the parser to leave those lines out"
        );
        CHECK(run_metric(
            world.store,
            "count_over_time({app=\"a\"} | json | drop __error__, __error_details__ [5ns])",
            {2, 1, 1},
            world.context
        ));
    }

    TEST_CASE("times near the ends of the range do not overflow") {
        World world;
        const int64_t last = std::numeric_limits<int64_t>::max();
        REQUIRE(test::store_rows(world.store, {{{{"app", "a"}}, last - 5, "x"}}));
        const auto result = run_metric(
            world.store, "count_over_time({app=\"a\"}[10y])", {last - 1, 1, 1}, world.context
        );
        REQUIRE(result);
        CHECK(std::get<Matrix>(*result).series.size() == 1);
    }
}
