// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>
#include <filesystem>

#include <unistd.h>

#include <doctest/doctest.h>

#include "collector/store/check/store_repair.hpp"
#include "collector/store/disk/database.hpp"
#include "collector/store/format/rows.hpp"
#include "test/support/metric_batch.hpp"
#include "test/support/store_in_memory.hpp"

using namespace seyir;
using namespace seyir::test;

namespace {

/// A data directory on disk with two hosts' samples of two times; check_data_dir reads real files.
class DataDir {
  public:
    DataDir() {
        std::string name = (std::filesystem::temp_directory_path() / "seyir-check-XXXXXX").string();
        path = ::mkdtemp(name.data());
        store::RocksStoreOptions options;
        options.data_dir = path;
        auto opened = store::RocksStore::open(options);
        REQUIRE(opened);
        for (int i = 0; i < 2; ++i) {
            const auto begin = static_cast<uint64_t>(i) * 100;
            const UnixNanos ts = kNoon + std::chrono::seconds(15 * i);
            for (const char* const host : {"web1", "web2"}) {
                const AgentId agent{7, static_cast<uint64_t>(host[3])};
                const MetricFrame frame{
                    .host = host,
                    .ts = ts,
                    .gauges = {{"a", 1}, {"b", 2}},
                    .begin = begin,
                    .end = begin + 100,
                    .agent = agent
                };
                REQUIRE(test::append(**opened, {frame.build(), {}}));
            }
        }
    }

    DataDir(const DataDir&) = delete;
    DataDir& operator=(const DataDir&) = delete;

    ~DataDir() { std::filesystem::remove_all(path); }

    store::StoreCheck check() const {
        auto found = store::check_data_dir(io::posix_file_system(), path);
        REQUIRE(found);
        return *found;
    }

    /// Changes the n-th row of the metric family: an empty answer erases it.
    template <class Change>
    void change(size_t n, Change change, store::Family family = store::Family::kMetric) const {
        auto database = store::Database::open({.path = path + "/db", .env = nullptr});
        REQUIRE(database);
        store::WriteSet set = (*database)->new_write();
        size_t at = 0;
        REQUIRE((*database)->scan(
            family,
            "",
            "\xff\xff\xff\xff\xff",
            [&](std::string_view key, std::string_view value) -> Result<bool> {
                if (at++ == n) {
                    const std::string next = change(std::string(value));
                    next.empty() ? set.erase(family, key) : set.put(family, key, next);
                }
                return true;
            }
        ));
        REQUIRE((*database)->write(std::move(set)));
    }

    void append_line() const {
        store::RocksStoreOptions options;
        options.data_dir = path;
        auto opened = store::RocksStore::open(options);
        REQUIRE(opened);
        REQUIRE(test::append(**opened, Frame{.lines = {"a line"}}));
    }

    /// All rows there are.
    std::string bytes() const {
        auto database = store::Database::open({.path = path + "/db", .env = nullptr});
        REQUIRE(database);
        std::string out;
        for (const auto family :
             {store::Family::kMeta, store::Family::kStage, store::Family::kMetric}) {
            REQUIRE((*database)->scan(
                family,
                "",
                "\xff\xff\xff\xff\xff",
                [&](std::string_view key, std::string_view value) -> Result<bool> {
                    out.append(key).append("=").append(value).append(";");
                    return true;
                }
            ));
        }
        return out;
    }

    std::string path;
};

}  // namespace

TEST_SUITE("collector/store/check/metrics") {
    TEST_CASE("samples that fit their series are counted") {
        const DataDir dir;
        const store::StoreCheck check = dir.check();
        CHECK(check.is_sound());
        CHECK(check.metric_rows == 4);
        CHECK(check.samples == 8);
    }

    TEST_CASE("what nobody can read is named, and a repair takes that out and no more") {
        struct Case {
            size_t row;  // 0 and 1 are tables, each of one host; 2 to 5 are times
            std::string (*change)(std::string);
            const char* said;
            uint64_t bad;
        };

        const auto flip = [](std::string value) {
            value[value.size() - 1] = static_cast<char>(value[value.size() - 1] ^ 1);
            return value;
        };
        const auto cut = [](std::string value) { return value.substr(0, value.size() - 8); };
        const auto gone = [](std::string) { return std::string(); };
        for (const Case& c : {
                 Case{0, flip, "the table of series does not fit its hash", 3},
                 Case{0, gone, "the table of its series is missing or damaged", 2},
                 Case{3, cut, "it has 8 bytes for 2 series of 8 bytes", 1},
             }) {
            CAPTURE(c.said);
            const DataDir dir;
            dir.change(c.row, c.change);
            const store::StoreCheck check = dir.check();
            CHECK_FALSE(check.is_sound());
            REQUIRE(check.problems.size() == c.bad);
            CHECK(check.problems[0].find(c.said) != std::string::npos);
            const auto repaired =
                store::repair_data_dir(io::posix_file_system(), dir.path, kNoon, {});
            REQUIRE(repaired);
            CHECK(repaired->after.is_sound());
            CHECK(repaired->after.metric_rows == (c.row == 0 ? 2 : 3));
            CHECK(repaired->after.samples == repaired->after.metric_rows * 2);
        }
    }

    TEST_CASE("a store that a newer version wrote to is refused, and a repair takes nothing out") {
        struct Case {
            store::Family family;
            size_t row;
            std::string (*change)(std::string);
            const char* said;
        };

        const auto newer_row = [](std::string value) { return "\x7f" + value.substr(1); };
        const auto newer_format = [](std::string value) {
            value.replace(0, 8, store::encode_u64(2));
            return value;
        };
        for (const Case& c : {
                 Case{store::Family::kMetric, 3, newer_row, "metric samples have version 127"},
                 Case{store::Family::kMetric, 0, newer_row, "metric samples have version 127"},
                 Case{store::Family::kStage, 0, newer_row, "has version 127"},
                 Case{store::Family::kMeta, 0, newer_format, "was written in format 2"},
             }) {
            CAPTURE(c.said);
            const DataDir dir;
            dir.append_line();
            dir.change(c.row, c.change, c.family);
            const std::string before = dir.bytes();
            const auto check = store::check_data_dir(io::posix_file_system(), dir.path);
            REQUIRE_FALSE(check);
            CHECK(check.error().code == ErrorCode::kUnsupported);
            CHECK(check.error().message.find(c.said) != std::string::npos);
            CHECK(check.error().message.find("newer") != std::string::npos);
            const auto repaired =
                store::repair_data_dir(io::posix_file_system(), dir.path, kNoon, {});
            REQUIRE_FALSE(repaired);
            CHECK(repaired.error().code == ErrorCode::kUnsupported);
            CHECK(dir.bytes() == before);
        }
    }
}
