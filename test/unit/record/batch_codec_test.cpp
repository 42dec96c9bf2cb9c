// SPDX-License-Identifier: Apache-2.0
#include "common/record/batch_codec.hpp"

#include <algorithm>
#include <cstdlib>
#include <random>

#include <doctest/doctest.h>
#include <xxhash.h>

#include "common/codec/bytes.hpp"
#include "common/io/file_system.hpp"
#include "test/support/random_batch.hpp"
#include "test/support/replay_corpus.hpp"

using namespace seyir;

namespace {

constexpr PayloadCodec kCodecs[] = {PayloadCodec::kNone, PayloadCodec::kLz4, PayloadCodec::kZstd};

BatchView view_of(RecordBatch batch) {
    return {std::make_shared<const RecordBatch>(std::move(batch)), {}};
}

EncodedBatch rehashed(std::string bytes, const EncodedBatch& like) {
    EncodedBatch out = like;
    out.xxh3 = XXH3_64bits(bytes.data(), bytes.size());
    out.bytes = std::make_shared<const std::string>(std::move(bytes));
    return out;
}

/// The worked example of docs/format/batch.md.
RecordBatch example_batch() {
    RecordBatch batch;
    batch.add_stream(*StreamLabels::make({{"host", "web1"}, {"input", "app"}}));
    SourcePosition position;
    position.key = {{0x0102030405060708, 0x1112131415161718}, 2};
    position.begin = 100;
    position.end = 112;
    position.tail_hash = 0xa1a2a3a4a5a6a7a8;
    batch.add_position(position);
    const Attr attr{batch.add_key("filename"), Value::string(batch.arena().copy("/v/a.log"))};
    const AttrRange attrs = batch.add_attrs(std::span(&attr, 1));
    int64_t ts = 1'767'225'600'000'000'000;
    for (const char* body : {"hello", "", "you"}) {
        Row row{.ts = {ts++}, .origin = 0, .body = batch.arena().copy(body), .attrs = attrs};
        batch.append_row(row);
    }
    return batch;
}

std::string golden(const std::string& name) {
    const std::string path = std::string(SEYIR_SOURCE_ROOT) + "/test/golden/" + name;
    auto bytes = io::read_file(io::posix_file_system(), path, 1 << 20);
    return bytes ? *bytes : "";
}

}  // namespace

