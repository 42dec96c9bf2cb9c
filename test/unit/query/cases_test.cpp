// SPDX-License-Identifier: Apache-2.0
// Runs test/cases/logql/*.case; the format is in the README there.
#include <cstdlib>
#include <sstream>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "collector/query/engine.hpp"
#include "collector/query/log_exec.hpp"
#include "common/io/file_system.hpp"
#include "common/logql/parser.hpp"
#include "common/logql/text/quantity.hpp"
#include "test/support/memory_log_store.hpp"
#include "test/support/rows.hpp"

namespace {

using namespace seyir;
using namespace seyir::query;

constexpr int64_t kSecond = 1'000'000'000;

struct Case {
    std::vector<test::PlainRow> rows;
    std::string query;
    int64_t at_ns = 0;
    std::string answer;
    std::string head;  ///< everything up to and with the line `=== answer`
};

/// Takes `OPEN name="value", ... CLOSE` off the front.
test::LabelMap take_labels(std::string_view& line, char close) {
    const size_t end = line.find(close);
    const std::string text = "{" + std::string(line.substr(1, end - 1)) + "}";
    const auto matchers = logql::parse_selector(text);
    REQUIRE_MESSAGE(matchers, text);
    test::LabelMap labels;
    for (const logql::Matcher& matcher : *matchers) {
        labels.emplace(matcher.name, matcher.value);
    }
    line = line.substr(std::min(end + 2, line.size()));
    return labels;
}

test::PlainRow parse_row(std::string_view line) {
    test::PlainRow row;
    const size_t space = line.find(' ');
    row.ts_ns = static_cast<int64_t>(*logql::parse_number(line.substr(0, space)) * kSecond);
    line = line.substr(space + 1);
    row.labels = take_labels(line, '}');
    if (line.starts_with('[') && line.find("=\"") < line.find(']')) {
        row.metadata = take_labels(line, ']');
    }
    row.line = line;
    return row;
}

Case parse_case(const std::string& text) {
    Case c;
    std::string section;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        if (section == "answer") {
            c.answer += line + "\n";
            continue;
        }
        c.head += line + "\n";
        if (line.starts_with("=== at: ")) {
            c.at_ns = static_cast<int64_t>(*logql::parse_number(line.substr(8)) * kSecond);
        } else if (line.starts_with("=== ")) {
            section = line.substr(4);
        } else if (section == "rows") {
            c.rows.push_back(parse_row(line));
        } else if (section == "query") {
            c.query += c.query.empty() ? line : "\n" + line;
        }
    }
    return c;
}

Result<std::string> answer_log(store::LogStore& store, const Case& c, const logql::Expr& expr) {
    io::ManualClock clock;
    QueryContext context({}, clock);
    SEYIR_TRY(const auto plan, LogPlan::make(c.query, std::get<logql::LogExpr>(expr.node)));
    const LogRequest request{.range = {{0}, {1'000'000 * kSecond}}};
    SEYIR_TRY(const auto result, run_log_query(store, plan, request, context));
    std::string text;
    for (const LogStream& stream : result.streams) {
        text += to_text(stream.labels) + "\n";
        for (const LogRow& row : stream.rows) {
            text +=
                fmt::format("{} {}\n", static_cast<double>(row.ts().value) / kSecond, row.line());
        }
    }
    return text;
}

Result<std::string> answer_of(const Case& c) {
    store::MemoryLogStore store;
    REQUIRE((c.rows.empty() || test::store_rows(store, c.rows)));
    SEYIR_TRY(const auto expr, logql::parse(c.query));
    if (expr.is_log()) {
        return answer_log(store, c, expr);
    }
    io::ManualClock clock;
    QueryContext context({}, clock);
    SEYIR_TRY(
        const auto result,
        run_metric_query(store, c.query, expr, TenantId::kDefault, {.start_ns = c.at_ns}, context)
    );
    if (const auto* number = std::get_if<Scalar>(&result)) {
        return logql::format_sample(number->value) + "\n";
    }
    std::string text;
    for (const Series& series : std::get<Matrix>(result).series) {
        text +=
            fmt::format("{} {}\n", to_text(series.labels), logql::format_sample(series.values[0]));
    }
    return text;
}

}  // namespace

TEST_SUITE("test/cases/logql") {
    TEST_CASE("each case gives its answer") {
        const std::string folder = std::string(SEYIR_SOURCE_ROOT) + "/test/cases/logql";
        io::FileSystem& fs = io::posix_file_system();
        const auto names = fs.list(folder);
        REQUIRE(names);
        size_t ran = 0;
        for (const std::string& name : *names) {
            if (!name.ends_with(".case")) {
                continue;
            }
            CAPTURE(name);
            const std::string path = folder + "/" + name;
            const Case c = parse_case(*io::read_file(fs, path, 1 << 20));
            const auto answer = answer_of(c);
            const std::string got = answer ? *answer : answer.error().message + "\n";
            if (std::getenv("SEYIR_UPDATE") != nullptr) {
                REQUIRE(io::write_file_atomically(fs, path, c.head + got));
            } else {
                CHECK(got == c.answer);
            }
            ++ran;
        }
        CHECK(ran >= 10);
    }
}
