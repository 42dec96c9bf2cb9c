// SPDX-License-Identifier: Apache-2.0
#include "ctl/records/record_lines.hpp"

#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "common/codec/compress.hpp"
#include "common/codec/inflate.hpp"
#include "test/support/temp_dir.hpp"

using namespace seyir;
using namespace seyir::ctl;

namespace {

std::string zstd(std::string_view raw) {
    std::string packed(codec::zstd_bound_bytes(raw.size()), '\0');
    packed.resize(*codec::ZstdCompressor().compress(raw, packed, 3));
    return packed;
}

struct Read {
    std::vector<std::string> lines;
    uint64_t offset = 0;
    std::string error;
};

Read read_all(std::string_view bytes) {
    const test::TempDir folder;
    const std::string path = folder / "file";
    REQUIRE(io::write_file_atomically(io::posix_file_system(), path, bytes));
    auto lines = RecordLines::open(io::posix_file_system(), path);
    REQUIRE(lines);
    Read out;
    std::string_view line;
    while (true) {
        const auto more = lines->next(line);
        if (!more) {
            out.error = more.error().message;
        }
        if (!more || !*more) {
            out.offset = lines->offset();
            CHECK(lines->number() == out.lines.size());
            return out;
        }
        out.lines.emplace_back(line);
    }
}

}  // namespace

TEST_SUITE("ctl/records/record_lines") {
    TEST_CASE("lines come the same from plain, gzip and zstd files of one or many parts") {
        std::string text;
        std::vector<std::string> want;
        for (int i = 0; i < 20'000; ++i) {
            want.push_back(fmt::format("line {}{}", i, std::string(i % 97, 'x')));
            text += want.back() + "\n";
        }
        want.emplace_back(3 * kMiB, 'y');  // longer than a piece, and it does not end
        text += want.back();
        const size_t half = text.size() / 2;
        const std::string_view all = text;
        for (const std::string& bytes :
             {text,
              codec::gzip_deflate(text),
              codec::gzip_deflate(all.substr(0, half)) + codec::gzip_deflate(all.substr(half)),
              zstd(text),
              zstd(all.substr(0, half)) + zstd(all.substr(half))}) {
            const Read read = read_all(bytes);
            CHECK(read.error == "");
            CHECK(read.lines == want);
            CHECK(read.offset == text.size());
        }
        CHECK(read_all("").lines.empty());
        CHECK(read_all(codec::gzip_deflate("")).lines.empty());
    }

    TEST_CASE("a packed file that ends early or is damaged is told, not read as shorter") {
        std::string text;
        for (int i = 0; i < 5000; ++i) {
            text += fmt::format("line {}\n", i * 7919);
        }
        for (std::string bytes : {codec::gzip_deflate(text), zstd(text)}) {
            CHECK(read_all(bytes.substr(0, bytes.size() - 1)).error != "");
            CHECK(read_all(bytes.substr(0, bytes.size() / 2)).error != "");
        }
        CHECK(read_all(std::string(RecordLines::kLineBytesMax + kMiB, 'x')).error != "");
    }

    TEST_CASE("the mark of an import reads back, and nothing else is one") {
        const ImportMark mark{"5-00", "http://x/\"", "0a0b", 1, 2, 3, 4, 5, true};
        const auto read = ImportMark::from_json(mark.to_json());
        REQUIRE(read);
        CHECK(read->to_json() == mark.to_json());
        CHECK(read->is_done);
        CHECK(read->id == "0a0b");
        // As older versions wrote it.
        const auto older = ImportMark::from_json(
            R"({"file":"5-00","target":"x","offset":1,"line":2,"records":3,"skipped":4,)"
            R"("rejected":5,"done":false})"
        );
        REQUIRE(older);
        CHECK(older->id == "");
        CHECK(older->offset == 1);
        for (const char* text : {"", "{}", "[1]", "{\"file\":\"x\"}"}) {
            CHECK_FALSE(ImportMark::from_json(text));
        }
    }
}
