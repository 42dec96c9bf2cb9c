// SPDX-License-Identifier: Apache-2.0
#include "plugins/output/file_output.hpp"

#include <cstdlib>
#include <filesystem>
#include <future>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "common/io/clock.hpp"
#include "common/io/file_system.hpp"
#include "plugins/output/stdout_output.hpp"

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
        output.stop(soon());
        CHECK(content(path) == "fourth\n");
        CHECK(content(path + ".1") == "third\n");
        CHECK(content(path + ".2") == "second\n");
        CHECK(!std::filesystem::exists(path + ".3"));
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
