// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <map>
#include <sstream>
#include <stdexcept>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "collector/query/engine.hpp"
#include "common/logql/parser.hpp"
#include "common/logql/text/quantity.hpp"
#include "common/logql/text/regex.hpp"
#include "test/conformance/case_files.hpp"
#include "test/support/rows.hpp"
#include "test/support/shared.hpp"

namespace seyir::test {
namespace {

using namespace seyir::query;

/// The script itself cannot be read: ends its run.
struct ScriptError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

void demand(bool holds, std::string_view text) {
    if (!holds) {
        throw ScriptError(fmt::format("cannot read {:?}", text));
    }
}

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

LabelMap take_labels(std::string_view& text) {
    const size_t end = text.find('}');
    const auto matchers = logql::parse_selector(text.substr(0, end + 1));
    demand(matchers.has_value(), text);
    text = trimmed(text.substr(end + 1));
    LabelMap labels;
    for (const logql::Matcher& matcher : *matchers) {
        labels.emplace(matcher.name, matcher.value);
    }
    return labels;
}

int64_t duration(std::string_view text) {
    const auto ns = logql::parse_duration_ns(text, true);
    demand(ns.has_value(), text);
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
        demand(first.has_value(), word);
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

using SeriesMap = std::map<LabelSet, std::vector<double>>;

std::string show(const SeriesMap& series) {
    std::string text;
    for (const auto& [labels, values] : series) {
        text += text.empty() ? "" : "; ";
        text += to_text(labels);
        for (const double value : values) {
            text += ' ';
            text += is_absent(value) ? "_" : logql::format_sample(value);
        }
    }
    return text.empty() ? "no series" : text;
}

/// `expect fail`, `expect fail msg: TEXT`, `expect fail regex: RE`.
struct WantedFailure {
    bool fails = false;
    std::string words;
    bool is_regex = false;

    bool told_in(const std::string& message) const {
        if (is_regex) {
            const auto regex = logql::Regex::compile(words, false);
            return regex && regex->matches(message);
        }
        return message.find(words) != std::string::npos;
    }
};

WantedFailure wanted_failure(const Eval& eval) {
    WantedFailure wanted;
    for (std::string_view line : eval.expected) {
        if (!line.starts_with("expect fail")) {
            continue;
        }
        wanted.fails = true;
        line = trimmed(line.substr(std::string_view("expect fail").size()));
        for (const std::string_view word : {"msg:", "regex:"}) {
            if (line.starts_with(word)) {
                wanted.is_regex = word == "regex:";
                wanted.words = trimmed(line.substr(word.size()));
            }
        }
    }
    return wanted;
}

SeriesMap wanted_series(const Eval& eval, std::vector<LabelSet>& order) {
    SeriesMap want;
    for (std::string_view line : eval.expected) {
        if (line.starts_with("expect") || line.starts_with("skip")) {
            continue;
        }
        const LabelMap labels = line.starts_with('{') ? take_labels(line) : LabelMap();
        std::vector<double> values = expand_values(line);
        values.resize(eval.grid.points, kAbsent);
        order.emplace_back(labels.begin(), labels.end());
        want[order.back()] = std::move(values);
    }
    return want;
}

Result<MetricResult> answer(store::LogStore& store, const Eval& eval) {
    io::ManualClock clock;
    QueryContext context({}, clock);
    SEYIR_TRY(const auto expr, logql::parse(eval.query));
    return run_metric_query(store, eval.query, expr, TenantId::kDefault, eval.grid, context);
}

void judge(store::LogStore& store, const Eval& eval, FileReport& report) {
    const WantedFailure failure = wanted_failure(eval);
    const auto result = answer(store, eval);
    if (failure.fails || !result) {
        if (failure.fails && !result) {
            ++report.passed;
            if (!failure.told_in(result.error().message)) {
                report.other_words.push_back(
                    {eval.where, eval.query, failure.words, result.error().message}
                );
            }
            return;
        }
        report.failures.push_back(
            {eval.where,
             eval.query,
             failure.fails ? "failure: " + failure.words : "an answer",
             result ? "an answer" : result.error().message}
        );
        return;
    }
    std::vector<LabelSet> want_order;
    const SeriesMap want = wanted_series(eval, want_order);
    SeriesMap got;
    std::vector<LabelSet> got_order;
    if (const auto* number = std::get_if<Scalar>(&*result)) {
        got[{}] = std::vector<double>(eval.grid.points, number->value);
        got_order.emplace_back();
    } else {
        for (const Series& series : std::get<Matrix>(*result).series) {
            got[series.labels] = series.values;
            got_order.push_back(series.labels);
        }
    }
    const bool ordered = std::ranges::find(eval.expected, "expect ordered") != eval.expected.end();
    const bool equal = std::ranges::equal(want, got, [](const auto& a, const auto& b) {
        return a.first == b.first && std::ranges::equal(a.second, b.second, same);
    });
    if (equal && (!ordered || want_order == got_order)) {
        ++report.passed;
        return;
    }
    report.failures.push_back({eval.where, eval.query, show(want), show(got)});
}

void load_line(std::string_view line, std::vector<PlainRow>& rows) {
    PlainRow row{.labels = take_labels(line)};
    // The text may hold its own quotes: it ends at the one in front of the `@`.
    size_t end = 1;
    while (line[end] != line[0] || !trimmed(line.substr(end + 1)).starts_with("@ ")) {
        ++end;
        demand(end < line.size(), line);
    }
    const std::string text(line.substr(1, end - 1));
    line = without_comment(line.substr(end + 1));
    demand(take_word(line) == "@", line);
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

/// Feeds the script's lines to `load` and `eval` blocks; a block ends where the next begins.
class Script {
  public:
    explicit Script(FileReport& report) : report_(report) {}

    void take(std::string_view raw, int number) {
        const bool loads = !pending_ && trimmed(raw).starts_with('{');
        const std::string_view line = loads ? trimmed(raw) : without_comment(raw);
        if (line.empty()) {
            return;
        }
        if (line == "clear" || line == "load" || line.starts_with("eval ")) {
            flush();
            if (line == "clear") {
                store_ = new_store();
            } else if (line != "load") {
                pending_ = eval_line(line, fmt::format("{}:{}", report_.name, number));
            }
        } else if (pending_) {
            pending_->expected.emplace_back(line);
        } else {
            load_line(line, rows_);
        }
    }

    void flush() {
        if (!rows_.empty()) {
            demand(store_rows(*store_, rows_), "rows refused by the store");
            rows_.clear();
        }
        if (pending_) {
            judge(*store_, *pending_, report_);
            pending_.reset();
        }
    }

  private:
    FileReport& report_;
    std::unique_ptr<store::LogStore> store_ = new_store();
    std::optional<Eval> pending_;
    std::vector<PlainRow> rows_;
};

}  // namespace

FileReport run_script(const std::filesystem::path& path) {
    FileReport report{.name = path.filename().string()};
    Script script(report);
    std::istringstream lines(read_file(path));
    int number = 0;
    try {
        for (std::string line; std::getline(lines, line);) {
            ++number;
            script.take(line, number);
        }
        script.flush();
    } catch (const ScriptError& error) {
        report.failures.push_back(
            {fmt::format("{}:{}", report.name, number), "", "a script", error.what()}
        );
    }
    return report;
}

}  // namespace seyir::test
