// SPDX-License-Identifier: Apache-2.0
#include "common/codec/msgpack.hpp"

#include <limits>
#include <vector>

#include <doctest/doctest.h>

#include "common/codec/inflate.hpp"
#include "test/support/replay_corpus.hpp"

using namespace seyir;
using namespace seyir::codec;
using namespace std::string_literals;

namespace {

std::string written(void (*write)(MsgpackWriter&)) {
    std::string out;
    MsgpackWriter to(out);
    write(to);
    return out;
}

MsgpackItem only_item(const std::string& bytes) {
    MsgpackReader reader(bytes);
    MsgpackItem item;
    REQUIRE(reader.next(item));
    CHECK(reader.at_end());
    item.bytes = {};
    return item;
}

}  // namespace

TEST_SUITE("common/codec/msgpack") {
    TEST_CASE("integers take their shortest form and read back") {
        const std::vector<std::pair<int64_t, std::string>> cases{
            {0, "\x00"s},
            {127, "\x7f"},
            {128, "\xcc\x80"},
            {255, "\xcc\xff"},
            {256, "\xcd\x01\x00"s},
            {65'535, "\xcd\xff\xff"},
            {65'536, "\xce\x00\x01\x00\x00"s},
            {4'294'967'296, "\xcf\x00\x00\x00\x01\x00\x00\x00\x00"s},
            {-1, "\xff"},
            {-32, "\xe0"},
            {-33, "\xd0\xdf"},
            {-129, "\xd1\xff\x7f"},
            {-32'769, "\xd2\xff\xff\x7f\xff"},
            {-2'147'483'649, "\xd3\xff\xff\xff\xff\x7f\xff\xff\xff"},
            {std::numeric_limits<int64_t>::min(), "\xd3\x80\x00\x00\x00\x00\x00\x00\x00"s},
        };
        for (const auto& [value, bytes] : cases) {
            std::string out;
            MsgpackWriter(out).integer(value);
            CHECK(out == bytes);
            const MsgpackItem item = only_item(bytes);
            CHECK(item.type == MsgpackType::kInt);
            CHECK(item.integer == value);
        }
        const MsgpackItem largest = only_item("\xcf\xff\xff\xff\xff\xff\xff\xff\xff");
        CHECK(largest.type == MsgpackType::kUint);
        CHECK(largest.unsigned_integer == std::numeric_limits<uint64_t>::max());
    }

    TEST_CASE("texts, binary and ext of each length class have the head the format asks for") {
        const std::vector<std::pair<size_t, std::string>> strings{
            {0, "\xa0"},
            {31, "\xbf"},
            {32, "\xd9\x20"},
            {255, "\xd9\xff"},
            {256, "\xda\x01\x00"s},
            {65'536, "\xdb\x00\x01\x00\x00"s},
        };
        for (const auto& [size, head] : strings) {
            const std::string text(size, 'x');
            std::string out;
            MsgpackWriter(out).str(text);
            CHECK(out == head + text);
            MsgpackReader reader(out);
            MsgpackItem item;
            REQUIRE(reader.next(item));
            CHECK(item.bytes == text);
        }
        CHECK(
            written([](MsgpackWriter& to) { to.bin("ab"); }) ==
            "\xc4\x02"
            "ab"
        );
        CHECK(
            written([](MsgpackWriter& to) { to.ext(0, "12345678"); }) ==
            "\xd7\x00"
            "12345678"s
        );
        CHECK(
            written([](MsgpackWriter& to) { to.ext(5, "123"); }) ==
            "\xc7\x03\x05"
            "123"
        );
        CHECK(written([](MsgpackWriter& to) {
                  to.real(1.5);
              }) == "\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00"s);
        CHECK(written([](MsgpackWriter& to) {
                  to.array(15);
                  to.array(16);
                  to.map(65'536);
              }) == "\x9f\xdc\x00\x10\xdf\x00\x01\x00\x00"s);
    }

    TEST_CASE("skipping passes a value nested a million deep without recursion") {
        const std::string deep = std::string(1'000'000, '\x91') + "\xc0";
        MsgpackReader reader(deep);
        CHECK(reader.skip().size() == deep.size());
        MsgpackScanner scanner(2'000'000);
        CHECK(scanner.scan(deep) == MsgpackScanner::State::kWhole);
    }

    TEST_CASE("counts that promise more than there is are faults, not allocations") {
        MsgpackItem item;
        MsgpackReader counted("\xdd\xff\xff\xff\xff\x01");
        CHECK(!counted.next(item));
        CHECK(counted.fault() == MsgpackReader::Fault::kCount);
        MsgpackReader map("\xdf\xff\xff\xff\xff\x01");
        CHECK(!map.next(item));
        MsgpackReader text("\xdb\xff\xff\xff\xffx");
        CHECK(!text.next(item));
        CHECK(text.fault() == MsgpackReader::Fault::kEnded);
        CHECK(!text.next(item));
        MsgpackReader unused("\xc1");
        CHECK(!unused.next(item));
        CHECK(unused.fault() == MsgpackReader::Fault::kInvalid);
    }

    TEST_CASE("the scanner says how much it needs, and refuses what claims too much at once") {
        MsgpackScanner scanner(1000);
        CHECK(scanner.scan("") == MsgpackScanner::State::kMore);
        CHECK(scanner.scan("\x92\xc5\x01") == MsgpackScanner::State::kMore);
        CHECK(scanner.needed_bytes() == 5);
        CHECK(scanner.scan("\x92\xc5\x01\x00"s) == MsgpackScanner::State::kMore);
        CHECK(scanner.needed_bytes() == 1 + 3 + 256 + 1);
        CHECK(
            MsgpackScanner(1000).scan("\xdb\x7f\xff\xff\xff") == MsgpackScanner::State::kTooLarge
        );
        CHECK(
            MsgpackScanner(1000).scan("\xdd\xff\xff\xff\xff") == MsgpackScanner::State::kTooLarge
        );
        CHECK(MsgpackScanner(1000).scan("\x91\xc1") == MsgpackScanner::State::kInvalid);
    }

    TEST_CASE("gzip members one after another, and zstd frames, inflate as one stream") {
        const std::string one = gzip_deflate("one ");
        CHECK(*gzip_inflate(one + gzip_deflate("two"), {}) == "one two");
        CHECK(*gzip_inflate(gzip_deflate(""), {}) == "");
        CHECK(!gzip_inflate(one.substr(0, one.size() - 1), {}));
        CHECK(!gzip_inflate("not gzip", {}));
        CHECK(!gzip_inflate("", {}));
        CHECK(!zstd_inflate("", {}));
        CHECK(!zstd_inflate("\x28\xb5\x2f\xfd", {}));
    }

    TEST_CASE("a bomb stops at the limit it meets first") {
        const std::string bomb = gzip_deflate(std::string(8 << 20, 'x'));
        CHECK(gzip_inflate(bomb, {.bytes_max = 8 << 20, .ratio_max = 100'000})->size() == 8 << 20);
        const auto large = gzip_inflate(bomb, {.bytes_max = (8 << 20) - 1, .ratio_max = 100'000});
        REQUIRE(!large);
        CHECK(large.error().code == ErrorCode::kTooLarge);
        const auto dense = gzip_inflate(bomb, {.bytes_max = 1 << 30, .ratio_max = 100});
        REQUIRE(!dense);
        CHECK(dense.error().message == "decompresses to more than 100 times its size");
    }

    TEST_CASE("what fuzzing found stays found") {
        CHECK(test::replay_corpus(SEYIR_SOURCE_ROOT "/test/fuzz/corpus/msgpack") > 0);
    }
}
