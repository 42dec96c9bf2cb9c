// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "common/io/file_system.hpp"
#include "common/json/reader.hpp"
#include "ctl/answer_reader.hpp"
#include "ctl/arguments.hpp"
#include "ctl/commands_table.hpp"
#include "ctl/follow_cursor.hpp"
#include "ctl/print/agent_text.hpp"
#include "ctl/print/row_buffer.hpp"
#include "ctl/print/row_printer.hpp"
#include "ctl/print/status_text.hpp"
#include "ctl/print/terminal.hpp"
#include "ctl/program_guess.hpp"

using namespace seyir;
using namespace seyir::ctl;

namespace {

Result<Arguments> parse(std::vector<std::string> words) {
    return parse_arguments(words, all_commands(), global_options());
}

json::Source pieces_of(std::string_view text, size_t piece_bytes) {
    return [text, piece_bytes]() mutable -> Result<std::string_view> {
        const auto piece = text.substr(0, piece_bytes);
        text.remove_prefix(piece.size());
        return piece;
    };
}

/// Everything an answer held, as one text.
class Transcript : public AnswerSink {
  public:
    bool stream(const LabelList& labels) override {
        text += "stream " + labels_text(labels) + "\n";
        return true;
    }

    bool row(AnswerRow row) override {
        text += std::to_string(row.ts.value) + " " + row.line + " " + labels_text(row.attributes) +
                labels_text(row.parsed) + "\n";
        return true;
    }

    bool sample(const LabelList& metric, std::string_view seconds, std::string_view value)
        override {
        text += labels_text(metric) + " " + std::string(seconds) + " " + std::string(value) + "\n";
        return true;
    }

    std::string text;
};

const std::string kStreams =
    R"({"status":"success","data":{"resultType":"streams","encodingFlags":["categorize-labels"],)"
    R"("lineEncoding":"base64","result":[{"stream":{"input":"app","host":"a"},"values":[)"
    R"(["12","aGk=",{"structuredMetadata":{"filename":"/x"},"parsed":{"level":"warn"}}],["13","/wA=",{}]]},)"
    R"({"stream":{"input":"b"},"values":[["11",""]]}],"stats":{"summary":{"values":[["1","x"]]},"explain":"blocks: 3\n"}}})";

}  // namespace

TEST_SUITE("ctl/arguments") {
    TEST_CASE("options may stand before and after the command, with = or a space") {
        const auto parsed =
            parse({"--server", "http://h:1", "query", "{a=\"b\"}", "--limit=5", "-o", "raw"});
        REQUIRE(parsed);
        CHECK(parsed->command->name == "query");
        CHECK(parsed->get("server") == "http://h:1");
        CHECK(parsed->get("limit") == "5");
        CHECK(parsed->get("output") == "raw");
        CHECK(parsed->values == std::vector<std::string>{"{a=\"b\"}"});
        CHECK(parse({"labels", "--", "--odd"})->values == std::vector<std::string>{"--odd"});
        CHECK(parse({"query", "--help"})->has("help"));
        CHECK(parse({})->command == nullptr);
    }

    TEST_CASE("mistakes say what would be right") {
        const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
            {{"querry"}, "did you mean query?"},
            {{"query"}, "'LOGQL' is missing; write: seyir query 'LOGQL'"},
            {{"query", "{a}", "b"}, "put a query in single quotes"},
            {{"query", "{}", "--limitt", "1"}, "did you mean --limit?"},
            {{"query", "{}", "--limit"}, "--limit needs a value: --limit N"},
            {{"query", "{}", "--utc=1"}, "--utc takes no value"},
            {{"query", "{}", "-x"}, "long options have two dashes"},
            {{"status", "--limit", "3"}, "there is no option --limit of seyir status"},
        };
        for (const auto& [words, expected] : cases) {
            const auto parsed = parse(words);
            REQUIRE_FALSE(parsed);
            CAPTURE(parsed.error().message);
            CHECK(parsed.error().message.find(expected) != std::string::npos);
        }
    }

    TEST_CASE("times are read as people write them") {
        const UnixNanos now{1'763'807'400'000'000'000};  // 2025-11-22T10:30:00Z
        CHECK(parse_time("now", now)->value == now.value);
        CHECK(parse_time("15m", now)->value == now.value - 900'000'000'000);
        CHECK(parse_time("1763807400000000001", now)->value == now.value + 1);
        CHECK(parse_time("2025-11-22T10:30:00Z", now)->value == now.value);
        CHECK(parse_time("2025-11-22T10:30:00.25Z", now)->value == now.value + 250'000'000);
        CHECK(parse_time("2025-11-22T12:30:00+02:00", now)->value == now.value);
        CHECK(parse_time("2025-11-22", now));
        CHECK(parse_time("2025-11-22 10:30", now));
        for (const char* wrong :
             {"", "yesterday", "2025-13-01", "2025-11-22T10", "2025-11-22T10:30:00X", "12"}) {
            CAPTURE(wrong);
            CHECK_FALSE(parse_time(wrong, now));
        }
        CHECK(*parse_count("limit", "1000000", 1'000'000) == 1'000'000);
        CHECK_FALSE(parse_count("limit", "1000001", 1'000'000));
        CHECK_FALSE(parse_count("limit", "0", 10));
        CHECK_FALSE(parse_count("limit", "many", 10));
    }

    TEST_CASE("each command has help that names each of its options") {
        for (const auto& command : all_commands()) {
            const auto text = help_text(command);
            CHECK(text.starts_with("usage: seyir " + std::string(command.name)));
            for (const auto& option : command.options) {
                CHECK(text.find("--" + std::string(option.name)) != std::string::npos);
            }
            CHECK(help_text().find(command.name) != std::string::npos);
            CHECK(bash_completion().find(command.name) != std::string::npos);
        }
    }
}

