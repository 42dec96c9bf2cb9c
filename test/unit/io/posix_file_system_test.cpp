// SPDX-License-Identifier: Apache-2.0
// What stands in a directory of somebody else is not followed by who replaces a file there.
#include <filesystem>
#include <fstream>
#include <string>

#include <doctest/doctest.h>

#include "common/io/file_system.hpp"
#include "test/support/temp_dir.hpp"

namespace seyir::io {
namespace {

namespace fs = std::filesystem;

void put(const std::string& path, const std::string& text) {
    std::ofstream(path) << text;
}

std::string content(const std::string& path) {
    return read_file(posix_file_system(), path, 1 << 20).value_or("(cannot be read)");
}

TEST_SUITE_BEGIN("common/io/posix_file_system");

TEST_CASE("replacing a file does not write through a symlink planted under the temporary name") {
    const test::TempDir folder;
    put(folder / "secret", "root's\n");
    fs::create_symlink(folder / "secret", folder / "token.tmp");
    REQUIRE(write_file_atomically(posix_file_system(), folder / "token", "new\n"));
    CHECK(content(folder / "secret") == "root's\n");
    CHECK(content(folder / "token") == "new\n");
    CHECK_FALSE(fs::is_symlink(folder / "token"));
}

TEST_CASE("replacing a file does not write into a file another name also leads to") {
    const test::TempDir folder;
    put(folder / "secret", "root's\n");
    fs::create_hard_link(folder / "secret", folder / "token.tmp");
    REQUIRE(write_file_atomically(posix_file_system(), folder / "token", "new\n"));
    CHECK(content(folder / "secret") == "root's\n");
    CHECK(content(folder / "token") == "new\n");
}

TEST_CASE("a symlink under the name itself is replaced, not followed") {
    const test::TempDir folder;
    put(folder / "secret", "root's\n");
    fs::create_symlink(folder / "secret", folder / "token");
    REQUIRE(write_file_atomically(posix_file_system(), folder / "token", "new\n"));
    CHECK(content(folder / "secret") == "root's\n");
    CHECK(content(folder / "token") == "new\n");
}

TEST_CASE("a file opened to be emptied is not reached through a symlink") {
    const test::TempDir folder;
    put(folder / "secret", "root's\n");
    fs::create_symlink(folder / "secret", folder / "link");
    const auto opened = posix_file_system().open(folder / "link", OpenMode::kWriteTruncate);
    REQUIRE_FALSE(opened);
    CHECK(opened.error().message.contains(folder / "link"));
    CHECK(content(folder / "secret") == "root's\n");
}

TEST_SUITE_END();

}  // namespace
}  // namespace seyir::io
