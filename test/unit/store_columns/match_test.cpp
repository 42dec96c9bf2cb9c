// SPDX-License-Identifier: Apache-2.0
// Line tests over columns against the same tests of the lines themselves: what passes is never left
// out, and what is said to pass without its line does pass.
#include <algorithm>
#include <cstdlib>
#include <random>
#include <span>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "collector/store/columns/block_decoder.hpp"
#include "collector/store/columns/block_encoder.hpp"

namespace seyir::store::columns {
namespace {

class Random {
  public:
    explicit Random(uint64_t seed) : engine_(seed) {}

    size_t below(size_t n) { return engine_() % n; }

    const std::string& pick(const std::vector<std::string>& of) { return of[below(of.size())]; }

  private:
    std::mt19937_64 engine_;
};

// Few letters, so that texts meet by chance; characters that fold to letters; escapes.
const std::vector<std::string> kWords = {
    "a",    "A",        "ab",   "abab",     "k",        "K",           "\xe2\x84\xaa",
    "s",    "\xc5\xbf", "i",    "\xc4\xb0", "\xc4\xb1", "caf\xc3\xa9", "0",
    "00",   "0.5",      "10",   "-1",       "",         "x y",         "a\\nb",
    "\\\"", "GET",      "\xff", "deadbeef", "DEADBEEF"
};

const std::vector<std::string> kMonths = {
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"
};

std::string line(Random& random, size_t kind, size_t i) {
    const std::string path = fmt::format("/a/{}", random.below(12));
    const std::string& month = random.pick(kMonths);
    switch (kind) {
        case 0:
            return fmt::format(
                R"({{"t":"2026-{:02}-01T00:00:{:02}.{:03}Z","n":{},"p":"{}","w":"{}","m":"GET {} -> {} in {}.{} ms","ip":"10.0.{}.{}","id":"{:08x}-0000-4000-8000-{:012x}"}})",
                1 + random.below(12),
                i % 60,
                i % 1000,
                random.below(3) == 0 ? random.below(1000) : 200,
                path,
                random.pick(kWords),
                path,
                random.pick(kWords),
                random.below(90),
                random.below(10),
                random.below(3),
                random.below(256),
                random.below(1U << 30),
                random.below(1U << 30)
            );
        case 1:
            return fmt::format(
                "level={} p={} w=\"{}\" n={}", random.pick(kWords), path, random.pick(kWords), i
            );
        case 2:
            return fmt::format(
                "10.1.2.{} - - [01/{}/2026:00:00:{:02} +0000] \"GET {} HTTP/1.1\" {} {:x}",
                random.below(256),
                month,
                i % 60,
                path,
                random.below(500),
                random.below(1U << 30)
            );
        case 3:
            return fmt::format(
                "{} {:2} 00:00:{:02} host a[{}]: {} k{} {}",
                month,
                1 + i % 28,
                i % 60,
                random.below(99),
                random.pick(kWords),
                random.below(9),
                random.pick(kWords)
            );
        default: {
            std::string text;
            for (size_t n = random.below(9); n > 0; --n) {
                text += random.pick(kWords) + (random.below(2) == 0 ? "" : " ");
            }
            return text;
        }
    }
}

std::vector<std::string> make_lines(Random& random) {
    std::vector<std::string> lines;
    const size_t kind = random.below(5);
    for (size_t i = 40 + random.below(300); i > 0; --i) {
        lines.push_back(line(random, random.below(9) == 0 ? random.below(5) : kind, i));
    }
    return lines;
}

char other_case(char c) {
    const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return is_letter ? static_cast<char>(c ^ 0x20) : c;
}

/// A piece of a line, often with something changed.
std::string text_of(Random& random, const std::vector<std::string>& lines) {
    const std::string& from = lines[random.below(lines.size())];
    const size_t at = random.below(from.size() + 1);
    std::string text = from.substr(at, 1 + random.below(random.below(4) == 0 ? 80 : 8));
    switch (text.empty() ? 0 : random.below(5)) {
        case 1:
            text[random.below(text.size())] = "aAkKsS0 \"-"[random.below(10)];
            break;
        case 2:
            for (char& c : text) {
                c = random.below(2) == 0 ? other_case(c) : c;
            }
            break;
        default:
            break;
    }
    return text;
}

/// As regular expressions fold; the dotted and dotless i are added to be on the safe side.
std::string fold(std::string_view text) {
    std::string out;
    for (size_t i = 0; i < text.size(); ++i) {
        const std::string_view rest = text.substr(i);
        if (rest.starts_with("\xe2\x84\xaa")) {
            out += 'k';
            i += 2;
        } else if (rest.starts_with("\xc5\xbf")) {
            out += 's';
            ++i;
        } else {
            const char c = text[i];
            out += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
        }
    }
    return out;
}

bool passes(const LineTest& test, std::string_view line) {
    if (!test.any_of.empty()) {
        const bool any = std::ranges::any_of(test.any_of, [&](const std::string& text) {
            return line.contains(text);
        });
        return any != test.negated;
    }
    const auto holds = [&](const Needle& needle, const auto& self) -> bool {
        const auto part = [&](const Needle& inner) { return self(inner, self); };
        switch (needle.kind) {
            case Needle::Kind::kAnything:
                return true;
            case Needle::Kind::kText:
                return needle.any_case ? fold(line).contains(fold(needle.text))
                                       : line.contains(needle.text);
            case Needle::Kind::kAll:
                return std::ranges::all_of(needle.parts, part);
            case Needle::Kind::kAny:
                return std::ranges::any_of(needle.parts, part);
        }
        return true;
    };
    return holds(test.holds, holds);
}

LineTest make_test(Random& random, const std::vector<std::string>& lines) {
    LineTest test;
    switch (random.below(6)) {
        case 0:
            test.any_of = {text_of(random, lines), text_of(random, lines)};
            break;
        case 1:
            test.any_of = {text_of(random, lines)};
            test.negated = true;
            break;
        case 2:
            test.holds = Needle::of(text_of(random, lines), true);
            break;
        case 3:
            test.holds = Needle::all(
                {Needle::of(text_of(random, lines), random.below(2) == 0),
                 Needle::any(
                     {Needle::of(text_of(random, lines)), Needle::of(text_of(random, lines))}
                 )}
            );
            break;
        default:
            test.any_of = {text_of(random, lines)};
    }
    return test;
}

struct Block {
    RecordBatch batch;
    EncodedBlock encoded;

