// SPDX-License-Identifier: Apache-2.0
#include "common/config/sections/tests.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>

#include <fmt/format.h>

#include "common/base/text.hpp"
#include "common/config/schema/validate.hpp"

namespace seyir::config {
namespace {

constexpr std::array<std::string_view, 5> kRecordKeys = {
    "line", "labels", "attributes", "timestamp", "severity"
};
constexpr std::array<std::string_view, 6> kSeverities = {
    "trace", "debug", "info", "warn", "error", "fatal"
};

class TestReader {
  public:
    TestReader(const ObjectReader& root, const SectionChecks& checks)
        : checks_(checks),
          diagnostics_(checks.diagnostics),
          inputs_(root.component_names("inputs")),
          filters_(root.component_names("filters")),
          outputs_(root.component_names("outputs")) {}

    TestOptions read(const ObjectReader& r) {
        TestOptions test;
        test.name = r.string("name");
        test.name_span = r.span("name");
        if (!names_.insert(test.name).second && !test.name.empty()) {
            add(kDuplicateName,
                test.name_span,
                fmt::format("a second test is named `{}`", test.name),
                "give each its own name");
        }
        test.feed = feed(r.nested("feed"), r);
        for (const ObjectReader& item : r.objects("expect")) {
            test.expect.push_back(expect(item, test.name));
        }
        const auto none = r.strings("expect_none");
        for (size_t i = 0; i < none.size(); ++i) {
            const Span at = r.item_span("expect_none", i);
            find(none[i], at, outputs_, "output");
            test.expect_none.push_back({none[i], at});
        }
        test.golden = r.path("golden");
        test.golden_span = r.span("golden");
        test.advance = r.duration("advance");
        if (!r.has("expect") && none.empty() && test.golden.empty() && !is_broken(r)) {
            add(kTestForm,
                test.name_span,
                fmt::format("test `{}` expects nothing", test.name),
                "add `expect`, `expect_none` or `golden`");
        }
        return test;
    }

  private:
    using Names = std::vector<std::pair<std::string, Span>>;

    void add(std::string_view code, Span at, std::string message, std::string hint = "") {
        diagnostics_.add(
            {.code = code, .at = at, .message = std::move(message), .hint = std::move(hint)}
        );
    }

    bool is_broken(const ObjectReader& r) const {
        return r.node() == nullptr || diagnostics_.is_broken(r.node()->span);
    }

    static bool has(const Names& names, std::string_view name) {
        return std::ranges::any_of(names, [&](const auto& pair) { return pair.first == name; });
    }

    /// True when `name` is a filter. What has the name of both is taken for the other kind.
    bool find(const std::string& name, Span at, const Names& others, std::string_view kind) {
        if (has(others, name) || diagnostics_.is_broken(at)) {
            return false;
        }
        if (has(filters_, name)) {
            return true;
        }
        std::vector<std::string_view> known;
        for (const Names* names : {&others, static_cast<const Names*>(&filters_)}) {
            for (const auto& [id, place] : *names) {
                known.push_back(id);
            }
        }
        Diagnostic diagnostic{
            .code = kUnknownComponent,
            .at = at,
            .message = fmt::format("`{}` is neither an {} nor a filter", name, kind)
        };
        if (const auto near = did_you_mean(name, known)) {
            diagnostic.hint = fmt::format("did you mean `{}`?", *near);
        }
        diagnostic.notes.push_back(
            fmt::format("{}s and filters here: {}", kind, fmt::join(known, ", "))
        );
        diagnostics_.add(std::move(diagnostic));
        return false;
    }

    TestFeed feed(const ObjectReader& r, const ObjectReader& test) {
        TestFeed feed;
        feed.at_span = r.node() == nullptr ? test.span("name") : r.span("at");
        if (r.has("at")) {
            feed.at = r.string("at");
            feed.at_is_filter = find(feed.at, feed.at_span, inputs_, "input");
        } else if (!inputs_.empty()) {
            feed.at = inputs_.front().first;
        }
        std::vector<std::string_view> given;
        for (const std::string_view key : {"record", "records", "lines", "file"}) {
            if (r.has(key)) {
                given.push_back(key);
                feed.span = r.span(key);
            }
        }
        if (given.size() > 1 || (given.empty() && !is_broken(r))) {
            add(kTestForm,
                given.empty() ? feed.at_span : r.key_span(given[1]),
                given.empty() ? "the test feeds nothing"
                              : fmt::format("both `{}` and `{}` are fed", given[0], given[1]),
                "give one of `record`, `records`, `lines` and `file`");
        }
        if (const Node* node = r.any("record")) {
            feed.records.push_back(record(*node));
        }
        for (const Node* node : r.any_items("records")) {
            feed.records.push_back(record(*node));
        }
        feed.lines = r.strings("lines");
        feed.file = r.path("file");
        return feed;
    }

