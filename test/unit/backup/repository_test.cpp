// SPDX-License-Identifier: Apache-2.0
#include "collector/backup/repository/repository.hpp"

#include <algorithm>
#include <set>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "common/io/faulty_file_system.hpp"

using namespace seyir;
using namespace seyir::collector::backup;

namespace {

constexpr UnixNanos kNoon{1'767'268'800'000'000'000};
const OnBytes kQuiet = [](uint64_t) { return true; };

void write(io::FileSystem& fs, const std::string& path, const std::string& bytes) {
    REQUIRE(fs.make_directories(io::parent_directory(path)));
    REQUIRE(io::write_file_atomically(fs, path, bytes));
}

/// Files of a store as it is when backup number `n` is made: one changes, one stays, one comes.
std::vector<std::pair<std::string, std::string>> store_at(int n) {
    return {
        {"db/CURRENT", fmt::format("current {}", n)},
        {"segments/one", std::string(3000, 'a')},
        {fmt::format("segments/{}", n), fmt::format("segment {}", n) + std::string(2000, 'b')},
    };
}

/// Makes backup number `n`; earlier ones go but for the newest two.
Result<std::string> back_up(io::FileSystem& fs, int n) {
    Repository repository(fs, "/backups");
    SEYIR_CHECK(repository.open_to_write());
    Manifest manifest;
    manifest.begun = {kNoon.value + n * 60'000'000'000};
    SEYIR_TRY(manifest.id, repository.new_id(manifest.begun));
    for (const auto& [path, bytes] : store_at(n)) {
        SEYIR_TRY(auto added, repository.add("/store/" + path, bytes.size(), false, kQuiet));
        manifest.files.push_back(
            {path, added.content.bytes, {}, added.content.hash, added.content.pieces}
        );
    }
    SEYIR_CHECK(repository.commit(manifest));
    SEYIR_CHECK(repository.collect(2));
    return manifest.id;
}

void make_store(io::FileSystem& fs, int n) {
    for (const auto& [path, bytes] : store_at(n)) {
        write(fs, "/store/" + path, bytes);
    }
    REQUIRE(fs.sync_directory("/store"));
    REQUIRE(fs.sync_directory("/"));
}

RepositoryCheck check(io::FileSystem& fs) {
    const Repository repository(fs, "/backups");
    auto checked = check_repository(fs, repository, repository.ids().value(), kQuiet);
    REQUIRE(checked.has_value());
    return *checked;
}

size_t count_files(io::FileSystem& fs) {
    size_t count = 0;
    for (const std::string& folder : fs.list("/backups/files").value()) {
        count += fs.list("/backups/files/" + folder).value().size();
    }
    return count;
}

}  // namespace

TEST_SUITE("collector/backup/repository") {
    TEST_CASE("a power cut at any step leaves the backups before it whole") {
        uint64_t cuts = 0;
        for (uint64_t seed = 1; seed <= 3; ++seed) {
            for (uint64_t step = 1;; ++step) {
                io::FaultyFileSystem fs(seed * 1000 + step);
                for (int n = 1; n <= 4; ++n) {
                    make_store(fs, n);
                }
                const std::string first = back_up(fs, 1).value();
                const std::string second = back_up(fs, 2).value();
                fs.plan_fault(step, io::Fault::kPowerCut);
                const auto third = back_up(fs, 3);
                if (!fs.crashed()) {
                    REQUIRE(third.has_value());
                    break;
                }
                ++cuts;
                fs.restart();
                const auto ids = Repository(fs, "/backups").ids().value();
                CHECK(std::ranges::find(ids, second) != ids.end());
                const RepositoryCheck found = check(fs);
                CHECK_MESSAGE(found.problems.empty(), step);
                if (third) {
                    CHECK(std::ranges::find(ids, *third) != ids.end());
                }
                // The next one removes what is left of it.
                const auto next = back_up(fs, 4);
                REQUIRE_MESSAGE(next.has_value(), next.error().message);
                CHECK(check(fs).problems.empty());
                std::set<ContentHash> named;
                for (const std::string& id : Repository(fs, "/backups").ids().value()) {
                    for (const ManifestFile& file :
                         Repository(fs, "/backups").read(id).value().files) {
                        named.insert(file.hash);
                    }
                }
                CHECK(count_files(fs) == named.size());
                CHECK(fs.list("/backups/partial").value().empty());
                CHECK(fs.list("/backups/backups").value().size() == 2);
            }
        }
        CHECK(cuts > 60);
    }

    TEST_CASE("a file that an interrupted backup left is safe in the backup that uses it again") {
        for (uint64_t seed = 1; seed <= 40; ++seed) {
            CAPTURE(seed);
            io::FaultyFileSystem fs(seed);
            make_store(fs, 1);
            const auto add_all = [&](Repository& repository, Manifest* manifest) {
                uint64_t copied = 0;
                for (const auto& [path, bytes] : store_at(1)) {
                    const auto added =
                        repository.add("/store/" + path, bytes.size(), false, kQuiet);
                    REQUIRE(added.has_value());
                    copied += added->copied_bytes;
                    if (manifest != nullptr) {
                        const FileContent& content = added->content;
                        manifest->files.push_back(
                            {path, content.bytes, {}, content.hash, content.pieces}
                        );
                    }
                }
                return copied;
            };
            {
                Repository stopped(fs, "/backups");  // before anything of it was synced
                REQUIRE(stopped.open_to_write().has_value());
                CHECK(add_all(stopped, nullptr) > 0);
            }
            Repository repository(fs, "/backups");
            REQUIRE(repository.open_to_write().has_value());
            Manifest manifest;
            manifest.begun = kNoon;
            manifest.id = repository.new_id(kNoon).value();
            CHECK(add_all(repository, &manifest) == 0);
            REQUIRE(repository.commit(manifest).has_value());
            fs.crash();
            fs.restart();
            CHECK(check(fs).problems.empty());
            CHECK(Repository(fs, "/backups").ids().value().size() == 1);
        }
    }

    TEST_CASE("errors of the disk at any step leave the backups before it whole") {
        for (const io::Fault fault :
             {io::Fault::kIoError, io::Fault::kNoSpace, io::Fault::kShortWrite}) {
            for (uint64_t step = 1;; ++step) {
                io::FaultyFileSystem fs(step);
                make_store(fs, 1);
                make_store(fs, 2);
                make_store(fs, 3);
                const std::string first = back_up(fs, 1).value();
                const uint64_t before = fs.changes();
                fs.plan_fault(step, fault);
                const auto second = back_up(fs, 2);
                if (fs.changes() < before + step) {
                    break;
                }
                fs.plan_fault(0, fault);
                const auto ids = Repository(fs, "/backups").ids().value();
                CHECK(std::ranges::find(ids, first) != ids.end());
                CHECK(check(fs).problems.empty());
                CHECK(back_up(fs, 3).has_value());
                CHECK(check(fs).problems.empty());
            }
        }
    }

    TEST_CASE("any flipped bit is found, with the file and the place") {
        io::FaultyFileSystem fs(1);
        write(fs, "/store/big", std::string(2'500'000, 'x'));
        Repository repository(fs, "/backups");
        REQUIRE(repository.open_to_write());
        const auto added = repository.add("/store/big", 2'500'000, false, kQuiet).value();
        Manifest manifest;
        manifest.begun = kNoon;
        manifest.id = repository.new_id(kNoon).value();
        manifest.files.push_back(
            {"segments/big", 2'500'000, {}, added.content.hash, added.content.pieces}
        );
        REQUIRE(repository.commit(manifest));
        CHECK(check(fs).problems.empty());
        const std::string path = repository.file_path(added.content.hash);
        for (const auto& [offset, place] : std::vector<std::pair<uint64_t, std::string>>{
                 {0, "between bytes 0 and 1048576"},
                 {1'048'576, "between bytes 1048576 and 2097152"},
                 {2'499'999, "between bytes 2097152 and 2500000"},
             }) {
            REQUIRE(fs.flip_bit(path, offset));
            const RepositoryCheck found = check(fs);
            REQUIRE(found.problems.size() == 1);
            CHECK(found.problems[0].find(place) != std::string::npos);
            CHECK(found.problems[0].find(path) != std::string::npos);
            CHECK(found.problems[0].find("segments/big") != std::string::npos);
            // A file that is there by its length is looked into when asked, and replaced.
            const auto mended = repository.add("/store/big", 2'500'000, true, kQuiet);
            REQUIRE(mended.has_value());
            CHECK(mended->copied_bytes == 2'500'000);
            CHECK(check(fs).problems.empty());
        }
        REQUIRE(fs.remove(path));
        CHECK(check(fs).problems.size() == 1);
    }

    TEST_CASE("the backup that was just made stays, also when an older one has a later name") {
        io::FaultyFileSystem fs(1);
        make_store(fs, 1);
        const std::string just_made = back_up(fs, 1).value();
        make_store(fs, 2);
        const std::string of_a_clock_ahead = back_up(fs, 2).value();
        REQUIRE(just_made < of_a_clock_ahead);
        Repository repository(fs, "/backups");
        const auto collected = repository.collect(1, just_made);
        REQUIRE(collected.has_value());
        CHECK(collected->removed_ids == std::vector{of_a_clock_ahead});
        CHECK(repository.ids().value() == std::vector{just_made});
    }

    TEST_CASE("backups of one second are named in the order they were made, removed ones too") {
        io::FaultyFileSystem fs(1);
        Repository repository(fs, "/backups");
        REQUIRE(repository.open_to_write());
        std::vector<std::string> made;
        for (int i = 0; i < 13; ++i) {
            Manifest manifest;
            manifest.begun = kNoon;
            manifest.id = repository.new_id(kNoon).value();
            REQUIRE(repository.commit(manifest));
            made.push_back(manifest.id);
            REQUIRE(repository.collect(2, manifest.id));
            CHECK(repository.ids().value().back() == manifest.id);
        }
        CHECK(repository.ids().value() == std::vector(made.end() - 2, made.end()));
    }

    TEST_CASE("no file is removed while a manifest cannot be read") {
        io::FaultyFileSystem fs(1);
        make_store(fs, 1);
        make_store(fs, 2);
        const std::string first = back_up(fs, 1).value();
        const size_t before = count_files(fs);
        REQUIRE(fs.flip_bit("/backups/backups/" + first + ".json", 40));
        Repository repository(fs, "/backups");
        CHECK(!repository.collect(7).has_value());
        CHECK(count_files(fs) == before);
    }
}