TEST_SUITE("docs") {
    TEST_CASE("the guide names each command and option") {
        const std::string root = SEYIR_SOURCE_ROOT;
        // The man page is made from the same table: test/e2e/test_packaging.py.
        for (const char* path : {"/docs/guide/command-line.md"}) {
            auto text = io::read_file(io::posix_file_system(), root + path, 1 << 20);
            REQUIRE(text);
            const auto names = [&](std::string_view word) {
                CAPTURE(path);
                CAPTURE(word);
                CHECK(text->find(word) != std::string::npos);
            };
            for (const auto& option : global_options()) {
                names("--" + std::string(option.name));
            }
            for (const auto& command : all_commands()) {
                names(command.name);
                for (const auto& option : command.options) {
                    names("--" + std::string(option.name));
                }
            }
        }
    }
}

TEST_SUITE("ctl/answer_reader") {
    TEST_CASE("rows come out byte-exact, however the answer is cut") {
        for (const size_t piece : {size_t{1}, size_t{7}, kStreams.size()}) {
            Transcript transcript;
            AnswerReader reader(transcript);
            REQUIRE(reader.read(pieces_of(kStreams, piece)));
            CHECK(reader.result_type() == "streams");
            CHECK(reader.explanation() == "blocks: 3\n");
            const std::string expected =
                "stream {input=\"app\", host=\"a\"}\n"
                "12 hi {filename=\"/x\"}{level=\"warn\"}\n" +
                std::string("13 \xff\0 {}{}\n", 11) + "stream {input=\"b\"}\n11  {}{}\n";
            CHECK(transcript.text == expected);
        }
    }

    TEST_CASE("plain Loki answers, matrices and vectors are read too") {
        Transcript plain;
        CHECK(AnswerReader(plain).read(pieces_of(
            R"({"data":{"resultType":"streams","result":[{"stream":{"a":"b"},"values":[["1","x"]]}]}})",
            9
        )));
        CHECK(plain.text == "stream {a=\"b\"}\n1 x {}{}\n");
        Transcript matrix;
        CHECK(AnswerReader(matrix).read(pieces_of(
            R"({"data":{"resultType":"matrix","result":[{"metric":{"l":"e"},"values":[[1.5,"2"],[3,"4"]]}]}})",
            9
        )));
        CHECK(matrix.text == "{l=\"e\"} 1.5 2\n{l=\"e\"} 3 4\n");
        Transcript vector;
        CHECK(AnswerReader(vector).read(pieces_of(
            R"({"data":{"resultType":"vector","result":[{"metric":{},"value":[9,"7"]}]}})", 9
        )));
        CHECK(vector.text == "{} 9 7\n");
    }

    TEST_CASE("an answer of another kind is refused with a reason") {
        for (const char* text :
             {"<html>",
              R"({"data":{"resultType":"streams","result":[{"stream":{},"values":[["x","y"]]}]}})",
              R"({"data":{"resultType":"streams","result":[{"stream":{},"values":[["1"]]}]}})",
              R"({"data":{"lineEncoding":"base64","result":[{"stream":{},"values":[["1","!"]]}]}})",
              R"({"data":{"result":[)"}) {
            Transcript transcript;
            const auto read = AnswerReader(transcript).read(pieces_of(text, 5));
            REQUIRE_FALSE(read);
            CHECK(read.error().message.starts_with("the server's answer is not understood: "));
        }
    }
}