    BlockDecoder open() const {
        return BlockDecoder(
            {static_cast<uint32_t>(batch.row_count()), batch.raw_bytes(), batch.tenant()},
            [this](uint16_t number) -> Result<std::string> {
                for (const EncodedColumn& column : encoded.columns) {
                    if (column.number == number) {
                        return column.bytes;
                    }
                }
                return fail(ErrorCode::kNotFound, "no such column");
            }
        );
    }
};

void fill(Block& block, BlockEncoder& encoder, const std::vector<std::string>& lines) {
    block.batch.add_stream(*StreamLabels::make({{"input", "app"}}));
    for (size_t i = 0; i < lines.size(); ++i) {
        Row row;
        row.ts = {1'767'268'800'000'000'000 + static_cast<int64_t>(i)};
        row.body = block.batch.arena().copy(lines[i]);
        block.batch.append_row(row);
    }
    block.encoded = encoder.encode(block.batch);
}

struct Tally {
    size_t kept = 0;
    size_t sure = 0;
    size_t left_out = 0;
};

void check(const Block& block, const LineWants& wants, Tally& tally) {
    BlockDecoder decoder = block.open();
    REQUIRE(decoder.open());
    const auto got = decoder.rows(std::nullopt, wants);
    REQUIRE(got);
    size_t at = 0;  // of the page
    for (size_t i = 0; i < block.batch.row_count(); ++i) {
        const std::string_view line = block.batch.body(i);
        const bool is_wanted = std::ranges::all_of(wants.tests, [&](const LineTest& test) {
            return passes(test, line);
        });
        const bool is_there =
            at < got->batch->row_count() && got->batch->ts(at) == block.batch.ts(i);
        CHECK_MESSAGE((is_there || !is_wanted), "left out: ", line);
        tally.left_out += is_there ? 0 : 1;
        if (!is_there) {
            continue;
        }
        ++tally.kept;
        const bool has_line = got->values == nullptr || got->values->has_line[at] != 0;
        if (has_line) {
            CHECK(got->batch->body(at) == line);
        } else {
            CHECK_MESSAGE(is_wanted, "said to pass: ", line);
            ++tally.sure;
        }
        ++at;
    }
    CHECK(at == got->batch->row_count());
}

}  // namespace

TEST_SUITE("collector/store/columns/match") {
    TEST_CASE("line tests over columns never leave out a line that passes") {
        uint64_t seed = std::random_device{}();
        if (const char* const given = std::getenv("SEYIR_SEED")) {
            seed = std::strtoull(given, nullptr, 10);
        }
        CAPTURE(seed);
        Random random(seed);
        Tally tally;
        for (int round = 0; round < 60; ++round) {
            BlockEncoder encoder;
            for (int n = 0; n < 2; ++n) {
                Block block;
                const std::vector<std::string> lines = make_lines(random);
                fill(block, encoder, lines);
                for (int i = 0; i < 40; ++i) {
                    LineWants wants;
                    wants.is_whole = random.below(2) == 0;
                    for (size_t tests = 1 + random.below(2); tests > 0; --tests) {
                        wants.tests.push_back(make_test(random, lines));
                    }
                    CAPTURE(
                        wants.tests[0].any_of.empty() ? to_text(wants.tests[0].holds)
                                                      : wants.tests[0].any_of[0]
                    );
                    check(block, wants, tally);
                }
            }
        }
        // All three answers are given, so that the checks above can fail.
        CHECK(tally.left_out > 1000);
        CHECK(tally.kept > 1000);
        CHECK(tally.sure > 1000);
    }

    TEST_CASE("bytes that were changed are refused or give rows within bounds") {
        const uint64_t seed = 11;
        Random random(seed);
        for (int round = 0; round < 25; ++round) {
            BlockEncoder encoder;
            Block block;
            const std::vector<std::string> lines = make_lines(random);
            fill(block, encoder, lines);
            const EncodedBlock good = block.encoded;
            for (int change = 0; change < 40; ++change) {
                block.encoded = good;
                std::string& bytes =
                    block.encoded.columns[random.below(block.encoded.columns.size())].bytes;
                for (size_t flips = 1 + random.below(3); flips > 0 && !bytes.empty(); --flips) {
                    bytes[random.below(bytes.size())] = static_cast<char>(random.below(256));
                }
                LineWants wants;
                wants.is_whole = random.below(3) == 0;
                wants.as_json = random.below(2) == 0;
                wants.json_labels = {{"n", 0}, {"w", 1}, {"p", 1}};
                wants.json_label_name = [](std::span<const std::string_view> path) {
                    return std::string(path.back());
                };
                if (random.below(3) != 0) {
                    wants.tests.push_back(make_test(random, lines));
                }
                BlockDecoder decoder = block.open();
                if (!decoder.open()) {
                    continue;
                }
                if (const auto rows = decoder.rows(std::nullopt, wants)) {
                    CHECK(rows->batch->row_count() <= lines.size());
                    CHECK(rows->batch->raw_bytes() <= block.batch.raw_bytes() + lines.size());
                }
            }
        }
    }

    TEST_CASE("each month of a time is found, by its whole name and parts of it") {
        for (const size_t kind : {size_t{0}, size_t{2}, size_t{3}}) {
            Random random(6);
            BlockEncoder encoder;
            Block block;
            std::vector<std::string> lines;
            for (size_t i = 0; i < 600; ++i) {
                lines.push_back(line(random, kind, i));
            }
            fill(block, encoder, lines);
            std::vector<std::string> texts = {"De", "D", "e", "-12-", "/Dec/2026", "/2026:"};
            texts.insert(texts.end(), kMonths.begin(), kMonths.end());
            for (const std::string& text : texts) {
                CAPTURE(kind);
                CAPTURE(text);
                LineWants wants;
                wants.tests = {{.any_of = {text}, .negated = false, .holds = {}}};
                BlockDecoder decoder = block.open();
                REQUIRE(decoder.open());
                const auto found = decoder.rows(std::nullopt, wants);
                REQUIRE(found);
                const auto held =
                    static_cast<size_t>(std::ranges::count_if(lines, [&](const auto& one) {
                        return one.contains(text);
                    }));
                CHECK(found->batch->row_count() == held);
            }
        }
    }

    TEST_CASE("a text across cuts is found, and one that is nowhere finds nothing") {
        Random random(5);
        BlockEncoder encoder;
        Block block;
        std::vector<std::string> lines;
        for (size_t i = 0; i < 500; ++i) {
            lines.push_back(line(random, 0, i));
        }
        fill(block, encoder, lines);
        LineWants wants;
        wants.tests = {{.any_of = {"zz"}, .negated = false, .holds = {}}};
        BlockDecoder decoder = block.open();
        REQUIRE(decoder.open());
        const auto none = decoder.rows(std::nullopt, wants);
        REQUIRE(none);
        CHECK(none->batch->row_count() == 0);
        wants.tests[0].any_of = {"\"p\":\"/a/11\""};
        const auto some = decoder.rows(std::nullopt, wants);
        REQUIRE(some);
        const auto held = static_cast<size_t>(std::ranges::count_if(lines, [](const auto& text) {
            return text.contains("\"p\":\"/a/11\"");
        }));
        CHECK(held > 5);
        CHECK(some->batch->row_count() == held);
    }
}

}  // namespace seyir::store::columns
