// SPDX-License-Identifier: Apache-2.0
#include "plugins/output/file_output.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "common/codec/inflate.hpp"
#include "common/io/clock.hpp"
#include "common/io/faulty_file_system.hpp"
#include "common/io/file_system.hpp"
#include "plugins/output/stdout_output.hpp"
#include "test/support/eventually.hpp"

using namespace seyir;
using namespace seyir::plugins;
using namespace std::chrono_literals;

namespace {

struct TemporaryDirectory {
    std::string path;

    TemporaryDirectory() {
        std::string pattern = (std::filesystem::temp_directory_path() / "seyir-XXXXXX").string();
        path = ::mkdtemp(pattern.data());
    }

    ~TemporaryDirectory() { std::filesystem::remove_all(path); }
};

BatchView view_of(const std::vector<std::string>& bodies) {
    auto batch = std::make_shared<RecordBatch>();
    const auto stream = batch->add_stream(*StreamLabels::make({{"host", "h"}}));
    const Attr attr{batch->add_key("filename"), Value::string(batch->arena().copy("/x.log"))};
    const AttrRange attrs = batch->add_attrs({&attr, 1});
    for (const std::string& body : bodies) {
        batch->append_row(
            {.ts = {1'767'225'600'000'000'001},
             .stream = stream,
             .severity = kSeverityWarn,
             .body = batch->arena().copy(body),
             .attrs = attrs}
        );
    }
    return {std::move(batch), {}};
}

DeliveryReport deliver(pipeline::Output& output, const std::vector<std::string>& bodies) {
    std::promise<DeliveryReport> answer;
    auto future = answer.get_future();
    output.deliver(view_of(bodies), [&](DeliveryReport report) {
        answer.set_value(std::move(report));
    });
    REQUIRE(future.wait_for(10s) == std::future_status::ready);
    return future.get();
}

std::string content(const std::string& path) {
    return *io::read_file(io::posix_file_system(), path, 1'000'000);
}

/// Paths of what was rotated, oldest first.
std::vector<std::string> rotated_names(const std::string& path) {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(io::parent_directory(path))) {
        const std::string name = entry.path().string();
        if (name.starts_with(path + ".2") && !name.ends_with(".tmp")) {
            names.push_back(name);
        }
    }
    std::ranges::sort(names);
    return names;
}

std::vector<std::string> contents_of(const std::vector<std::string>& paths) {
    std::vector<std::string> out;
    for (const std::string& path : paths) {
        const auto text = io::read_file(io::posix_file_system(), path, 1'000'000);
        out.push_back(text ? *text : "");
    }
    return out;
}

SteadyTime soon() {
    return io::system_clock().steady_now() + 10s;
}

}  // namespace

