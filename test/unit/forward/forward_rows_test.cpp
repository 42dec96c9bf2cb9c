// SPDX-License-Identifier: Apache-2.0
#include "plugins/input/forward/forward_rows.hpp"

#include <doctest/doctest.h>

#include "common/codec/msgpack.hpp"
#include "test/support/replay_corpus.hpp"
#include "test/support/shared.hpp"

using namespace seyir;
using namespace seyir::plugins::forward;
using codec::MsgpackWriter;
using namespace std::string_literals;
using namespace std::string_view_literals;

namespace {

constexpr int64_t kSecond = 1'000'000'000;

RowSettings settings_for_tests() {
    RowSettings settings;
    settings.labels = *StreamLabels::make({{"input", "forward"}});
    return settings;
}

/// What becomes of a message.
struct Taken {
    explicit Taken(std::string bytes_given, RowSettings settings_given = settings_for_tests())
        : settings(std::move(settings_given)),
          bytes(std::make_shared<std::string>(std::move(bytes_given))) {
        const auto message = read_forward_message(*bytes);
        if (!message) {
            error = message.error().message;
            return;
        }
        TagStreams streams(settings);
        RowBuilder rows(settings, streams, counts);
        rows.begin(message->tag, bytes, {77 * kSecond});
        ForwardEntries entries(message->entries, message->mode);
        while (const auto entry = entries.next()) {
            rows.add(*entry);
            if (rows.is_full()) {
                batches.push_back(rows.take());
            }
        }
        if (entries.is_broken()) {
            rows.leave_out(EntryFault::kUnreadable);
        }
        if (!rows.is_empty()) {
            batches.push_back(rows.take());
        }
    }

    const RecordBatch& batch() const { return *batches.at(0); }

    /// The attribute's JSON; "-" when it is not there.
    std::string attr(std::string_view name, size_t row = 0) const {
        const auto key = batch().find_key(name);
        const Value* value = key ? batch().find_attr(row, *key) : nullptr;
        if (value == nullptr) {
            return "-";
        }
        std::string text;
        value->append_json(text);
        return text;
    }

    uint64_t left_out(EntryFault fault) const {
        return counts.left_out[static_cast<size_t>(fault)];
    }

    RowSettings settings;
    std::shared_ptr<std::string> bytes;
    RowCounts counts;
    std::string error;
    std::vector<std::shared_ptr<RecordBatch>> batches;
};

/// "app", one entry with the given time and record, as Forward mode.
std::string one_entry(std::string_view time, std::string_view record) {
    return "\x92\xa3"
           "app\x91\x92"s +
           std::string(time) + std::string(record);
}

const std::string kEventTime = "\xd7\x00\x69\x55\xb9\x00\x00\x00\x00\x07"s;  // 1767225600.000000007
const std::string kHello = "\x81\xa3log\xa2hi"s;

}  // namespace

