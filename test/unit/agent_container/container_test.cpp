// SPDX-License-Identifier: Apache-2.0
#include <map>

#include <doctest/doctest.h>

#include "agent/input/container/container_format.hpp"
#include "agent/input/container/container_names.hpp"
#include "test/support/replay_corpus.hpp"
#include "test/support/shared.hpp"
#include "test/unit/agent_input/tail_harness.hpp"

using namespace seyir;
using namespace seyir::agent::input;

namespace {

const std::string kId(64, 'a');

std::string text_of(const ContainerNames& n) {
    return n.container + "|" + n.pod + "|" + n.pod_namespace + "|" + n.compose_project + "|" +
           n.compose_service;
}

/// A host whose `*.log` files are a container runtime's.
struct World {
    explicit World(ContainerKind kind) {
        host.options.format = std::make_shared<ContainerFormat>(
            kind,
            ContainerLabels{*StreamLabels::make({{"input", "app"}, {"service_name", "app"}})},
            io::posix_file_system(),
            host.clock
        );
        host.options.multiline.rules =
            *multiline::Rules::compile({.preset = kind == ContainerKind::kCri ? "cri" : "docker"});
        host.options.include = {host.dir.at("**/*.log")};
    }

    std::vector<std::string> bodies_of(const std::string& text) {
        host.dir.write("a.log", text);
        host.start();
        host.run(10);
        return collector.state.bodies();
    }

    FakeCollector collector;
    Host host{collector};
};

}  // namespace

