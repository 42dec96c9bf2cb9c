// SPDX-License-Identifier: Apache-2.0
#include "collector/backup/repository/manifest.hpp"

#include <cstdlib>

#include <doctest/doctest.h>
#include <xxhash.h>

#include "common/io/file_system.hpp"
#include "test/support/replay_corpus.hpp"

using namespace seyir;
using namespace seyir::collector::backup;

namespace {

const std::string kGolden = SEYIR_SOURCE_ROOT "/test/golden/backup_v1.json";
const std::string kGoldenMarked = SEYIR_SOURCE_ROOT "/test/golden/backup_v1_marked.json";

Manifest example() {
    Manifest out;
    out.id = "20260101T120000Z";
    out.begun = {1'767'268'800'123'456'789};
    out.version = "0.1.0";
    out.store_id = {0x0123456789abcdef, 0xfedcba9876543210};
    out.restore_generation = 2;
    out.records = 1203;
    out.raw_bytes = 300'750;
    out.files = {
        {"agent_tokens.json", 5, {1'767'268'000'000'000'000}, {1, 2}, {3}},
        {"segments/20260101/00000000000000000001.sst",
         kPieceBytes + 1,
         {1'767'268'700'000'000'001},
         {0x3f09000000000000, 0xe1},
         {0xaaaaaaaaaaaaaaaa, 0x1}},
        {"db/CURRENT", 0, {0}, {9, 9}, {}},
    };
    return out;
}

Manifest decoded(const std::string& text) {
    const auto manifest = decode_manifest(text);
    REQUIRE_MESSAGE(manifest.has_value(), manifest.error().message);
    return *manifest;
}

}  // namespace

TEST_SUITE("collector/backup/manifest") {
    TEST_CASE("the golden manifest is what is written and what is read") {
        auto& fs = io::posix_file_system();
        if (std::getenv("SEYIR_UPDATE") != nullptr) {
            REQUIRE(io::write_file_atomically(fs, kGolden, encode(example()).value()));
        }
        const auto golden = io::read_file(fs, kGolden, 1 << 20);
        REQUIRE(golden.has_value());
        CHECK(*golden == encode(example()).value());
        CHECK(decoded(*golden) == example());
    }

    TEST_CASE("a manifest with any one bit changed or cut off anywhere is refused") {
        const std::string text = encode(example()).value();
        for (size_t at = 0; at < text.size(); ++at) {
            std::string changed = text;
            changed[at] = static_cast<char>(changed[at] ^ 1);
            CHECK_MESSAGE(!decode_manifest(changed).has_value(), at);
            CHECK_MESSAGE(!decode_manifest(text.substr(0, at)).has_value(), at);
        }
        CHECK(decode_manifest(text).has_value());
    }

    TEST_CASE("a manifest of a newer format names both versions") {
        std::string text = encode(example()).value();
        text.replace(text.find(":1,"), 3, ":9,");
        text.resize(text.rfind('{'));
        const XXH128_hash_t hash = XXH3_128bits(text.data(), text.size());
        text += R"({"xxh3":")" + ContentHash{hash.high64, hash.low64}.to_hex() + "\"}\n";
        const auto refused = decode_manifest(text);
        REQUIRE(!refused.has_value());
        CHECK(refused.error().code == ErrorCode::kUnsupported);
        CHECK(refused.error().message.find("format 9") != std::string::npos);
        CHECK(refused.error().message.find("up to 1") != std::string::npos);
    }

    TEST_CASE("what was wrong with a file is in the manifest, and where rereading stopped") {
        Manifest marked = example();
        marked.rechecked_to = "segments/20260101/00000000000000000001.sst";
        marked.files[1].damage = "checking a.sst: Corruption: block checksum mismatch";
        const std::string text = encode(marked).value();
        CHECK(decoded(text) == marked);
        auto& fs = io::posix_file_system();
        if (std::getenv("SEYIR_UPDATE") != nullptr) {
            REQUIRE(io::write_file_atomically(fs, kGoldenMarked, text));
        }
        CHECK(io::read_file(fs, kGoldenMarked, 65536).value() == text);
        // However long and strange, it does not make the manifest unreadable.
        marked.files[1].damage = std::string(1023, 'x') + "\xc5\x9f" + std::string(5000, '\xff');
        CHECK(decoded(encode(marked).value()).files[1].damage == std::string(1023, 'x'));
    }

    TEST_CASE("a manifest that could not be read again is not written") {
        Manifest much = example();
        much.files[0].path = "../x";
        const auto refused = encode(much);
        REQUIRE_FALSE(refused.has_value());
        CHECK(refused.error().message.starts_with("../x cannot be put into a manifest"));
        much = example();
        much.files.resize(kManifestFilesMax + 1, much.files[2]);
        const auto many = encode(much);
        REQUIRE_FALSE(many.has_value());
        CHECK(many.error().code == ErrorCode::kTooLarge);
        CHECK(many.error().message.contains("2000000"));
    }

    TEST_CASE("paths that leave their folder are not safe") {
        for (const char* path : {"", "/etc/passwd", "..", "a/../b", "a//b", "a/", "./a", "a/."}) {
            CHECK_MESSAGE(!is_safe_path(path), path);
        }
        CHECK(is_safe_path("db/CURRENT"));
        CHECK(is_safe_path("segments/20260101/1.sst"));
        CHECK(!is_safe_path(std::string(2000, 'a')));
        CHECK(!is_safe_path(std::string_view("a\0b", 3)));
    }

    TEST_CASE("ids are times with a number behind those of the same second") {
        for (const char* id : {"20260101T120000Z", "20260101T120000Z-2", "20260101T120000Z-12"}) {
            CHECK_MESSAGE(is_backup_id(id), id);
        }
        for (const char* id : {"", "20260101", "20260101T120000Z-", "20260101T120000Zx", "x"}) {
            CHECK_MESSAGE(!is_backup_id(id), id);
        }
    }

    TEST_CASE("the fuzz corpus of manifests runs clean") {
        CHECK(test::replay_corpus(SEYIR_SOURCE_ROOT "/test/fuzz/corpus/manifest") > 0);
    }
}
