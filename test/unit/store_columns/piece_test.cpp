// SPDX-License-Identifier: Apache-2.0
// Filters are made of the pieces the encoder cuts lines into, each distinct one once. The property
// that makes this sound: the keys of the pieces include the keys of the whole lines.
#include <algorithm>
#include <filesystem>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "collector/store/columns/block_encoder.hpp"
#include "collector/store/columns/encode/distinct_values.hpp"
#include "collector/store/gram/key_collector.hpp"
#include "test/support/shared.hpp"

namespace seyir::store::columns {
namespace {

using Lines = std::vector<std::string>;

std::set<gram::Key> to_set(const std::vector<gram::Key>& keys) {
    return {keys.begin(), keys.end()};
}

/// The first line with a key that no piece has; "" when there is none.
std::string line_missing_a_key(BlockEncoder& encoder, const Lines& lines) {
    auto batch = std::make_shared<RecordBatch>();
    const auto labels = StreamLabels::make({{"input", "app"}});
    batch->add_stream(*labels);
    for (const std::string& line : lines) {
        Row row;
        row.ts = {1'767'268'800'000'000'000};
        row.body = batch->arena().copy(line);
        batch->append_row(row);
    }
    gram::KeyCollector collector;
    PieceSink sink = [&](std::string_view piece) { collector.add(piece); };
    (void)encoder.encode(*batch, &sink);
    const std::set<gram::Key> known = to_set(collector.take());
    for (const std::string& line : lines) {
        collector.add(line);
    }
    if (std::ranges::includes(known, to_set(collector.take()))) {
        return "";
    }
    for (const std::string& line : lines) {
        collector.add(line);
        for (const gram::Key key : collector.take()) {
            if (!known.contains(key)) {
                return line;
            }
        }
    }
    return "";
}

/// Some lines with bytes changed, put in or taken out: what crashes and cut copies leave.
Lines damaged(Lines lines, std::mt19937_64& random) {
    constexpr std::string_view kBytes = "aZ09.-_ :,=\"[]{}\\\xc4\xb0\xe2\x84\xaa";
    for (std::string& line : lines) {
        for (uint64_t times = random() % 8 == 0 ? 1 + random() % 3 : 0; times > 0; --times) {
            const size_t at = line.empty() ? 0 : random() % line.size();
            const char byte = kBytes[random() % kBytes.size()];
            switch (random() % 4) {
                case 0:
                    line.insert(at, 1, byte);
                    break;
                case 1:
                    line.erase(at, line.empty() ? 0 : 1 + random() % 4);
                    break;
                default:
                    if (!line.empty()) {
                        line[at] = byte;
                    }
            }
        }
    }
    return lines;
}

void check_file(const std::filesystem::path& path, uint64_t seed) {
    CAPTURE(path.filename().string());
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    const std::string text = test::read_file(path);
    Lines lines;
    for (size_t at = 0; at < text.size() && lines.size() < 6000;) {
        const size_t end = std::min(text.find('\n', at), text.size());
        lines.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    BlockEncoder encoder;
    for (size_t begin = 0; begin < lines.size(); begin += 1000) {
        const auto from = lines.begin() + static_cast<ptrdiff_t>(begin);
        const auto to =
            lines.begin() + static_cast<ptrdiff_t>(std::min(begin + 1000, lines.size()));
        CHECK(line_missing_a_key(encoder, damaged(Lines(from, to), random)) == "");
    }
}

}  // namespace

TEST_SUITE("collector/store/columns/pieces") {
    TEST_CASE("a run that goes across the edge of a slot is still found") {
        // Each list has lines of one shape; in the last of it a run goes on behind the time.
        const std::vector<Lines> families = {
            {"[17/May/2015:19:05:34 +0000] GET /a 200", "[17/May/2015:19:05:34 +0000.] GET /a 200"},
            {"2026-01-01 10:00:00,123 word 17", "2026-01-01 10:00:00x123 word 17"},
            {"at 2026-01-01T10:00:00Z,a=b 1", "at 2026-01-01T10:00:00Zebra,a=b 1"},
        };
        for (const Lines& family : families) {
            for (const size_t first : {0U, 1U}) {
                BlockEncoder encoder;
                Lines lines;
                for (size_t i = 0; i < 400; ++i) {
                    lines.push_back(family[i % 50 == 49 ? 1 - first : first]);
                }
                CHECK(line_missing_a_key(encoder, lines) == "");
                CHECK(line_missing_a_key(encoder, lines) == "");
            }
        }
    }

    TEST_CASE("random lines made of times, numbers and what is put between them") {
        constexpr std::string_view kParts[] = {
            "2026-01-01T10:00:00.123Z",
            "10:00:00,123",
            "[17/May/2015:19:05:34 +0000]",
            "12.5",
            "word",
            "k=v7",
            "\"quoted text 8\"",
            "\xc4\xb0\xe2\x84\xaa",
            " ",
            " ",
            " ",
            "-",
            ".",
            "[",
            "]",
            "{\"a\":1}",
            "0xdeadbeef",
            "10.1.2.3:80",
        };
        for (uint64_t seed = 1; seed <= 60; ++seed) {
            CAPTURE(seed);
            std::mt19937_64 random(seed);
            std::vector<size_t> shape;
            for (uint64_t parts = 2 + random() % 9; parts > 0; --parts) {
                shape.push_back(random() % std::size(kParts));
            }
            BlockEncoder encoder;
            for (int block = 0; block < 2; ++block) {
                Lines lines;
                for (size_t i = 0; i < 300; ++i) {
                    std::string line;
                    for (const size_t part : shape) {
                        line += kParts[random() % 20 == 0 ? random() % std::size(kParts) : part];
                    }
                    lines.push_back(std::move(line));
                }
                CHECK(line_missing_a_key(encoder, damaged(lines, random)) == "");
            }
        }
    }

    TEST_CASE("pieces have the keys of lines of real systems, damaged ones too") {
        const auto loghub = test::shared_path("corpora/loghub");
        const auto weblogs = test::shared_path("corpora/weblogs");
        if (!loghub || !weblogs) {
            MESSAGE("corpora are not here: skipped");
            return;
        }
        for (const auto& folder : {*loghub, *weblogs}) {
            for (const auto& entry : std::filesystem::directory_iterator(folder)) {
                const std::string name = entry.path().filename();
                if (name.ends_with(".log") || name.ends_with(".jsonl")) {
                    for (uint64_t seed = 1; seed <= 2; ++seed) {
                        check_file(entry.path(), seed);
                    }
                }
            }
        }
    }
}

}  // namespace seyir::store::columns
