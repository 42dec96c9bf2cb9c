// SPDX-License-Identifier: Apache-2.0
#include "collector/input/http/http_records.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "test/support/replay_corpus.hpp"
#include "test/support/shared.hpp"

using namespace seyir;
using namespace seyir::collector::input;

namespace {

Result<PushBody> read(std::string_view body, HttpRecordSettings settings = {}) {
    settings.labels = *StreamLabels::make({{"input", "web"}});
    settings.now = UnixNanos{7};
    return read_http_records(body, "", settings);
}

/// `line|name=value|...` of each record.
std::vector<std::string> shown(const PushBody& body) {
    std::vector<std::string> out;
    const RecordBatch& batch = *body.batch;
    for (uint32_t row = 0; row < batch.row_count(); ++row) {
        std::string text(batch.body(row));
        for (const Attr& attr : batch.attrs(row)) {
            text += "|" + std::string(batch.keys()[attr.key]) + "=" + attr.value.to_text();
        }
        out.push_back(std::move(text));
    }
    return out;
}

using Lines = std::vector<std::string>;

}  // namespace

TEST_SUITE("collector/input/http") {
    TEST_CASE("what a record cannot hold costs neither the record nor its neighbours") {
        const std::string huge = R"({"m":"a","n":1e999,"d":-1E+999,"i":123456789012345678901})";
        const std::string half = R"({"m":"b","s":"x\ud800y\udc00","ok":"\ud83d\ude00"})";
        const auto whole = read(
            R"({"m":"1"})"
            "\n" +
            huge + "\n" + half + "\n"
        );
        REQUIRE(whole);
        CHECK(shown(*whole) == Lines{R"({"m":"1"})", huge, half});
        CHECK(whole->altered == 2);
        const auto fields = read(huge + "\n" + half, {.line_key = "m"});
        REQUIRE(fields);
        CHECK(
            shown(*fields) ==
            Lines{
                "a|n=1e999|d=-1E+999|i=123456789012345678901",
                "b|s=x\xef\xbf\xbdy\xef\xbf\xbd|ok=\xf0\x9f\x98\x80",
            }
        );
    }

    TEST_CASE("elements of an array keep their own bytes") {
        const auto made = read(R"([ {"a" : 1.0} ,[2, 3],  "x\u0041" , {"n":1e999}])");
        REQUIRE(made);
        CHECK(shown(*made) == Lines{R"({"a" : 1.0})", "[2, 3]", R"("x\u0041")", R"({"n":1e999})"});
        CHECK(shown(*read("[]")).empty());
        CHECK(shown(*read("\n {\"a\":\n 1}\n")) == Lines{"{\"a\":\n 1}"});
    }

    TEST_CASE("a time no clock can show is the time the record came") {
        for (const char* time :
             {"99999999999", "-99999999999", "1.5e300", "1e999", "\"soon\"", "null"}) {
            CAPTURE(time);
            const auto made = read(R"({"t":)" + std::string(time) + "}", {.time_key = "t"});
            REQUIRE(made);
            CHECK(made->batch->row(0).ts == UnixNanos{7});
        }
        CHECK(read(R"({"t":5})", {.time_key = "t"})->batch->row(0).ts == UnixNanos{5'000'000'000});
    }

    TEST_CASE("what is not JSON is refused whole, with its place") {
        const std::string deep = "[" + std::string(64, '[') + std::string(64, ']') + "]";
        CHECK(read(deep).error().code == ErrorCode::kTooLarge);
        CHECK(read(deep.substr(1, deep.size() - 2)));
        const auto bad = read("{\"a\":1}\n{\"a\":\n");
        REQUIRE_FALSE(bad);
        CHECK(bad.error().message == "line 2: not JSON: a value is missing (byte 5)");
    }

    TEST_CASE("every text of the JSON test suite is taken or refused as it says") {
        const auto folder = test::shared_path("corpora/jsontestsuite");
        if (!folder) {
            MESSAGE("skipped: no corpora beside the checkout");
            return;
        }
        size_t files = 0;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(*folder)) {
            const std::string name = entry.path().filename().string();
            if (entry.path().extension() != ".json" || name.size() < 2 || name[1] != '_') {
                continue;
            }
            std::ifstream file(entry.path(), std::ios::binary);
            const std::string text(std::istreambuf_iterator<char>(file), {});
            CAPTURE(name);
            const auto made = read(text, {.format = HttpFormat::kJson});
            // Deep nesting that is legal JSON is beyond our limit (i_structure_500_nested_arrays).
            const bool is_undecided = name[0] == 'i';
            CHECK((is_undecided || made.has_value() == (name[0] == 'y')));
            ++files;
        }
        CHECK(files > 200);
    }

    TEST_CASE("the fuzzer's finds stay found") {
        CHECK(
            test::replay_corpus(
                std::string(SEYIR_SOURCE_ROOT) + "/test/fuzz/corpus/http_records"
            ) >= 3
        );
    }
}
