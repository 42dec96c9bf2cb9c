// SPDX-License-Identifier: Apache-2.0
// The public LogQL cases, when they are there: what they say must hold wherever the grammar is
// supported; what is refused as "not supported yet" is counted and printed, never silently passed.
#include <map>
#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <simdjson.h>

#include "common/logql/extract/pattern.hpp"
#include "common/logql/matcher.hpp"
#include "common/logql/parser.hpp"
#include "common/logql/stage/pipeline.hpp"
#include "test/support/shared.hpp"

using namespace seyir;
using namespace seyir::logql;

namespace {

namespace dom = simdjson::dom;

struct Tally {
    int held = 0;
    int unsupported = 0;
    std::vector<std::string> wrong;

    void print(std::string_view name) const {
        MESSAGE(fmt::format(
            "{}: {} hold, {} not supported yet, {} wrong", name, held, unsupported, wrong.size()
        ));
        for (const std::string& text : wrong) {
            MESSAGE(text);
        }
    }
};

std::string text_of(dom::element value) {
    std::string_view text;
    return value.get(text) == simdjson::SUCCESS ? std::string(text) : std::string();
}

using Labels = std::map<std::string, std::string>;

Labels labels_of(dom::element object) {
    Labels labels;
    dom::object members;
    if (object.get(members) == simdjson::SUCCESS) {
        for (const auto& [name, value] : members) {
            labels.emplace(name, text_of(value));
        }
    }
    return labels;
}

template <class Fn>
void for_each_case(std::string_view file, Fn fn) {
    const auto path = test::shared_path(fmt::format("corpora/logql/{}.jsonl", file));
    if (!path) {
        MESSAGE("corpus absent, skipped");
        return;
    }
    const std::string text = test::read_file(*path);
    dom::parser parser;
    for (size_t at = 0; at < text.size();) {
        const size_t end = std::min(text.find('\n', at), text.size());
        dom::element element;
        REQUIRE(parser.parse(text.data() + at, end - at).get(element) == simdjson::SUCCESS);
        fn(element);
        at = end + 1;
    }
}

/// A stream selector `{` and what follows; the way stage cases are written.
struct Outcome {
    bool kept = false;
    Labels labels;
    std::string line;
};

RecordBatch batch_of(const Labels& labels, const Labels& metadata, std::string_view line) {
    RecordBatch batch;
    std::vector<StreamLabels::Pair> pairs(labels.begin(), labels.end());
    const uint16_t stream = batch.add_stream(*StreamLabels::make(std::move(pairs)));
    std::vector<Attr> attrs;
    for (const auto& [name, value] : metadata) {
        attrs.push_back({batch.add_key(name), Value::string(batch.arena().copy(value))});
    }
    const AttrRange range = batch.add_attrs(attrs);
    batch.append_row({.ts = {1}, .stream = stream, .body = batch.arena().copy(line), .attrs = range}
    );
    return batch;
}

Result<Outcome> run(
    const std::string& stages, const Labels& labels, const Labels& metadata, std::string_view line
) {
    SEYIR_TRY(auto log, parse_condition(stages));
    SEYIR_TRY(auto pipeline, Pipeline::compile(stages, log.stages));
    const RecordBatch batch = batch_of(labels, metadata, line);
    ScratchRow row;
    row.bind(batch, 0);
    Outcome outcome{.kept = pipeline.process(row)};
    row.for_each_label([&](const Label& label) { outcome.labels.emplace(label.name, label.value); }
    );
    outcome.line = row.line();
    return outcome;
}

std::string show(const Labels& labels) {
    std::string text;
    for (const auto& [name, value] : labels) {
        text += fmt::format(" {}={}", name, value);
    }
    return text;
}

void count_refused(Tally& tally, const Error& error, const std::string& what) {
    if (error.code == ErrorCode::kUnsupported) {
        ++tally.unsupported;
    } else {
        tally.wrong.push_back(what + ": " + error.message);
    }
}

}  // namespace

