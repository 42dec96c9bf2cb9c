// SPDX-License-Identifier: Apache-2.0
// From bytes to lines: long ones, many small writes, limits of memory and descriptors.
#include <cstdlib>
#include <random>

#include <doctest/doctest.h>

#include "agent/input/tail/newline_scan.hpp"
#include "test/unit/agent_input/tail_harness.hpp"

using namespace seyir;
using namespace seyir::agent::input;

namespace {

/// What `text` should become, over-long lines included.
std::vector<std::string> expected_lines(
    const std::string& text, size_t line_max, OverLong over_long
) {
    std::vector<std::string> lines;
    size_t begin = 0;
    for (size_t end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1) {
        const std::string line = text.substr(begin, end - begin);
        if (line.size() <= line_max) {
            lines.push_back(line);
        } else if (over_long == OverLong::kSplit) {
            for (size_t at = 0; at < line.size(); at += line_max) {
                lines.push_back(line.substr(at, line_max));
            }
        } else if (over_long == OverLong::kTruncate) {
            lines.push_back(line.substr(0, line_max));
        }
    }
    return lines;
}

}  // namespace

TEST_SUITE("agent/input/tail/lines") {
    TEST_CASE("both newline searches find what memchr finds, at every length and offset") {
        std::mt19937 random(7);
        std::string text(700, 'x');
        for (char& c : text) {
            c = random() % 5 == 0 ? '\n' : static_cast<char>(random());
        }
        for (size_t begin = 0; begin < 70; ++begin) {
            for (size_t size = 0; size + begin <= text.size(); size += 13) {
                const std::string_view part = std::string_view(text).substr(begin, size);
                std::vector<uint32_t> expected;
                for (size_t i = 0; i < part.size(); ++i) {
                    if (part[i] == '\n') {
                        expected.push_back(static_cast<uint32_t>(i));
                    }
                }
                std::vector<uint32_t> fast;
                std::vector<uint32_t> portable;
                scan_newlines(part, fast);
                scan_newlines_portable(part, portable);
                REQUIRE(fast == expected);
                REQUIRE(portable == expected);
            }
        }
    }

    TEST_CASE("random text in random pieces with restarts in between becomes the same lines") {
        for (uint32_t seed = 1; seed <= 24; ++seed) {
            CAPTURE(seed);
            std::mt19937 random(seed);
            FakeCollector collector;
            Host host(collector);
            host.options.max_line_bytes = 1024;
            host.options.over_long = static_cast<OverLong>(seed % 3);
            host.options.read_chunk_bytes = 512 + random() % 4096;
            host.options.batch_raw_bytes = 256 + random() % 4096;
            std::string text;
            while (text.size() < 60'000) {
                const size_t size = random() % 6 == 0 ? random() % 9000 : random() % 200;
                for (size_t i = 0; i < size; ++i) {
                    text += static_cast<char>('a' + random() % 26);
                }
                text += random() % 8 == 0 ? "\n\n" : "\n";
            }
            host.start();
            for (size_t at = 0; at < text.size();) {
                const size_t size = std::min<size_t>(1 + random() % 7000, text.size() - at);
                host.dir.append("a.log", text.substr(at, size));
                at += size;
                host.run();
                collector.fail_next = random() % 10 == 0 ? 1 : 0;
                // Truncated and dropped lines are cut at the position, so a restart is exact too.
                if (random() % 8 == 0) {
                    host.stop();
                    host.start();
                } else if (random() % 8 == 0) {
                    host.kill();
                    host.start();
                }
            }
            host.run(20);
            const auto expected = expected_lines(text, 1024, host.options.over_long);
            const auto got = collector.state.bodies();
            REQUIRE(got.size() == expected.size());
            REQUIRE(got == expected);
        }
    }

    TEST_CASE("a line of 100 MB passes in bounded memory, by each rule, and is counted once") {
        for (const OverLong rule : {OverLong::kSplit, OverLong::kTruncate, OverLong::kDrop}) {
            CAPTURE(static_cast<int>(rule));
            FakeCollector collector;
            Host host(collector);
            host.options.over_long = rule;
            host.options.in_flight_bytes_max = 4 * kMiB;
            host.dir.append("a.log", "before\n");
            host.dir.append("a.log", std::string(100 * kMiB, 'x'));
            host.dir.append("a.log", "\nafter\n");
            host.start();
            uint64_t in_flight_max = 0;
            for (int i = 0; i < 400; ++i) {
                host.clock.advance(std::chrono::milliseconds(100));
                host.settle();
                in_flight_max = std::max(in_flight_max, host.reader->status().in_flight_bytes);
                if (!collector.state.lines.empty() &&
                    collector.state.lines.back().body == "after") {
                    break;
                }
            }
            const auto bodies = collector.state.bodies();
            const size_t pieces = rule == OverLong::kSplit      ? 100
                                  : rule == OverLong::kTruncate ? 1
                                                                : 0;
            REQUIRE(bodies.size() == pieces + 2);
            CHECK(bodies.front() == "before");
            CHECK(bodies.back() == "after");
            CHECK(in_flight_max <= 8 * kMiB);
            const std::string text = host.registry->text();
            CHECK(
                text.find("seyir_agent_tail_over_long_lines_total{input=\"app\"} 1\n") !=
                std::string::npos
            );
        }
    }

    TEST_CASE("an unterminated line of many small writes is not read anew each time") {
        FakeCollector collector;
        Host host(collector);
        host.start();
        std::string line;
        for (int i = 0; i < 300; ++i) {
            host.dir.append("a.log", std::string(2000, 'y'));
            line.append(2000, 'y');
            host.run();
        }
        host.dir.append("a.log", "\nnext\n");
        host.run();
        CHECK(collector.state.bodies() == std::vector{line, std::string("next")});
    }

    TEST_CASE("no more is read than the budget allows until answers come") {
        FakeCollector collector;
        collector.hold = true;
        Host host(collector);
        host.options.in_flight_bytes_max = kMiB;
        host.options.batch_raw_bytes = 128 * kKiB;
        host.dir.append("a.log", text_of(lines_of("a line of some length", 0, 200'000)));
        host.start();
        host.run(3);
        uint64_t raw = 0;
        for (const auto& [batch, token] : collector.held) {
            raw += batch->raw_bytes();
        }
        CHECK(raw > 128 * kKiB);
        CHECK(raw < 2 * kMiB);
        collector.release_held();
        host.run(3);
        CHECK(collector.state.lines.size() == 200'000);
    }

    TEST_CASE("three thousand files: all lines, few descriptors, later lines too") {
        FakeCollector collector;
        Host host(collector);
        host.options.open_files_max = 100;
        for (int i = 0; i < 3'000; ++i) {
            host.dir.append("f" + std::to_string(i) + ".log", "file " + std::to_string(i) + "\n");
        }
        host.start();
        host.run(2);
        CHECK(collector.state.lines.size() == 3'000);
        host.run();
        CHECK(host.reader->status().files == 3'000);
        CHECK(host.reader->status().open_files <= 100);
        for (int i = 0; i < 3'000; i += 100) {
            host.dir.append("f" + std::to_string(i) + ".log", "more\n");
        }
        host.run();
        CHECK(collector.state.lines.size() == 3'030);
        CHECK(collector.asked <= 200);
        host.stop();
        host.start();
        host.run(2);
        CHECK(collector.state.lines.size() == 3'030);
    }

    TEST_CASE("an unreadable file is named, and the others are read") {
        FakeCollector collector;
        Host host(collector);
        host.dir.append("a.log", "one\n");
        stdfs::create_symlink("/nowhere/at/all", host.dir.at("dangling.log"));
        stdfs::create_directories(host.dir.at("d.log"));
        host.start();
        host.run(2);
        CHECK(collector.state.bodies() == std::vector<std::string>{"one"});
    }

    TEST_CASE("files older than ignore_older are not started until they change") {
        FakeCollector collector;
        Host host(collector);
        host.options.ignore_older = std::chrono::hours(1);
        host.dir.append("old.log", "old\n");
        stdfs::last_write_time(
            host.dir.at("old.log"), stdfs::file_time_type::clock::now() - std::chrono::hours(5)
        );
        host.clock.set_wall(io::system_clock().wall_now());
        host.dir.append("new.log", "new\n");
        host.start();
        host.run(2);
        CHECK(collector.state.bodies() == std::vector<std::string>{"new"});
        host.dir.append("old.log", "changed\n");
        host.run(2);
        CHECK(collector.state.lines.size() == 3);
    }

    TEST_CASE("times rise within a file though the clock steps back") {
        FakeCollector collector;
        Host host(collector);
        host.start();
        host.dir.append("a.log", "one\ntwo\n");
        host.run();
        host.clock.set_wall({1'000'000'000});
        host.dir.append("a.log", "three\n");
        host.run();
        host.stop();
        host.dir.append("a.log", "four\n");
        host.start();
        host.run();
        REQUIRE(collector.state.lines.size() == 4);
        for (size_t i = 1; i < 4; ++i) {
            CHECK(collector.state.lines[i - 1].ts < collector.state.lines[i].ts);
        }
    }
}
