// SPDX-License-Identifier: Apache-2.0
// A RocksStore without threads on the faulty file system: every test decides when it commits, seals
// and dies.
#pragma once

#include <memory>

#include "common/io/faulty_file_system.hpp"
#include "test/support/store_fixture.hpp"

namespace seyir::test {

struct StoreInMemory {
    io::FaultyFileSystem fs;
    io::ManualClock clock{kNoon};
    store::RocksStoreOptions options;
    std::unique_ptr<store::RocksStore> store;

    explicit StoreInMemory(uint64_t seed = 1) : fs(seed) {
        options.data_dir = "/data";
        options.fs = &fs;
        options.clock = &clock;
        options.threads = false;
        options.memtable_bytes = 4 * kMiB;
        open();
    }

    void open() {
        store.reset();
        auto opened = store::RocksStore::open(options);
        REQUIRE_MESSAGE(opened.has_value(), opened.error().message);
        store = std::move(*opened);
    }

    /// Names of segment files, with their day.
    std::vector<std::string> segment_files() {
        std::vector<std::string> files;
        for (const std::string& day : fs.list("/data/segments").value()) {
            for (const std::string& name : fs.list("/data/segments/" + day).value()) {
                files.push_back("/data/segments/" + day + "/" + name);
            }
        }
        return files;
    }
};

}  // namespace seyir::test
