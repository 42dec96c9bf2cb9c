// SPDX-License-Identifier: Apache-2.0
// Blocks of columns come back byte for byte, whatever the lines are.
#include <algorithm>
#include <cstdlib>
#include <map>
#include <random>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "collector/store/columns/block_decoder.hpp"
#include "collector/store/columns/block_encoder.hpp"
#include "collector/store/columns/block_verify.hpp"
#include "collector/store/columns/text/runs.hpp"
#include "common/base/units.hpp"
#include "common/io/file_system.hpp"
#include "test/support/random_batch.hpp"
#include "test/support/replay_corpus.hpp"
#include "test/support/shared.hpp"

using namespace seyir;
using namespace seyir::store::columns;

namespace {

constexpr int64_t kStart = 1'767'268'800'000'000'000;

RecordBatch batch_of(const std::vector<std::string>& lines, int64_t step = 1000) {
    RecordBatch batch;
    batch.add_stream(*StreamLabels::make({{"input", "app"}}));
    for (size_t i = 0; i < lines.size(); ++i) {
        Row row;
        row.ts = {kStart + static_cast<int64_t>(i) * step};
        row.body = batch.arena().copy(lines[i]);
        batch.append_row(row);
    }
    return batch;
}

LoadColumn loader(const EncodedBlock& block) {
    return [&block](uint16_t number) -> Result<std::string> {
        for (const EncodedColumn& column : block.columns) {
            if (column.number == number) {
                return column.bytes;
            }
        }
        return fail(ErrorCode::kNotFound, "no such column");
    };
}

BlockShape shape_of(const RecordBatch& batch) {
    return {static_cast<uint32_t>(batch.row_count()), batch.raw_bytes(), batch.tenant()};
}

void check_round_trip(BlockEncoder& encoder, const RecordBatch& batch) {
    const EncodedBlock block = encoder.encode(batch);
    const auto verified = verify(block, batch);
    CHECK_MESSAGE(verified.has_value(), (verified ? "" : verified.error().message));
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    for (size_t at = 0; at < text.size();) {
        const size_t end = std::min(text.find('\n', at), text.size());
        lines.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    return lines;
}

/// Lines of every shape, and lines that are nearly of one.
class RandomLines {
  public:
    explicit RandomLines(uint64_t seed) : random_(seed) {}

    std::vector<std::string> make(size_t count) {
        std::vector<std::string> lines;
        const size_t kind = random_() % 7;
        for (size_t i = 0; i < count; ++i) {
            lines.push_back(line(random_() % 10 == 0 ? random_() % 7 : kind, i));
            if (random_() % 40 == 0) {
                spoil(lines.back());
            }
        }
        return lines;
    }

  private:
    std::string scalar() {
        static const std::vector<std::string> odd = {
            "1.0",
            "1e5",
            "-0",
            "007",
            "0",
            "-1",
            "99999999999999999999999",
            "0.1",
            "1.10",
            "true",
            "null",
            "NaN",
            "",
            "-",
            "0x1f",
            "1.2.3.4",
            "256.1.1.1",
            "10.000",
            "7b7f4f86-5264-494a-a894-7b3292c7e753",
            "DEADBEEF",
            "deadbeef",
            "-0.0",
            "1E+2"
        };
        return random_() % 3 == 0
                   ? odd[random_() % odd.size()]
                   : std::to_string(static_cast<int64_t>(random_() >> (random_() % 64)));
    }

    std::string word() {
        static const std::vector<std::string> words = {
            "GET", "/api/v1/items", "ok", "caf\xc3\xa9", "a\\nb", "\\\"", "\xff\xfe", "x y", ""
        };
        return words[random_() % words.size()];
    }

    std::string line(size_t kind, size_t i) {
        switch (kind) {
            case 0: {
                const std::string path = fmt::format("/a/{}", random_() % 1000);
                const uint64_t status = 200 + random_() % 4 * 100;
                return fmt::format(
                    R"({{"ts":"2026-01-01T00:00:{:02}.{:06}Z","n":{},"path":"{}","status":{},"message":"GET {} -> {} in {} ms","id":"{:016x}"}})",
                    i % 60,
                    i,
                    scalar(),
                    path,
                    status,
                    path,
                    status,
                    random_() % 500,
                    random_()
                );
            }
            case 1:
                return fmt::format("level={} n={} msg=\"{} {}\"", word(), scalar(), word(), i);
            case 2:
                return fmt::format(
                    "{}.1.2.{} - - [01/Jan/2026:00:{:02}:{:02} +0000] \"GET {} HTTP/1.1\" {} {} "
                    "\"-\"",
                    random_() % 300,
                    random_() % 256,
                    i / 60 % 60,
                    i % 60,
                    word(),
                    scalar(),
                    scalar()
                );
            case 3:
                return fmt::format(
                    "Jan {:2} 00:00:{:02} host app[{}]: {} took {}",
                    1 + i % 28,
                    i % 60,
                    random_() % 100,
                    word(),
                    scalar()
                );
            case 4:
                return std::string(random_() % 3, '\0') + word();
            case 5: {
                std::string bytes;
                for (size_t n = random_() % 60; n > 0; --n) {
                    bytes += static_cast<char>(random_());
                }
                return bytes;
            }
            default:
                return fmt::format(
                    R"({{"a":{},"a":"{}","b":{{"c":[{},2],"d":{{}}}}}})", random_() % 5, i, scalar()
                );
        }
    }

    void spoil(std::string& line) {
        if (line.empty()) {
            return;
        }
        const size_t at = random_() % line.size();
        if (random_() % 2 == 0) {
            line[at] = static_cast<char>(random_());
        } else {
            line.resize(at);
        }
    }

    std::mt19937_64 random_;
};

const std::string kRoot = SEYIR_SOURCE_ROOT;
const std::string kGolden = kRoot + "/test/golden/columns_v1.bin";
const std::string kCorpus = kRoot + "/test/fuzz/corpus/columns";

/// Every encoding and every kind of shape.
std::vector<std::string> golden_lines() {
    std::vector<std::string> lines;
    for (int i = 0; i < 60; ++i) {
        lines.push_back(fmt::format(
            R"({{"ts":"2026-01-01T00:00:{:02}.{:03}Z","n":{},"ip":"10.0.0.{}","t":{}.5,"id":"{:08x}-0000-4000-8000-{:012x}","path":"/a/{}","m":"GET /a/{} done","l":"{}"}})",
            i,
            i * 7,
            i * 31,
            i,
            i % 9,
            i * 2654435761U,
            i * 77777,
            i,
            i,
            i % 3 == 0 ? "a" : "b"
        ));
    }
    lines.insert(lines.end(), {"", std::string("nul\0", 4), "caf\xe9 007", "a=1 b=\"x y\""});
    return lines;
}

/// Inputs of the fuzz target, from blocks as the encoder makes them.
void write_corpus() {
    io::FileSystem& fs = io::posix_file_system();
    REQUIRE(fs.make_directories(kCorpus).has_value());
    for (uint64_t seed = 1; seed <= 7; ++seed) {
        const RecordBatch batch =
            seed == 7 ? batch_of(golden_lines()) : batch_of(RandomLines(seed).make(40));
        BlockEncoder encoder;
        std::string input;
        codec::append_le(input, static_cast<uint16_t>(batch.row_count()));
        for (const EncodedColumn& column : encoder.encode(batch).columns) {
            input += static_cast<char>(column.number);
            codec::append_le(input, static_cast<uint16_t>(column.bytes.size()));
            input += column.bytes;
        }
        REQUIRE(io::write_file_atomically(fs, kCorpus + "/block_" + std::to_string(seed), input)
                    .has_value());
    }
}

}  // namespace

TEST_SUITE("collector/store/columns") {
    TEST_CASE("random lines of all shapes come back, block after block") {
        for (uint64_t seed = 1; seed <= 30; ++seed) {
            CAPTURE(seed);
            RandomLines random(seed);
            BlockEncoder encoder;
            for (int block = 0; block < 4; ++block) {
                check_round_trip(encoder, batch_of(random.make(1 + seed * 12)));
            }
        }
    }

    TEST_CASE("random batches with attributes, levels, traces and streams come back") {
        BlockEncoder encoder;
        for (uint64_t seed = 1; seed <= 150; ++seed) {
            CAPTURE(seed);
            const RecordBatch batch = test::RandomBatch(seed).make();
            if (batch.row_count() > 0) {
                check_round_trip(encoder, batch);
            }
        }
    }

    TEST_CASE("lines at the edges come back: none, one, empty, long, with many slots") {
        BlockEncoder encoder;
        std::string many;
        for (int i = 0; i < 2000; ++i) {
            many += fmt::format("k{}={} ", i, i);
        }
        std::string deep;
        for (int i = 0; i < 100; ++i) {
            deep += R"({"a":)";
        }
        check_round_trip(encoder, batch_of({""}));
        check_round_trip(encoder, batch_of({"", "", ""}));
        check_round_trip(encoder, batch_of({"one 1"}));
        check_round_trip(encoder, batch_of({std::string(1'000'000, 'x'), many, deep, "5"}));
        check_round_trip(encoder, batch_of(std::vector<std::string>(5000, "same 1 line")));
        check_round_trip(encoder, batch_of(std::vector<std::string>(300, many)));
    }

    TEST_CASE("chosen rows come alone") {
        RandomLines random(77);
        BlockEncoder encoder;
        const RecordBatch batch = batch_of(random.make(500));
        const EncodedBlock block = encoder.encode(batch);
        BlockDecoder decoder(shape_of(batch), loader(block));
        REQUIRE(decoder.open().has_value());
        CHECK(decoder.times()->size() == 500);
        const std::vector<uint32_t> chosen = {0, 3, 4, 250, 499};
        const auto rows = decoder.rows(chosen);
        REQUIRE(rows.has_value());
        REQUIRE((*rows)->row_count() == chosen.size());
        for (size_t i = 0; i < chosen.size(); ++i) {
            CHECK((*rows)->body(i) == batch.body(chosen[i]));
            CHECK((*rows)->ts(i) == batch.ts(chosen[i]));
        }
    }

    TEST_CASE("values of a field come without the lines") {
        const std::vector<std::string> lines = {
            R"({"status":200,"m":"x","o":{"status":5}})",
            R"({"status":"200","m":"x"})",
            R"({"m":"x"})",
            R"({"status":"a\nb","m":"x"})",
            R"({"status":[1],"m":"x"})",
            R"({"status":1,"status":2})",
            R"(not json)",
            R"({"st\u0061tus":1})",
            R"({"status":null,"m":"x"})",
        };
        using State = FieldValues::State;
        const std::vector<State> states = {
            State::kScalar,
            State::kText,
            State::kAbsent,
            State::kUnknown,
            State::kUnknown,
            State::kUnknown,
            State::kUnknown,
            State::kUnknown,
            State::kScalar
        };
        const std::vector<std::string> values = {"200", "200", "", "", "", "", "", "", "null"};
        std::vector<std::string> all;
        for (int i = 0; i < 60; ++i) {
            all.insert(all.end(), lines.begin(), lines.end());
        }
        BlockEncoder encoder;
        const RecordBatch batch = batch_of(all);
        const EncodedBlock block = encoder.encode(batch);
        std::map<uint16_t, int> asked;
        BlockDecoder decoder(shape_of(batch), [&](uint16_t number) {
            ++asked[number];
            return loader(block)(number);
        });
        REQUIRE(decoder.open().has_value());
        const std::string_view path[] = {"status"};
        const auto field = decoder.field_values(path);
        REQUIRE(field.has_value());
        for (size_t i = 0; i < all.size(); ++i) {
            CAPTURE(all[i]);
            CHECK(field->states[i] == states[i % lines.size()]);
            CHECK(field->value(i) == values[i % lines.size()]);
        }
        const std::string_view nested[] = {"o", "status"};
        const auto inner = decoder.field_values(nested);
        REQUIRE(inner.has_value());
        CHECK(inner->value(0) == "5");
    }

    TEST_CASE("a text that stands in a line twice is kept once, whatever other lines are like") {
        std::mt19937_64 random(7);
        std::vector<std::string> lines;
        size_t twice = 0;
        for (int i = 0; i < 3000; ++i) {
            const auto id = static_cast<int64_t>(random());
            if (i % 3 == 0) {
                lines.push_back(fmt::format("allocate /user/part-{}", i % 100));
            } else if (i % 50 == 1) {
                lines.push_back(fmt::format("Deleting block blk_{} now", id));
            } else {
                ++twice;
                lines.push_back(
                    fmt::format("Deleting block blk_{} file /data/sub{}/blk_{}", id, i % 64, id)
                );
            }
        }
        const RecordBatch batch = batch_of(lines);
        BlockEncoder encoder;
        check_round_trip(encoder, batch);
        // 8 bytes of each random number; both of them would be 16.
        CHECK(encoder.encode(batch).stored_bytes() < lines.size() * 3 + twice * 8);
    }

    TEST_CASE("values that repeat are cut once, come back, and their runs are in pieces") {
        const std::string agents[] = {
            "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) Mobile/15E148",
            "curl/8.5.0",
            "job at 2026-01-01 00:00:00 +0100",
            "job at 2026-01-01 00:00:00 +0100x7",
            "-",
        };
        std::vector<std::string> lines;
        std::mt19937_64 random(11);
        for (int i = 0; i < 4000; ++i) {
            const std::string& agent = agents[random() % std::size(agents)];
            lines.push_back(fmt::format(
                "10.0.{}.{} - - \"GET /a/{}/b{} HTTP/1.1\" {} \"{}\"",
                random() % 256,
                random() % 256,
                random() % 50,
                random() % 3,
                random() % 9000,
                agent
            ));
        }
        const RecordBatch batch = batch_of(lines);
        BlockEncoder encoder;
        for (int block = 0; block < 3; ++block) {
            std::string pieces;
            PieceSink sink = [&](std::string_view piece) {
                pieces += piece;
                pieces += '\n';
            };
            const EncodedBlock encoded = encoder.encode(batch, &sink);
            const auto verified = verify(encoded, batch);
            CHECK_MESSAGE(verified.has_value(), (verified ? "" : verified.error().message));
            for (const char* run : {"15E148", "x86_64", "17_5", "8.5.0", "0100x7", "20100101"}) {
                CAPTURE(run);
                CHECK(pieces.contains(run));
            }
        }
    }

    TEST_CASE("each run of each line stands as a run in a piece") {
        for (uint64_t seed = 1; seed <= 20; ++seed) {
            CAPTURE(seed);
            RandomLines random(seed);
            BlockEncoder encoder;
            for (int block = 0; block < 3; ++block) {
                const RecordBatch batch = batch_of(random.make(300));
                std::map<std::string, int, std::less<>> runs;
                const auto add = [&](std::string_view text) {
                    for (size_t at = 0; at < text.size(); ++at) {
                        const size_t end = run_end(text, at);
                        if (end > at) {
                            runs.emplace(text.substr(at, end - at), 0);
                            at = end;
                        }
                    }
                };
                PieceSink sink = add;
                (void)encoder.encode(batch, &sink);
                for (size_t i = 0; i < batch.row_count(); ++i) {
                    const std::string_view line = batch.body(i);
                    for (size_t at = 0; at < line.size(); ++at) {
                        const size_t end = run_end(line, at);
                        if (end > at) {
                            CHECK_MESSAGE(runs.contains(line.substr(at, end - at)), line);
                            at = end;
                        }
                    }
                }
            }
        }
    }

    TEST_CASE("bytes that were changed are refused or give rows within bounds") {
        const uint64_t seed = 9;
        MESSAGE("seed " << seed);
        std::mt19937_64 random(seed);
        RandomLines lines(seed);
        for (int round = 0; round < 60; ++round) {
            BlockEncoder encoder;
            const RecordBatch batch = batch_of(lines.make(200));
            const EncodedBlock block = encoder.encode(batch);
            for (int change = 0; change < 60; ++change) {
                EncodedBlock bad = block;
                std::string& bytes = bad.columns[random() % bad.columns.size()].bytes;
                for (uint64_t flips = 1 + random() % 3; flips > 0 && !bytes.empty(); --flips) {
                    bytes[random() % bytes.size()] = static_cast<char>(random());
                }
                if (random() % 4 == 0) {
                    bytes.resize(random() % (bytes.size() + 1));
                }
                BlockDecoder decoder(shape_of(batch), loader(bad));
                if (!decoder.open()) {
                    continue;
                }
                if (const auto rows = decoder.rows(std::nullopt)) {
                    CHECK((*rows)->raw_bytes() <= batch.raw_bytes() + batch.row_count());
                }
            }
        }
    }

    TEST_CASE("lines of real systems come back and take less room than zstd leaves them") {
        const auto loghub = test::shared_path("corpora/loghub");
        const auto weblogs = test::shared_path("corpora/weblogs");
        if (!loghub || !weblogs) {
            MESSAGE("corpora are not here: skipped");
            return;
        }
        for (const auto& folder : {*loghub, *weblogs}) {
            for (const auto& entry : std::filesystem::directory_iterator(folder)) {
                const std::string name = entry.path().filename();
                if (!name.ends_with(".log") && !name.ends_with(".jsonl")) {
                    continue;
                }
                CAPTURE(name);
                const std::string text = test::read_file(entry.path());
                const RecordBatch batch = batch_of(lines_of(text), 1'000'000);
                BlockEncoder encoder;
                const EncodedBlock block = encoder.encode(batch);
                CHECK(verify(block, batch).has_value());
                codec::ZstdCompressor zstd;
                std::string packed(codec::zstd_bound_bytes(text.size()), '\0');
                const auto size = zstd.compress(text, packed, 1);
                REQUIRE(size.has_value());
                const auto ratio =
                    static_cast<double>(*size) / static_cast<double>(block.stored_bytes());
                MESSAGE(name << ": " << ratio << " times smaller than zstd -1");
                CHECK(ratio > 1.0);
            }
        }
    }

    TEST_CASE("a block of format 1 is read") {
        const std::vector<std::string> lines = golden_lines();
        if (std::getenv("SEYIR_WRITE_GOLDEN") != nullptr) {
            BlockEncoder encoder;
            std::string bytes;
            for (const EncodedColumn& column : encoder.encode(batch_of(lines)).columns) {
                codec::append_le(bytes, column.number);
                codec::append_le(bytes, static_cast<uint32_t>(column.bytes.size()));
                bytes += column.bytes;
            }
            REQUIRE(io::write_file_atomically(io::posix_file_system(), kGolden, bytes).has_value());
        }
        const auto bytes = io::read_file(io::posix_file_system(), kGolden, kMiB);
        REQUIRE(bytes.has_value());
        EncodedBlock block;
        codec::Reader reader(*bytes);
        while (reader.left() > 0) {
            const auto number = reader.le<uint16_t>();
            const auto size = reader.le<uint32_t>();
            block.columns.push_back({number, std::string(reader.bytes(size))});
        }
        REQUIRE(reader.ok());
        CHECK(verify(block, batch_of(lines)).has_value());
    }

    TEST_CASE("the committed corpus of the fuzz target runs clean") {
        if (std::getenv("SEYIR_WRITE_GOLDEN") != nullptr) {
            write_corpus();
        }
        CHECK(test::replay_corpus(kCorpus) == 7);
    }
}
