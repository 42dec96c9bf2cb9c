// SPDX-License-Identifier: Apache-2.0
#include "common/io/faulty_file_system.hpp"

#include <set>

#include <doctest/doctest.h>

using namespace seyir;
using namespace seyir::io;

namespace {

std::string content(FileSystem& fs, const std::string& path) {
    const auto bytes = read_file(fs, path, 1 << 20);
    return bytes ? *bytes : "<" + bytes.error().message + ">";
}

void write(FileSystem& fs, const std::string& path, std::string_view bytes, bool synced) {
    auto file = fs.open(path, OpenMode::kWriteAppend);
    REQUIRE(file.has_value());
    REQUIRE((*file)->append(bytes).has_value());
    if (synced) {
        REQUIRE((*file)->sync().has_value());
    }
}

void power_cut(FaultyFileSystem& fs) {
    fs.crash();
    fs.restart();
}

}  // namespace

TEST_SUITE("common/io/faulty_file_system") {
    TEST_CASE("synced bytes of a synced name survive, the rest is a prefix or torn") {
        std::set<std::string> seen;
        for (uint64_t seed = 1; seed <= 60; ++seed) {
            FaultyFileSystem fs(seed);
            write(fs, "/f", "durable", true);
            REQUIRE(fs.sync_directory("/").has_value());
            write(fs, "/f", "-maybe", false);
            power_cut(fs);
            const std::string left = content(fs, "/f");
            CHECK(left.substr(0, 7) == "durable");
            CHECK(left.size() <= 13);
            seen.insert(left);
        }
        CHECK(seen.contains("durable"));
        CHECK(seen.contains("durable-maybe"));
        CHECK(seen.size() > 4);  // also torn ones
    }

    TEST_CASE("a name whose directory was not synced may be gone") {
        size_t survived = 0;
        for (uint64_t seed = 1; seed <= 40; ++seed) {
            FaultyFileSystem fs(seed);
            write(fs, "/f", "x", true);
            power_cut(fs);
            survived += fs.stat("/f").has_value() ? 1 : 0;
        }
        CHECK(survived > 5);
        CHECK(survived < 35);
    }

    TEST_CASE("a rename not synced leaves the old name or the new one, never both or neither") {
        std::set<std::string> seen;
        for (uint64_t seed = 1; seed <= 40; ++seed) {
            FaultyFileSystem fs(seed);
            write(fs, "/to", "old", true);
            write(fs, "/from", "new", true);
            REQUIRE(fs.sync_directory("/").has_value());
            REQUIRE(fs.rename("/from", "/to").has_value());
            power_cut(fs);
            const bool has_from = fs.stat("/from").has_value();
            CHECK(content(fs, "/to") == (has_from ? "old" : "new"));
            seen.insert(content(fs, "/to"));
        }
        CHECK(seen.size() == 2);
    }

    TEST_CASE("names survive in the order they were made") {
        for (uint64_t seed = 1; seed <= 40; ++seed) {
            FaultyFileSystem fs(seed);
            for (const char* name : {"/1", "/2", "/3", "/4"}) {
                write(fs, name, "x", true);
            }
            power_cut(fs);
            bool is_gone = false;
            for (const char* name : {"/1", "/2", "/3", "/4"}) {
                const bool is_there = fs.stat(name).has_value();
                CHECK_FALSE((is_gone && is_there));
                is_gone = is_gone || !is_there;
            }
        }
    }

    TEST_CASE("overwrites and truncations not synced may be undone, the first of them by half") {
        std::set<std::string> seen;
        for (uint64_t seed = 1; seed <= 60; ++seed) {
            FaultyFileSystem fs(seed);
            write(fs, "/f", "aaaa", true);
            REQUIRE(fs.sync_directory("/").has_value());
            auto file = fs.open("/f", OpenMode::kReadWrite);
            REQUIRE(file.has_value());
            REQUIRE((*file)->write_at(1, "bb").has_value());
            REQUIRE((*file)->truncate(3).has_value());
            power_cut(fs);
            seen.insert(content(fs, "/f"));
        }
        CHECK(seen == std::set<std::string>{"aaaa", "abaa", "abba", "abb"});
    }

    TEST_CASE("bytes whose sync failed never become durable") {
        bool was_lost = false;
        for (uint64_t seed = 1; seed <= 40; ++seed) {
            FaultyFileSystem fs(seed);
            write(fs, "/f", "", true);
            REQUIRE(fs.sync_directory("/").has_value());
            auto file = fs.open("/f", OpenMode::kWriteAppend);
            REQUIRE((*file)->append("doomed").has_value());
            fs.plan_fault(1, Fault::kIoError);
            CHECK_FALSE((*file)->sync().has_value());
            CHECK((*file)->sync().has_value());
            power_cut(fs);
            was_lost = was_lost || content(fs, "/f").empty();
        }
        CHECK(was_lost);
    }

    TEST_CASE("planned faults hit the planned change") {
        FaultyFileSystem fs(1);
        auto file = fs.open("/f", OpenMode::kWriteTruncate);
        REQUIRE(file.has_value());
        fs.plan_fault(2, Fault::kNoSpace);
        CHECK((*file)->append("a").has_value());
        const auto full = (*file)->append("b");
        REQUIRE_FALSE(full.has_value());
        CHECK(full.error().code == ErrorCode::kNoSpace);
        CHECK(full.error().message.find("/f") != std::string::npos);
        fs.plan_fault(1, Fault::kShortWrite);
        CHECK_FALSE((*file)->append("cdefgh").has_value());
        CHECK(content(fs, "/f").starts_with("a"));
        CHECK(content(fs, "/f").size() <= 7);
        fs.plan_fault(1, Fault::kPowerCut);
        CHECK_FALSE((*file)->append("x").has_value());
        CHECK(fs.crashed());
        CHECK_FALSE(fs.stat("/f").has_value());
        fs.restart();
        CHECK_FALSE((*file)->append("x").has_value());  // a handle from before
    }

    TEST_CASE("the disk is full at its capacity and takes more when it grows") {
        FaultyFileSystem fs(1);
        fs.set_capacity(10);
        write(fs, "/f", "12345678", true);
        CHECK(fs.free_bytes("/").value() == 2);
        auto file = fs.open("/f", OpenMode::kWriteAppend);
        CHECK((*file)->append("abc").error().code == ErrorCode::kNoSpace);
        fs.set_capacity(11);
        CHECK((*file)->append("abc").has_value());
        CHECK(content(fs, "/f") == "12345678abc");
    }

    TEST_CASE("it answers like the real file system") {
        FaultyFileSystem fs(1);
        REQUIRE(fs.make_directories("/a/b").has_value());
        write(fs, "/a/b/x", "1", false);
        write(fs, "/a/y", "22", false);
        CHECK(fs.list("/a").value() == std::vector<std::string>{"b", "y"});
        CHECK(fs.stat("/a/y")->size_bytes == 2);
        CHECK(fs.stat("/a")->is_directory);
        CHECK(fs.open("/none", OpenMode::kRead).error().code == ErrorCode::kNotFound);
        CHECK_FALSE(fs.remove_directory("/a/b").has_value());
        REQUIRE(fs.hard_link("/a/b/x", "/z").has_value());
        CHECK(fs.stat("/z")->inode == fs.stat("/a/b/x")->inode);
        REQUIRE(fs.remove("/a/b/x").has_value());
        CHECK(content(fs, "/z") == "1");
        REQUIRE(fs.remove_directory("/a/b").has_value());
        REQUIRE(write_file_atomically(fs, "/a/y", "new").has_value());
        power_cut(fs);
        CHECK(content(fs, "/a/y") == "new");
    }
}
