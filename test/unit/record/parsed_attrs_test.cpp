// SPDX-License-Identifier: Apache-2.0
// Attributes read out of the body stay in the program: docs/adr/0012-parsed-attributes.md.
#include <algorithm>
#include <cstdlib>

#include <doctest/doctest.h>

#include "common/io/file_system.hpp"
#include "common/record/batch_codec.hpp"
#include "common/record/batch_editor.hpp"
#include "test/support/random_batch.hpp"

using namespace seyir;

namespace {

/// A random batch in which about half of the attributes are parsed ones.
RecordBatchPtr with_parsed(test::RandomBatch& random) {
    BatchEditor edit({std::make_shared<const RecordBatch>(random.make()), {}});
    for (size_t i = 0; i < edit.row_count(); ++i) {
        const auto attrs = edit.batch().attrs(i);
        std::vector<Attr> changed(attrs.begin(), attrs.end());
        for (Attr& attr : changed) {
            attr.is_parsed = random.chance(2);
        }
        edit.set_attrs(i, changed);
    }
    return std::move(edit).finish().batch;
}

RecordBatchPtr through_bytes(const BatchView& view, bool keep_parsed) {
    BatchEncoder encoder({.keep_parsed = keep_parsed});
    const auto encoded = encoder.encode(view);
    REQUIRE_MESSAGE(encoded, encoded.error().message);
    const auto decoded = decode_batch(*encoded, TenantId::kDefault);
    REQUIRE_MESSAGE(decoded, decoded.error().message);
    return *decoded;
}

/// As same_row, and the flags too.
bool same_with_flags(const RecordBatch& a, const RecordBatch& b, size_t i) {
    return test::same_row(a, i, b, i) &&
           std::ranges::equal(a.attrs(i), b.attrs(i), {}, &Attr::is_parsed, &Attr::is_parsed);
}

}  // namespace

TEST_SUITE("common/record/parsed_attrs") {
    TEST_CASE("the encoder leaves parsed attributes out, as if they had never been there") {
        for (uint64_t seed = 1; seed <= 200; ++seed) {
            CAPTURE(seed);
            test::RandomBatch random(seed);
            const RecordBatchPtr from = with_parsed(random);
            const RecordBatchPtr to = through_bytes({from, {}}, false);
            const BatchView real = without_parsed_attrs({from, {}});
            CHECK(!to->has_parsed_attrs());
            REQUIRE(to->row_count() == from->row_count());
            for (size_t i = 0; i < to->row_count(); ++i) {
                REQUIRE(test::same_row(*real.batch, i, *to, i));
                for (const Attr& attr : real.batch->attrs(i)) {
                    REQUIRE(!attr.is_parsed);
                }
            }
            for (KeyIndex key = 0; from->has_parsed_attrs() && key < to->keys().size(); ++key) {
                bool is_used = false;
                for (size_t i = 0; i < to->row_count(); ++i) {
                    is_used = is_used || to->find_attr(i, key) != nullptr;
                }
                CHECK(is_used);
            }
        }
    }

    TEST_CASE("a buffer keeps them with their flag, and its bytes never go on to the wire") {
        for (uint64_t seed = 1; seed <= 200; ++seed) {
            CAPTURE(seed);
            test::RandomBatch random(seed);
            const RecordBatchPtr from = with_parsed(random);
            const RecordBatchPtr to = through_bytes({from, {}}, true);
            REQUIRE(to->row_count() == from->row_count());
            bool has_parsed = false;
            for (size_t i = 0; i < to->row_count(); ++i) {
                REQUIRE(same_with_flags(*from, *to, i));
                has_parsed = has_parsed || std::ranges::any_of(from->attrs(i), &Attr::is_parsed);
            }
            CHECK(to->encoded().has_value() == !has_parsed);
        }
    }

    TEST_CASE("a buffered batch has exactly the bytes of the format page's second example") {
        RecordBatch batch;
        batch.add_stream(*StreamLabels::make({{"input", "app"}}));
        const Attr attrs[] = {
            {batch.add_key("filename"), Value::string("/v/a.log")},
            {batch.add_key("status"), Value::integer(200), true},
        };
        batch.append_row(
            {.ts = {1'767'225'600'000'000'000}, .body = "s=200", .attrs = batch.add_attrs(attrs)}
        );
        BatchEncoder encoder({.codec = PayloadCodec::kNone, .keep_parsed = true});
        const auto bytes =
            encoder.encode({std::make_shared<const RecordBatch>(std::move(batch)), {}});
        REQUIRE(bytes);
        const std::string path =
            std::string(SEYIR_SOURCE_ROOT) + "/test/golden/batch_v1_parsed.bin";
        if (std::getenv("SEYIR_WRITE_GOLDEN") != nullptr) {
            REQUIRE(io::write_file_atomically(io::posix_file_system(), path, *bytes->bytes));
        }
        const auto golden = io::read_file(io::posix_file_system(), path, 1 << 20);
        REQUIRE(golden);
        CHECK(*bytes->bytes == *golden);
    }

    TEST_CASE("batches without parsed attributes have the same bytes either way") {
        for (uint64_t seed = 1; seed <= 50; ++seed) {
            CAPTURE(seed);
            test::RandomBatch random(seed);
            const BatchView view{std::make_shared<const RecordBatch>(random.make()), {}};
            BatchEncoder keeping({.keep_parsed = true});
            BatchEncoder dropping;
            CHECK(*keeping.encode(view)->bytes == *dropping.encode(view)->bytes);
        }
    }

    TEST_CASE("rows that were parsed each still share what is left of their attributes") {
        RecordBatch batch;
        batch.add_stream(*StreamLabels::make({{"input", "app"}}));
        const KeyIndex filename = batch.add_key("filename");
        const KeyIndex status = batch.add_key("status");
        RecordBatch plain = clone_rows({std::make_shared<const RecordBatch>(), {}});
        plain.add_stream(batch.streams()[0]);
        const Attr shared{plain.add_key("filename"), Value::string("/v/a.log")};
        const AttrRange all = plain.add_attrs({&shared, 1});
        for (int i = 0; i < 100; ++i) {
            const Attr attrs[] = {
                {filename, Value::string("/v/a.log")}, {status, Value::integer(i), true}
            };
            batch.append_row({.ts = {i + 1}, .body = "x", .attrs = batch.add_attrs(attrs)});
            plain.append_row({.ts = {i + 1}, .body = "x", .attrs = all});
        }
        BatchEncoder encoder({.codec = PayloadCodec::kNone});
        const auto parsed_bytes =
            encoder.encode({std::make_shared<const RecordBatch>(std::move(batch)), {}});
        const auto plain_bytes =
            encoder.encode({std::make_shared<const RecordBatch>(std::move(plain)), {}});
        CHECK(*parsed_bytes->bytes == *plain_bytes->bytes);
    }
}