TEST_SUITE("common/logql/corpus") {
    TEST_CASE("queries parse or fail as the public cases say") {
        Tally tally;
        for_each_case("parse", [&](dom::element item) {
            const std::string query = text_of(item["query"]);
            const bool valid = item["valid"].get_bool();
            const auto parsed = parse(query);
            if (parsed.has_value() == valid) {
                ++tally.held;
            } else if (!parsed) {
                count_refused(tally, parsed.error(), query);
            } else {
                tally.wrong.push_back("accepted: " + query);
            }
        });
        tally.print("parse");
        CHECK(tally.wrong.empty());
        CHECK(tally.unsupported <= 3);
    }

    TEST_CASE("stages give the labels and lines of the public cases") {
        Tally tally;
        for_each_case("stage", [&](dom::element item) {
            const std::string stages = text_of(item["query_stages"]);
            const std::string line = text_of(item["line"]);
            const std::string name = fmt::format("{} on {}", stages, line);
            const auto outcome =
                run(stages, labels_of(item["labels"]), labels_of(item["metadata"]), line);
            if (!outcome) {
                count_refused(tally, outcome.error(), name);
                return;
            }
            Labels want = labels_of(item["want_labels"]);
            Labels got = outcome->labels;
            want.erase(std::string(kErrorDetailsLabel));
            got.erase(std::string(kErrorDetailsLabel));
            dom::element want_line;
            const bool line_fits = item["want_line"].get(want_line) != simdjson::SUCCESS ||
                                   text_of(want_line) == outcome->line;
            if (outcome->kept && want == got && line_fits) {
                ++tally.held;
            } else {
                tally.wrong.push_back(
                    fmt::format("{}: got{} | {} want{}", name, show(got), outcome->line, show(want))
                );
            }
        });
        tally.print("stage");
        // One case names a line that is not the one its expectation was written for.
        CHECK(tally.wrong.size() <= 1);
    }

    TEST_CASE("label filters keep and drop as the public cases say") {
        Tally tally;
        for_each_case("label_filter", [&](dom::element item) {
            const std::string stage = "| " + text_of(item["expr"]);
            const auto outcome = run(stage, {}, labels_of(item["labels"]), "");
            if (!outcome) {
                count_refused(tally, outcome.error(), stage);
            } else if (outcome->kept == item["want"].get_bool()) {
                ++tally.held;
            } else {
                tally.wrong.push_back(stage);
            }
        });
        tally.print("label_filter");
        CHECK(tally.wrong.empty());
        CHECK(tally.unsupported == 0);
    }

    TEST_CASE("line filters match as the public cases say") {
        Tally tally;
        for_each_case("line_filter", [&](dom::element item) {
            const std::string query = text_of(item["query"]);
            for (const dom::element check : item["checks"].get_array()) {
                const std::string line = text_of(check["line"]);
                const auto outcome = run(query, {{"app", "foo"}}, {}, line);
                if (!outcome) {
                    count_refused(tally, outcome.error(), query);
                } else if (outcome->kept == check["match"].get_bool()) {
                    ++tally.held;
                } else {
                    tally.wrong.push_back(fmt::format("{} on {}", query, line));
                }
            }
        });
        tally.print("line_filter");
        CHECK(tally.wrong.empty());
        CHECK(tally.unsupported == 0);
    }

    TEST_CASE("label names are sanitised and patterns captured as the public cases say") {
        Tally tally;
        for_each_case("sanitize", [&](dom::element item) {
            std::string name;
            append_label_name(name, text_of(item["key"]), true);
            CHECK(name == text_of(item["want"]));
            ++tally.held;
        });
        for_each_case("pattern", [&](dom::element item) {
            const std::string text = text_of(item["pattern"]);
            const auto pattern = Pattern::compile(text, Pattern::Use::kParser);
            REQUIRE_MESSAGE(pattern, text);
            std::vector<std::string> got;
            pattern->captures(text_of(item["line"]), [&](std::string_view, std::string_view value) {
                got.emplace_back(value);
            });
            std::vector<std::string> want;
            dom::array captures;
            if (item["captures"].get(captures) == simdjson::SUCCESS) {
                for (const dom::element capture : captures) {
                    want.push_back(text_of(capture));
                }
            }
            CHECK_MESSAGE(got == want, text);
            CHECK_MESSAGE(
                pattern->matches(text_of(item["line"])) == item["matches"].get_bool().value(), text
            );
            ++tally.held;
        });
        for_each_case("pattern_err", [&](dom::element item) {
            const auto use = text_of(item["context"]) == "parser" ? Pattern::Use::kParser
                                                                  : Pattern::Use::kLineFilter;
            const auto pattern = Pattern::compile(text_of(item["pattern"]), use);
            CHECK(pattern.has_value() == item["valid"].get_bool().value());
            ++tally.held;
        });
        tally.print("sanitize, pattern");
    }
}
