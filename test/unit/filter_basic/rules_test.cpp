// SPDX-License-Identifier: Apache-2.0
// Three of the rules that make one selection language sound, as properties over random records:
//   - a record with __error__ matches no route, condition or filter, and is counted
//   - turning parsing at ingest on or off changes no query's answer
//   - only line filters before the first stage that changes the line prune, and no backslash
#include <algorithm>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "collector/query/engine.hpp"
#include "collector/query/log_exec.hpp"
#include "common/base/text.hpp"
#include "common/logql/parser.hpp"
#include "common/logql/route_matcher.hpp"
#include "common/record/batch_codec.hpp"
#include "plugins/filter/parse/parse_filter.hpp"
#include "plugins/filter/select/select_filters.hpp"
#include "test/support/filter_fixture.hpp"
#include "test/support/memory_log_store.hpp"
#include "test/support/shared.hpp"

using namespace seyir;
using namespace seyir::test;
using Lines = std::vector<std::string>;

namespace {

/// Lines people log, and lines that only look like them.
class RandomLines {
  public:
    explicit RandomLines(uint64_t seed) : random_(seed) {}

    std::string line() {
        switch (below(8)) {
            case 0:
                return word() + " " + word();
            case 1:
                return json().substr(0, below(40));
            case 2:
            case 3:
            case 4:
                return json();
            default:
                return logfmt();
        }
    }

    size_t below(size_t n) { return random_() % n; }

  private:
    std::string key() {
        static const Lines kKeys{
            "status",
            "level",
            "method",
            "a.b",
            "app",
            "a",
            "msg",
            "took",
            "x-y",
            "9th",
            "empty",
            "filename"
        };
        return kKeys[below(kKeys.size())];
    }

    std::string word() {
        static const Lines kWords{
            "error",
            "GET",
            "500",
            "200",
            "a\\b",
            "tab\there",
            "",
            "ünï",
            "back\\\\slash",
            "\"q\"",
            "1.50",
            "250ms",
            "true"
        };
        return kWords[below(kWords.size())];
    }

    std::string json() { return json_object(0); }

    std::string json_object(int depth) {
        std::string out = "{";
        const size_t members = below(6);
        for (size_t i = 0; i < members; ++i) {
            out += (i == 0 ? "" : ",") + json_quote(key()) + (below(4) == 0 ? ": " : ":");
            out += json_value(depth);
        }
        return out + "}";
    }

    std::string json_value(int depth) {
        switch (below(depth < 2 ? 9 : 6)) {
            case 0:
                return std::to_string(below(700));
            case 1:
                return below(2) == 0 ? "1.50" : "1e400";
            case 2:
                return below(2) == 0 ? "true" : "null";
            case 6:
                return json_object(depth + 1);
            case 7:
                return "[1,\"x\"]";
            default:
                return json_quote(word());
        }
    }

    std::string logfmt() {
        std::string out;
        const size_t pairs = 1 + below(5);
        for (size_t i = 0; i < pairs; ++i) {
            out += (i == 0 ? "" : " ") + key();
            const std::string value = word();
            const bool is_plain = value.find_first_of(" \t\"\\") == std::string::npos;
            out +=
                below(6) == 0 ? "" : "=" + (is_plain && below(2) == 0 ? value : json_quote(value));
        }
        return out;
    }

    std::mt19937_64 random_;
};

std::vector<PlainRow> random_rows(RandomLines& random, size_t count) {
    std::vector<PlainRow> rows;
    for (size_t i = 0; i < count; ++i) {
        PlainRow row{
            .labels = {{"app", random.below(2) == 0 ? "web" : "db"}},
            .ts_ns = static_cast<int64_t>(1000 + i),
            .line = random.line()
        };
        if (random.below(3) != 0) {
            row.metadata["filename"] = "/var/log/" + std::to_string(random.below(2));
        }
        if (random.below(5) == 0) {
            row.metadata["status"] = random.below(2) == 0 ? "500" : "oh";
        }
        rows.push_back(std::move(row));
    }
    return rows;
}

const Lines kConditions{
    "| json",
    "| json | status >= 500",
    "| status >= 500",
    "| status < 300 or level = \"error\"",
    "{app=\"web\"} |= \"500\" | logfmt | took > 100ms",
    "| logfmt --strict | level != \"\"",
    "| json | __error__ = \"\"",
    "| json | drop __error__, __error_details__",
    "| json a=\"a.b\" | a != \"x\"",
    "!= \"GET\" | json | line_format \"{{.msg}}\" | json | status > 1",
    "| level = ip(\"10.0.0.1\") or status > 1",
    "| unpack",
};

uint32_t total(const std::map<std::string, uint32_t>& counts) {
    uint32_t sum = 0;
    for (const auto& [reason, count] : counts) {
        sum += count;
    }
    return sum;
}

}  // namespace