TEST_SUITE("ctl/row_printer") {
    TEST_CASE("rows of several streams print in time order, equal times as they came") {
        RowBuffer rows;
        rows.begin_stream({{"s", "1"}});
        rows.add({.ts = {3}, .line = "c", .attributes = {}, .parsed = {}});
        rows.add({.ts = {1}, .line = "a1", .attributes = {{"k", "v"}}, .parsed = {}});
        rows.begin_stream({{"s", "2"}});
        rows.add({.ts = {1}, .line = "a2", .attributes = {}, .parsed = {{"p", ""}}});
        rows.add({.ts = {2}, .line = "", .attributes = {}, .parsed = {}});
        std::string text;
        const PrintStyle raw{.form = OutputForm::kRaw};
        const auto add = [&](const RowView& row) {
            append_row(text, row, raw);
            return true;
        };
        rows.for_each(false, add);
        CHECK(text == "a1\na2\n\nc\n");
        text.clear();
        rows.for_each(true, add);
        CHECK(text == "c\n\na1\na2\n");
    }

    TEST_CASE("JSON loses nothing, also not bytes that are no text") {
        const LabelList labels{{"input", "app"}};
        std::string text;
        const RowView row{
            .ts = {1'000'000'001},
            .line = "\xff",
            .labels = &labels,
            .attributes = {{"f", "/x"}},
            .parsed = {}
        };
        append_row(text, row, {.form = OutputForm::kJson});
        CHECK(
            text ==
            "{\"timestamp\":\"1970-01-01T00:00:01.000000001Z\",\"timestamp_ns\":\"1000000001\","
            "\"labels\":{\"input\":\"app\"},\"attributes\":{\"f\":\"/x\"},"
            "\"line\":\"\xEF\xBF\xBD\",\"line_base64\":\"/w==\"}\n"
        );
    }

    TEST_CASE("people see level, service and host; a terminal is not commanded") {
        const LabelList labels{{"service_name", "web"}, {"host", "h1"}};
        const RowView row{
            .ts = {0},
            .line = "ERROR \x1b[2Jboom\r\ttab \xc2\x9b \xe2\x80\xae",
            .labels = &labels,
            .attributes = {},
            .parsed = {}
        };
        std::string text;
        append_row(text, row, {.clean = true, .utc = true});
        CHECK(text == "1970-01-01 00:00:00.000 error web@h1 ERROR [2Jboom\ttab  \n");
        text.clear();
        append_row(text, row, {.labels = LabelDisplay::kNone, .utc = true});
        CHECK(text.find("\x1b[2J") != std::string::npos);
        text.clear();
        append_row(text, row, {.color = true, .clean = true, .utc = true});
        CHECK(text.find("\x1b[31merror\x1b[0m") != std::string::npos);
    }

    TEST_CASE("the level comes from labels, else from how programs write it") {
        const LabelList none;
        const auto level = [&](std::string_view line, LabelList parsed = {}) {
            return std::string(level_of(
                {.ts = {},
                 .line = line,
                 .labels = &none,
                 .attributes = {},
                 .parsed = std::move(parsed)}
            ));
        };
        CHECK(level("x", {{"level", "Warning"}}) == "warn");
        CHECK(level("2026-01-01 host app[1]: WARN slow") == "warn");
        CHECK(level(R"({"msg":"x","level":"error"})") == "error");
        CHECK(level("ts=1 level=debug msg=x") == "debug");
        CHECK(level("no error here, for your info") == "");
    }

    TEST_CASE("numbers print with their labels and times") {
        std::string text;
        append_sample(text, {{"level", "error"}}, "1763807400.25", "12.5", {.utc = true});
        CHECK(text == "2025-11-22 10:30:00.250          12.5  {level=\"error\"}\n");
        text.clear();
        append_sample(text, {}, "0", "1", {.form = OutputForm::kJson});
        CHECK(
            text ==
            "{\"timestamp\":\"1970-01-01T00:00:00.000000000Z\",\"metric\":{},\"value\":\"1\"}\n"
        );
        const auto number = [](std::string_view value) {
            std::string line;
            append_sample(line, {}, "0", value, {.utc = true});
            return line.substr(std::string_view("1970-01-01 00:00:00.000").size());
        };
        CHECK(number("0.003333333333333333") == "    0.00333333  {}\n");
        CHECK(number("12345678") == "      12345678  {}\n");
        CHECK(number("1234567890123456") == "  1234567890123456  {}\n");
        CHECK(number("12345678.9") == "      12345679  {}\n");
        CHECK(number("1.5e-7") == "       1.5e-07  {}\n");
        CHECK(number("-Inf") == "          -Inf  {}\n");
        text.clear();
        append_sample(text, {}, "0", "0.003333333333333333", {.form = OutputForm::kJson});
        CHECK(text.find("\"value\":\"0.003333333333333333\"") != std::string::npos);
        CHECK(grouped(1234567) == "1,234,567");
        CHECK(grouped(999) == "999");
        CHECK(display_time({-1}, true) == "1969-12-31 23:59:59.999");
    }
}

TEST_SUITE("ctl/follow_cursor") {
    TEST_CASE("overlapping polls show each row once, identical and late ones too") {
        const LabelList labels{{"a", "b"}};
        const auto row = [&](int64_t seconds, std::string_view line) {
            return RowView{
                .ts = {seconds * 1'000'000'000},
                .line = line,
                .labels = &labels,
                .attributes = {},
                .parsed = {}
            };
        };
        FollowCursor cursor({100'000'000'000}, std::chrono::seconds(10));
        cursor.begin_poll();
        CHECK(cursor.is_new(row(120, "same")));
        CHECK(cursor.is_new(row(120, "same")));
        cursor.end_poll();
        CHECK(cursor.from().value == 110'000'000'000);
        cursor.begin_poll();
        CHECK(cursor.is_new(row(115, "late")));
        CHECK_FALSE(cursor.is_new(row(120, "same")));
        CHECK_FALSE(cursor.is_new(row(120, "same")));
        CHECK(cursor.is_new(row(120, "same")));
        CHECK(cursor.is_new(row(120, "other")));
        cursor.end_poll();
        cursor.begin_poll();
        CHECK_FALSE(cursor.is_new(row(115, "late")));
        CHECK(cursor.is_new(row(140, "new")));
        cursor.end_poll();
        CHECK(cursor.from().value == 130'000'000'000);
    }
}

TEST_SUITE("ctl/agent_text") {
    TEST_CASE("outputs, inputs and what was dropped are tables; nothing dropped is said") {
        json::Document document;
        const auto status = document.parse(
            R"({"components":[{"id":"app","kind":"input","ok":true,"message":""},)"
            R"({"id":"checkpoint","kind":"checkpoint","ok":false,"message":"the disk is full"}],)"
            R"("outputs":[{"id":"central","type":"collector","endpoint":"logs1:7443","connected":true,)"
            R"("agent_id":"ab","credit_bytes":8388608,"under_way_bytes":1048576,"waiting_frames":12,)"
            R"("held_frames":3,"last_ack_age_seconds":0.25,"spool":{"rows":1234,"bytes":2048,"max_bytes":1073741824,)"
            R"("when_full":"drop_oldest","oldest_seconds":65}}],)"
            R"("inputs":[{"id":"app","type":"tail","lag_bytes":4096,"lag_seconds":3,"in_flight_bytes":0,)"
            R"("files":3,"open_files":2,"complaints":["/x: no permission\u001b[2J"]},)"
            R"({"id":"journal","type":"journald","lag_seconds":0,"in_flight_bytes":0}]})"
        );
        REQUIRE(status);
        const auto samples = read_metrics(
            "seyir_buffer_dropped_rows_total{component=\"central\",reason=\"buffer_full\"} 1200\n"
            "seyir_agent_tail_lost_bytes_total{input=\"app\"} 0\n"
            "seyir_collector_lost_notices_total{state=\"firing\"} 1\n"
            "seyir_buffer_rows{component=\"central\"} 7\n"
            "seyir_ship_dropped_rows_total{output=\"central\"} 4\n"
            "seyir_pipeline_output_answers_rows_total{component=\"dead_letter\",outcome="
            "\"delivered\"} 4\n"
            "seyir_pipeline_output_answers_rows_total{component=\"dead_letter\",outcome=\"retry\"} "
            "9\n"
        );
        const std::string text = agent_text(*status, samples, false);
        CAPTURE(text);
        for (const char* part :
             {"Not well\n  checkpoint (checkpoint): the disk is full\n\nOutputs",
              "connected to logs1:7443",
              "1 MiB under way of 8 MiB credit, 12 frames wait, 3 of them for another endpoint, "
              "last ack 0.2s ago",
              "spool: 1,234 records, 2 KiB of 1 GiB, oldest 1m05s, when full: drop_oldest",
              "/x: no permission[2J",
              "             4  kept in dead_letter: state_dir/dead_letter/records.jsonl",
              "1,200  seyir_buffer_dropped_rows_total  component=central, reason=buffer_full"}) {
            CAPTURE(part);
            CHECK(text.find(part) != std::string::npos);
        }
        CHECK(text.find("lost_bytes") == std::string::npos);
        CHECK(text.find("seyir_ship_dropped") == std::string::npos);  // the buffer's count says it
        CHECK(text.find("9  kept") == std::string::npos);
        CHECK(text.find("seyir_buffer_rows") == std::string::npos);
        CHECK(text.find("notices") == std::string::npos);
        CHECK(agent_text(*status, {}, false).find("nothing\n") != std::string::npos);
    }
}

TEST_SUITE("ctl/status_text") {
    TEST_CASE("the status is readable and says when something is wrong") {
        json::Document document;
        const auto status = document.parse(
            R"({"version":"0.1.0","uptime_seconds":93784,"store":{"records":1110,"raw_bytes":4000000,)"
            R"("disk_bytes":100000,"segments":3,"partitions":2,"oldest":"o","newest":null,"store_id":"ab",)"
            R"("restore_generation":0,"retention_days":30.0,"clock_stepped":true,"ok":true,"message":""},)"
            R"("components":[{"id":"agents","kind":"input","ok":false,"message":"no token"}],)"
            R"("agents":[{"id":"cd","hostname":"web\u001b[2J-1","peer":"127.0.0.1:9","version":"0.1.0",)"
            R"("last_frame_age_seconds":0.25,"rows":12000,"clock_skew_seconds":-7200.5,)"
            R"("clock_is_wrong":true}],)"
            R"("events":[{"time":"t","kind":"lane_forked","agent":"cd","detail":"a clone"}]})"
        );
        REQUIRE(status);
        CHECK_FALSE(is_well(*status));
        const auto text = ctl::status_text(*status, false, false);
        for (const char* part :
             {"Not well",
              "up for       1d02h",
              "records      1,110",
              "(40.0 times smaller)",
              "3 in 2 days",
              "clock        was stepped: no day goes for its age",
              "FAIL agents (input): no token",
              "web[2J-1",
              "last frame 0.2s ago, 12,000 records",
              "its clock is 2h00m behind the collector's",
              "lane_forked",
              "cd: a clone"}) {
            CAPTURE(text);
            CAPTURE(part);
            CHECK(text.find(part) != std::string::npos);
        }
    }

    TEST_CASE("an answer with none of the members prints without failing") {
        json::Document document;
        for (const char* odd :
             {"{}", "[]", "3", R"({"store":[],"agents":{},"components":[1,"x"],"events":[{}]})"}) {
            const auto status = document.parse(odd);
            REQUIRE(status);
            CHECK(ctl::status_text(*status, true, true).find("ell") != std::string::npos);
        }
    }
}

TEST_SUITE("ctl/program_guess") {
    TEST_CASE("a file is an agent's or a collector's by its own key, else by its name") {
        CHECK(guess_program("x.yaml", "version: 1\nstate_dir: /x\n") == "agent");
        CHECK(guess_program("agent.yaml", "data_dir: /x\n") == "collector");
        CHECK(guess_program("/etc/seyir/agent.yaml", "version: 1\n") == "agent");
        CHECK(guess_program("my-collector.yaml", "") == "collector");
        CHECK(guess_program("x.yaml", "  data_dir: nested\n") == "");
        CHECK(guess_program("x.yaml", "version: 1\nstatedir: /x\n") == "agent");
        CHECK(guess_program("x.yaml", "dat_dir: /x") == "collector");
        CHECK(guess_program("x.yaml", "version: 1\ninputs:\n  dat_dir: nested\n:\n\n") == "");
    }
}
