// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>

#include <doctest/doctest.h>

#include "plugins/input/syslog/framer.hpp"
#include "plugins/input/syslog/syslog_rows.hpp"
#include "test/support/replay_corpus.hpp"

using namespace seyir;
using namespace seyir::plugins::syslog;

namespace {

using Messages = std::vector<std::string>;

/// The messages of a stream that comes in pieces of `piece` bytes.
Messages frames(std::string_view stream, size_t piece = 1000, size_t max = 64 * 1024) {
    Framer framer(max);
    Messages out;
    const auto take = [&](std::string_view message) { out.emplace_back(message); };
    for (size_t at = 0; at < stream.size(); at += piece) {
        framer.push(stream.substr(at, piece), take);
    }
    framer.finish(take);
    return out;
}

struct Rows {
    explicit Rows(RowOptions options = {}) {
        options.labels = *StreamLabels::make({{"input", "syslog"}});
        rows = std::make_unique<SyslogRows>(options);
        rows->begin();
    }

    void add(std::string_view message) {
        rows->add(message, "192.0.2.7:5140", {1'772'000'000'000'000'000});  // 2026-02-25
    }

    std::string attr(size_t row, const std::string& name) {
        const auto key = batch().find_key(Slice(name));
        const Value* value = key ? batch().find_attr(row, *key) : nullptr;
        return value == nullptr ? "" : value->to_text();
    }

    RecordBatch& batch() {
        if (taken == nullptr) {
            taken = rows->take();
        }
        return *taken;
    }

    std::unique_ptr<SyslogRows> rows;
    std::shared_ptr<RecordBatch> taken;
};

}  // namespace

TEST_SUITE("plugins/input/syslog/framer") {
    TEST_CASE("a stream is cut the same way however it arrives") {
        struct Case {
            std::string_view stream;
            Messages messages;
        };

        const std::vector<Case> cases = {
            {"<1>a\n<2>b\n", {"<1>a", "<2>b"}},
            {"4 <1>a5 <2>bb", {"<1>a", "<2>bb"}},
            {"5 <1>a\n6 <2>bb\n", {"<1>a", "<2>bb"}},
            {"4 <1>a<2>b\n4 <3>c", {"<1>a", "<2>b", "<3>c"}},
            {"<1>no end", {"<1>no end"}},
            {"10 <1>two\nli", {"<1>two\nli"}},
            {"\n\n<1>a\n\n", {"<1>a"}},
            {"12abc is a line\n", {"12abc is a line"}},
            {"1234567890 is a line\n", {"1234567890 is a line"}},
            {"0 <1>zero counts nothing\n", {"0 <1>zero counts nothing"}},
            {"", {}},
        };
        for (const Case& c : cases) {
            CAPTURE(c.stream);
            for (const size_t piece : {1, 2, 3, 7, 1000}) {
                CAPTURE(piece);
                // A count cut off from its line keeps its digits.
                CHECK(frames(c.stream, piece).size() == c.messages.size());
                CHECK(frames(c.stream, piece) == c.messages);
            }
        }
    }

    TEST_CASE("a message beyond the limit is cut and its rest is no message of its own") {
        for (const std::string& stream :
             {std::string(5000, 'x') + "\n<1>next\n", "5000 " + std::string(5000, 'x') + "<1>next\n"
             }) {
            Framer framer(100);
            Messages out;
            framer.push(stream, [&](std::string_view m) { out.emplace_back(m); });
            REQUIRE(out.size() == 2);
            CHECK(out[0] == std::string(100, 'x'));
            CHECK(out[1] == "<1>next");
            CHECK(framer.take_truncated() == 1);
        }
    }

    TEST_CASE("an endless message holds no more than the limit") {
        Framer framer(1000);
        for (int i = 0; i < 1000; ++i) {
            framer.push(std::string(1000, 'x'), [](std::string_view) {});
        }
        CHECK(framer.pending_bytes() == 1000);
    }
}

TEST_SUITE("plugins/input/syslog/rows") {
    TEST_CASE("RFC 5424: every part has its place") {
        Rows r;
        r.add(
            "<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog 99 ID47 "
            "[exampleSDID@32473 iut=\"3\" eventSource=\"Appli\\\"cation\"] An application event"
        );
        CHECK(r.batch().body(0) == "An application event");
        CHECK(r.batch().ts(0).value == 1'065'910'455'003'000'000);
        CHECK(r.batch().severity(0) == 10);  // notice
        CHECK(r.attr(0, "facility") == "local4");
        CHECK(r.attr(0, "appname") == "evntslog");
        CHECK(r.attr(0, "procid") == "99");
        CHECK(r.attr(0, "msgid") == "ID47");
        CHECK(r.attr(0, "exampleSDID@32473_iut") == "3");
        CHECK(r.attr(0, "exampleSDID@32473_eventSource") == "Appli\"cation");
        CHECK(r.batch().streams()[r.batch().stream(0)]->get("host") == "mymachine.example.com");
    }

    TEST_CASE("RFC 3164: the year is the one that puts the time nearest to now") {
        Rows r;
        r.add("<34>Oct 11 22:14:15 mymachine su: 'su root' failed");
        r.add("<34>Feb 26 00:00:00 mymachine su: tomorrow");
        CHECK(r.batch().body(0) == "'su root' failed");
        CHECK(r.batch().ts(0).value == 1'760'220'855'000'000'000);  // 2025
        CHECK(r.batch().ts(1).value == 1'772'064'000'000'000'000);  // 2026
        CHECK(r.batch().severity(0) == 22);                         // critical
        CHECK(r.attr(0, "appname") == "su");
    }

    TEST_CASE("times without a zone are of the configured one") {
        Rows r(RowOptions{.zone_offset = std::chrono::hours(3)});
        r.add("<34>Feb 25 03:00:00 h su: x");
        CHECK(r.batch().ts(0).value == 1'771'977'600'000'000'000);  // 2026-02-25T00:00Z
    }

    TEST_CASE("what is no syslog is kept whole and says so") {
        Rows r;
        r.add("<999>bad priority");
        CHECK(r.batch().body(0) == "<999>bad priority");
        CHECK(r.attr(0, "syslog_error") != "");
        CHECK(r.rows->take_bad() == 1);
    }

    TEST_CASE("keep_raw keeps every byte of the message") {
        Rows r(RowOptions{.keep_raw = true});
        const std::string message = "<13>1 - h a - - - t\xff\x01 \xe2\x82\xac";
        r.add(message);
        CHECK(r.batch().body(0) == message);
        CHECK(r.attr(0, "appname") == "a");
    }

    TEST_CASE("a thousand hosts are labels, the others are `other`") {
        Rows r;
        for (int i = 0; i < 1100; ++i) {
            r.add("<13>1 - host" + std::to_string(i) + " a - - - x");
        }
        CHECK(r.batch().streams().size() <= 1002);
        CHECK(r.batch().streams()[r.batch().stream(1099)]->get("host") == "other");
        CHECK(r.attr(1099, "host") == "host1099");
    }

    TEST_CASE("inputs that broke a reader before are read without harm") {
        CHECK(
            test::replay_corpus(
                std::string(std::getenv("SEYIR_SOURCE_ROOT")) + "/test/fuzz/corpus/syslog"
            ) > 0
        );
    }
}
