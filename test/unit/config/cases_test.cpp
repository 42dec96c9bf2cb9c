// SPDX-License-Identifier: Apache-2.0
// Runs test/cases/config/*.case; the format is in the README there.
#include <map>

#include <doctest/doctest.h>

#include "agent/app/agent_config.hpp"
#include "collector/app/collector_config.hpp"
#include "common/io/faulty_file_system.hpp"
#include "test/unit/config/support.hpp"

namespace {

using namespace seyir;

struct Case {
    std::string program;
    std::map<std::string, std::string> variables;
    std::string config;
    std::map<std::string, std::string> files;  ///< by path below /etc/seyir
    std::string diagnostics;
    std::string head;  ///< everything up to and with the line `=== diagnostics`
};

Case parse_case(const std::string& text) {
    Case c;
    std::string* section = nullptr;
    for (size_t at = 0; at < text.size();) {
        size_t end = text.find('\n', at);
        end = end == std::string::npos ? text.size() : end;
        const std::string line = text.substr(at, end - at);
        if (line.starts_with("=== program: ")) {
            c.program = line.substr(13);
        } else if (line.starts_with("=== env: ")) {
            const size_t equals = line.find('=', 9);
            c.variables[line.substr(9, equals - 9)] = line.substr(equals + 1);
        } else if (line == "=== config") {
            section = &c.config;
        } else if (line.starts_with("=== file: ")) {
            section = &c.files[line.substr(10)];
        } else if (line == "=== diagnostics") {
            section = &c.diagnostics;
            c.head = text.substr(0, end) + "\n";
        } else if (section != nullptr) {
            *section += line + "\n";
        }
        at = end + 1;
    }
    return c;
}

size_t count_of(std::string_view text, std::string_view part) {
    size_t count = 0;
    for (size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) {
        ++count;
    }
    return count;
}

void write_file(io::FileSystem& disk, const std::string& path, std::string_view text) {
    REQUIRE(disk.make_directories(io::parent_directory(path)));
    auto file = disk.open(path, io::OpenMode::kWriteTruncate);
    REQUIRE(file);
    REQUIRE((*file)->append(text));
}

std::string run_case(const Case& c) {
    io::FaultyFileSystem disk(1);
    write_file(disk, "/etc/seyir/" + c.program + ".yaml", c.config);
    for (const auto& [name, text] : c.files) {
        write_file(disk, "/etc/seyir/" + name, text);
    }
    config::LoadOptions options;
    options.files = &disk;
    options.check_machine = false;
    options.host_name = "h1";
    options.environment =
        config::Environment{.variable = [&](const std::string& name) -> std::optional<std::string> {
            const auto it = c.variables.find(name);
            return it == c.variables.end() ? std::nullopt : std::optional(it->second);
        }};
    const std::string path = "/etc/seyir/" + c.program + ".yaml";
    if (c.program == "agent") {
        return agent::load_agent_config(path, options).diagnostics.to_text();
    }
    return collector::load_collector_config(path, options).diagnostics.to_text();
}

}  // namespace

TEST_SUITE("test/cases/config") {
    TEST_CASE("each case file gets exactly the diagnostics it lists") {
        const std::string folder = "test/cases/config";
        const auto names = io::posix_file_system().list(test::source_root() + "/" + folder);
        REQUIRE(names);
        size_t count = 0;
        for (const std::string& name : *names) {
            if (!name.ends_with(".case")) {
                continue;
            }
            ++count;
            CAPTURE(name);
            const Case c =
                parse_case(test::read_text(test::source_root() + "/" + folder + "/" + name));
            REQUIRE((c.program == "agent" || c.program == "collector"));
            const std::string said = run_case(c);
            if (std::getenv("SEYIR_UPDATE") != nullptr) {
                test::check_committed(folder + "/" + name, c.head + said);
            }
            CHECK(said == c.diagnostics);
            if (name == "twelve.case") {  // one diagnostic for each of its twelve mistakes
                CHECK(said.starts_with("error["));
                CHECK(count_of(said, "\nerror[") + 1 == 12);
            }
        }
        CHECK(count > 5);
    }
}
