// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <tuple>
#include <vector>

#include <doctest/doctest.h>

#include "plugins/filter/log_to_metric/log_to_metric_filter.hpp"
#include "test/support/filter_fixture.hpp"

using namespace seyir;
using namespace seyir::test;

namespace {

RecordBatchPtr some_rows() {
    std::vector<PlainRow> rows;
    for (const auto& [method, status, took] :
         std::vector<std::tuple<const char*, const char*, const char*>>{
             {"GET", "200", "0.2"},
             {"GET", "500", "250ms"},
             {"PUT", "200", "3"},
             {"GET", "200", "oh"},
         }) {
        rows.push_back(
            {.labels = {{"app", "a"}},
             .ts_ns = 1,
             .line = "x",
             .metadata = {{"method", method}, {"http.status", status}, {"took", took}}}
        );
    }
    return make_batch(rows);
}

/// Lines of the metrics page that begin with the name.
std::string page(metrics::Registry& registry, const std::string& name) {
    const std::string text = registry.text();
    std::string out;
    for (size_t at = 0; at < text.size();) {
        const size_t end = text.find('\n', at) + 1;
        if (text.substr(at, name.size()) == name) {
            out += text.substr(at, end - at);
        }
        at = end;
    }
    return out;
}

struct Case {
    std::string yaml;
    std::string page;
};

const std::vector<Case> kCases{
    {"name: m\nlabels: [method, http.status, labels.app]",
     "m{method=\"GET\",http_status=\"200\",app=\"a\"} 2\n"
     "m{method=\"GET\",http_status=\"500\",app=\"a\"} 1\n"
     "m{method=\"PUT\",http_status=\"200\",app=\"a\"} 1\n"
     "m{method=\"other\",http_status=\"other\",app=\"other\"} 0\n"},
    {"name: m\nif: '| method = \"GET\"'", "m 3\n"},
    {"name: m\nvalue: http.status", "m 1100\n"},
    {"name: m\nlabels: [none]", "m{none=\"\"} 4\nm{none=\"other\"} 0\n"},
    {"name: m\nkind: gauge\nvalue: took\nunit: duration", "m 3\n"},
    {"name: m\nkind: gauge\nvalue: took\nif: '| method = \"GET\"'", "m 0.2\n"},
    {"name: m\nkind: histogram\nvalue: took\nunit: duration\nbuckets: [0.25, 1]",
     "m_bucket{le=\"0.25\"} 2\nm_bucket{le=\"1\"} 2\nm_bucket{le=\"+Inf\"} 3\nm_sum 3.45\nm_count "
     "3\n"},
};

}  // namespace

