// SPDX-License-Identifier: Apache-2.0
// Records of several lines out of files: through reads, batches, rotation, restarts; by time; at
// their bounds.
#include <random>

#include <doctest/doctest.h>

#include "test/unit/agent_input/tail_harness.hpp"

using namespace seyir;
using namespace seyir::agent::input;

namespace {

using Lines = std::vector<std::string>;

multiline::RulesPtr compile(const multiline::Spec& spec) {
    auto rules = multiline::Rules::compile(spec);
    REQUIRE_MESSAGE(rules, (rules ? "" : rules.error().message));
    return *rules;
}

/// A host whose input groups lines and whose unfinished ends wait for ever, unless told otherwise.
class GroupingHost : public Host {
  public:
    GroupingHost(FakeCollector& collector, const multiline::Spec& spec) : Host(collector) {
        options.multiline.rules = compile(spec);
        options.multiline.bounds.flush_timeout = std::chrono::hours(1);
        options.partial_line_wait = Nanos(0);
    }

    uint64_t counter(const std::string& name) const {
        const std::string text = registry->text();
        const std::string key = "seyir_agent_tail_" + name + "{input=\"app\"} ";
        const size_t at = text.find(key);
        return at == std::string::npos ? 0 : std::stoull(text.substr(at + key.size()));
    }
};

/// What whole text becomes, line by line, without any reader.
Lines expected_records(const std::string& text, const multiline::Rules& rules) {
    Lines records;
    uint16_t state = 0;
    bool is_open = false;
    std::string group;
    const auto end_group = [&] {
        if (!is_open) {
            return;
        }
        if (rules.keeps_lines()) {
            records.push_back(group);
        } else {
            rules.records(group, kMiB, [&](std::string_view r) { records.emplace_back(r); });
        }
        is_open = false;
    };
    size_t begin = 0;
    for (size_t end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1) {
        const std::string line = text.substr(begin, end - begin);
        const auto step = rules.step(state, line);
        if (step.begins) {
            end_group();
        }
        group = is_open ? group + "\n" + line : line;
        is_open = true;
        if (step.closes) {
            end_group();
        }
    }
    end_group();
    return records;
}

const multiline::Spec kJava{.preset = "java"};

std::string random_lines(std::mt19937& random, size_t bytes) {
    static const Lines kPieces{
        "2026-01-01 INFO all is well",
        "java.lang.IllegalStateException: boom",
        "\tat a.b.C.d(C.java:1)",
        "Caused by: x.Y: z",
        "    ... 12 more",
        "",
        "Traceback (most recent call last):",
        "  File \"a.py\", line 1, in f",
        "    raise E",
        "ValueError: no",
        "panic: oh",
        "goroutine 1 [running]:",
        "main.main()",
        "\t/a/b.go:1 +0x1",
        "2026-01-01T00:00:00Z stdout P part ",
        "2026-01-01T00:00:00Z stdout F end",
        "2026-01-01T00:00:00Z stderr P other ",
        "2026-01-01T00:00:00Z stderr F done",
        R"({"log":"half ","stream":"stdout","time":"t"})",
        R"({"log":"whole\n","stream":"stdout","time":"t"})",
        "crlf line\r",
    };
    std::string text;
    while (text.size() < bytes) {
        text += kPieces[random() % kPieces.size()];
        if (random() % 40 == 0) {
            text += std::string(random() % 60'000, 'x');
        }
        text += '\n';
    }
    return text;
}

}  // namespace

TEST_SUITE("agent/input/tail/multiline") {
    TEST_CASE("random text in random pieces, with failures, restarts and kills, becomes the same") {
        const std::vector<multiline::Spec> specs{
            kJava,
            {.preset = "python"},
            {.preset = "go"},
            {.preset = "cri"},
            {.preset = "docker"},
            {.start = R"(^\d{4}-)"},
            {.end = "no$"},
            {.start = "^panic", .cont = R"(^\s)", .end = "^goroutine"},
        };
        for (uint32_t seed = 1; seed <= 48; ++seed) {
            CAPTURE(seed);
            std::mt19937 random(seed);
            FakeCollector collector;
            GroupingHost host(collector, specs[seed % specs.size()]);
            host.options.read_chunk_bytes = 512 + random() % 100'000;
            host.options.batch_raw_bytes = 256 + random() % 4'096;
            const std::string text = random_lines(random, 200'000);
            host.start();
            for (size_t at = 0; at < text.size();) {
                const size_t size = std::min<size_t>(1 + random() % 20'000, text.size() - at);
                host.dir.append("a.log", text.substr(at, size));
                at += size;
                host.run();
                collector.fail_next = random() % 10 == 0 ? 1 : 0;
                if (random() % 8 == 0) {
                    host.stop();
                    host.start();
                } else if (random() % 8 == 0) {
                    host.kill();
                    host.start();
                }
            }
            collector.fail_next = 0;
            host.run(20);
            host.clock.advance(std::chrono::hours(1));
            host.run(20);
            const Lines expected = expected_records(text, *host.options.multiline.rules);
            const Lines got = collector.state.bodies();
            const size_t same = std::ranges::mismatch(got, expected).in1 - got.begin();
            CAPTURE(same);
            CAPTURE((same < got.size() ? got[same].substr(0, 300) : std::string()));
            CAPTURE((same < expected.size() ? expected[same].substr(0, 300) : std::string()));
            REQUIRE(got == expected);
        }
    }

    TEST_CASE("the last group waits for flush_timeout, not longer, and no line is lost or twice") {
        FakeCollector collector;
        GroupingHost host(collector, kJava);
        host.options.multiline.bounds.flush_timeout = std::chrono::seconds(5);
        host.start();
        host.dir.append("a.log", "one\nboom\n\tat a\n");
        host.run(2);
        CHECK(collector.state.bodies() == Lines{"one"});
        host.dir.append("a.log", "\tat b\n");
        host.run(3);
        CHECK(collector.state.bodies() == Lines{"one"});
        host.run(4);
        CHECK(collector.state.bodies() == Lines{"one", "boom\n\tat a\n\tat b"});
        CHECK(host.counter("multiline_flushed_total") == 1);
        host.dir.append("a.log", "\tat late\nnext\n");
        host.run(1);
        CHECK(collector.state.bodies().size() == 3);
        CHECK(collector.state.bodies().back() == "\tat late");
        host.stop();
        host.start();
        host.run(8);
        CHECK(collector.state.bodies().back() == "next");
        CHECK(collector.state.bodies().size() == 4);
    }

    TEST_CASE("an unfinished line at the end of a group joins it when it ends in time") {
        FakeCollector collector;
        GroupingHost host(collector, kJava);
        host.options.multiline.bounds.flush_timeout = std::chrono::seconds(5);
        host.start();
        host.dir.append("a.log", "boom\n\tat a\n\tat ");
        host.run(3);
        host.dir.append("a.log", "b\n");
        host.run(10);
        CHECK(collector.state.bodies() == Lines{"boom\n\tat a\n\tat b"});
    }

    TEST_CASE("a group that was rotated away is whole; the new file begins its own") {
        FakeCollector collector;
        GroupingHost host(collector, kJava);
        host.options.multiline.bounds.flush_timeout = std::chrono::seconds(5);
        host.start();
        host.dir.append("a.log", "boom\n\tat a\n");
        host.run();
        host.dir.rename("a.log", "a.log.1");
        host.dir.append("a.log.1", "\tat b\n");
        host.dir.append("a.log", "\tat c\nnext\nlast\n");
        host.run(12);
        Lines got = collector.state.bodies();
        std::ranges::sort(got);
        CHECK(got == Lines{"\tat c", "boom\n\tat a\n\tat b", "last", "next"});
    }

    TEST_CASE("a kill in the middle of a group: the next run reads it from its beginning") {
        FakeCollector collector;
        GroupingHost host(collector, kJava);
        host.start();
        host.dir.append("a.log", "first\nboom\n\tat a\n");
        host.run(3);
        CHECK(collector.state.bodies() == Lines{"first"});
        host.kill();
        host.dir.append("a.log", "\tat b\nend\n");
        host.start();
        host.run(3);
        CHECK(collector.state.bodies() == Lines{"first", "boom\n\tat a\n\tat b"});
        host.kill();
        host.start();
        host.dir.append("a.log", "x\n");
        host.run(3);
        CHECK(collector.state.bodies() == Lines{"first", "boom\n\tat a\n\tat b", "end"});
    }

    TEST_CASE("a file truncated in the middle of a group begins anew") {
        FakeCollector collector;
        GroupingHost host(collector, kJava);
        host.start();
        host.dir.append("a.log", "first\nboom\n\tat a\n");
        host.run(3);
        host.dir.write("a.log", "new\n\tat x\nend\n");
        host.run(5);
        CHECK(collector.state.bodies() == Lines{"first", "new\n\tat x"});
    }

    TEST_CASE("groups at their bounds become several records; nothing is lost; it is counted") {
        for (const bool in_pieces : {false, true}) {
            CAPTURE(in_pieces);
            FakeCollector collector;
            GroupingHost host(collector, kJava);
            host.options.multiline.bounds.lines_max = 100;
            host.options.multiline.bounds.bytes_max = 64 * 1024;
            host.start();
            std::string text = "boom\n";
            for (int i = 0; i < 1'050; ++i) {
                text += "\tat " + std::to_string(i) + "\n";
            }
            text += "large\n";
            for (int i = 0; i < 20; ++i) {
                text += "\tat " + std::string(10'000, 'y') + "\n";
            }
            text += "end\nx\n";
            const size_t step = in_pieces ? 3'000 : text.size();
            for (size_t at = 0; at < text.size(); at += step) {
                host.dir.append("a.log", text.substr(at, step));
                host.run();
            }
            host.run(3);
            const Lines got = collector.state.bodies();
            std::string joined;
            size_t largest = 0;
            size_t most = 0;
            for (const std::string& body : got) {
                joined += body + "\n";
                largest = std::max(largest, body.size());
                most = std::max<size_t>(most, 1 + std::ranges::count(body, '\n'));
            }
            CHECK(joined == text.substr(0, text.size() - 2));
            CHECK(most == 100);
            CHECK(largest <= 64 * 1024);
            CHECK(largest > 50 * 1024);
            CHECK(got.size() == 11 + 4 + 1);
            CHECK(host.counter("multiline_cut_total") == 10 + 3);
        }
    }

    TEST_CASE("a line longer than max_line inside a group stands alone") {
        for (const OverLong rule : {OverLong::kSplit, OverLong::kTruncate, OverLong::kDrop}) {
            CAPTURE(static_cast<int>(rule));
            FakeCollector collector;
            GroupingHost host(collector, kJava);
            host.options.max_line_bytes = 100'000;
            host.options.over_long = rule;
            host.start();
            const std::string longest = "\tat " + std::string(250'000, 'z');
            host.dir.append("a.log", "boom\n\tat a\n");
            host.run();
            host.dir.append("a.log", longest.substr(0, 120'000));
            host.run();
            host.dir.append("a.log", longest.substr(120'000) + "\n\tat b\nend\nx\n");
            host.run(5);
            Lines expected{"boom\n\tat a"};
            if (rule == OverLong::kSplit) {
                expected.push_back(longest.substr(0, 100'000));
                expected.push_back(longest.substr(100'000, 100'000));
                expected.push_back(longest.substr(200'000));
            } else if (rule == OverLong::kTruncate) {
                expected.push_back(longest.substr(0, 100'000));
            }
            expected.insert(expected.end(), {"\tat b", "end"});
            CHECK(collector.state.bodies() == expected);
        }
    }

    TEST_CASE("a group that grows line by line is not read whole each time") {
        FakeCollector collector;
        GroupingHost host(collector, kJava);
        host.options.multiline.bounds.lines_max = 100'000;
        host.start();
        std::string body = "boom";
        host.dir.append("a.log", "boom\n");
        for (int i = 0; i < 1'000; ++i) {
            const std::string line = "\tat " + std::string(300, 'q');
            host.dir.append("a.log", line + "\n");
            body += "\n" + line;
            host.settle();
        }
        host.dir.append("a.log", "end\nx\n");
        host.run(3);
        CHECK(collector.state.bodies() == Lines{body, "end"});
    }

    TEST_CASE("CRI: parts of stdout and stderr that alternate are put together by stream") {
        FakeCollector collector;
        GroupingHost host(collector, {.preset = "cri"});
        host.start();
        host.dir.append(
            "a.log",
            "2026-01-01T00:00:00.1Z stdout F whole\n"
            "2026-01-01T00:00:00.2Z stdout P one \n"
            "2026-01-01T00:00:00.3Z stderr F error\n"
            "2026-01-01T00:00:00.4Z stderr P two \n"
            "2026-01-01T00:00:00.5Z stdout P three \n"
        );
        host.run();
        CHECK(collector.state.bodies().size() == 1);
        host.kill();
        host.start();
        host.dir.append(
            "a.log",
            "2026-01-01T00:00:00.6Z stdout F four\n"
            "not of the format\n"
            "2026-01-01T00:00:00.7Z stderr F five\n"
        );
        host.run(2);
        CHECK(
            collector.state.bodies() ==
            Lines{
                "2026-01-01T00:00:00.1Z stdout F whole",
                "2026-01-01T00:00:00.2Z stdout F one three four",
                "2026-01-01T00:00:00.3Z stderr F error",
                "2026-01-01T00:00:00.4Z stderr F two five",
                "not of the format",
            }
        );
    }
}