TEST_SUITE("rule: a record with an error matches nothing") {
    TEST_CASE("routes select exactly the rows that pass without an error, and count the others") {
        for (uint64_t seed = 1; seed <= 60; ++seed) {
            CAPTURE(seed);
            RandomLines random(seed);
            const BatchView view{make_batch(random_rows(random, 40)), {}};
            for (const std::string& text : kConditions) {
                CAPTURE(text);
                const auto matcher = logql::RouteMatcher::compile(text);
                REQUIRE_MESSAGE(matcher, matcher.error().message);
                const auto log = logql::parse_condition(text);
                const auto pipeline = logql::Pipeline::compile(text, log->stages);
                const auto streams = logql::StreamMatcher::compile(log->matchers);
                std::vector<uint32_t> wanted;
                uint64_t wanted_errors = 0;
                for (uint32_t i = 0; i < view.batch->row_count(); ++i) {
                    logql::ScratchRow row;
                    row.bind(*view.batch, i);
                    if (!streams->matches(row.stream()) || !pipeline->process(row)) {
                        continue;
                    }
                    // What queries show is what decides, not a flag beside it.
                    if (row.get_or_empty("__error__").empty()) {
                        wanted.push_back(i);
                    } else {
                        ++wanted_errors;
                    }
                }
                uint64_t errors = 0;
                const Selection got = matcher->match(view, &errors);
                std::vector<uint32_t> rows;
                for_each_row({view.batch, got}, [&](uint32_t i) { rows.push_back(i); });
                CHECK(rows == wanted);
                CHECK(errors == wanted_errors);
            }
        }
    }

    TEST_CASE("drop and keep share each batch out: nothing twice, nothing lost, errors counted") {
        for (const std::string& text : kConditions) {
            CAPTURE(text);
            FilterFixture drop(plugins::drop_filter_type(), "type: drop\nif: '" + text + "'");
            FilterFixture keep(plugins::keep_filter_type(), "type: keep\nif: '" + text + "'");
            REQUIRE_MESSAGE(drop.ok(), drop.diagnostics());
            size_t rows = 0;
            for (uint64_t seed = 1; seed <= 20; ++seed) {
                RandomLines random(seed);
                const RecordBatchPtr batch = make_batch(random_rows(random, 30));
                rows += batch->row_count();
                REQUIRE(drop.process(BatchView{batch, {}}));
                REQUIRE(keep.process(BatchView{batch, {}}));
            }
            CHECK(drop.sink.emitted_rows() + total(drop.sink.dropped) == rows);
            CHECK(keep.sink.emitted_rows() + total(keep.sink.dropped) == rows);
            CHECK(keep.sink.emitted_rows() == drop.sink.dropped["matched"]);
            const auto errors = keep.sink.dropped["condition_error"];
            CHECK(
                drop.registry
                    .counter("seyir_filter_condition_errors_total", "", {{"filter", "under_test"}})
                    .value() == errors
            );
        }
    }
}

