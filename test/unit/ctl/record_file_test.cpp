// SPDX-License-Identifier: Apache-2.0
#include "ctl/records/record_file.hpp"

#include <vector>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "common/codec/inflate.hpp"
#include "test/support/temp_dir.hpp"

using namespace seyir;
using namespace seyir::ctl;

namespace {

std::vector<std::string> some_lines() {
    std::vector<std::string> lines;
    for (int i = 0; i < 60; ++i) {
        // Every third stands there three times.
        for (int copy = 0; copy < (i % 3 == 0 ? 3 : 1); ++copy) {
            lines.push_back(fmt::format("{{\"timestamp\":\"{:03}\",\"body\":\"{}\"}}\n", i / 2, i));
        }
    }
    return lines;
}

std::string joined(const std::vector<std::string>& lines) {
    std::string out;
    for (const std::string& line : lines) {
        out += line;
    }
    return out;
}

std::string content(const std::string& path) {
    auto bytes = io::read_file(io::posix_file_system(), path, kMiB);
    REQUIRE(bytes);
    switch (packing_of(path)) {
        case Packing::kNone:
            return *bytes;
        case Packing::kGzip:
            return *codec::gzip_inflate(*bytes, {});
        default:
            return *codec::zstd_inflate(*bytes, {});
    }
}

Result<RecordFile> open(const std::string& path, bool resumes, std::string asked = "all records") {
    ExportMark mark;
    mark.asked = std::move(asked);
    return RecordFile::open(
        io::posix_file_system(), {.path = path, .resumes = resumes, .piece_bytes = 300}, mark
    );
}

bool is_there(const std::string& path) {
    return io::posix_file_system().stat(path).has_value();
}

}  // namespace

TEST_SUITE("ctl/records/record_file") {
    TEST_CASE("an export stopped after any line and resumed has every line once") {
        const auto lines = some_lines();
        for (const char* name : {"a.jsonl", "a.jsonl.gz", "a.jsonl.zst"}) {
            for (size_t stop = 0; stop < lines.size(); ++stop) {
                CAPTURE(name);
                CAPTURE(stop);
                const test::TempDir folder;
                const std::string path = folder / name;
                {
                    // Dies without finish(): what is in memory is lost.
                    auto file = open(path, false);
                    REQUIRE(file);
                    for (size_t i = 0; i < stop; ++i) {
                        REQUIRE(file->add(lines[i]));
                    }
                }
                const auto torn =
                    io::posix_file_system().open(path + ".partial", io::OpenMode::kWriteAppend);
                REQUIRE((*torn)->append("half a piece"));
                auto file = open(path, true);
                REQUIRE(file);
                const std::string last = file->mark().last;
                const std::string time = last.substr(0, last.find(','));
                for (const std::string& line : lines) {
                    // The collector gives what is of that time or later.
                    if (line.substr(0, line.find(',')) >= time) {
                        REQUIRE(file->add(line));
                    }
                }
                REQUIRE(file->finish(true));
                CHECK(file->mark().records == lines.size());
                CHECK(content(path) == joined(lines));
                CHECK_FALSE(is_there(path + ".partial"));
                CHECK_FALSE(is_there(path + ".partial.mark"));
            }
        }
    }

    TEST_CASE("an export that was interrupted is neither begun anew nor mixed with another") {
        const test::TempDir folder;
        const std::string path = folder / "a.jsonl";
        {
            auto file = open(path, false);
            REQUIRE(file->add("{\"timestamp\":\"1\"}\n"));
            REQUIRE(file->finish(false));
        }
        const auto anew = open(path, false);
        REQUIRE_FALSE(anew);
        CHECK(anew.error().message.find("--resume") != std::string::npos);
        const auto other = open(path, true, "{app=\"b\"}");
        REQUIRE_FALSE(other);
        CHECK(other.error().code == ErrorCode::kConflict);
        REQUIRE((*io::posix_file_system().open(path + ".partial", io::OpenMode::kReadWrite))
                    ->truncate(3));
        CHECK(open(path, true).error().code == ErrorCode::kCorrupt);
    }

    TEST_CASE("no records at all are a file that unpacks to nothing") {
        for (const char* name : {"a.jsonl", "a.jsonl.gz", "a.jsonl.zst"}) {
            const test::TempDir folder;
            auto file = open(folder / name, false);
            REQUIRE(file->finish(true));
            CHECK(content(folder / name) == "");
        }
    }

    TEST_CASE("a mark reads back as it was written, and nothing else is one") {
        ExportMark mark{"{a=\"b\"}", "s", "e", 1, 2, 3, "last \"line\"\n", 4};
        const auto read = ExportMark::from_json(mark.to_json());
        REQUIRE(read);
        CHECK(read->to_json() == mark.to_json());
        for (const char* text : {"", "{}", "[]", "{\"asked\":1}"}) {
            CHECK_FALSE(ExportMark::from_json(text));
        }
    }
}
