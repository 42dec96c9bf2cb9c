// SPDX-License-Identifier: Apache-2.0
// The rotation matrix: every line once, whatever happens to the file around it.
#include <algorithm>

#include <doctest/doctest.h>

#include "test/unit/agent_input/tail_harness.hpp"

using namespace seyir;
using namespace seyir::agent::input;

namespace {

std::vector<std::string> joined(std::vector<std::string> a, const std::vector<std::string>& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

}  // namespace

TEST_SUITE("agent/input/tail/rotation") {
    TEST_CASE("appended lines arrive once, in order, with rising times and the file's name") {
        FakeCollector collector;
        Host host(collector);
        host.dir.append("a.log", text_of(lines_of("x", 0, 1000)));
        host.start();
        host.run();
        CHECK(collector.state.bodies() == lines_of("x", 0, 1000));
        host.dir.append("a.log", text_of(lines_of("x", 1000, 1010)));
        host.run();
        CHECK(collector.state.bodies() == lines_of("x", 0, 1010));
        UnixNanos last;
        for (const auto& line : collector.state.lines) {
            CHECK(last < line.ts);
            last = line.ts;
            CHECK(line.filename == host.dir.at("a.log"));
        }
        host.run();
        CHECK(host.reader->status().files == 1);
        CHECK(host.reader->status().lag_bytes == 0);
    }

    TEST_CASE("bodies are kept byte for byte; a partial line waits for its end") {
        FakeCollector collector;
        Host host(collector);
        using namespace std::string_literals;
        host.dir.append("a.log", "crlf\r\n\n\0nul\xff\xfe\npart"s);
        host.start();
        host.run(3);
        CHECK(collector.state.bodies() == std::vector{"crlf\r"s, ""s, "\0nul\xff\xfe"s});
        host.dir.append("a.log", "ial\n");
        host.run();
        CHECK(collector.state.bodies().back() == "partial");
    }

    TEST_CASE("a last line without its end is sent when the file is quiet; its end adds no line") {
        FakeCollector collector;
        Host host(collector);
        host.dir.append("a.log", "one\nlast");
        host.start();
        host.run(3);
        CHECK(collector.state.bodies() == std::vector<std::string>{"one"});
        host.run(5);
        CHECK(collector.state.bodies() == std::vector<std::string>{"one", "last"});

        host.dir.append("a.log", "\n");
        host.run(8);
        host.dir.append("a.log", "next\n\nend");
        host.run(8);
        const std::vector<std::string> all = {"one", "last", "next", "", "end"};
        CHECK(collector.state.bodies() == all);
        host.stop();
        host.dir.append("a.log", "\n");
        host.start();
        host.run(8);
        CHECK(collector.state.bodies() == all);
        host.dir.append("a.log", "\nafter\n");
        host.run(2);
        CHECK(collector.state.bodies().size() == 7);
        CHECK(collector.state.bodies().back() == "after");
    }

    TEST_CASE("an empty file waits, and is read once it has a line") {
        FakeCollector collector;
        Host host(collector);
        host.dir.append("a.log", "");
        host.start();
        host.run(3);
        CHECK(collector.state.lines.empty());
        host.dir.append("a.log", "one\n");
        host.run();
        CHECK(collector.state.bodies() == std::vector<std::string>{"one"});
    }

    TEST_CASE("rename and create: the rest of the old file and all of the new one") {
        FakeCollector collector;
        Host host(collector);
        host.dir.append("a.log", text_of(lines_of("x", 0, 10)));
        host.start();
        host.run();
        host.dir.append("a.log", text_of(lines_of("x", 10, 15)));
        host.dir.rename("a.log", "a.log.1");
        host.dir.append("a.log", text_of(lines_of("y", 0, 5)));
        host.run();
        host.dir.append("a.log.1", text_of(lines_of("x", 15, 16)));
        host.run();
        auto got = collector.state.bodies();
        std::ranges::sort(got);
        auto expected = joined(lines_of("x", 0, 16), lines_of("y", 0, 5));
        std::ranges::sort(expected);
        CHECK(got == expected);
    }

    TEST_CASE("a chain of renames between two scans loses nothing") {
        FakeCollector collector;
        Host host(collector);
        host.start();
        std::vector<std::string> expected;
        for (int turn = 0; turn < 6; ++turn) {
            for (int i = 5; i >= 1; --i) {
                const auto from = "a.log." + std::to_string(i);
                if (stdfs::exists(host.dir.at(from))) {
                    host.dir.rename(from, "a.log." + std::to_string(i + 1));
                }
            }
            if (turn > 0) {
                host.dir.rename("a.log", "a.log.1");
            }
            const auto lines = lines_of("t" + std::to_string(turn), 0, 20);
            expected = joined(expected, lines);
            host.dir.append("a.log", text_of(lines));
            if (turn % 2 == 1) {
                host.run();
            }
        }
        host.run(2);
        auto got = collector.state.bodies();
        std::ranges::sort(got);
        std::ranges::sort(expected);
        CHECK(got == expected);
    }

    TEST_CASE("renamed out of the glob: what was unread is read through the open descriptor") {
        FakeCollector collector;
        Host host(collector, "*.log");
        host.dir.append("a.log", "one\n");
        host.start();
        host.run();
        host.dir.append("a.log", "two\nthr");
        host.dir.rename("a.log", "old");
        host.dir.append("a.log", "new\n");
        host.run();
        host.dir.append("old", "ee\nrest");
        host.run(40);
        auto got = collector.state.bodies();
        std::ranges::sort(got);
        CHECK(got == std::vector<std::string>{"new", "one", "rest", "three", "two"});
        CHECK(host.reader->status().files == 1);
        CHECK(host.reader->status().open_files == 1);
    }

    TEST_CASE("deleted while lines are unread: they are read, then the file is let go") {
        FakeCollector collector;
        Host host(collector);
        host.dir.append("a.log", "one\n");
        host.start();
        host.run();
        host.dir.append("a.log", "two\nunterminated");
        host.dir.remove("a.log");
        host.run(10);
        CHECK(collector.state.bodies() == std::vector<std::string>{"one", "two", "unterminated"});
        CHECK(host.reader->status().files == 0);
        CHECK(host.reader->status().open_files == 0);
    }

    TEST_CASE("delete and create with an equal banner: both banners are kept") {
        FakeCollector collector;
        Host host(collector);
        host.dir.append("a.log", "banner\n");
        host.start();
        host.run();
        host.dir.remove("a.log");
        host.dir.append("a.log", "banner\n");
        host.run(8);
        CHECK(collector.state.bodies() == std::vector<std::string>{"banner", "banner"});
    }

    TEST_CASE("truncated in place: the new content is read from its beginning") {
        FakeCollector collector;
        Host host(collector);
        host.dir.append("a.log", text_of(lines_of("x", 0, 10)));
        host.start();
        host.run();
        host.dir.write("a.log", "short\n");
        host.run();
        CHECK(collector.state.bodies() == joined(lines_of("x", 0, 10), {"short"}));
        host.dir.append("a.log", "more\n");
        host.run();
        CHECK(collector.state.bodies().back() == "more");
    }

    TEST_CASE("rewritten in place with more than before: noticed by the bytes before the position"
    ) {
        FakeCollector collector;
        Host host(collector);
        host.dir.append("a.log", text_of(lines_of("x", 0, 10)));
        host.start();
        host.run();
        host.dir.write("a.log", text_of(lines_of("other", 0, 100)));
        host.run();
        CHECK(collector.state.bodies() == joined(lines_of("x", 0, 10), lines_of("other", 0, 100)));
    }

    TEST_CASE("copytruncate: the copy is not read again, the rest of it is, the new content too") {
        FakeCollector collector;
        Host host(collector);
        host.dir.append("a.log", text_of(lines_of("x", 0, 10)));
        host.start();
        host.run();
        host.dir.append("a.log", text_of(lines_of("x", 10, 12)));  // unread when it is copied
        host.dir.copy("a.log", "a.log.1");
        host.dir.write("a.log", "");
        host.run();
        host.dir.append("a.log", text_of(lines_of("y", 0, 3)));
        host.run(10);
        CHECK(collector.state.bodies() == joined(lines_of("x", 0, 12), lines_of("y", 0, 3)));
        CHECK(collector.state.skipped_bytes == 0);
    }

    TEST_CASE("copytruncate and longer than before at once: the copy is not read again") {
        for (const char* copy : {"a.log.1", "0.log"}) {  // looked at before and after the original
            CAPTURE(copy);
            FakeCollector collector;
            Host host(collector);
            host.dir.append("a.log", text_of(lines_of("old", 0, 20)));
            host.start();
            host.run();
            host.dir.copy("a.log", copy);
            host.dir.write("a.log", text_of(lines_of("new and longer lines", 0, 50)));
            host.run(8);
            auto expected = lines_of("old", 0, 20);
            for (const std::string& line : lines_of("new and longer lines", 0, 50)) {
                expected.push_back(line);
            }
            CHECK(collector.state.bodies() == expected);
        }
    }

    TEST_CASE("copytruncate seen in the middle: the copy grows before the original is cut") {
        FakeCollector collector;
        Host host(collector);
        const std::string content = text_of(lines_of("x", 0, 100));
        host.dir.append("a.log", content);
        host.start();
        host.run();
        for (size_t at = 0; at < content.size(); at += 200) {
            host.dir.append("a.log.1", content.substr(at, 200));
            host.run();
        }
        // Lines that come between the copy and the cut are only in what was read.
        host.dir.append("a.log", "late\n");
        host.run();
        host.dir.write("a.log", "y\n");
        host.run(10);
        CHECK(collector.state.bodies() == joined(lines_of("x", 0, 100), {"late", "y"}));
    }

    TEST_CASE("a fast copytruncate with lines read after the copy was made") {
        FakeCollector collector;
        Host host(collector);
        host.dir.append("a.log", text_of(lines_of("x", 0, 10)));
        host.start();
        host.run();
        const std::string before = text_of(lines_of("x", 0, 10));
        host.dir.append("a.log", "late\n");
        host.run();
        host.dir.write("a.log.1", before);
        host.dir.write("a.log", "y\n");
        host.run(10);
        CHECK(collector.state.bodies() == joined(lines_of("x", 0, 10), {"late", "y"}));
        host.stop();
        host.start();
        host.run(5);
        CHECK(collector.state.bodies() == joined(lines_of("x", 0, 10), {"late", "y"}));
    }

    TEST_CASE("equal banners in many files are not copies") {
        FakeCollector collector;
        Host host(collector);
        host.start();
        for (int i = 0; i < 20; ++i) {
            host.dir.append("f" + std::to_string(i) + ".log", "banner\n");
            host.run(i % 3);
        }
        host.run(5);
        CHECK(collector.state.lines.size() == 20);
        for (int i = 0; i < 20; ++i) {
            host.dir.append("f" + std::to_string(i) + ".log", "line\n");
        }
        host.run(2);
        CHECK(collector.state.lines.size() == 40);
    }

    TEST_CASE("an editor's save (new file, same beginning, renamed over) goes on where it was") {
        FakeCollector collector;
        Host host(collector);
        host.dir.append("a.log", text_of(lines_of("x", 0, 10)));
        host.start();
        host.run();
        host.dir.write("tmp", text_of(lines_of("x", 0, 11)));
        host.dir.await_tick();
        host.dir.rename("tmp", "a.log");
        host.run(8);
        CHECK(collector.state.bodies() == lines_of("x", 0, 11));
    }

    TEST_CASE("a second hard link is the same file") {
        FakeCollector collector;
        Host host(collector);
        host.dir.append("a.log", "one\n");
        stdfs::create_hard_link(host.dir.at("a.log"), host.dir.at("b.log"));
        host.start();
        host.run();
        host.dir.append("b.log", "two\n");
        host.run();
        host.dir.remove("a.log");
        host.dir.append("b.log", "three\n");
        host.run(2);
        CHECK(collector.state.bodies() == std::vector<std::string>{"one", "two", "three"});
    }

    TEST_CASE("a compressed rotation is not read") {
        FakeCollector collector;
        Host host(collector);
        host.dir.append("a.log", "one\n");
        host.start();
        host.run();
        host.dir.write("a.log.1.gz", std::string("\x1f\x8b\x08\0\0\n\n", 7));
        host.run(5);
        CHECK(collector.state.lines.size() == 1);
    }
}
