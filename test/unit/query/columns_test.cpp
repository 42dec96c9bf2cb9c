// SPDX-License-Identifier: Apache-2.0
// The same queries over rows as they came (memory, stage) and over columns (sealed): the same
// answers, byte for byte.
#include <algorithm>
#include <cstdlib>
#include <memory>
#include <random>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "collector/query/engine.hpp"
#include "collector/query/log_exec.hpp"
#include "common/base/text.hpp"
#include "common/logql/parser.hpp"
#include "common/logql/text/quantity.hpp"
#include "test/support/memory_log_store.hpp"
#include "test/support/rows.hpp"
#include "test/support/store_in_memory.hpp"

namespace {

using namespace seyir;
using namespace seyir::query;

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kBegin = 1'767'268'800 * kSecond;

class Random {
  public:
    explicit Random(uint64_t seed) : engine_(seed) {}

    size_t below(size_t n) { return engine_() % n; }

    bool once_in(size_t n) { return below(n) == 0; }

    template <class T>
    const T& pick(const std::vector<T>& of) {
        return of[below(of.size())];
    }

  private:
    std::mt19937_64 engine_;
};

// What lines are made of: names that meet when they are sanitised or joined, and names that do not.
const std::vector<std::string> kNames = {
    "a",
    "b",
    "a_b",
    "a.b",
    "b c",
    "code",
    "code_extracted",
    "1x",
    "",
    "\xc3\xa9",
    "app",
    "n",
    "level",
    "a\\u0062",
    " a "
};
const std::vector<std::string> kTexts = {
    "ok",
    "200",
    "500",
    "1.5",
    "",
    "caf\xc3\xa9",
    "a\\nb",
    "\\ud800",
    "x y",
    "null",
    "12ms",
    "\xef\xbf\xbd",
    "\xff",
    "ERROR",
    "GET /a/1",
    "q\\\"q",
    "{",
    "1e3"
};

std::string json_value(Random& random, int depth);

std::string json_object(Random& random, int depth) {
    std::string out = "{";
    for (size_t n = random.below(4); n > 0; --n) {
        out += out.size() > 1 ? "," : "";
        out += "\"" + random.pick(kNames) + "\":" + json_value(random, depth + 1);
    }
    return out + "}";
}

std::string json_value(Random& random, int depth) {
    switch (depth > 3 ? random.below(5) : random.below(8)) {
        case 0:
        case 1:
            return "\"" + random.pick(kTexts) + "\"";
        case 2:
            return std::to_string(random.below(900));
        case 3:
            return random.pick(std::vector<std::string>{"true", "null", "1.25", "-0", "1e2"});
        case 4:
            return std::to_string(200 + random.below(4) * 100);
        case 5:
            return "[" + json_value(random, depth + 1) + "]";
        default:
            return json_object(random, depth);
    }
}

/// Numbers whose texts nearly all differ; a world has one kind of them, or all.
std::string number(Random& random, size_t kind) {
    switch (kind) {
        case 0:
            return std::to_string(random.below(90'000));
        case 1:
            return fmt::format(
                "{}.{}", random.below(90), 1 + random.below(9) + 10 * random.below(9)
            );
        case 2:
            return fmt::format("{}.{:03}", random.below(90), random.below(1000));
        case 3:
            return random.once_in(30) ? "1e3"
                                      : fmt::format("-{}.{}", random.below(90), random.below(999));
        case 4:
            return random.pick(std::vector<std::string>{
                "9007199254740993",
                "-9223372036854775808",
                "900719925474099.3",
                "0.1",
                "12345678901234567.8",
                "7",
                "007",
                "-0",
                "1_0",
                "NaN",
                ""
            });
        default:
            return number(random, random.below(5));
    }
}

std::string logfmt_line(Random& random, size_t i, size_t numbers) {
    if (random.once_in(10)) {
        return random.pick(std::vector<std::string>{
            "",
            "code",
            "=5 code=1",
            "code=200\ta=1",
            "a=\"x\"code=7 ms=1",
            "a=\"x code=7 ms=1\" ms=3",
            "a=\"x code=7",
            "a=b=c code=300 ms=4",
            "a=\"\\q\" code=300",
            "code=1 code=2",
            "a_b=1 a.b=2 n.b=1",
            "(code=500 a=x",
            "code= a= ms=",
            "caf\xc3\xa9=1 code=200",
            "started 17 code=200 at 2026-01-01T00:00:00Z ms=3",
            "a=caf\xc3\xa9 code=\xff",
            R"({"code":200,"ms":5})",
        });
    }
    const std::string text = random.pick(kTexts);
    // One such value without quotes, and its whole column says nothing of the line any more.
    const bool is_tame = numbers % 2 == 0 && text.contains('"');
    const bool is_quoted = text.empty() || text.contains(' ') || is_tame || random.once_in(2);
    return fmt::format(
        "ts=2026-01-01T00:00:{:02}.{:03}Z level={} code={} a={}{}{} ms={} n.b={} msg=\"GET /a/{} "
        "x=1\" "
        "id={:08x}{}",
        i / 7 % 60,
        i % 1000,
        random.once_in(5) ? "ERROR" : "INFO",
        200 + random.below(4) * 100,
        is_quoted ? "\"" : "",
        text,
        is_quoted ? "\"" : "",
        number(random, numbers),
        random.below(3),
        random.below(30),
        random.below(1U << 31),
        random.once_in(8) ? fmt::format(" code={}", random.below(900)) : ""
    );
}

/// Most lines of a shape that repeats, some of any.
std::string line(Random& random, size_t i, size_t numbers) {
    switch (random.below(14)) {
        case 0:
            return json_object(random, 0);
        case 1: {
            std::string deep = "1";
            for (size_t n = 14 + random.below(4) + (random.once_in(4) ? 50 : 0); n > 0; --n) {
                deep = R"({"d":)" + deep + "}";
            }
            return random.once_in(2) ? deep : R"({"code":200,"a":[)" + deep + "]}";
        }
        case 2:
            return fmt::format(R"({{"code":{},"n":{{"b":{}}}}})", json_value(random, 1), i);
        case 3:
            return random.pick(std::vector<std::string>{
                "",
                "{}",
                "not json",
                R"({"code":1,})",
                R"({"code":1} x)",
                R"( {"code" : 7 } )",
                R"(["code"])",
                "code=200 a=b",
                R"({"code":01})",
                "{\"code\":\"\x01\"}"
            });
        default:
            return fmt::format(
                R"({{"t":"2026-01-01T00:00:{:02}.{:03}Z","level":"{}","code":{},"a":{},"ms":{}{}{},"n":{{"b":"{}"}},"tags":{},"m":"GET /a/{} done","id":"{:08x}"}})",
                i / 7 % 60,
                i % 1000,
                random.once_in(5) ? "ERROR" : "INFO",
                200 + random.below(4) * 100,
                random.once_in(8) ? json_value(random, 1) : "\"" + random.pick(kTexts) + "\"",
                numbers > 3 ? "\"" : "",
                number(random, numbers),
                numbers > 3 ? "\"" : "",
                random.below(3),
                random.once_in(6) ? json_value(random, 2) : "[1,2]",
                random.below(30),
                random.below(1U << 31)
            );
    }
}

std::vector<test::PlainRow> make_rows(Random& random, size_t count) {
    std::vector<test::PlainRow> rows;
    const size_t numbers = random.below(6);
    const size_t pairs_once_in = random.pick(std::vector<size_t>{1, 1, 2, 20, 1000, 1000});
    const bool has_own_ms = random.once_in(3);
    for (size_t i = 0; i < count; ++i) {
        const bool is_pairs = random.once_in(pairs_once_in);
        test::PlainRow row{
            .labels = {{"app", random.once_in(2) ? "x" : "y"}},
            .ts_ns = kBegin + static_cast<int64_t>(random.below(600)) * kSecond / 7 +
                     static_cast<int64_t>(i),
            .line = is_pairs ? logfmt_line(random, i, numbers) : line(random, i, numbers),
        };
        if (random.once_in(4)) {
            row.labels.emplace("code", "s");
        }
        if (random.once_in(3)) {
            row.metadata.emplace("a", random.pick(kNames));
        }
        if (has_own_ms && random.once_in(5)) {
            row.metadata.emplace("ms", random.once_in(2) ? "20" : "x");
        }
        row.severity = random.once_in(3) ? kSeverityError : kSeverityUnset;
        rows.push_back(std::move(row));
    }
    return rows;
}

/// A piece of some line, so that it is found, or one that nearly is.
std::string needle(Random& random, const std::vector<test::PlainRow>& rows) {
    const std::string& from = rows[random.below(rows.size())].line;
    const size_t at = random.below(from.size() + 1);
    std::string text = from.substr(at, random.below(random.once_in(3) ? 40 : 9));
    if (!text.empty() && random.once_in(4)) {
        text[random.below(text.size())] = "x0\"{ ,9e"[random.below(8)];
    }
    return text;
}

std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (static_cast<uint8_t>(c) < 0x20 || static_cast<uint8_t>(c) >= 0x7f) {
            out += fmt::format("\\x{:02x}", static_cast<uint8_t>(c));
        } else {
            out += c;
        }
    }
    return out + "\"";
}

std::string line_filter(Random& random, const std::vector<test::PlainRow>& rows) {
    const std::string text = needle(random, rows);
    switch (random.below(8)) {
        case 0:
            return " != " + quoted(text);
        case 1:
            return " |= " + quoted(text) + " or " + quoted(needle(random, rows));
        case 2:
            return random.pick(std::vector<std::string>{
                " |~ `code.:[25]00`",
                " |~ `(?i)error`",
                " !~ `a/[0-9]`",
                " |~ `done`",
                " |~ `b.:.[12]`",
                " |> `<_>GET <_> done<_>`",
                " |~ `^.\"t`",
                " |~ `[a-z][0-9]{2}`",
                " |~ `(?i)\\b(get|done)\\b`",
                " !~ `[^ -~]`",
                " |~ `}$` or `^n`",
                " |~ `\\d\\dZ.*[0-9a-f]{8}\"`"
            });
        default:
            return " |= " + quoted(text);
    }
}

std::string label_stage(Random& random) {
    return random.pick(std::vector<std::string>{
        " | code=`200`",
        " | code >= 300",
        " | code_extracted != ``",
        " | a=~`.+`",
        " | a_b > 0",
        " | drop a",
        " | keep code, a",
        " | label_format z=code",
        " | level=`ERROR` or code=500",
        " | n_b=`1`",
        " | d_d_d_d_d_d_d_d_d_d_d_d_d_d_d_d=`1`",
        " | a_extracted=`ok`",
        " | detected_level=`error`",
        " | ms > 40",
        " | ms > 40000",
        " | ms <= 12.5 and code=`200`",
        " | ms != 7 | ms < 60.25",
        " | code=`200` | ms >= 0.1 and code < 400",
        " | ms > 10 or code = 500",
        " | ms_extracted > 5",
        " | ms > 1s | ms > 5",
        " | ms=`7`",
        " | x > 20",
    });
}

std::string random_query(Random& random, const std::vector<test::PlainRow>& rows) {
    std::string stages;
    for (size_t n = random.below(3); n > 0; --n) {
        stages += line_filter(random, rows);
    }
    stages += random.pick(std::vector<std::string>{
        "",
        " | json",
        " | json",
        " | json",
        " | logfmt",
        " | logfmt",
        " | json x=\"ms\"",
        " | json x=\"n.b\", code=\"code\"",
        " | json a=\"n\", x=\"tags[0]\"",
        " | json a_b=\"a.b\", code=\"n.b\", n=\"n\"",
        " | logfmt x=\"ms\", code",
        " | json | logfmt",
        " | logfmt --keep-empty",
    });
    for (size_t n = random.below(3); n > 0; --n) {
        stages += label_stage(random);
    }
    stages += random.once_in(3) ? line_filter(random, rows) : "";
    const std::string selector = random.once_in(3) ? R"({app="x"})" : R"({app=~".+"})";
    if (random.once_in(3)) {
        return selector + stages;
    }
    stages += random.once_in(5) ? "" : " | __error__=``";
    const std::string by = random.pick(std::vector<std::string>{
        " by (code)",
        " by (a)",
        " by (a_b, app)",
        " by (code, code_extracted)",
        " by (n_b, level)",
        "",
        " by (app_extracted, a_extracted)",
        " by (d_d_d_d_d_d_d_d_d_d_d_d_d_d_d_d_d)",
        " without (code)",
        " by (_x, z)",
        " by (detected_level)",
        " by (a, n_b, code)",
        " by (ms)",
        " by (x, a)",
        " by (level)"
    });
    if (random.once_in(4)) {
        return fmt::format(
            "sum{} (sum_over_time({}{} | unwrap {}{} [1m]))",
            by,
            selector,
            stages,
            random.pick(std::vector<std::string>{"code", "ms", "ms", "x", "ms_extracted"}),
            random.once_in(2) ? " | __error__=``" : ""
        );
    }
    const std::string op = random.pick(
        std::vector<std::string>{"count_over_time", "rate", "bytes_over_time", "absent_over_time"}
    );
    return fmt::format("sum{} ({}({}{} [40s]))", by, op, selector, stages);
}

std::string answer(store::LogStore& store, const std::string& text, Random& random) {
    const auto expr = logql::parse(text);
    REQUIRE_MESSAGE(expr, text, ": ", expr.error().message);
    io::ManualClock clock;
    QueryLimits limits;
    limits.detects_level = random.once_in(2);
    QueryContext context(limits, clock);
    std::string out;
    if (expr->is_log()) {
        const auto plan = LogPlan::make(text, std::get<logql::LogExpr>(expr->node));
        REQUIRE_MESSAGE(plan, text, ": ", plan.error().message);
        LogRequest request{
            .range = {{kBegin + 5 * kSecond}, {kBegin + 80 * kSecond}},
            .direction =
                random.once_in(2) ? store::Direction::kForward : store::Direction::kBackward,
            .limit = static_cast<uint32_t>(1 + random.below(50)),
            .categorize = random.once_in(2)
        };
        const auto result = run_log_query(store, *plan, request, context);
        REQUIRE_MESSAGE(result, text, ": ", result.error().message);
        for (const LogStream& stream : result->streams) {
            out += to_text(stream.labels) + "\n";
            for (const LogRow& row : stream.rows) {
                out += fmt::format("{} {} {}\n", row.ts().value, row.line(), row.labels_json());
            }
        }
        return out;
    }
    const Grid grid{.start_ns = kBegin + 10 * kSecond, .step_ns = 15 * kSecond, .points = 6};
    const auto result = run_metric_query(store, text, *expr, TenantId::kDefault, grid, context);
    if (!result) {
        // Which of several rows with an error is named depends on their order.
        return "error " + std::to_string(static_cast<int>(result.error().code));
    }
    for (const Series& series : std::get<Matrix>(*result).series) {
        out += to_text(series.labels);
        for (const double value : series.values) {
            out += " " + logql::format_sample(value);
        }
        out += "\n";
    }
    return out + fmt::format("{} rows", context.finish().rows_matched);
}

/// The first lines that differ.
std::string difference(const std::string& got, const std::string& wanted) {
    size_t at = 0;
    while (at < got.size() && at < wanted.size() && got[at] == wanted[at]) {
        ++at;
    }
    at = at == 0 ? 0 : got.rfind('\n', at - 1) + 1;
    return fmt::format("got {:.300}\nwanted {:.300}", got.substr(at), wanted.substr(at));
}

struct Worlds {
    store::MemoryLogStore memory;
    test::StoreInMemory staged;
    test::StoreInMemory sealed;