namespace {

const Lines kQueries{
    "{app=~\".+\"}",
    "{app=\"web\"} |= \"500\"",
    "{app=~\".+\"} | status = \"500\"",
    "{app=~\".+\"} | status != \"\"",
    "{app=~\".+\"} | level = \"error\" or method = \"GET\"",
    "{app=~\".+\"} | json",
    "{app=~\".+\"} | json | status >= 500",
    "{app=~\".+\"} | json | a_b != \"\" | line_format \"{{.a_b}} {{.filename}} {{.status}}\"",
    "{app=~\".+\"} | logfmt",
    "{app=~\".+\"} | logfmt | took > 100ms",
    "{app=~\".+\"} | json | drop __error__, __error_details__, status",
    "{app=~\".+\"} | keep filename, status, level",
    "{app=~\".+\"} | label_format s=status, f=\"<{{.filename}}>\"",
    "{app=~\".+\"} | json status, msg=\"msg\" | status_extracted != \"\"",
    "{app=~\".+\"} | detected_level != \"\"",
};

const Lines kMetricQueries{
    "sum by (status, level) (count_over_time({app=~\".+\"}[1m]))",
    "sum by (status) (count_over_time({app=~\".+\"} | json | __error__ = \"\" [1m]))",
    "count_over_time({app=~\".+\"} | logfmt | __error__ = \"\" [1m])",
    "sum by (status) (count_over_time({app=~\".+\"} | json [1m]))",  // refused, alike
    "sum by (filename) (rate({app=~\".+\"} |= \"500\" [1m]))",
};

/// What goes through the bytes of the wire and of the stage.
RecordBatchPtr sent(const BatchView& view) {
    const auto encoded = encode_batch(view, PayloadCodec::kLz4);
    REQUIRE_MESSAGE(encoded, encoded.error().message);
    const auto decoded = decode_batch(*encoded, TenantId::kDefault);
    REQUIRE_MESSAGE(decoded, decoded.error().message);
    return *decoded;
}

/// Everything the store answers, as text.
std::string answer(store::LogStore& store, const std::string& text) {
    io::ManualClock clock;
    query::QueryContext context({}, clock);
    const auto expr = logql::parse(text);
    REQUIRE_MESSAGE(expr, expr.error().message);
    std::string out;
    if (!std::holds_alternative<logql::LogExpr>(expr->node)) {
        const query::Grid grid{.start_ns = 1'000'000};
        const auto result =
            query::run_metric_query(store, text, *expr, TenantId::kDefault, grid, context);
        if (!result) {
            return result.error().message;
        }
        for (const query::Series& series : std::get<query::Matrix>(*result).series) {
            out += fmt::format("{} {}\n", query::to_text(series.labels), series.values.at(0));
        }
        return out;
    }
    const auto plan = query::LogPlan::make(text, std::get<logql::LogExpr>(expr->node));
    REQUIRE(plan);
    for (const bool categorize : {false, true}) {
        const query::LogRequest request{.limit = 100'000, .categorize = categorize};
        const auto result = query::run_log_query(store, *plan, request, context);
        REQUIRE_MESSAGE(result, result.error().message);
        for (const query::LogStream& stream : result->streams) {
            out += query::to_text(stream.labels) + "\n";
            for (const query::LogRow& row : stream.rows) {
                out += fmt::format("{} {} {}\n", row.ts().value, row.line(), row.labels_json());
            }
        }
    }
    return out;
}

bool store_view(store::LogStore& store, const BatchView& view) {
    bool stored = false;
    store.append({.view = view}, [&](Result<store::Durable> durable) {
        stored = durable.has_value();
    });
    return stored;
}

/// The same rows with parsing and without: one answer. Gives the number of parsed attributes.
size_t check_rows(const std::vector<PlainRow>& rows, const std::string& format) {
    FilterFixture parse(plugins::parse_filter_type(), "type: parse\nformat: " + format);
    REQUIRE_MESSAGE(parse.ok(), parse.diagnostics());
    REQUIRE(parse.process(make_batch(rows)));
    store::MemoryLogStore off;
    store::MemoryLogStore on;
    store::MemoryLogStore direct;  // a store in the same program, without a wire in between
    REQUIRE(store_view(off, {sent({make_batch(rows), {}}), {}}));
    size_t parsed = 0;
    std::vector<BatchView> views = parse.sink.emitted;
    for (const RecordingSink::Failure& failure : parse.sink.failed) {
        views.push_back(failure.rows);  // on_error: keep
    }
    for (const BatchView& view : views) {
        for_each_row(view, [&](uint32_t i) {
            const auto attrs = view.batch->attrs(i);
            parsed += static_cast<size_t>(std::ranges::count_if(attrs, &Attr::is_parsed));
        });
        REQUIRE(store_view(on, {sent(view), {}}));
        REQUIRE(store_view(direct, view));
    }
    for (const Lines& queries : {kQueries, kMetricQueries}) {
        for (const std::string& text : queries) {
            CAPTURE(text);
            const std::string wanted = answer(off, text);
            CHECK(answer(on, text) == wanted);
            CHECK(answer(direct, text) == wanted);
        }
    }
    return parsed;
}

}  // namespace

TEST_SUITE("rule: parsing at ingest changes no answer") {
    TEST_CASE("random JSON and logfmt lines, parsed or not, answer every query alike") {
        for (const std::string format : {"json", "logfmt", "auto"}) {
            CAPTURE(format);
            size_t parsed = 0;
            for (uint64_t seed = 1; seed <= 25; ++seed) {
                CAPTURE(seed);
                RandomLines random(seed);
                parsed += check_rows(random_rows(random, 60), format);
            }
            CHECK(parsed > 1000);  // the property is about something
        }
    }

    TEST_CASE("lines of the shared corpora, where they are") {
        const auto folder = shared_path("corpora/loghub");
        if (!folder) {
            MESSAGE("no shared corpora here: skipped");
            return;
        }
        Lines files;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(*folder)) {
            if (entry.path().extension() == ".log") {
                files.push_back(entry.path().string());
            }
        }
        std::ranges::sort(files);
        size_t lines_seen = 0;
        for (const std::string& file : files) {
            CAPTURE(file);
            std::vector<PlainRow> rows;
            std::istringstream text(read_file(file));
            std::string line;
            while (rows.size() < 200 && std::getline(text, line)) {
                rows.push_back(
                    {.labels = {{"app", "web"}},
                     .ts_ns = static_cast<int64_t>(1000 + rows.size()),
                     .line = line}
                );
            }
            lines_seen += rows.size();
            check_rows(rows, "logfmt");
        }
        CHECK(lines_seen > 0);
    }
}