TEST_SUITE("plugins/input/forward/rows") {
    TEST_CASE("each carrier mode gives the same row") {
        const std::string entry = "\x92" + kEventTime + kHello;
        const std::vector<std::string> messages{
            "\x93\xa3"
            "app"s +
                kEventTime + kHello,
            "\x92\xa3"
            "app\x91"s +
                entry,
            "\x92\xa3"
            "app\xc4"s +
                static_cast<char>(entry.size()) + entry,
            "\x92\xa3"
            "app\xd9"s +
                static_cast<char>(entry.size()) + entry,  // str, as old clients pack
            "\x93\xa3"
            "app\x91"s +
                entry + "\xc0",
        };
        for (const std::string& message : messages) {
            const Taken taken(message);
            REQUIRE(taken.error.empty());
            REQUIRE(taken.batches.size() == 1);
            REQUIRE(taken.batch().row_count() == 1);
            CHECK(taken.batch().body(0) == "hi");
            CHECK(taken.batch().ts(0).value == 1'767'225'600 * kSecond + 7);
            CHECK(taken.batch().observed(0).value == 77 * kSecond);
            CHECK(taken.attr("fluent.tag") == "\"app\"");
        }
    }

    TEST_CASE("every form of time clients send is read") {
        const std::vector<std::pair<std::string, int64_t>> times{
            {"\xd7\x00\x00\x00\x00\x02\x00\x00\x00\x03"s, 2 * kSecond + 3},      // fixext 8
            {"\xc7\x08\x00\x00\x00\x00\x02\x00\x00\x00\x03"s, 2 * kSecond + 3},  // ext 8
            {"\x05"s, 5 * kSecond},
            {"\xce\x69\x55\xb9\x00"s, 1'767'225'600 * kSecond},
            {"\xff"s, -kSecond},
            {"\xcb\x41\xda\x55\x6e\x40\x20\x00\x00"s, 1'767'225'600 * kSecond + 500'000'000},
            {"\xcf\x00\x00\x01\x9b\x76\xda\xe4\x01"s, 1'767'225'615'361 * 1'000'000
            },                                           // milliseconds
            {"\xd6\xff\x00\x00\x00\x09"s, 9 * kSecond},  // timestamp 32
        };
        for (const auto& [time, expected] : times) {
            const Taken taken(one_entry(time, kHello));
            REQUIRE(taken.batches.size() == 1);
            CHECK(taken.batch().ts(0).value == expected);
            CHECK(taken.counts.bad_times == 0);
        }
    }

    TEST_CASE("milliseconds as a float, as npm's fluent-logger sends them, keep their digits") {
        std::string time;
        MsgpackWriter(time).real(1'767'225'600'123.0);
        const Taken taken(one_entry(time, kHello));
        CHECK(taken.batch().ts(0).value == 1'767'225'600'123'000'000);
    }

    TEST_CASE("a time that is none gives the row the time of arrival, counted") {
        for (const std::string& time :
             {"\xa1x"s, "\xc0"s, "\xcf\xff\xff\xff\xff\xff\xff\xff\xff"s}) {
            const Taken taken(one_entry(time, kHello));
            REQUIRE(taken.batches.size() == 1);
            CHECK(taken.batch().ts(0).value == 77 * kSecond);
            CHECK(taken.counts.bad_times == 1);
        }
    }

    TEST_CASE("Fluent Bit's metadata becomes an attribute, when there is any") {
        const Taken empty(one_entry("\x92" + kEventTime + "\x80", kHello));
        CHECK(empty.batch().body(0) == "hi");
        CHECK(empty.attr("fluent.metadata") == "-");
        const Taken some(one_entry("\x92" + kEventTime + "\x81\xa1k\xa1v", kHello));
        CHECK(some.attr("fluent.metadata") == R"({"k":"v"})");
    }

    TEST_CASE("records of a Fluent Bit group carry what the group says") {
        const std::string begin =
            "\x92\x92\xd7\x00\xff\xff\xff\xff\x00\x00\x00\x00\x80\x81\xa8resource\xa1r"s;
        const std::string end = "\x92\x92\xd7\x00\xff\xff\xff\xfe\x00\x00\x00\x00\x80\x80"s;
        const std::string entry = "\x92" + kEventTime + kHello;
        const Taken taken(
            "\x92\xa3"
            "app\x94"s +
            begin + entry + end + entry
        );
        REQUIRE(taken.batch().row_count() == 2);
        CHECK(taken.attr("fluent.group", 0) == R"({"resource":"r"})");
        CHECK(taken.attr("fluent.group", 1) == "-");
    }

    TEST_CASE("the first line key that holds text is the line; other keys are attributes") {
        std::string record;
        MsgpackWriter to(record);
        to.map(6);
        to.str("msg");
        to.str("third choice");
        to.str("log");
        to.integer(7);  // no text
        to.str("message");
        to.bin("the line");
        to.str("kubernetes");
        to.map(1);
        to.str("labels");
        to.map(1);
        to.str("app");
        to.str("web");
        to.str("big");
        to.unsigned_integer(18'446'744'073'709'551'615U);
        to.str("level");
        to.str("warning");
        const Taken taken(one_entry(kEventTime, record));
        CHECK(taken.batch().body(0) == "the line");
        CHECK(taken.attr("msg") == "\"third choice\"");
        CHECK(taken.attr("log") == "7");
        CHECK(taken.attr("message") == "-");
        CHECK(taken.attr("kubernetes") == R"({"labels":{"app":"web"}})");
        CHECK(taken.attr("big") == "18446744073709551615");
        CHECK(taken.batch().severity(0) == kSeverityWarn);
    }

    TEST_CASE("a record without a line key becomes JSON in the order it was sent") {
        std::string record;
        MsgpackWriter to(record);
        to.map(4);
        to.str("z");
        to.real(0.1);
        to.str("a");
        to.array(2);
        to.nil();
        to.boolean(true);
        to.integer(3);
        to.str("key is a number");
        to.str("bytes");
        to.bin("\xff");
        const Taken taken(one_entry(kEventTime, record));
        CHECK(
            taken.batch().body(0) ==
            "{\"z\":0.1,\"a\":[null,true],\"3\":\"key is a number\",\"bytes\":\"\xef\xbf\xbd\"}"
        );
        CHECK(taken.attr("z") == "-");
        CHECK(taken.attr("fluent.tag") == "\"app\"");
    }

    TEST_CASE("of equal keys the last counts") {
        const Taken taken(one_entry(kEventTime, "\x84\xa3log\xa1x\xa1k\x01\xa1k\x02\xa3log\xa1y"));
        CHECK(taken.batch().body(0) == "y");
        CHECK(taken.attr("k") == "2");
        CHECK(taken.batch().attrs(0).size() == 2);
    }

    TEST_CASE("the tag becomes a label where asked for, up to a limit") {
        RowSettings settings = settings_for_tests();
        settings.tag_label = "tag";
        settings.tag_labels_max = 1;
        const Taken taken(one_entry(kEventTime, kHello), settings);
        CHECK(taken.batch().streams()[0]->get("tag") == "app");
        CHECK(taken.batch().streams()[0]->get("input") == "forward");
        TagStreams streams(settings);
        RowCounts counts;
        CHECK(streams.stream_of("one", counts)->get("tag") == "one");
        CHECK(streams.stream_of("two", counts)->get("tag").empty());
        CHECK(streams.stream_of("one", counts)->get("tag") == "one");
        CHECK(counts.tags_unlabelled == 1);
    }

    TEST_CASE("an entry that breaks a rule is left out and counted, the others are kept") {
        std::string deep = "\x81\xa1k";
        deep += std::string(40, '\x91') + "\xc0";
        const std::string good = "\x92" + kEventTime + kHello;
        const std::vector<std::pair<std::string, EntryFault>> bad{
            {"\x92" + kEventTime + "\xa1x", EntryFault::kBadEntry},
            {"\x93\x01\x02\x03", EntryFault::kBadEntry},
            {"\x05", EntryFault::kBadEntry},
            {"\x92\x93\x01\x02\x03\x80", EntryFault::kBadEntry},
            {"\x92" + kEventTime + deep, EntryFault::kTooDeep},
            {"\x92" + kEventTime + "\x81\xa3log\xda\x03\xe9" + std::string(1001, 'x'),
             EntryFault::kLineTooLong},
            {"\x92" + kEventTime +
                 "\x83\xa1"
                 "a\x01\xa1"
                 "b\x01\xa1"
                 "c\x01",
             EntryFault::kTooManyAttributes},
            {"\x92" + kEventTime + "\x81\xa1k\xdc\x00\x40"s + std::string(64, '\xc0'),
             EntryFault::kTooManyValues},
        };
        RowSettings settings = settings_for_tests();
        settings.limits.line_bytes_max = 1000;
        settings.limits.attributes_max = 2;
        settings.limits.values.values_max = 60;
        for (const auto& [entry, fault] : bad) {
            const Taken taken(
                "\x92\xa3"
                "app\x93"s +
                    good + entry + good,
                settings
            );
            CHECK(taken.error == "");
            REQUIRE(taken.batches.size() == 1);
            CHECK(taken.batch().row_count() == 2);
            CHECK_MESSAGE(taken.left_out(fault) == 1, to_string(fault));
        }
    }

    TEST_CASE("packed entries are taken up to the byte that makes no sense") {
        const std::string good = "\x92" + kEventTime + kHello;
        const std::string packed = good + good + good.substr(0, 5);
        const Taken taken(
            "\x92\xa3"
            "app\xc4"s +
            static_cast<char>(packed.size()) + packed
        );
        CHECK(taken.batch().row_count() == 2);
        CHECK(taken.left_out(EntryFault::kUnreadable) == 1);
    }

    TEST_CASE("what is no message is refused with what is wrong") {
        CHECK(Taken("\x91\xa1x").error.find("two to four") != std::string::npos);
        CHECK(Taken("\x92\x01\x90").error.find("tag") != std::string::npos);
        CHECK(Taken("\x92\xa1x\x01").error.find("no record") != std::string::npos);
        CHECK(Taken("\x93\xa1x\x90\x01").error.find("options") != std::string::npos);
        CHECK(
            Taken("\x93\xa1x\x90\x81\xad"
                  "fluent_signal\x01")
                .error == "only logs are taken here, not metrics and not traces"
        );
        CHECK(
            Taken("\x93\xa1x\xc4\x01x\x81\xaa"
                  "compressed\xa4gzip")
                .error.find("said to be gzip") != std::string::npos
        );
        CHECK(Taken("\x93\xa1x\xc4\x01\x05\x81\xaa"
                    "compressed\xa4text")
                  .error.empty());
    }

    TEST_CASE("a long message is cut into batches, the same way each time") {
        RowSettings settings = settings_for_tests();
        settings.limits.batch_rows_max = 3;
        std::string message =
            "\x92\xa3"
            "app\x98"s;
        for (int i = 0; i < 8; ++i) {
            message += "\x92" + kEventTime + kHello;
        }
        for (int turn = 0; turn < 2; ++turn) {
            const Taken taken(message, settings);
            REQUIRE(taken.batches.size() == 3);
            CHECK(taken.batches[0]->row_count() == 3);
            CHECK(taken.batches[2]->row_count() == 2);
            CHECK(taken.batches[2]->body(1) == "hi");
        }
    }

    TEST_CASE("thousands of different keys cut batches instead of growing one") {
        RowSettings settings = settings_for_tests();
        settings.limits.batch_keys_max = 100;
        std::string message =
            "\x92\xa3"
            "app\xdc\x03\xe8"s;
        for (int i = 0; i < 1000; ++i) {
            message += "\x92" + kEventTime + "\x82\xa3log\xa1x\xa6key" +
                       std::to_string(100 + i % 900) + "\x01";
        }
        const Taken taken(message, settings);
        size_t rows = 0;
        for (const auto& batch : taken.batches) {
            CHECK(batch->keys().size() <= 102);
            rows += batch->row_count();
        }
        CHECK(rows == 1000);
    }

    TEST_CASE("ten thousand records as Fluent Bit packs them are taken whole") {
        const auto path = test::shared_path("corpora/fluentbit/records/apache_10k.mp");
        if (!path) {
            MESSAGE("skipped: the shared corpora are not here");
            return;
        }
        std::string message;
        MsgpackWriter to(message);
        to.array(2);
        to.str("apache");
        to.bin(test::read_file(*path));
        const Taken taken(std::move(message));
        size_t rows = 0;
        for (const auto& batch : taken.batches) {
            rows += batch->row_count();
        }
        CHECK(rows == 10'000);
        CHECK(
            taken.batch().body(0) ==
            R"(126.230.88.179 - - [17/May/2018:21:11:28 +0000] "GET /Benoite HTTP/1.0" 500 2216)"
        );
        CHECK(taken.batch().ts(0).value == 1'582'337'591'815'550'299);
        CHECK(taken.counts.bad_times == 0);
    }

    TEST_CASE("what fuzzing found stays found") {
        CHECK(test::replay_corpus(SEYIR_SOURCE_ROOT "/test/fuzz/corpus/forward") > 0);
    }
}