    size_t commits = 0;

    void append(const std::vector<test::PlainRow>& rows, size_t rows_each) {
        for (size_t at = 0; at < rows.size(); at += rows_each) {
            const std::vector<test::PlainRow> part(
                rows.begin() + static_cast<ptrdiff_t>(at),
                rows.begin() + static_cast<ptrdiff_t>(std::min(at + rows_each, rows.size()))
            );
            ++commits;
            REQUIRE(test::store_rows(memory, part));
            for (test::StoreInMemory* each : {&staged, &sealed}) {
                auto batch =
                    std::make_shared<RecordBatch>(clone_rows({test::make_batch(part), {}}));
                batch->set_provenance({.agent = {}, .epoch = 0, .push_hash = {7, commits}});
                auto encoded = encode_batch({batch, {}}, PayloadCodec::kLz4);
                REQUIRE(encoded);
                batch->set_encoded(std::move(*encoded));
                REQUIRE(test::append(*each->store, {std::move(batch), {}}));
            }
        }
    }

    void fill(const std::vector<test::PlainRow>& rows) {
        append(rows, 97);
        REQUIRE(sealed.store->seal(store::SealScope::kAll).has_value());
        REQUIRE(sealed.store->stats().stage_bytes == 0);
    }
};

}  // namespace

