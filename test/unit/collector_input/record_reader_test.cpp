// SPDX-License-Identifier: Apache-2.0
#include "collector/input/http/record_reader.hpp"

#include <string>

#include <doctest/doctest.h>

#include "collector/input/http/http_records.hpp"
#include "common/record/record_json.hpp"

using namespace seyir;
using namespace seyir::collector::input;

namespace {

std::string again(std::string_view line) {
    RecordBatch batch;
    const auto problem = append_record(batch, line);
    if (problem) {
        return std::to_string(problem->column) + ": " + problem->message;
    }
    std::string out;
    append_record_json(out, batch, 0);
    return out;
}

constexpr const char* kLines[] = {
    R"({"timestamp":"2026-01-01T00:00:00.000000001Z","labels":{"host":"h"},"severity_number":13,"severity_text":"warn","body":"one","attributes":{"filename":"/x.log"}})",
    R"({"timestamp":"1970-01-01T00:00:00.000000000Z","observed_timestamp":"2026-01-01T00:00:00.000000001Z","labels":{},"body":""})",
    R"({"timestamp":"2026-01-01T00:00:00.123456789Z","labels":{"a":"\"","b":"ü"},"body":"a\nb\u0000","trace_id":"000102030405060708090a0b0c0d0e0f","span_id":"0001020304050607"})",
    R"({"timestamp":"2026-01-01T00:00:00.000000000Z","labels":{},"body":"","attributes":{"i":-5,"d":0.25,"e":1e+20,"big":123456789012345678901,"t":true,"n":null,"l":[1,[]],"m":{"k":"v","x":{}}}})",
};

}  // namespace

TEST_SUITE("collector/input/http/record_reader") {
    TEST_CASE("a record that was written reads back as it was") {
        for (const char* line : kLines) {
            CHECK(again(line) == line);
        }
    }

    TEST_CASE("bytes that are not UTF-8 come back exactly, whichever member stands first") {
        RecordBatch batch;
        batch.append_row(
            {.ts = {},
             .stream = batch.add_stream(*StreamLabels::make({{"a", "b"}})),
             .body = batch.arena().copy("x\xff\x00y")}
        );
        std::string line;
        append_record_json(line, batch, 0);
        RecordBatch read;
        REQUIRE_FALSE(append_record(read, line));
        CHECK(std::string_view(read.body(0)) == std::string_view(batch.body(0)));
        RecordBatch turned;
        REQUIRE_FALSE(append_record(
            turned,
            R"({"timestamp":"2026-01-01T00:00:00Z","labels":{},"body_base64":"eP8=","body":"?"})"
        ));
        CHECK(std::string_view(turned.body(0)) == "x\xff");
    }

    TEST_CASE("what is wrong is named with its column, and adds no row") {
        struct Case {
            std::string_view line;
            std::string_view said;
        };

        for (const auto& [line, said] : {
                 Case{"", "1: not JSON"},
                 Case{"[]", "1: a record is an object"},
                 Case{"{}", "1: `timestamp`, `labels` and `body` belong"},
                 Case{R"({"timestamp":1})", "2: `timestamp`: this is no time"},
                 Case{R"({"timestamp":"x"})", "2: `timestamp`: this is no time"},
                 Case{R"({"labels":{"a":1}})", "2: `labels`: label `a` is no string"},
                 Case{R"({"labels":{"-":"1"}})", "2: `labels`: "},
                 Case{R"({"body":"","more":1})", "12: `more`: a record has no such member"},
                 Case{R"({"severity_number":25})", "2: `severity_number`: "},
                 Case{R"({"trace_id":"00"})", "2: `trace_id`: 32 hex digits"},
                 Case{R"({"span_id":"000000000000000g"})", "2: `span_id`: 16 hex digits"},
                 Case{R"({"body_base64":"!"})", "2: `body_base64`: this is no base64"},
                 Case{R"({"attributes":[]})", "2: `attributes`: "},
                 Case{R"({"body":"a)", "11: not JSON: a string does not end"},
             }) {
            CAPTURE(line);
            RecordBatch batch;
            const auto problem = append_record(batch, line);
            REQUIRE(problem);
            CHECK(batch.row_count() == 0);
            const std::string text = std::to_string(problem->column) + ": " + problem->message;
            CHECK_MESSAGE(text.starts_with(said), text);
        }
        RecordBatch batch;
        const auto long_one = append_record(
            batch, R"({"timestamp":"2026-01-01T00:00:00Z","labels":{},"body":"12345"})", 4
        );
        REQUIRE(long_one);
        CHECK(long_one->message.find("5 bytes, the limit is 4") != std::string::npos);
    }

    TEST_CASE("a request of records is taken whole or refused with line and column") {
        HttpRecordSettings settings;
        settings.labels = *StreamLabels::make({{"input", "web"}});
        const std::string good = std::string(kLines[0]) + "\n";
        const auto taken = read_http_records(
            "{\"import\":{}}\n" + good + "\n" + good, kRecordsContentType, settings
        );
        REQUIRE(taken);
        CHECK(taken->batch->row_count() == 2);
        CHECK_FALSE(taken->place);
        const auto placed = read_http_records(
            R"({"import":{"id":"000000000000000100000000000000ff","begin":5,"end":9}})"
            "\n" +
                good,
            kRecordsContentType,
            settings
        );
        REQUIRE(placed);
        REQUIRE(placed->place);
        CHECK(placed->place->id.lo == 0xff);
        CHECK(placed->place->begin == 5);
        CHECK(placed->place->end == 9);
        for (const char* bad : {
                 R"({"import":{"id":7,"begin":5,"end":9}})",
                 R"({"import":{"id":"12","begin":5,"end":9}})",
                 R"({"import":{"id":"000000000000000100000000000000ff","begin":9,"end":9}})",
                 R"({"import":{"id":"000000000000000100000000000000ff","end":9}})",
                 R"({"import":{"id":"000000000000000100000000000000ff","begin":-1,"end":9}})",
                 R"({"import":{)",
             }) {
            CAPTURE(bad);
            CHECK_FALSE(
                read_http_records(std::string(bad) + "\n" + good, kRecordsContentType, settings)
            );
        }
        const auto refused = read_http_records(good + "{\"x\":1}\n", kRecordsContentType, settings);
        REQUIRE_FALSE(refused);
        CHECK_MESSAGE(
            refused.error().message.starts_with("line 2: column 2: `x`"), refused.error().message
        );
    }
}
