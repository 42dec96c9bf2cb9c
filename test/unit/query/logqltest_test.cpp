// SPDX-License-Identifier: Apache-2.0
// Runs the public LogQL metric scripts (`load`, `eval`, expected series) when they are there. What
// is refused as "not supported yet" is counted and printed.
#include <cmath>
#include <sstream>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "collector/query/engine.hpp"
#include "common/logql/parser.hpp"
#include "common/logql/text/quantity.hpp"
#include "test/support/memory_log_store.hpp"
#include "test/support/rows.hpp"
#include "test/support/shared.hpp"

using namespace seyir;
using namespace seyir::query;

namespace {

std::string_view trimmed(std::string_view text) {
    const size_t first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) {
        return "";
    }
    return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

/// Cuts a `# comment` that is not inside quotes.
std::string_view without_comment(std::string_view text) {
    char quote = 0;
    for (size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (quote != 0) {
            i += c == '\\' && quote == '"' ? 1 : 0;
            quote = c == quote ? 0 : quote;
        } else if (c == '"' || c == '`') {
            quote = c;
        } else if (c == '#') {
            return trimmed(text.substr(0, i));
        }
    }
    return trimmed(text);
}

std::string_view take_word(std::string_view& text) {
    text = trimmed(text);
    const size_t end = std::min(text.find_first_of(" \t"), text.size());
    const std::string_view word = text.substr(0, end);
    text = trimmed(text.substr(end));
    return word;
}

std::string_view take_quoted(std::string_view& text) {
    const char quote = text.front();
    const size_t end = text.find(quote, 1);
    const std::string_view inner = text.substr(1, end - 1);
    text = trimmed(text.substr(end + 1));
    return inner;
}

test::LabelMap take_labels(std::string_view& text) {
    const size_t end = text.find('}');
    const auto matchers = logql::parse_selector(text.substr(0, end + 1));
    REQUIRE_MESSAGE(matchers, std::string(text));
    text = trimmed(text.substr(end + 1));
    test::LabelMap labels;
    for (const logql::Matcher& matcher : *matchers) {
        labels.emplace(matcher.name, matcher.value);
    }
    return labels;
}

int64_t duration(std::string_view text) {
    const auto ns = logql::parse_duration_ns(text, true);
    REQUIRE_MESSAGE(ns, std::string(text));
    return *ns;
}

struct Eval {
    std::string where;
    Grid grid;
    bool instant = true;
    std::string query;
    std::vector<std::string> expected;
};

std::vector<double> expand_values(std::string_view text) {
    std::vector<double> values;
    while (!text.empty()) {
        std::string_view word = take_word(text);
        if (word == "_") {
            values.push_back(kAbsent);
            continue;
        }
        double step = 0;
        int64_t times = 0;
        if (const size_t x = word.find('x', 1);
            x != std::string_view::npos && !word.starts_with("0x")) {
            times = static_cast<int64_t>(*logql::parse_number(word.substr(x + 1)));
            word = word.substr(0, x);
            const size_t sign = word.find_first_of("+-", 1);
            if (sign != std::string_view::npos) {
                step = *logql::parse_number(word.substr(sign));
                word = word.substr(0, sign);
            }
        }
        const auto first = logql::parse_number(word);
        REQUIRE_MESSAGE(first, std::string(word));
        for (int64_t i = 0; i <= times; ++i) {
            values.push_back(*first + step * static_cast<double>(i));
        }
    }
    return values;
}

bool same(double a, double b) {
    if (is_absent(a) || is_absent(b)) {
        return is_absent(a) == is_absent(b);
    }
    if (std::isnan(a) || std::isnan(b)) {
        return std::isnan(a) == std::isnan(b);
    }
    return a == b || std::abs(a - b) <= 1e-6 * std::max(std::abs(a), std::abs(b));
}

struct Tally {
    int held = 0;
    int unsupported = 0;
    std::vector<std::string> wrong;
};

void judge(store::LogStore& store, const Eval& eval, Tally& tally) {
    const bool expects_failure =
        !eval.expected.empty() && eval.expected.front().starts_with("expect fail");
    io::ManualClock clock;
    QueryContext context({}, clock);
    const auto result = [&]() -> Result<MetricResult> {
        SEYIR_TRY(const auto expr, logql::parse(eval.query));
        return run_metric_query(store, eval.query, expr, TenantId::kDefault, eval.grid, context);
    }();
    const std::string name = fmt::format("{}: {}", eval.where, eval.query);
    if (!result) {
        if (result.error().code == ErrorCode::kUnsupported) {
            ++tally.unsupported;
        } else if (expects_failure) {
            ++tally.held;
        } else {
            tally.wrong.push_back(name + ": " + result.error().message);
        }
        return;
    }
    if (expects_failure) {
        tally.wrong.push_back(name + ": should fail");
        return;
    }
    std::map<LabelSet, std::vector<double>> want;
    for (std::string_view line : eval.expected) {
        if (line.starts_with("expect") || line.starts_with("skip")) {
            continue;
        }
        const test::LabelMap labels = line.starts_with('{') ? take_labels(line) : test::LabelMap();
        std::vector<double> values = expand_values(line);
        values.resize(eval.grid.points, kAbsent);
        want[LabelSet(labels.begin(), labels.end())] = std::move(values);
    }
    std::map<LabelSet, std::vector<double>> got;
    if (const auto* number = std::get_if<Scalar>(&*result)) {
        got[{}] = std::vector<double>(eval.grid.points, number->value);
    } else {
        for (const Series& series : std::get<Matrix>(*result).series) {
            got[series.labels] = series.values;
        }
    }
    const bool equal = std::ranges::equal(want, got, [](const auto& a, const auto& b) {
        return a.first == b.first && std::ranges::equal(a.second, b.second, same);
    });
    if (equal) {
        ++tally.held;
        return;
    }
    std::string text = name;
    for (const auto& [labels, values] : got) {
        text += fmt::format("\n    got {} {}", to_text(labels), fmt::join(values, " "));
    }
    for (const auto& [labels, values] : want) {
        text += fmt::format("\n    want {} {}", to_text(labels), fmt::join(values, " "));
    }
    tally.wrong.push_back(text);
}

void load_line(std::string_view line, std::vector<test::PlainRow>& rows) {
    test::PlainRow row{.labels = take_labels(line)};
    // The text may hold its own quotes: it ends at the one in front of the `@`.
    size_t end = 1;
    while (line[end] != line[0] || !trimmed(line.substr(end + 1)).starts_with("@ ")) {
        ++end;
        REQUIRE(end < line.size());
    }
    const std::string text(line.substr(1, end - 1));
    line = without_comment(line.substr(end + 1));
    REQUIRE(take_word(line) == "@");
    row.ts_ns = duration(take_word(line));
    int64_t every = 0;
    int64_t count = 1;
    while (line.starts_with("[")) {
        std::string_view option = line.substr(1, line.rfind(']') - 1);
        const size_t close = line.find("] [");
        option = close == std::string_view::npos ? option : line.substr(1, close - 1);
        line = close == std::string_view::npos ? "" : line.substr(close + 2);
        if (take_word(option) == "repeat") {
            take_word(option);
            every = duration(take_word(option));
            take_word(option);
            count = static_cast<int64_t>(*logql::parse_number(take_word(option)));
            continue;
        }
        while (!option.empty()) {
            const size_t equal = option.find('=');
            const std::string key(trimmed(option.substr(0, equal)));
            option = trimmed(option.substr(equal + 1));
            row.metadata[key] = take_quoted(option);
        }
    }
    for (int64_t i = 0; i < count; ++i) {
        row.line = text;
        for (size_t at = 0; (at = row.line.find("{{.i}}")) != std::string::npos;) {
            row.line.replace(at, 6, std::to_string(i));
        }
        rows.push_back(row);
        row.ts_ns += every;
    }
}

Eval eval_line(std::string_view line, std::string where) {
    Eval eval{.where = std::move(where)};
    take_word(line);
    if (take_word(line) == "instant") {
        take_word(line);
        eval.grid.start_ns = duration(take_word(line));
    } else {
        eval.instant = false;
        take_word(line);
        eval.grid.start_ns = duration(take_word(line));
        take_word(line);
        const int64_t end = duration(take_word(line));
        take_word(line);
        eval.grid.step_ns = duration(take_word(line));
        eval.grid.points = static_cast<size_t>((end - eval.grid.start_ns) / eval.grid.step_ns) + 1;
    }
    eval.query = line;
    return eval;
}

void run_script(const std::filesystem::path& path, Tally& tally) {
    auto store = std::make_unique<store::MemoryLogStore>();
    std::optional<Eval> pending;
    std::vector<test::PlainRow> rows;
    const auto flush = [&] {
        if (!rows.empty()) {
            REQUIRE(test::store_rows(*store, rows));
            rows.clear();
        }
        if (pending) {
            judge(*store, *pending, tally);
            pending.reset();
        }
    };
    std::istringstream script(test::read_file(path));
    std::string raw;
    for (int number = 1; std::getline(script, raw); ++number) {
        INFO(fmt::format("{}:{}: {}", path.filename().string(), number, raw));
        const bool loads = !pending && trimmed(raw).starts_with('{');
        const std::string_view line = loads ? trimmed(raw) : without_comment(raw);
        if (line.empty()) {
            continue;
        }
        if (line == "clear" || line == "load" || line.starts_with("eval ")) {
            flush();
            if (line == "clear") {
                store = std::make_unique<store::MemoryLogStore>();
            } else if (line != "load") {
                pending = eval_line(line, fmt::format("{}:{}", path.filename().string(), number));
            }
        } else if (pending) {
            pending->expected.emplace_back(line);
        } else {
            load_line(line, rows);
        }
    }
    flush();
}

}  // namespace

TEST_SUITE("collector/query/logqltest") {
    TEST_CASE("the public metric scripts give their expected series") {
        const auto folder = test::shared_path("corpora/logqltest");
        if (!folder) {
            MESSAGE("corpus absent, skipped");
            return;
        }
        Tally tally;
        for (const auto& entry : std::filesystem::directory_iterator(*folder)) {
            if (entry.path().extension() == ".logqltest") {
                run_script(entry.path(), tally);
            }
        }
        MESSAGE(fmt::format(
            "logqltest: {} hold, {} not supported yet, {} wrong",
            tally.held,
            tally.unsupported,
            tally.wrong.size()
        ));
        for (const std::string& text : tally.wrong) {
            MESSAGE(text);
        }
        CHECK(tally.wrong.empty());
    }
}