TEST_SUITE("collector/query/columns") {
    TEST_CASE("random queries over columns answer what they answer over rows") {
        uint64_t seed = std::random_device{}();
        if (const char* const given = std::getenv("SEYIR_SEED")) {
            seed = std::strtoull(given, nullptr, 10);
        }
        CAPTURE(seed);
        Random random(seed);
        size_t with_rows = 0;
        for (int round = 0; round < 12; ++round) {
            Worlds worlds;
            const auto rows = make_rows(random, 50 + random.below(700));
            worlds.fill(rows);
            for (int i = 0; i < 60; ++i) {
                const std::string query = random_query(random, rows);
                CAPTURE(query);
                Random same = random;
                const std::string wanted = answer(worlds.memory, query, random);
                Random again = same;
                const bool same_staged = answer(*worlds.staged.store, query, again) == wanted;
                REQUIRE(same_staged);
                const std::string sealed = answer(*worlds.sealed.store, query, same);
                CHECK_MESSAGE(sealed == wanted, difference(sealed, wanted));
                with_rows += wanted.size() > 10 ? 1 : 0;
            }
        }
        CHECK(with_rows > 100);
    }

    TEST_CASE("rows of one time and stream come as they arrived, from memory, stage and columns") {
        const auto row = [](size_t i) {
            return test::PlainRow{
                .labels = {{"app", i % 5 == 0 ? "x" : "y"}},
                .ts_ns = kBegin + static_cast<int64_t>(20 + i / 150) * kSecond,
                .line = fmt::format("line {}", i * 7919 % 1000),
            };
        };
        Worlds worlds;
        size_t count = 0;
        for (size_t part = 0; part < 4; ++part) {
            // The last part of the third store stays in the stage.
            if (part > 0) {
                REQUIRE(worlds.sealed.store->seal(store::SealScope::kAll).has_value());
            }
            std::vector<test::PlainRow> rows;
            for (size_t n = 0; n < 100; ++n) {
                rows.push_back(row(count++));
            }
            worlds.append(rows, 9);
        }
        for (uint64_t seed = 0; seed < 40; ++seed) {
            CAPTURE(seed);
            const std::string query = seed % 2 == 0 ? R"({app=~".+"})" : R"({app="y"} |= "1")";
            Random random(seed);
            const std::string wanted = answer(worlds.memory, query, random);
            for (test::StoreInMemory* each : {&worlds.staged, &worlds.sealed}) {
                Random same(seed);
                const std::string got = answer(*each->store, query, same);
                CHECK_MESSAGE(got == wanted, difference(got, wanted));
            }
        }
    }
}