TEST_SUITE("plugins/output") {
    TEST_CASE("a row becomes one JSON document with all it has, bytes that are not UTF-8 included"
    ) {
        TemporaryDirectory dir;
        FileOutput output({.path = dir.path + "/out.jsonl"}, io::posix_file_system());
        REQUIRE(output.start().has_value());
        CHECK(deliver(output, {"one", "\xff"}).accepted == 2);
        output.stop(soon());
        CHECK(
            content(dir.path + "/out.jsonl") ==
            R"({"timestamp":"2026-01-01T00:00:00.000000001Z","labels":{"host":"h"},"severity_number":13,"severity_text":"warn","body":"one","attributes":{"filename":"/x.log"}})"
            "\n"
            R"({"timestamp":"2026-01-01T00:00:00.000000001Z","labels":{"host":"h"},"severity_number":13,"severity_text":"warn","body":")"
            "\xef\xbf\xbd"
            R"(","body_base64":"/w==","attributes":{"filename":"/x.log"}})"
            "\n"
        );
    }

    TEST_CASE("a file that would grow beyond its size is rotated and the oldest is let go") {
        TemporaryDirectory dir;
        const std::string path = dir.path + "/out.log";
        FileOutput output(
            {.path = path, .format = RowFormat::kRaw, .max_size_bytes = 8, .keep = 2},
            io::posix_file_system()
        );
        REQUIRE(output.start().has_value());
        for (const char* line : {"first", "second", "third", "fourth"}) {
            deliver(output, {line});
        }
        CHECK(content(path) == "fourth\n");
        CHECK(test::eventually([&] {
            return contents_of(rotated_names(path)) ==
                   std::vector<std::string>{"second\n", "third\n"};
        }));
        output.stop(soon());
    }

    TEST_CASE("a file is rotated by age, also one that an earlier run began") {
        TemporaryDirectory dir;
        const std::string path = dir.path + "/out.log";
        io::ManualClock clock(io::system_clock().wall_now());
        const FileOutputOptions options{.path = path, .format = RowFormat::kRaw, .max_age = 1h};
        {
            FileOutput output(options, io::posix_file_system(), clock);
            REQUIRE(output.start().has_value());
            deliver(output, {"a"});
            clock.advance(59min);
            deliver(output, {"b"});
            output.stop(soon());
        }
        CHECK(rotated_names(path).empty());
        FileOutput output(options, io::posix_file_system(), clock);
        REQUIRE(output.start().has_value());
        clock.advance(2min);
        deliver(output, {"c"});
        output.stop(soon());
        CHECK(content(path) == "c\n");
        CHECK(contents_of(rotated_names(path)) == std::vector<std::string>{"a\nb\n"});
    }

    TEST_CASE("rotated files are packed in the background, and leftovers of a crash at the start") {
        TemporaryDirectory dir;
        const std::string path = dir.path + "/out.log";
        const FileOutputOptions options{
            .path = path, .format = RowFormat::kRaw, .max_size_bytes = 8, .compresses = true
        };
        io::FileSystem& fs = io::posix_file_system();
        // One whose packed form is complete, one whose packing was cut off, one untouched.
        REQUIRE(io::write_file_atomically(fs, path + ".20260101T000000000Z", "old\n"));
        const std::string packed = codec::gzip_deflate("old\n");
        REQUIRE(io::write_file_atomically(fs, path + ".20260101T000000000Z.gz", packed));
        REQUIRE(io::write_file_atomically(fs, path + ".20260102T000000000Z", "cut\n"));
        REQUIRE(io::write_file_atomically(fs, path + ".20260102T000000000Z.gz.tmp", "half"));
        REQUIRE(io::write_file_atomically(fs, path + ".notes", "not ours"));
        FileOutput output(options, fs);
        REQUIRE(output.start().has_value());
        deliver(output, {"first"});
        deliver(output, {"second"});
        const auto all_packed = [&] {
            const auto names = rotated_names(path);
            return names.size() == 3 && std::ranges::all_of(names, [](const std::string& name) {
                       return name.ends_with(".gz");
                   });
        };
        CHECK(test::eventually(all_packed));
        output.stop(soon());
        std::vector<std::string> texts;
        for (const std::string& packed_text : contents_of(rotated_names(path))) {
            texts.push_back(*codec::gzip_inflate(packed_text, {}));
        }
        CHECK(texts == std::vector<std::string>{"old\n", "cut\n", "first\n"});
        CHECK(content(path + ".notes") == "not ours");
    }

    TEST_CASE("outputs of one file, as a reload has them, take nothing of each other away") {
        TemporaryDirectory dir;
        std::filesystem::create_directory(dir.path + "/logs");
        std::filesystem::create_directory_symlink(dir.path + "/logs", dir.path + "/link");
        const std::string path = dir.path + "/logs/out.log";
        const FileOutputOptions before{
            .path = path, .format = RowFormat::kRaw, .max_size_bytes = 64, .keep = 1000
        };
        FileOutputOptions after = before;
        after.path = dir.path + "/link/out.log";
        FileOutput old_output(before, io::posix_file_system());
        REQUIRE(old_output.start().has_value());
        std::vector<std::string> expected;
        const auto write = [&](FileOutput& output) {
            expected.push_back(std::to_string(expected.size()));
            CHECK(deliver(output, {expected.back()}).accepted == 1);
        };
        write(old_output);
        FileOutput new_output(after, io::posix_file_system());
        REQUIRE(new_output.start().has_value());
        for (int i = 0; i < 100; ++i) {
            write(old_output);
            write(new_output);
        }
        old_output.stop(soon());
        write(new_output);
        new_output.stop(soon());
        std::string all;
        for (const std::string& text : contents_of(rotated_names(path))) {
            CHECK(text.size() <= 64);
            all += text;
        }
        all += content(path);
        std::string wanted;
        for (const std::string& line : expected) {
            wanted += line + "\n";
        }
        CHECK(all == wanted);
    }

    TEST_CASE("a write that fails halfway cuts back nothing that another output has written") {
        io::FaultyFileSystem fs(1);
        const FileOutputOptions options{.path = "/out.log", .format = RowFormat::kRaw};
        auto first = AppendFile::get(options, fs, io::system_clock());
        auto second = AppendFile::get(options, fs, io::system_clock());
        REQUIRE(first);
        REQUIRE(second);
        CHECK(*first == *second);
        REQUIRE((*first)->write("a\n"));
        REQUIRE((*second)->write("b\n"));
        fs.plan_fault(1, io::Fault::kShortWrite);
        CHECK(!(*first)->write("half"));
        REQUIRE((*second)->write("c\n"));
        CHECK(*io::read_file(fs, "/out.log", 100) == "a\nb\nc\n");
    }

    TEST_CASE("a directory that does not exist is named when the output starts") {
        FileOutput output({.path = "/nonexistent/x/out.log"}, io::posix_file_system());
        const auto started = output.start();
        REQUIRE(!started.has_value());
        CHECK(started.error().message.find("/nonexistent/x/out.log") != std::string::npos);
    }

    TEST_CASE("rows that cannot be written are kept, shown in health, and given back at stop") {
        StdoutOutput output({.format = RowFormat::kRaw}, -1);
        REQUIRE(output.start().has_value());
        std::promise<DeliveryReport> answer;
        auto future = answer.get_future();
        output.deliver(view_of({"x"}), [&](DeliveryReport report) {
            answer.set_value(std::move(report));
        });
        const SteadyTime deadline = soon();
        while (output.health().ok && io::system_clock().steady_now() < deadline) {
            std::this_thread::yield();
        }
        CHECK(output.health().message.find("Bad file descriptor") != std::string::npos);
        output.stop(io::system_clock().steady_now());
        REQUIRE(future.wait_for(0s) == std::future_status::ready);
        CHECK(future.get().outcome == Outcome::kRetry);
    }
}
