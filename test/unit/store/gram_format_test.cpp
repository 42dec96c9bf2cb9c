// SPDX-License-Identifier: Apache-2.0
// Bytes of filters stay readable, and whatever bytes lie there are read without harm.
// SEYIR_WRITE_GOLDEN=1 writes them anew.
#include <cstdlib>
#include <random>

#include "common/base/units.hpp"
#include "common/codec/bytes.hpp"
#include "test/support/filter_under_test.hpp"
#include "test/support/replay_corpus.hpp"

using namespace seyir;
using namespace seyir::test;
namespace gram = seyir::store::gram;

namespace {

const std::string kRoot = SEYIR_SOURCE_ROOT;
const std::string kGolden = kRoot + "/test/golden/filter_v1.bin";
const std::string kCorpus = kRoot + "/test/fuzz/corpus/filter";

const std::vector<Lines> kBlocks = {
    {"GET /api/v1/orders/75851 -> 200", "request_id=7b7f4f86-5264-494a-a894-7b3292c7e753"},
    {"connection from 10.251.99.123:50010 reset by peer"},
    {"\u212aelvin, \u017fharp and \u0130stanbul", "caf\xe9", ""},
};

FilterUnderTest golden_filter() {
    FilterUnderTest filter;
    for (const Lines& lines : kBlocks) {
        filter.add_block(lines);
    }
    filter.finish();
    return filter;
}

std::string stored_bytes(const gram::FilterBuilder::Filter& filter) {
    std::string out;
    const auto append = [&](const std::string& part) {
        codec::append_le(out, static_cast<uint32_t>(part.size()));
        out += part;
    };
    append(gram::encode(filter.groups));
    for (const auto& pages : filter.pages) {
        for (const std::string& page : pages) {
            append(page);
        }
    }
    return out;
}

std::string take_part(codec::Reader& reader) {
    const auto size = reader.le<uint32_t>();
    return std::string(reader.bytes(size));
}

void write_files(const gram::FilterBuilder::Filter& filter) {
    io::FileSystem& fs = io::posix_file_system();
    REQUIRE(fs.make_directories(kCorpus).has_value());
    REQUIRE(io::write_file_atomically(fs, kGolden, stored_bytes(filter)).has_value());
    const std::string head("\x02\0\x40\0\0\0", 6);
    REQUIRE(io::write_file_atomically(fs, kCorpus + "/directory", gram::encode(filter.groups))
                .has_value());
    REQUIRE(io::write_file_atomically(fs, kCorpus + "/page", head + filter.pages[0][0]).has_value()
    );
}

}  // namespace

TEST_SUITE("collector/store/gram_format") {
    TEST_CASE("a filter of version 1 is written and read") {
        const FilterUnderTest made = golden_filter();
        if (std::getenv("SEYIR_WRITE_GOLDEN") != nullptr) {
            write_files(made.filter());
        }
        const auto bytes = io::read_file(io::posix_file_system(), kGolden, kMiB);
        REQUIRE(bytes.has_value());
        CHECK(stored_bytes(made.filter()) == *bytes);
        codec::Reader reader(*bytes);
        const auto groups = gram::decode_directory(take_part(reader));
        REQUIRE(groups.has_value());
        REQUIRE(groups->size() == 1);
        CHECK(groups->at(0).blocks == 3);
        std::vector<std::string> pages;
        while (reader.left() != 0) {
            pages.push_back(take_part(reader));
        }
        const auto find = [&](const Needle& needle) {
            const auto bits = gram::find_blocks(
                groups->at(0),
                0,
                gram::make_key_tree(needle),
                [&](uint32_t page) { return Result<std::string>(pages.at(page)); }
            );
            REQUIRE(bits.has_value());
            return bits->at(0);
        };
        CHECK(find(Needle::of("7B3292C7E753", true)) == 1);
        CHECK(find(Needle::of(" 200")) == 7);
        CHECK(find(Needle::of("reset")) == 2);
        CHECK(find(Needle::of("10.251.99.123")) == 2);
        CHECK(find(Needle::of(" Sharp and istanbul", true)) == 4);
        CHECK(find(Needle::of("KELVIN", true)) == 4);
    }

    TEST_CASE("the committed corpus of the fuzz target and mutations of it run clean") {
        CHECK(replay_corpus(kCorpus) == 2);
        std::mt19937_64 random(12);
        for (const std::string& name : io::posix_file_system().list(kCorpus).value()) {
            const auto whole = io::read_file(io::posix_file_system(), kCorpus + "/" + name, kMiB);
            REQUIRE(whole.has_value());
            for (int i = 0; i < 1000; ++i) {
                std::string bytes = *whole;
                for (uint64_t flips = 1 + random() % 3; flips > 0; --flips) {
                    bytes[random() % bytes.size()] = static_cast<char>(random());
                }
                bytes.resize(random() % (bytes.size() + 1));
                LLVMFuzzerTestOneInput(
                    reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()
                );
            }
        }
    }
}
