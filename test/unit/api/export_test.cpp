// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "collector/api/loki_routes.hpp"
#include "collector/api/records/export_page.hpp"
#include "common/record/record_json.hpp"
#include "test/support/fake_exchange.hpp"
#include "test/support/memory_log_store.hpp"
#include "test/support/rows.hpp"

using namespace seyir;
using namespace seyir::collector::api;

namespace {

std::vector<std::string> sorted_lines(const std::vector<test::PlainRow>& rows) {
    const RecordBatchPtr batch = test::make_batch(rows);
    std::vector<std::string> lines;
    for (size_t row = 0; row < batch->row_count(); ++row) {
        append_record_json(lines.emplace_back(), *batch, row);
        lines.back() += '\n';
    }
    // A line begins with its time, in as many digits as every other.
    std::ranges::sort(lines);
    return lines;
}

struct Exporter {
    io::ManualClock clock{UnixNanos{1'000'000'000'000}};
    store::MemoryLogStore store{clock};
    ExportLimits limits;
    int pages = 0;

    Result<std::vector<std::string>> all() {
        std::vector<std::string> lines;
        ExportRequest request;
        const UnixNanos end = request.range.end;
        while (request.range.begin < end) {
            ++pages;
            query::QueryContext running({}, clock);
            SEYIR_TRY(
                const ExportEnd done,
                export_page(
                    store,
                    request,
                    limits,
                    running,
                    clock,
                    [&](std::string_view line) {
                        lines.emplace_back(line);
                        return true;
                    }
                )
            );
            REQUIRE(done.next > request.range.begin);
            request.range.begin = done.next;
        }
        return lines;
    }
};

/// Commits that overlap in time, with equal times and equal records among them.
std::vector<test::PlainRow> fill(store::LogStore& store, unsigned seed) {
    std::mt19937 random(seed);
    std::vector<test::PlainRow> all;
    for (int commit = 0; commit < 20; ++commit) {
        std::vector<test::PlainRow> rows;
        for (int i = 0; i < 50; ++i) {
            rows.push_back(
                {{{"app", fmt::format("{}", random() % 3)}},
                 static_cast<int64_t>(random() % 200),
                 fmt::format("line {}", random() % 20),
                 {{"k", fmt::format("{}", random() % 2)}}}
            );
        }
        REQUIRE(test::store_rows(store, rows));
        all.insert(all.end(), rows.begin(), rows.end());
    }
    return all;
}

std::string ask(
    store::LogStore& store, io::Clock& clock, std::vector<std::pair<std::string, std::string>> query
) {
    const auto routes = loki_routes(store, {.limits = {}}, clock);
    return test::get(routes, "/api/v1/export", std::move(query), {})->answer.body;
}

}  // namespace

TEST_SUITE("collector/api/records") {
    TEST_CASE("all records come in order of time, whatever may be held and however many pages") {
        for (const uint64_t held : {1U, 2000U, 20'000U, 10'000'000U}) {
            for (const uint64_t page : {1U, 5000U, 10'000'000U}) {
                CAPTURE(held);
                CAPTURE(page);
                Exporter exporter;
                exporter.limits.held_bytes_max = held;
                exporter.limits.page_bytes_max = page;
                const auto rows = fill(exporter.store, 7);
                const auto lines = exporter.all();
                REQUIRE(lines);
                CHECK(*lines == sorted_lines(rows));
                CHECK((exporter.pages > 1 || held > 1'000'000));
            }
        }
    }

    TEST_CASE("more records of one instant than may be held are refused with the limit") {
        Exporter exporter;
        exporter.limits.held_bytes_max = 100;
        exporter.limits.instant_bytes_max = 1000;
        std::vector<test::PlainRow> rows(50, {{{"a", "b"}}, 5, "the same"});
        REQUIRE(test::store_rows(exporter.store, rows));
        const auto lines = exporter.all();
        REQUIRE_FALSE(lines);
        CHECK(lines.error().code == ErrorCode::kTooLarge);
        CHECK_MESSAGE(
            lines.error().message.find("1000 B") != std::string::npos, lines.error().message
        );
    }

    TEST_CASE("the call takes a selector and times, and its last line ends it") {
        io::ManualClock clock{UnixNanos{1'000'000'000'000}};
        store::MemoryLogStore store(clock);
        REQUIRE(test::store_rows(
            store,
            {{{{"app", "a"}}, 1'000'000'000, "first", {}, 9},
             {{{"app", "a"}}, 2'000'000'000, "last"},
             {{{"app", "b"}}, 1'500'000'000, "other"}}
        ));
        CHECK(
            ask(store, clock, {{"match", "{app=\"a\"}"}, {"end", "1970-01-01T00:00:02Z"}}) ==
            R"({"timestamp":"1970-01-01T00:00:01.000000000Z","labels":{"app":"a"},"severity_number":9,"severity_text":"info","body":"first"})"
            "\n"
            R"({"export":{"records":1}})"
            "\n"
        );
        CHECK(ask(store, clock, {{"match", "{app=\"c\"}"}}) == "{\"export\":{\"records\":0}}\n");
        CHECK(
            ask(store, clock, {{"match", "{app="}}).find("\"status\":\"error\"") !=
            std::string::npos
        );
        CHECK(ask(store, clock, {{"start", "2"}, {"end", "1"}}).find("`end`") != std::string::npos);
    }
}