    TestExpect expect(const ObjectReader& r, const std::string& test) {
        TestExpect expect;
        expect.span = r.node()->span;
        expect.at = r.string("at");
        expect.at_span = r.span("at");
        if (r.has("at")) {
            expect.at_is_filter = find(expect.at, expect.at_span, outputs_, "output");
        }
        expect.that = r.string("that");
        expect.that_span = r.span("that");
        checks_.condition(r, "that", fmt::format("`that` of test `{}`", test));
        if (r.has("count")) {
            expect.count = static_cast<uint64_t>(r.integer("count"));
        }
        if (const Node* node = r.any("record")) {
            expect.record = record(*node);
        }
        return expect;
    }

    TestRecord record(const Node& node) {
        TestRecord record;
        record.at = node.span;
        if (!node.is_map()) {
            wrong_type(node, "a record must be a map", "like `{ line: some text }`");
            return record;
        }
        for (const Entry& entry : node.entries) {
            const std::string& key = entry.key->text;
            const Node& value = *entry.value;
            if (key == "labels") {
                for (auto& [name, label] : values(value, key)) {
                    record.labels.emplace_back(name, std::move(label.text));
                }
            } else if (key == "attributes") {
                for (auto& attribute : values(value, key)) {
                    record.attributes.push_back(std::move(attribute));
                }
            } else if (!value.is_scalar()) {
                not_single(*entry.key);
            } else if (key == "line") {
                record.line = value.text;
            } else if (key == "timestamp") {
                record.timestamp = timestamp(value);
            } else if (key == "severity") {
                record.severity = severity(value);
            } else {
                record.attributes.emplace_back(key, typed(value));
            }
        }
        return record;
    }

    void wrong_type(const Node& node, std::string message, std::string hint) {
        const Span at = node.is_scalar() ? node.span : Span{node.span.begin, node.span.begin + 1};
        add(kWrongType, at, std::move(message), std::move(hint));
    }

    /// A key that is none of ours is an attribute; one with a map in it was probably meant as ours.
    void not_single(const Node& key) {
        const auto near = did_you_mean(key.text, kRecordKeys);
        add(kWrongType,
            key.span,
            fmt::format("attribute `{}` must have a single value", key.text),
            near ? fmt::format("did you mean `{}`?", *near) : "");
    }

    std::vector<std::pair<std::string, TestValue>> values(const Node& map, std::string_view key) {
        std::vector<std::pair<std::string, TestValue>> found;
        if (!map.is_map()) {
            wrong_type(map, fmt::format("`{}` must be a map of single values", key), "");
            return found;
        }
        for (const Entry& entry : map.entries) {
            if (entry.value->is_scalar()) {
                found.emplace_back(entry.key->text, typed(*entry.value));
            } else {
                not_single(*entry.key);
            }
        }
        return found;
    }

    std::optional<UnixNanos> timestamp(const Node& value) {
        const auto parsed = parse_time(value.text);
        if (!parsed) {
            add(kNotTime,
                value.span,
                fmt::format("`{}` is not a time", shown_text(diagnostics_.sources(), value)),
                parsed.error().message);
            return std::nullopt;
        }
        return *parsed;
    }

    std::string severity(const Node& value) {
        int64_t number = 0;
        const std::string& text = value.text;
        const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
        const bool is_number = ec == std::errc{} && end == text.data() + text.size();
        const bool is_word = std::ranges::find(kSeverities, text) != kSeverities.end();
        if (is_word || (is_number && number >= 1 && number <= 24)) {
            return text;
        }
        add(kNotAllowed,
            value.span,
            fmt::format("`{}` is not a severity", shown_text(diagnostics_.sources(), value)),
            fmt::format("allowed: {}, or 1 to 24", fmt::join(kSeverities, ", ")));
        return "";
    }

    static TestValue typed(const Node& node) {
        return {
            .kind =
                node.is_plain && !node.is_expanded ? kind_of(node.text) : TestValue::Kind::kString,
            .text = node.text,
            .at = node.span
        };
    }

    static TestValue::Kind kind_of(const std::string& text) {
        if (text == "true" || text == "false") {
            return TestValue::Kind::kBool;
        }
        const char* end = text.data() + text.size();
        int64_t whole = 0;
        const auto read_whole = std::from_chars(text.data(), end, whole);
        if (!text.empty() && read_whole.ec == std::errc{} && read_whole.ptr == end) {
            return TestValue::Kind::kInt;
        }
        double number = 0;
        const auto read = std::from_chars(text.data(), end, number);
        const bool has_digit = text.find_first_of("0123456789") != std::string::npos;
        return has_digit && read.ec == std::errc{} && read.ptr == end ? TestValue::Kind::kDouble
                                                                      : TestValue::Kind::kString;
    }