namespace {

const Lines kTexts{
    "500",
    "error",
    "GET",
    "a\\\\b",
    "status",
    "back",
    "slash",
    "tab",
    "msg",
    "true",
    "\\\"q",
    "level",
    "took"
};

const Lines kOtherStages{
    " | json",
    " | logfmt",
    " | line_format \"{{.msg}} error GET 500 status\"",
    " | decolorize",
    " | unpack",
    " | label_format a=\"error\"",
    " | drop status",
    " | level = \"error\"",
    " != \"GET\"",
    " !~ \"took|level\"",
    " |= \"500\" or \"error\"",
};

struct RandomQuery {
    std::string text = "{}";
    std::set<std::string> before_change;  ///< line filters in front of what changes the line
};

/// A text as it stands between the quotes of a query.
std::string unescaped(std::string_view quoted) {
    std::string out;
    for (size_t i = 0; i < quoted.size(); ++i) {
        i += quoted[i] == '\\' ? 1 : 0;
        out += quoted[i];
    }
    return out;
}

RandomQuery random_query(RandomLines& random) {
    RandomQuery query;
    bool is_changed = false;
    const size_t stages = 1 + random.below(5);
    for (size_t i = 0; i < stages; ++i) {
        if (random.below(2) == 0) {
            const std::string& other = kOtherStages[random.below(kOtherStages.size())];
            query.text += other;
            is_changed = is_changed || other.contains("line_format") ||
                         other.contains("decolorize") || other.contains("unpack");
            continue;
        }
        const std::string& value = kTexts[random.below(kTexts.size())];
        const bool is_regex = random.below(3) == 0;
        query.text += (is_regex ? " |~ \"" : " |= \"") + value + (is_regex ? ".*" : "") + "\"";
        if (!is_changed) {
            query.before_change.insert(unescaped(value));
        }
    }
    return query;
}

/// Whether the stored line agrees with what a needle says of lines; what it says of values and of
/// any case is unit_query_prune's matter.
bool may_be_in(const Needle& needle, std::string_view line) {
    const auto is_in = [&](const Needle& part) { return may_be_in(part, line); };
    switch (needle.kind) {
        case Needle::Kind::kAnything:
            return true;
        case Needle::Kind::kText:
            return needle.any_case || needle.place != Needle::Place::kLine ||
                   line.contains(needle.text);
        case Needle::Kind::kAll:
            return std::ranges::all_of(needle.parts, is_in);
        case Needle::Kind::kAny:
            return std::ranges::any_of(needle.parts, is_in);
    }
    return false;
}

/// The texts that each line must hold.
void add_line_texts(const Needle& needle, std::vector<std::string>& out) {
    if (needle.kind == Needle::Kind::kText && needle.place == Needle::Place::kLine &&
        !needle.any_case) {
        out.push_back(needle.text);
    }
    for (const Needle& part : needle.parts) {
        if (needle.kind == Needle::Kind::kAll) {
            add_line_texts(part, out);
        }
    }
}

}  // namespace

TEST_SUITE("rule: what prunes is in every line that passes") {
    TEST_CASE("required texts are in the stored line of each row a query gives") {
        size_t required_seen = 0;
        size_t rows_seen = 0;
        for (uint64_t seed = 1; seed <= 300; ++seed) {
            CAPTURE(seed);
            RandomLines random(seed);
            const RandomQuery query = random_query(random);
            CAPTURE(query.text);
            const auto log = logql::parse_condition(query.text);
            REQUIRE_MESSAGE(log, log.error().message);
            const auto plan = query::LogPlan::make(query.text, *log);
            REQUIRE(plan);
            const auto select = plan->select(TenantId::kDefault, {}, store::Direction::kForward);
            std::vector<std::string> texts;
            add_line_texts(select.holds, texts);
            for (const std::string& required : texts) {
                // Or part of one, where it is a regular expression.
                CHECK(std::ranges::any_of(query.before_change, [&](const std::string& text) {
                    return text.contains(required);
                }));
                ++required_seen;
            }
            const RecordBatchPtr batch = make_batch(random_rows(random, 60));
            logql::ScratchRow row;
            for (uint32_t i = 0; i < batch->row_count(); ++i) {
                row.bind(*batch, i);
                if (!plan->pipeline().process(row)) {
                    continue;
                }
                CHECK(may_be_in(select.holds, batch->body(i)));
                for (const std::string& required : texts) {
                    CHECK(batch->body(i).find(required) != Slice::npos);
                    ++rows_seen;
                }
            }
        }
        CHECK(required_seen > 50);
        CHECK(rows_seen > 50);
    }
}