TEST_SUITE("agent/input/container") {
    TEST_CASE("a CRI record is its text, its time and its stream") {
        const auto read = read_cri_record("2016-10-06T00:17:09.669794202Z stderr F a  text ");
        CHECK(read.body == "a  text ");
        CHECK(read.ts == UnixNanos{1475713029669794202});
        CHECK(read.origin == LineOrigin::kStderr);
        CHECK(read_cri_record("2016-10-06T00:17:09Z stdout F ").body.empty());
        CHECK(
            read_cri_record("2016-10-06T02:17:09+02:00 stdout F x").ts ==
            UnixNanos{1475713029000000000}
        );
    }

    TEST_CASE("a Docker record is its text with escapes undone and without its line break") {
        struct Case {
            std::string line;
            std::string body;
        };

        const std::vector<Case> cases = {
            {R"({"log":"plain\n","stream":"stdout","time":"2019-04-01T17:58:33.5Z"})", "plain"},
            {R"({"log":"a \"b\" \\ \u00e7\tc\n","stream":"stdout","time":"2019-04-01T17:58:33.5Z"})",
             "a \"b\" \\ \xc3\xa7\tc"},
            {R"({"log":"\n","stream":"stdout","time":"2019-04-01T17:58:33.5Z"})", ""},
            {R"({"log":"no end","stream":"stdout","time":"2019-04-01T17:58:33.5Z"})", "no end"},
            {R"({"log":"a \\n\n","stream":"stdout","time":"2019-04-01T17:58:33.5Z"})", "a \\n"},
            {R"({"log":"\r\n","stream":"stdout","time":"2019-04-01T17:58:33.5Z"})", "\r"},
        };
        std::string scratch;
        for (const Case& c : cases) {
            const auto read = read_docker_record(c.line, scratch);
            CHECK(read.body == c.body);
            CHECK(read.ts == UnixNanos{1554141513500000000});
            CHECK(read.origin == LineOrigin::kStdout);
        }
    }

    TEST_CASE("what is not of the format is kept whole") {
        std::string scratch;
        for (const char* line :
             {"",
              "hello",
              "{\"log\":1}",
              "{\"log\":\"never ended",
              "2016-10-06 stdout F text",
              "2016-10-06T00:17:09Z stdin F text"}) {
            CHECK(read_cri_record(line).body == line);
            CHECK(read_docker_record(line, scratch).body == line);
            CHECK_FALSE(read_cri_record(line).ts.has_value());
        }
    }

    TEST_CASE("names come from the paths kubelet writes") {
        const std::map<std::string, std::string> cases = {
            {"/var/log/pods/shop_web-6d4_0a1b-2c/nginx/0.log", "nginx|web-6d4|shop||"},
            {"/var/log/pods/shop_web-6d4_0a1b-2c/nginx/12.log.20240102-030405",
             "nginx|web-6d4|shop||"},
            {"/var/log/containers/web-6d4_shop_nginx-side-" + kId + ".log",
             "nginx-side|web-6d4|shop||"},
        };
        for (const auto& [path, expected] : cases) {
            const auto names = names_of_pod_path(path);
            REQUIRE(names);
            CHECK(text_of(*names) == expected);
        }
        for (const char* path :
             {"",
              "/",
              "a.log",
              "/var/log/pods/x/y/0.log",
              "/var/log/containers/a_b_c-12.log",
              "/var/log/pods/a_b_c/x/name.log"}) {
            CHECK_FALSE(names_of_pod_path(path));
        }
        CHECK(docker_id_of("/var/lib/docker/containers/" + kId + "/" + kId + "-json.log.1") == kId);
        CHECK(docker_id_of("/var/log/a.log").empty());
    }

    TEST_CASE("names come from Docker's metadata file") {
        const auto names = names_of_docker_config(
            R"({"ID":"a","Name":"/shop-web-1","Config":{"Image":"nginx","Labels":)"
            R"({"com.docker.compose.project":"shop","com.docker.compose.service":"web"}}})"
        );
        REQUIRE(names);
        CHECK(text_of(*names) == "shop-web-1|||shop|web");
        CHECK(text_of(*names_of_docker_config(R"({"Name":"/x"})")) == "x||||");
        CHECK_FALSE(names_of_docker_config("{}"));
        CHECK_FALSE(names_of_docker_config("{"));
        CHECK_FALSE(names_of_docker_config("[]"));
    }

    TEST_CASE("a container's name becomes its service unless one was configured") {
        io::ManualClock clock;
        const auto base =
            *StreamLabels::make({{"host", "h"}, {"pod", "mine"}, {"service_name", "in"}});
        const std::string path = "/var/log/pods/shop_web_0a/nginx/0.log";
        for (const bool configured : {false, true}) {
            ContainerFormat format(
                ContainerKind::kCri, {base, configured}, io::posix_file_system(), clock
            );
            const auto labels = format.labels_of(path);
            CHECK(labels.is_final);
            CHECK(labels.labels->get("service_name") == (configured ? "in" : "nginx"));
            CHECK(labels.labels->get("container") == "nginx");
            CHECK(labels.labels->get("namespace") == "shop");
            CHECK(labels.labels->get("pod") == "mine");  // what was configured wins
        }
    }

    TEST_CASE("Docker's metadata is read when it turns up, and not looked for all the time") {
        TempDir dir;
        io::ManualClock clock;
        stdfs::create_directory(dir.at(kId));
        const std::string path = dir.at(kId + "/" + kId + "-json.log");
        ContainerFormat format(
            ContainerKind::kDocker,
            {*StreamLabels::make({{"service_name", "in"}})},
            io::posix_file_system(),
            clock
        );
        auto labels = format.labels_of(path);
        CHECK_FALSE(labels.is_final);
        CHECK(labels.labels->get("container") == kId.substr(0, 12));
        dir.write(kId + "/config.v2.json", R"({"Name":"/web"})");
        CHECK_FALSE(format.labels_of(path).is_final);
        clock.advance(std::chrono::seconds(6));
        labels = format.labels_of(path);
        CHECK(labels.is_final);
        CHECK(labels.labels->get("container") == "web");
    }

    TEST_CASE("partial lines are joined per stream, whichever comes between") {
        World world(ContainerKind::kCri);
        CHECK(
            world.bodies_of("2016-10-06T00:17:09.1Z stdout P one \n"
                            "2016-10-06T00:17:09.2Z stderr P two \n"
                            "2016-10-06T00:17:09.3Z stdout P three \n"
                            "2016-10-06T00:17:09.4Z stderr F four\n"
                            "2016-10-06T00:17:09.5Z stdout F five\n"
                            "2016-10-06T00:17:09.6Z stdout F six\n"
            ) == std::vector<std::string>{"one three five", "two four", "six"}
        );
        CHECK(world.collector.state.lines[0].ts == UnixNanos{1475713029100000000});
    }

    TEST_CASE("joined lines survive kill and restart once") {
        World world(ContainerKind::kDocker);
        std::string text;
        std::vector<std::string> expected;
        for (int i = 0; i < 300; ++i) {
            const std::string number = std::to_string(i);
            text += R"({"log":"part )" + number +
                    R"( ","stream":"stdout","time":"2019-04-01T17:58:33Z"})"
                    "\n";
            text += R"({"log":"end\n","stream":"stdout","time":"2019-04-01T17:58:34Z"})"
                    "\n";
            expected.push_back("part " + number + " end");
        }
        world.host.dir.write("a.log", text.substr(0, text.size() / 3));
        world.host.start();
        world.host.run(1);
        world.host.kill();
        world.host.dir.append("a.log", text.substr(text.size() / 3));
        world.host.start();
        world.host.run(10);
        CHECK(world.collector.state.bodies() == expected);
    }

    TEST_CASE("Fluent Bit's cut Docker lines come out as Fluent Bit joins them") {
        const auto folder = test::shared_path("corpora/fluentbit/tail");
        if (!folder) {
            MESSAGE("skipped: no corpora");
            return;
        }
        for (const char* name : {"dockermode", "dockermode_splitted_line"}) {
            World world(ContainerKind::kDocker);
            const auto got =
                world.bodies_of(test::read_file(*folder / "log" / (std::string(name) + ".log")));
            std::vector<std::string> expected;
            std::istringstream out(test::read_file(*folder / "out" / (std::string(name) + ".out")));
            std::string scratch;
            for (std::string line; std::getline(out, line);) {
                expected.emplace_back(read_docker_record(line, scratch).body);
            }
            CHECK(got == expected);
        }
    }

    TEST_CASE("every input of the fuzz corpus is survived") {
        CHECK(
            test::replay_corpus(std::string(SEYIR_SOURCE_ROOT) + "/test/fuzz/corpus/container") >= 6
        );
    }
}
