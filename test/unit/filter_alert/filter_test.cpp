// SPDX-License-Identifier: Apache-2.0
#include <map>

#include <doctest/doctest.h>

#include "collector/services/collector_services.hpp"
#include "collector/services/store_refill.hpp"
#include "plugins/filter/alert/alert_type.hpp"
#include "test/support/filter_fixture.hpp"
#include "test/support/memory_log_store.hpp"

using namespace seyir;
using namespace seyir::plugins;
using namespace std::chrono_literals;
using test::FilterFixture;
using Lines = std::vector<std::string>;

namespace {

RecordBatchPtr lines(const FilterFixture& f, const Lines& bodies, const std::string& host = "h") {
    std::vector<test::PlainRow> rows;
    for (const std::string& body : bodies) {
        rows.push_back({.labels = {{"host", host}}, .ts_ns = f.clock.wall_now().value, .line = body}
        );
    }
    return test::make_batch(rows);
}

std::map<std::string, std::string> attrs_of(const BatchView& view, uint32_t row = 0) {
    std::map<std::string, std::string> out;
    for (const Attr& attr : view.batch->attrs(row)) {
        out[std::string(view.batch->keys()[attr.key])] = attr.value.to_text();
    }
    return out;
}

std::string body_of(const BatchView& view) {
    return std::string(view.batch->body(0));
}

constexpr const char* kThreeErrors =
    "type: alert\nif: '{env=\"prod\"} |= \"error\"'\nthreshold: 3\nto: [mail]";

/// A store that cannot be read.
class Broken final : public alert::RefillSource {
  public:
    Result<void> read(const alert::Rule&, TimeRange, const std::function<void(const BatchView&)>&)
        override {
        return fail(ErrorCode::kIo, "disk gone");
    }
};

}  // namespace

