// SPDX-License-Identifier: Apache-2.0
#include "common/config/files.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <simdjson.h>

#include "agent/app/agent_config.hpp"
#include "agent/input/tail_type.hpp"
#include "common/io/faulty_file_system.hpp"

namespace {

using namespace seyir;

/// A disk with the files of one configuration.
struct Disk {
    io::FaultyFileSystem files{1};

    Disk& add(const std::string& path, std::string_view text) {
        REQUIRE(files.make_directories(io::parent_directory(path)));
        auto file = files.open(path, io::OpenMode::kWriteTruncate);
        REQUIRE(file);
        REQUIRE((*file)->append(text));
        return *this;
    }

    config::LoadedConfig<agent::AgentConfig> load() {
        config::LoadOptions options;
        options.files = &files;
        options.check_machine = false;
        options.host_name = "h1";
        options.environment = config::Environment{.variable = [](const std::string&) {
            return std::optional<std::string>();
        }};
        return agent::load_agent_config("/etc/seyir/agent.yaml", options);
    }
};

constexpr std::string_view kMain = R"(version: 1
inputs: { app: { type: tail, include: logs/*.log } }
outputs: { copy: { type: file, path: out.log } }
)";

/// No mistake may hide behind the cap or at the wrong file: "code file:line:col" of each.
std::string places(const config::Diagnostics& diagnostics) {
    std::string text;
    for (const config::Diagnostic& d : diagnostics.sorted()) {
        text += fmt::format(
            "{} {}\n", d.code, diagnostics.sources().place_name(d.at.value_or(config::Span{}))
        );
    }
    return text;
}

const agent::input::TailOptions& tail_of(const agent::AgentConfig& agent, size_t i) {
    return dynamic_cast<const agent::input::TailPlan&>(*agent.pipeline.inputs.at(i).plan).options();
}

}  // namespace

TEST_SUITE("common/config/files") {
    TEST_CASE("paths and ${file:} start in the directory of the file they stand in") {
        Disk disk;
        disk.add("/etc/seyir/agent.yaml", std::string(kMain) + "include: /opt/web/seyir.yaml\n");
        disk.add(
            "/opt/web/seyir.yaml",
            "inputs: { web: { type: tail, include: [logs/*.log, /var/log/web.log], "
            "exclude: ['*.gz', old/x] } }\n"
            "labels: { team: '${file:team.txt}' }\n"
        );
        disk.add("/opt/web/team.txt", "shop\n");
        const auto loaded = disk.load();
        REQUIRE_MESSAGE(loaded.ok(), loaded.diagnostics.to_text());
        CHECK(
            tail_of(*loaded.config, 0).include == std::vector<std::string>{"/etc/seyir/logs/*.log"}
        );
        CHECK(
            tail_of(*loaded.config, 1).include ==
            std::vector<std::string>{"/opt/web/logs/*.log", "/var/log/web.log"}
        );
        CHECK(loaded.config->labels == config::StringPairs{{"team", "shop"}});
        // As one file beside the main one, everything still means the same.
        disk.add("/etc/seyir/agent.yaml", loaded.effective);
        const auto again = disk.load();
        REQUIRE_MESSAGE(again.ok(), again.diagnostics.to_text());
        for (size_t i = 0; i < 2; ++i) {
            CHECK(tail_of(*again.config, i).include == tail_of(*loaded.config, i).include);
            CHECK(tail_of(*again.config, i).exclude == tail_of(*loaded.config, i).exclude);
        }
    }

    TEST_CASE("the effective configuration is one file that reads nothing more") {
        Disk disk;
        disk.add("/etc/seyir/agent.yaml", kMain);
        disk.add("/etc/seyir/agent.d/a.yaml", "labels: { dc: fra1 }\n");
        disk.add("/etc/seyir/agent.d/b.yaml", "log: { format: json }\n");
        const auto loaded = disk.load();
        REQUIRE_MESSAGE(loaded.ok(), loaded.diagnostics.to_text());
        CHECK(loaded.effective.find("conf_d: off\n") != std::string::npos);
        disk.add("/etc/seyir/agent.yaml", loaded.effective);
        const auto again = disk.load();
        REQUIRE_MESSAGE(again.ok(), again.diagnostics.to_text());
        CHECK(again.effective == loaded.effective);
        CHECK(again.config->log.json);
    }

    TEST_CASE("programs that share a directory share no fragments") {
        Disk disk;
        disk.add("/etc/seyir/agent.yaml", kMain);
        disk.add("/etc/seyir/agent.d/a.yaml", "log: { format: json }\n");
        disk.add("/etc/seyir/collector.d/a.yaml", "this is no agent's\n");
        disk.add("/etc/seyir/conf.d/a.yaml", "nobody's any more\n");
        const auto loaded = disk.load();
        REQUIRE_MESSAGE(loaded.ok(), loaded.diagnostics.to_text());
        CHECK(loaded.config->log.json);
    }

    TEST_CASE("JSON names the file of each mistake and of the place it refers to") {
        Disk disk;
        disk.add("/etc/seyir/agent.yaml", std::string(kMain) + "log: { level: loud }\n");
        disk.add("/etc/seyir/agent.d/a.yaml", "# ş\ninputs:\n  app: { type: tail }\n");
        const auto loaded = disk.load();
        CHECK(places(loaded.diagnostics) == "E0404 agent.yaml:4:15\nE0131 a.yaml:3:3\n");
        const std::string json = loaded.diagnostics.to_json();
        simdjson::dom::parser parser;
        simdjson::dom::element root;
        REQUIRE(parser.parse(json).get(root) == simdjson::SUCCESS);
        const auto second = root["diagnostics"].at(1);
        CHECK(second["file"].get_string().value() == "/etc/seyir/agent.d/a.yaml");
        CHECK(second["line"].get_uint64().value() == 3);
        CHECK(second["range"]["start"]["line"].get_uint64().value() == 2);
        CHECK(second["range"]["start"]["character"].get_uint64().value() == 2);
        const auto related = second["related"].at(0);
        CHECK(related["file"].get_string().value() == "/etc/seyir/agent.yaml");
        CHECK(related["range"]["start"]["line"].get_uint64().value() == 1);
        CHECK(loaded.diagnostics.to_error().message.starts_with("/etc/seyir/agent.yaml:4:15: "));
    }

    TEST_CASE("secrets of every file stay hidden, also of one that is not YAML") {
        Disk disk;
        disk.add("/etc/seyir/agent.yaml", std::string(kMain) + "include: [a.yaml, b.yaml]\n");
        disk.add("/etc/seyir/a.yaml", "tokens: [{ name: t, token: hunter2, nosuch: 1 }]\n");
        disk.add("/etc/seyir/b.yaml", "api_key: hunter3: x\n");
        const auto loaded = disk.load();
        CHECK(places(loaded.diagnostics) == "E0203 a.yaml:1:37\nE0101 b.yaml:1:17\n");
        for (const std::string& text :
             {loaded.diagnostics.to_text(), loaded.diagnostics.to_json()}) {
            CHECK(text.find("hunter") == std::string::npos);
        }
    }

    TEST_CASE("a value shared by an alias is not changed by what another file adds") {
        Disk disk;
        disk.add(
            "/etc/seyir/agent.yaml",
            "version: 1\nlabels: &l { env: prod }\n"
            "inputs: { app: { type: tail, include: /x, labels: *l } }\noutputs: { n: { type: "
            "'null' } }\n"
        );
        disk.add("/etc/seyir/agent.d/a.yaml", "labels: { dc: fra1 }\n");
        const auto loaded = disk.load();
        REQUIRE_MESSAGE(loaded.ok(), loaded.diagnostics.to_text());
        CHECK(loaded.config->labels.size() == 2);
        CHECK(loaded.effective.find("      env: prod") != std::string::npos);
        CHECK(loaded.effective.find("      dc: fra1") == std::string::npos);
    }

    TEST_CASE("the caps count the mistakes of all files together") {
        Disk disk;
        disk.add("/etc/seyir/agent.yaml", kMain);
        for (int i = 0; i < 5; ++i) {
            std::string text;
            for (int j = 0; j < 9; ++j) {
                text += fmt::format("k{}{}: 1\n", i, j);
            }
            disk.add(fmt::format("/etc/seyir/agent.d/{}.yaml", i), text);
        }
        const auto loaded = disk.load();
        CHECK(loaded.diagnostics.error_count() == 45);
        CHECK(loaded.diagnostics.sorted().size() == config::kDiagnosticsMax);
        CHECK(loaded.diagnostics.to_text().ends_with("... and 25 more errors\n"));
    }

    TEST_CASE("files, bytes and values are limited, and the limit is named") {
        Disk disk;
        SUBCASE("files") {
            disk.add("/etc/seyir/agent.yaml", kMain);
            for (size_t i = 0; i <= config::kFilesMax; ++i) {
                disk.add(fmt::format("/etc/seyir/agent.d/{}.yaml", i), "");
            }
        }
        SUBCASE("bytes") {
            disk.add("/etc/seyir/agent.yaml", std::string(kMain) + "include: big/*.yaml\n");
            const std::string big = "#" + std::string(4'000'000, 'x') + "\n";
            for (int i = 0; i < 5; ++i) {
                disk.add(fmt::format("/etc/seyir/big/{}.yaml", i), big);
            }
        }
        SUBCASE("values") {
            disk.add("/etc/seyir/agent.yaml", std::string(kMain) + "include: big/*.yaml\n");
            std::string big = "routes: [";
            for (int i = 0; i < 60'000; ++i) {
                big += "x,";
            }
            disk.add("/etc/seyir/big/0.yaml", big + "]\n");
            disk.add("/etc/seyir/big/1.yaml", big + "]\n");
        }
        const auto loaded = disk.load();
        const auto& list = loaded.diagnostics.sorted();
        CHECK(std::ranges::any_of(list, [](const auto& d) { return d.code == config::kLimit; }));
        CHECK_FALSE(loaded.ok());
    }

    TEST_CASE("maps of tens of thousands of keys merge, and the first value counts") {
        Disk disk;
        std::string big = "labels: {";
        for (int i = 0; i < 24'000; ++i) {
            big += fmt::format("k{}: v,", i);
        }
        disk.add("/etc/seyir/agent.yaml", kMain);
        disk.add("/etc/seyir/agent.d/a.yaml", big + "}\n");
        disk.add("/etc/seyir/agent.d/b.yaml", big + "}\n");
        const auto loaded = disk.load();
        // Each key is given twice, and 24,000 labels are too many.
        CHECK(loaded.diagnostics.error_count() == 24'001);
    }

    TEST_CASE("a fragment that cannot be read leaves out only what would be guesswork") {
        Disk disk;
        disk.add("/etc/seyir/agent.yaml", "version: 1\nlog: { level: loud }\nroutes: 7\n");
        disk.add("/etc/seyir/agent.d/a.yaml", "inputs: [\n");
        const auto loaded = disk.load();
        CHECK(
            places(loaded.diagnostics) ==
            "E0404 agent.yaml:2:15\nE0202 agent.yaml:3:9\nE0101 a.yaml:2:1\n"
        );
    }

    TEST_CASE("a span finds its file, at both of its ends") {
        auto first = std::make_shared<config::SourceFile>("/x/a.yaml", "ab\n");
        auto second = std::make_shared<config::SourceFile>("/x/b.yaml", "");
        auto third = std::make_shared<config::SourceFile>("/x/c.yaml", "c");
        config::SourceSet set(first);
        const uint32_t b = set.add(second, "/x");
        const uint32_t c = set.add(third, "/x");
        CHECK(set.place_name({3, 4}) == "a.yaml:2:1");
        CHECK(set.file_at(b - 1).path() == "/x/a.yaml");
        CHECK(set.place_name({b, b}) == "b.yaml:1:1");
        CHECK(set.slice({c, c + 1}) == "c");
        CHECK(set.slice({c, c + 100}) == "c");
        set.hide({c, c + 1});
        CHECK(third->hidden() == std::vector<config::Span>{{0, 1}});
        CHECK(first->hidden().empty());
    }
}