TEST_SUITE("plugins/filter/log_to_metric") {
    TEST_CASE("records become counters, gauges and histograms, and pass as they came") {
        for (const Case& c : kCases) {
            CAPTURE(c.yaml);
            FilterFixture f(plugins::log_to_metric_filter_type(), "type: log_to_metric\n" + c.yaml);
            REQUIRE_MESSAGE(f.ok(), f.diagnostics());
            const RecordBatchPtr batch = some_rows();
            REQUIRE(f.process(BatchView{batch, {}}));
            CHECK(page(f.registry, "m") == c.page);
            REQUIRE(f.sink.emitted.size() == 1);
            CHECK(f.sink.emitted[0].batch == batch);
            CHECK(f.sink.emitted[0].rows.all);
        }
    }

    TEST_CASE("values that are no number, and counts that are not whole, are counted apart") {
        FilterFixture f(
            plugins::log_to_metric_filter_type(), "type: log_to_metric\nname: m\nvalue: took"
        );
        REQUIRE(f.process(some_rows()));
        CHECK(page(f.registry, "m") == "m 3\n");
        CHECK(
            f.registry
                .counter("seyir_filter_metric_value_errors_total", "", {{"filter", "under_test"}})
                .value() == 3
        );
    }

    TEST_CASE("series are bounded; the rest is one series, also for bad label values") {
        FilterFixture f(
            plugins::log_to_metric_filter_type(),
            "type: log_to_metric\nname: m\nlabels: [line]\nmax_series: 2"
        );
        REQUIRE_MESSAGE(f.ok(), f.diagnostics());
        std::vector<PlainRow> rows;
        for (const std::string& line :
             {std::string("a"),
              std::string("b"),
              std::string("c"),
              std::string("a"),
              std::string("\xff"),
              std::string(2000, 'x')}) {
            rows.push_back({.labels = {{"app", "a"}}, .ts_ns = 1, .line = line});
        }
        REQUIRE(f.process(make_batch(rows)));
        auto other = f.another();
        REQUIRE(other);
        REQUIRE((*other)->process(
            {make_batch(
                 {{.labels = {{"a", "b"}}, .line = "d"}, {.labels = {{"a", "b"}}, .line = "b"}}
             ),
             {}},
            f.sink
        ));
        CHECK(page(f.registry, "m") == "m{line=\"a\"} 2\nm{line=\"b\"} 2\nm{line=\"other\"} 4\n");
        CHECK(
            f.registry.counter("seyir_filter_metric_overflow_total", "", {{"filter", "under_test"}})
                .value() == 4
        );
    }

    TEST_CASE("a name keeps its kind and its buckets while the program runs") {
        FilterFixture f(plugins::log_to_metric_filter_type(), "type: log_to_metric\nname: m");
        REQUIRE(f.ok());
        FilterFixture g(
            plugins::log_to_metric_filter_type(),
            "type: log_to_metric\nname: m\nkind: gauge\nvalue: x"
        );
        auto conflict = g.plan().instantiate(f.context());
        REQUIRE(!conflict);
        CHECK(conflict.error().message.starts_with("metric `m` is a counter already"));
        FilterFixture h(
            plugins::log_to_metric_filter_type(),
            "type: log_to_metric\nname: h\nkind: histogram\nvalue: x\nbuckets: [1]"
        );
        FilterFixture i(
            plugins::log_to_metric_filter_type(),
            "type: log_to_metric\nname: h\nkind: histogram\nvalue: x\nbuckets: [2]"
        );
        conflict = i.plan().instantiate(h.context());
        REQUIRE(!conflict);
        CHECK(conflict.error().message.find("has other buckets already") != std::string::npos);
    }

    TEST_CASE("mistakes have their place") {
        const std::vector<std::tuple<std::string, std::string, std::string>> mistakes{
            {"name: 1x", ":4:11\n", "a metric name has letters"},
            {"name: seyir_rows_total",
             ":4:11\n",
             "names that begin with `seyir_` are the program's own"},
            {"name: m\nkind: gauge", ":5:11\n", "a gauge needs `value`"},
            {"name: m\nlabels: [a.b, a_b]", ":5:19\n", "`a_b` cannot be a label"},
            {"name: m\nlabels: [le]", ":5:14\n", "`le` cannot be a label"},
            {"name: m\nkind: histogram\nvalue: x\nbuckets: [1, 1]", ":7:18\n", "`1` is not above"},
            {"name: m\nkind: histogram\nvalue: x\nbuckets: [x]", ":7:15\n", "`x` is no number"},
            {"name: m\nhelp: \"a\\nb\"", ":5:11\n", "`help` is one line"},
            {"name: m\nvalue: labels.1", ":5:12\n", "`1` is no label name"},
        };
        for (const auto& [yaml, place, text] : mistakes) {
            CAPTURE(yaml);
            FilterFixture f(plugins::log_to_metric_filter_type(), "type: log_to_metric\n" + yaml);
            CHECK(!f.ok());
            CHECK_MESSAGE(f.diagnostics().find(place) != std::string::npos, f.diagnostics());
            CHECK_MESSAGE(f.diagnostics().find(text) != std::string::npos, f.diagnostics());
        }
    }
}