TEST_SUITE("plugins/filter/alert") {
    TEST_CASE("records pass unchanged; the event says what happened") {
        FilterFixture f(
            alert_filter_type(),
            "type: alert\nif: '|= \"error\"'\nthreshold: 2\nwindow: 1m\nto: [mail, hook]"
        );
        REQUIRE_MESSAGE(f.ok(), f.diagnostics());
        const auto batch = lines(f, {"error 1", "fine", "error 2"});
        REQUIRE(f.process(batch));
        REQUIRE(f.sink.emitted.size() == 1);
        CHECK(f.sink.emitted[0].batch == batch);
        REQUIRE(f.sink.events.size() == 1);
        const BatchView& event = f.sink.events[0];
        CHECK(body_of(event) == "under_test: 2 records within 1m (threshold 2)");
        CHECK(event.batch->severity(0) == kSeverityError);
        const auto attrs = attrs_of(event);
        CHECK(attrs.at("alert.name") == "under_test");
        CHECK(attrs.at("alert.state") == "firing");
        CHECK(attrs.at("alert.count") == "2");
        CHECK(attrs.at("alert.window") == "1m");
        CHECK(attrs.at("alert.first_line") == "error 1");
        CHECK(attrs.at("alert.last_line") == "error 2");
        const auto outputs = f.plan().event_outputs();
        REQUIRE(outputs.size() == 2);
        CHECK(outputs[1].name == "hook");
        CHECK(f.registry.text().contains(
            R"(seyir_alert_notices_total{filter="under_test",state="firing"} 1)"
        ));
    }
    TEST_CASE("groups by labels that the condition extracts, and a summary of one's own") {
        FilterFixture f(
            alert_filter_type(),
            "type: alert\nif: '| logfmt | status >= 500'\nby: [host, path]\nsummary: "
            "'{{.alert_count}} x {{.alert_labels_path}} on "
            "{{.alert_labels_host}}: {{__line__}}'\nseverity: warn\nto: [mail]"
        );
        REQUIRE_MESSAGE(f.ok(), f.diagnostics());
        REQUIRE(f.process(lines(f, {"status=503 path=/a", "status=200 path=/b"}, "web1")));
        REQUIRE(f.sink.events.size() == 1);
        CHECK(
            body_of(f.sink.events[0]) ==
            "1 x /a on web1: under_test: 1 records within 5m for host=web1, path=/a (threshold 1)"
        );
        CHECK(f.sink.events[0].batch->severity(0) == kSeverityWarn);
    }
    TEST_CASE("instances of one rule count together") {
        FilterFixture f(alert_filter_type(), "type: alert\nif: '{}'\nthreshold: 2\nto: [mail]");
        auto second = f.another();
        REQUIRE(second.has_value());
        REQUIRE(f.process(lines(f, {"a"})));
        CHECK(f.sink.events.empty());
        REQUIRE((*second)->process({lines(f, {"b"}), {}}, f.sink));
        CHECK(f.sink.events.size() == 1);
    }
    TEST_CASE("resolved comes with the timer") {
        FilterFixture f(
            alert_filter_type(),
            "type: alert\nif: '{}'\nwindow: 10s\nnotify_resolved: true\nto: [mail]"
        );
        CHECK(f.plan().wants_timer());
        REQUIRE(f.process(lines(f, {"a"})));
        REQUIRE(f.flush());
        CHECK(f.sink.events.size() == 1);
        f.clock.advance(11s);
        REQUIRE(f.flush());
        REQUIRE(f.sink.events.size() == 2);
        CHECK(attrs_of(f.sink.events[1]).at("alert.state") == "resolved");
        CHECK(f.sink.events[1].batch->severity(0) == kSeverityInfo);
        REQUIRE(f.flush(pipeline::FlushReason::kShutdown));
        CHECK(f.sink.events.size() == 2);
    }
    TEST_CASE("a condition that fails on every record is told as rule_failing, and the records pass"
    ) {
        FilterFixture f(
            alert_filter_type(),
            "type: alert\nif: '| json | status >= 500'\nthreshold: 2\nto: [mail]"
        );
        REQUIRE(f.process(lines(f, {"no json", "none here"})));
        CHECK(f.sink.emitted_rows() == 2);
        REQUIRE(f.sink.events.size() == 1);
        CHECK(attrs_of(f.sink.events[0]).at("alert.state") == "rule_failing");
        CHECK(body_of(f.sink.events[0]).contains("cannot be evaluated"));
        CHECK(f.registry.text().contains(R"(seyir_alert_errors_total{filter="under_test"} 2)"));
    }
    TEST_CASE("the window is filled from the store before the first record, once for all instances"
    ) {
        io::ManualClock clock;
        store::MemoryLogStore store(clock);
        const UnixNanos now = clock.wall_now();
        REQUIRE(test::store_rows(
            store,
            {{.labels = {{"env", "prod"}}, .ts_ns = (now - 60s).value, .line = "error a"},
             {.labels = {{"env", "prod"}}, .ts_ns = (now - 50s).value, .line = "fine"},
             {.labels = {{"env", "test"}}, .ts_ns = (now - 50s).value, .line = "error elsewhere"},
             {.labels = {{"env", "prod"}}, .ts_ns = (now - 3600s).value, .line = "error long ago"},
             {.labels = {{"env", "prod"}}, .ts_ns = (now - 40s).value, .line = "error b"}}
        ));
        collector::StoreRefill refill(store, clock);
        collector::CollectorServices services(store, &refill);
        FilterFixture f(alert_filter_type(), kThreeErrors, false, "/etc/seyir", &services);
        REQUIRE_MESSAGE(f.ok(), f.diagnostics());
        const auto other = f.another();
        REQUIRE(other.has_value());
        REQUIRE(f.flush());
        CHECK(f.sink.events.empty());
        auto batch =
            test::make_batch({{.labels = {{"env", "prod"}}, .ts_ns = now.value, .line = "error c"}}
            );
        REQUIRE((*other)->process({batch, {}}, f.sink));
        REQUIRE(f.sink.events.size() == 1);
        CHECK(attrs_of(f.sink.events[0]).at("alert.count") == "3");
        CHECK(attrs_of(f.sink.events[0]).at("alert.first_line") == "error a");
    }
    TEST_CASE("a window that cannot be filled makes the rule failing") {
        store::MemoryLogStore store;
        Broken broken;
        collector::CollectorServices services(store, &broken);
        FilterFixture f(alert_filter_type(), kThreeErrors, false, "/etc/seyir", &services);
        REQUIRE_MESSAGE(f.ok(), f.diagnostics());
        REQUIRE(f.flush());
        REQUIRE(f.sink.events.size() == 1);
        CHECK(attrs_of(f.sink.events[0]).at("alert.problem").contains("disk gone"));
    }
    TEST_CASE("mistakes in the configuration are named with their place") {
        const auto diagnostics = [](const std::string& yaml) {
            return FilterFixture(alert_filter_type(), "type: alert\nto: [mail]\n" + yaml)
                .diagnostics();
        };
        CHECK(diagnostics("if: '{'").contains("E0317"));
        CHECK(diagnostics("if: '{}'\nsummary: '{{ x }}'").contains("summary"));
        CHECK(diagnostics("if: '{}'\nthreshold: 0").contains("threshold"));
        CHECK(FilterFixture(alert_filter_type(), "type: alert\nif: '{}'")
                  .diagnostics()
                  .contains("`to`"));
    }
}