TEST_SUITE("common/record/batch_codec") {
    TEST_CASE("a random batch comes back with the same meaning through every codec") {
        for (uint64_t seed = 1; seed <= 300; ++seed) {
            CAPTURE(seed);
            test::RandomBatch random(seed);
            const BatchView view = view_of(random.make());
            const RecordBatch& from = *view.batch;
            const PayloadCodec codec = kCodecs[seed % 3];
            const auto encoded = encode_batch(view, codec);
            REQUIRE_MESSAGE(encoded, (encoded ? "" : encoded.error().message));
            const auto decoded = decode_batch(*encoded, TenantId::kDefault);
            REQUIRE_MESSAGE(decoded, (decoded ? "" : decoded.error().message));
            const RecordBatch& to = **decoded;
            REQUIRE(to.row_count() == from.row_count());
            CHECK(to.positions() == from.positions());
            CHECK(to.raw_bytes() == from.raw_bytes());
            CHECK(to.min_ts() == from.min_ts());
            CHECK(to.max_ts() == from.max_ts());
            for (size_t i = 0; i < to.row_count(); ++i) {
                REQUIRE(test::same_row(from, i, to, i));
            }
            REQUIRE(to.encoded());
            CHECK(to.encoded()->bytes == encoded->bytes);
        }
    }

    TEST_CASE("a view carries the selected rows, the streams they use and all positions") {
        for (uint64_t seed = 1; seed <= 100; ++seed) {
            CAPTURE(seed);
            test::RandomBatch random(seed);
            BatchView view = view_of(random.make());
            std::vector<uint32_t> rows;
            for (uint32_t i = 0; i < view.batch->row_count(); ++i) {
                if (random.chance(3)) {
                    rows.push_back(i);
                }
            }
            view.rows = Selection::of(rows);
            const auto decoded =
                decode_batch(*encode_batch(view, PayloadCodec::kLz4), TenantId::kDefault);
            REQUIRE(decoded);
            REQUIRE((*decoded)->row_count() == rows.size());
            CHECK((*decoded)->positions() == view.batch->positions());
            std::vector<bool> used((*decoded)->streams().size());
            for (size_t i = 0; i < rows.size(); ++i) {
                REQUIRE(test::same_row(*view.batch, rows[i], **decoded, i));
                used[(*decoded)->stream(i)] = true;
            }
            CHECK(std::ranges::all_of(used, [](bool b) { return b; }));
        }
    }

    TEST_CASE("the head tells times, streams and positions without the rows") {
        const auto encoded = encode_batch(view_of(example_batch()), PayloadCodec::kZstd);
        REQUIRE(encoded);
        const auto header = peek_batch_header(*encoded->bytes);
        REQUIRE(header);
        CHECK(header->rows == 3);
        CHECK(header->min_ts.value == 1'767'225'600'000'000'000);
        CHECK(header->max_ts.value == 1'767'225'600'000'000'002);
        CHECK(header->raw_bytes == 11);
        REQUIRE(header->streams.size() == 1);
        CHECK(header->streams[0]->to_text() == R"({host="web1", input="app"})");
        REQUIRE(header->positions.size() == 1);
        CHECK(header->positions[0].end == 112);
        const auto rebuilt = encoded_from_bytes(encoded->bytes);
        REQUIRE(rebuilt);
        CHECK(rebuilt->xxh3 == encoded->xxh3);
        CHECK(rebuilt->raw_bytes == encoded->raw_bytes);
        CHECK(rebuilt->codec == encoded->codec);
    }

    TEST_CASE("the example of the format page has exactly its bytes") {
        const auto encoded = encode_batch(view_of(example_batch()), PayloadCodec::kNone);
        REQUIRE(encoded);
        if (std::getenv("SEYIR_WRITE_GOLDEN") != nullptr) {
            const std::string path = std::string(SEYIR_SOURCE_ROOT) + "/test/golden/batch_v1.bin";
            REQUIRE(io::write_file_atomically(io::posix_file_system(), path, *encoded->bytes));
        }
        CHECK(*encoded->bytes == golden("batch_v1.bin"));
    }

    TEST_CASE("lines of one file share their attributes on the wire and cost two bytes each") {
        RecordBatch batch = example_batch();
        const Row row = batch.row(0);
        const size_t small =
            encode_batch(view_of(clone_rows(view_of(example_batch()))), PayloadCodec::kNone)
                ->bytes->size();
        for (int i = 0; i < 1000; ++i) {
            Row more = row;
            more.body = "x";
            more.ts.value += 3 + i;
            batch.append_row(more);
        }
        const auto encoded = encode_batch(view_of(std::move(batch)), PayloadCodec::kNone);
        CHECK(encoded->bytes->size() < small + 3 * 1000 + 20);
    }

    TEST_CASE("a changed byte is found by the hash, and behind a right hash never does harm") {
        for (uint64_t seed = 1; seed <= 60; ++seed) {
            CAPTURE(seed);
            test::RandomBatch random(seed);
            const auto encoded = encode_batch(view_of(random.make()), PayloadCodec::kNone);
            REQUIRE(encoded);
            for (int turn = 0; turn < 50; ++turn) {
                std::string bytes = *encoded->bytes;
                bytes[random.below(bytes.size())] ^= static_cast<char>(1 + random.below(255));
                EncodedBatch damaged = *encoded;
                damaged.bytes = std::make_shared<const std::string>(bytes);
                CHECK_FALSE(decode_batch(damaged, TenantId::kDefault));
                const auto accepted = decode_batch(rehashed(bytes, *encoded), TenantId::kDefault);
                if (accepted) {
                    CHECK((*accepted)->row_count() <= bytes.size());
                }
            }
        }
    }

    TEST_CASE("a cut payload is refused at every length with a message that names the place") {
        const auto encoded = encode_batch(view_of(example_batch()), PayloadCodec::kNone);
        for (size_t size = 0; size < encoded->bytes->size(); ++size) {
            CAPTURE(size);
            const auto result = decode_batch(
                rehashed(encoded->bytes->substr(0, size), *encoded), TenantId::kDefault
            );
            REQUIRE_FALSE(result);
            CHECK(result.error().message.starts_with("batch payload: "));
        }
    }

    TEST_CASE("limits are named with their value on both sides") {
        RecordBatch batch = example_batch();
        Row row = batch.row(0);
        const std::string line(1024 * 1024 + 1, 'x');
        row.body = line;
        batch.append_row(row);
        const BatchView view = view_of(std::move(batch));
        const auto refused = encode_batch(view, PayloadCodec::kLz4);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code == ErrorCode::kTooLarge);
        CHECK(
            refused.error().message == "batch payload: record_bytes_max is 1048577, limit 1048576"
        );
        EncodeOptions generous;
        generous.limits.record_bytes_max = 2 * 1024 * 1024;
        BatchEncoder encoder(generous);
        const auto encoded = encoder.encode(view);
        REQUIRE(encoded);
        const auto decoded = decode_batch(*encoded, TenantId::kDefault);
        REQUIRE_FALSE(decoded);
        CHECK(decoded.error().code == ErrorCode::kTooLarge);
    }

    TEST_CASE("a value nested deeper than the limit is refused, at the limit it passes") {
        const auto nested = [](uint32_t depth) {
            RecordBatch batch = example_batch();
            Value value = Value::integer(1);
            for (uint32_t i = 1; i < depth; ++i) {
                auto* item = batch.arena().allocate_array<Value>(1);
                new (item) Value(value);
                value = Value::array({item, 1});
            }
            const Attr attr{batch.add_key("deep"), value};
            Row row = batch.row(0);
            row.attrs = batch.add_attrs(std::span(&attr, 1));
            batch.append_row(row);
            return encode_batch(view_of(std::move(batch)), PayloadCodec::kNone);
        };
        const auto fits = nested(64);
        REQUIRE(fits);
        CHECK(decode_batch(*fits, TenantId::kDefault));
        CHECK_FALSE(nested(65));
    }

    TEST_CASE("a payload of a later version is refused with what to do") {
        auto encoded = encode_batch(view_of(example_batch()), PayloadCodec::kNone);
        std::string bytes = *encoded->bytes;
        bytes[2] = 2;
        const auto result = decode_batch(rehashed(bytes, *encoded), TenantId::kDefault);
        REQUIRE_FALSE(result);
        CHECK(result.error().code == ErrorCode::kUnsupported);
        CHECK(result.error().message.find("upgrade") != std::string::npos);
    }

    TEST_CASE("bytes that do not compress travel as they are") {
        std::mt19937_64 random(3);
        RecordBatch batch = example_batch();
        std::string noise(5000, '\0');
        for (char& c : noise) {
            c = static_cast<char>(random());
        }
        Row row = batch.row(0);
        row.body = batch.arena().copy(noise);
        batch.append_row(row);
        const auto encoded = encode_batch(view_of(std::move(batch)), PayloadCodec::kLz4);
        REQUIRE(encoded);
        CHECK(encoded->codec == PayloadCodec::kNone);
        CHECK(decode_batch(*encoded, TenantId::kDefault));
    }

    TEST_CASE("the committed corpus of the fuzz target runs clean") {
        const std::string corpus = std::string(SEYIR_SOURCE_ROOT) + "/test/fuzz/corpus/batch";
        if (std::getenv("SEYIR_WRITE_GOLDEN") != nullptr) {
            REQUIRE(io::posix_file_system().make_directories(corpus));
            for (uint64_t seed = 1; seed <= 6; ++seed) {
                test::RandomBatch random(seed + 40);
                const auto encoded = encode_batch(view_of(random.make()), kCodecs[seed % 3]);
                const std::string path = corpus + "/random_" + std::to_string(seed);
                REQUIRE(io::write_file_atomically(io::posix_file_system(), path, *encoded->bytes));
            }
        }
        CHECK(test::replay_corpus(corpus) >= 6);
    }
}