    const SectionChecks& checks_;
    Diagnostics& diagnostics_;
    Names inputs_;
    Names filters_;
    Names outputs_;
    std::set<std::string> names_;
};

Schema feed_schema() {
    Schema feed("feed", "What goes in: one of `record`, `records`, `lines` and `file`.");
    feed.with(field("at", Type::kString)
                  .between(1, 64)
                  .describe("Input or filter it is fed to, by name.")
                  .or_else_described("the first input")
                  .show("redact")
                  .elsewhere("Vector", {"insert_at", "insert_at_list"}))
        .with(field("record", Type::kAny)
                  .describe("One record: a map of `line`, `labels`, `attributes`, `timestamp` and "
                            "`severity`; any other key is an attribute.")
                  .show("{ line: user ada, labels: { env: prod }, status: 200 }")
                  .elsewhere("Vector", {"log_fields", "event"}))
        .with(list_of("records", field("", Type::kAny))
                  .between(1, 10'000)
                  .describe("Several records, in this order.")
                  .or_else_described("none")
                  .show("[{ line: a }, { line: b }]"))
        .with(list_of("lines", field("", Type::kString).may_be_empty().between(0, 1U << 20U))
                  .between(1, 10'000)
                  .describe("Records that are nothing but their line.")
                  .or_else_described("none")
                  .show("[first, second]"))
        .with(field("file", Type::kPath)
                  .describe("A file; each of its lines is the line of a record.")
                  .show("tests/app.log"));
    return feed;
}

Schema expect_schema() {
    Schema expect("expect", "Records that must arrive.");
    expect
        .with(field("at", Type::kString)
                  .required()
                  .between(1, 64)
                  .describe("Output, or filter (then what it gives on), by name.")
                  .show("central")
                  .elsewhere("Vector", {"extract_from", "no_outputs_from"})
                  .elsewhere("other programs", {"output"}))
        .with(field("that", Type::kString)
                  .between(0, 64U * 1024U)
                  .describe("LogQL that a record must pass.")
                  .or_else_described("any record")
                  .show("'|= \"[card]\"'")
                  .elsewhere("Vector", {"conditions", "condition"}))
        .with(field("count", Type::kInt)
                  .between(0, 10'000'000)
                  .describe("Exactly so many records fit.")
                  .or_else_described("at least one")
                  .show("1"))
        .with(field("record", Type::kAny)
                  .describe("Must be a part of the record, written as in `feed.record`.")
                  .show("{ line: 'pan [card]', status: 200 }"));
    return expect;
}

}  // namespace

Field tests_field() {
    Schema test("test", "What must come out of the pipeline when something goes in.");
    test.with(field("name", Type::kString)
                  .required()
                  .between(1, 256)
                  .describe("Shown in the results.")
                  .show("card numbers never leave"))
        .with(object("feed", feed_schema()).required().elsewhere("Vector", {"inputs", "input"}))
        .with(list_of("expect", object("", expect_schema()))
                  .between(1, 1000)
                  .describe("What must arrive.")
                  .or_else_described("none")
                  .elsewhere("Vector", {"outputs"})
                  .elsewhere("other programs", {"output"}))
        .with(list_of("expect_none", field("", Type::kString).between(1, 64))
                  .between(1, 100)
                  .describe("Outputs or filters, by name, that must get nothing.")
                  .or_else_described("none")
                  .show("[rejected]")
                  .elsewhere("Vector", {"no_outputs_from"}))
        .with(field("golden", Type::kPath)
                  .describe(
                      "File of all records that must arrive, as JSON lines; `seyir test --update` "
                      "writes it."
                  )
                  .show("tests/app.jsonl"))
        .with(field("advance", Type::kDuration)
                  .between(0, 86'400'000'000'000)
                  .describe("How far the clock moves on after the feed, for filters that wait.")
                  .or_else("0s"));
    return list_of("tests", object("", std::move(test)))
        .between(0, 10'000)
        .describe("Tests of the pipeline: `seyir test` runs them; a running program does not.")
        .or_else("[]")
        .elsewhere("other programs", {"test", "unit_tests"});
}

std::vector<TestOptions> read_tests(const ObjectReader& root, const SectionChecks& checks) {
    TestReader reader(root, checks);
    std::vector<TestOptions> tests;
    for (const ObjectReader& test : root.objects("tests")) {
        tests.push_back(reader.read(test));
    }
    return tests;
}

}  // namespace seyir::config
