// SPDX-License-Identifier: Apache-2.0
#include "agent/input/tail/glob.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include "test/unit/agent_input/tail_harness.hpp"

using namespace seyir;
using namespace seyir::agent::input;

namespace {

std::vector<std::string> found(
    const TempDir& dir, const std::string& pattern, const std::string& exclude = ""
) {
    GlobWalker walker(io::posix_file_system());
    std::vector<Glob> include = {*Glob::compile(dir.at(pattern))};
    std::vector<Glob> without;
    if (!exclude.empty()) {
        without.push_back(*Glob::compile(dir.at(exclude)));
    }
    std::vector<std::string> directories;
    std::vector<std::string> names;
    for (const FoundFile& file : walker.walk(include, without, 1000, directories)) {
        names.push_back(file.path.substr(dir.at("").size()));
        CHECK(include[0].matches(file.path));
        CHECK(walker.look(file.path, include, without));
    }
    return names;
}

}  // namespace

TEST_SUITE("agent/input/tail/glob") {
    TEST_CASE("segments: stars, question marks, classes, escapes, hidden names") {
        struct Row {
            const char* pattern;
            const char* name;
            bool matches;
        };

        const Row rows[] = {
            {"*.log", "a.log", true},
            {"*.log", "a.log.1", false},
            {"*", ".hidden", false},
            {".*", ".hidden", true},
            {"a?c", "abc", true},
            {"a?c", "ac", false},
            {"[a-c]x", "bx", true},
            {"[!a-c]x", "bx", false},
            {"[!a-c]x", "dx", true},
            {"[]]x", "]x", true},
            {"a\\*b", "a*b", true},
            {"a\\*b", "axb", false},
            {"*a*b*c", "xxaxxbxxc", true},
            {"*a*b*c", "xxaxxbxx", false},
            {"**", "x", true},
            {"", "", true},
            {"*", "", true},
            {"[a-", "a", false},
        };
        for (const Row& row : rows) {
            CAPTURE(row.pattern);
            CAPTURE(row.name);
            CHECK(segment_matches(row.pattern, row.name) == row.matches);
        }
    }

    TEST_CASE("a pattern of many stars takes no exponential time") {
        std::string pattern;
        for (int i = 0; i < 200; ++i) {
            pattern += "*a";
        }
        CHECK(!segment_matches(pattern + "b", std::string(5000, 'a')));
    }

    TEST_CASE("patterns that make no sense are refused with what would be right") {
        CHECK(
            Glob::compile("logs/*.log").error().message ==
            "glob 'logs/*.log' is not absolute: begin it with '/'"
        );
        CHECK(!Glob::compile("/var/log/"));
        CHECK(!Glob::compile("/var/[a.log"));
        CHECK(!Glob::compile("/var/../x"));
        CHECK(!Glob::compile("/"));
        CHECK(Glob::compile("/var/log/*/a-*.log")->root() == "/var/log");
        CHECK(Glob::compile("/a.log")->root() == "/");
    }

    TEST_CASE("walks directories, ** included, and leaves out what is excluded") {
        const TempDir dir;
        stdfs::create_directories(dir.at("x/y/z"));
        stdfs::create_directories(dir.at(".git"));
        for (const char* name : {"a.log", "x/b.log", "x/y/z/c.log", "x/y/z/c.txt", ".git/d.log"}) {
            dir.append(name, "");
        }
        using Names = std::vector<std::string>;
        CHECK(found(dir, "*.log") == Names{"a.log"});
        CHECK(found(dir, "*/*.log") == Names{"x/b.log"});
        CHECK(found(dir, "**/*.log") == Names{"a.log", "x/b.log", "x/y/z/c.log"});
        CHECK(found(dir, "x/**") == Names{"x/b.log", "x/y/z/c.log", "x/y/z/c.txt"});
        CHECK(found(dir, "**/z/c.log") == Names{"x/y/z/c.log"});
        CHECK(found(dir, "**/*.log", "x/**") == Names{"a.log"});
        CHECK(found(dir, "nothing/*.log").empty());
        CHECK(found(dir, ".git/*.log") == Names{".git/d.log"});
        CHECK(found(dir, ".git/*.log", "**/*.log").empty());
    }

    TEST_CASE("a symlink of the same owner is followed; a FIFO or a directory is not a file") {
        const TempDir dir;
        const TempDir elsewhere;
        elsewhere.append("real", "x\n");
        stdfs::create_symlink(elsewhere.at("real"), dir.at("link.log"));
        stdfs::create_directories(dir.at("folder.log"));
        REQUIRE(::mkfifo(dir.at("fifo.log").c_str(), 0600) == 0);
        CHECK(found(dir, "*.log") == std::vector<std::string>{"link.log"});
    }

    TEST_CASE("a symlink of another owner that leads out of the root is refused and named") {
        if (::geteuid() != 0) {
            return;  // only root can make the link somebody else's
        }
        const TempDir dir;
        const TempDir elsewhere;
        elsewhere.append("secret", "x\n");
        dir.append("inside", "y\n");
        stdfs::create_symlink(elsewhere.at("secret"), dir.at("out.log"));
        stdfs::create_symlink(dir.at("inside"), dir.at("in.log"));
        REQUIRE(::lchown(dir.at("out.log").c_str(), 12345, 12345) == 0);
        REQUIRE(::lchown(dir.at("in.log").c_str(), 12345, 12345) == 0);
        GlobWalker walker(io::posix_file_system());
        std::vector<std::string> directories;
        const auto files = walker.walk({*Glob::compile(dir.at("*.log"))}, {}, 10, directories);
        REQUIRE(files.size() == 1);
        CHECK(files[0].path == dir.at("in.log"));
        REQUIRE(walker.complaints().size() == 1);
        CHECK(walker.complaints()[0].find("not followed") != std::string::npos);
    }

    TEST_CASE("files beyond the limit are not found but counted") {
        const TempDir dir;
        for (int i = 0; i < 5; ++i) {
            dir.append(std::to_string(i) + ".log", "");
        }
        GlobWalker walker(io::posix_file_system());
        std::vector<std::string> directories;
        CHECK(walker.walk({*Glob::compile(dir.at("*.log"))}, {}, 3, directories).size() == 3);
        CHECK(walker.refused_count() == 2);
        CHECK(
            walker.complaints().at(0) ==
            "files beyond max_files (3) are not read (seyir_agent_tail_files_beyond_max counts "
            "them): raise it or narrow the globs"
        );
    }
}
