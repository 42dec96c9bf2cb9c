// SPDX-License-Identifier: Apache-2.0
#include <limits>
#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "common/codec/bytes.hpp"
#include "common/codec/compress.hpp"
#include "common/codec/crc32c.hpp"

namespace codec = seyir::codec;

TEST_SUITE("common/codec") {
    TEST_CASE("crc32c gives the values of RFC 3720 and agrees with its table form") {
        CHECK(codec::crc32c("123456789") == 0xe3069283);
        CHECK(codec::crc32c(std::string(32, '\0')) == 0x8a9136aa);
        CHECK(codec::crc32c(std::string(32, '\xff')) == 0x62a8ab43);
        CHECK(codec::crc32c("") == 0);
        std::mt19937_64 random(7);
        std::string bytes(777, '\0');
        for (char& byte : bytes) {
            byte = static_cast<char>(random());
        }
        for (size_t size = 0; size < bytes.size(); size += 13) {
            const std::string_view piece(bytes.data(), size);
            CHECK(codec::crc32c(piece) == codec::crc32c_portable(piece));
            const uint32_t first = codec::crc32c(piece.substr(0, size / 3));
            CHECK(codec::crc32c(piece.substr(size / 3), first) == codec::crc32c(piece));
        }
    }

    TEST_CASE("a varint of any size comes back, and one that is cut or too wide does not") {
        const std::vector<uint64_t> values{
            0, 1, 127, 128, 16383, 16384, 1ULL << 35, std::numeric_limits<uint64_t>::max()
        };
        for (const uint64_t value : values) {
            std::string out;
            codec::append_varint(out, value);
            codec::Reader reader(out);
            CHECK(reader.varint() == value);
            CHECK(reader.ok());
            CHECK(reader.left() == 0);
            codec::Reader cut(std::string_view(out).substr(0, out.size() - 1));
            CHECK(cut.varint() == 0);
            CHECK_FALSE(cut.ok());
        }
        codec::Reader wide("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02");
        CHECK(wide.varint() == 0);
        CHECK_FALSE(wide.ok());
        codec::Reader endless("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01");
        CHECK(endless.varint() == 0);
        CHECK_FALSE(endless.ok());
    }

    TEST_CASE("zigzag keeps small numbers of either sign small and loses none") {
        CHECK(codec::zigzag(0) == 0);
        CHECK(codec::zigzag(-1) == 1);
        CHECK(codec::zigzag(1) == 2);
        for (const int64_t v :
             {std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max(), int64_t{-77}
             }) {
            CHECK(codec::unzigzag(codec::zigzag(v)) == v);
        }
    }

    TEST_CASE("a reader that failed stays failed and tells where") {
        codec::Reader reader(std::string_view("\x01\x05zz", 4));
        CHECK(reader.u8() == 1);
        CHECK(reader.text(100).empty());
        CHECK_FALSE(reader.ok());
        CHECK(reader.offset() == 2);
        CHECK(reader.le<uint64_t>() == 0);
        CHECK(reader.offset() == 2);
    }

    TEST_CASE("what was compressed comes back, and only at its exact size") {
        std::mt19937_64 random(11);
        codec::Lz4Compressor lz4;
        codec::ZstdCompressor zstd;
        codec::ZstdDecompressor unzstd;
        for (const size_t size : {size_t{1}, size_t{100}, size_t{70'000}}) {
            std::string raw(size, '\0');
            for (char& byte : raw) {
                byte = static_cast<char>('a' + random() % 4);
            }
            std::string packed(codec::lz4_bound_bytes(size), '\0');
            const auto lz4_bytes = lz4.compress(raw, packed, 1);
            REQUIRE(lz4_bytes);
            const std::string_view lz4_packed(packed.data(), *lz4_bytes);
            std::string back(size, '\0');
            REQUIRE(codec::lz4_decompress(lz4_packed, back));
            CHECK(back == raw);
            std::string larger(size + 1, '\0');
            CHECK_FALSE(codec::lz4_decompress(lz4_packed, larger));
            CHECK_FALSE(codec::lz4_decompress(lz4_packed, std::span(back).subspan(1)));
            CHECK_FALSE(codec::lz4_decompress(lz4_packed.substr(0, *lz4_bytes - 1), back));

            std::string zpacked(codec::zstd_bound_bytes(size), '\0');
            const auto zstd_bytes = zstd.compress(raw, zpacked, 1);
            REQUIRE(zstd_bytes);
            const std::string_view zstd_packed(zpacked.data(), *zstd_bytes);
            REQUIRE(unzstd.decompress(zstd_packed, back));
            CHECK(back == raw);
            CHECK_FALSE(unzstd.decompress(zstd_packed, larger));
            CHECK_FALSE(unzstd.decompress(zstd_packed.substr(0, *zstd_bytes - 1), back));
        }
    }
}
