// SPDX-License-Identifier: Apache-2.0
// Line tests over columns against the same tests of the lines themselves: what passes is never left
// out, and what is said to pass without its line does pass.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <optional>
#include <random>
#include <span>

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "collector/store/columns/block_decoder.hpp"
#include "collector/store/columns/block_encoder.hpp"
#include "common/automaton/pattern_automaton.hpp"
#include "common/logql/extract/json_reader.hpp"
#include "common/logql/parser.hpp"
#include "common/logql/stage/pipeline.hpp"
#include "common/logql/text/quantity.hpp"
#include "common/logql/text/regex.hpp"

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

/// A test, and the same of a line.
struct Case {
    LineTest test;
    std::function<bool(std::string_view line)> finds;
    std::string shown;

    bool passes(std::string_view line) const { return finds(line) != test.negated; }
};

Case texts_case(std::vector<std::string> texts) {
    Case made;
    made.test.automaton = any_text_automaton(texts);
    made.shown = fmt::format("|= {}", fmt::join(texts, " or "));
    made.finds = [texts = std::move(texts)](std::string_view line) {
        return std::ranges::any_of(texts, [&](const auto& text) { return line.contains(text); });
    };
    return made;
}

bool holds(const Needle& needle, std::string_view line) {
    const auto part = [&](const Needle& inner) { return holds(inner, line); };
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
}

Case needle_case(Needle needle) {
    Case made;
    made.test.automaton = needle_automaton(needle);
    made.shown = to_text(needle);
    made.finds = [needle = std::move(needle)](std::string_view line) {
        return holds(needle, line);
    };
    return made;
}

/// Literal texts, classes and what repeats, put together by chance.
std::string regex_of(Random& random, const std::vector<std::string>& lines, int depth = 0) {
    static const std::vector<std::string> kAtoms = {
        ".",   "[0-9]",   "[a-f]",       "[^a-z]", "\\d",       "\\w",      "\\s",  "\\S",
        "\\W", "[^\"]",   "[[:alpha:]]", "[kK]",   "(?i:k)",    "(?i:s)",   "^",    "$",
        "\\b", "a",       "k",           "0",      " ",         "(?i:Ab)",  "\\pL", "[\\d.]",
        "\"",  "(?-s:.)", "\\x6b",       "[^\\w]", "(?i:[^k])", "(?i:\\w)", "",     "-"
    };
    static const std::vector<std::string> kCounts = {
        "", "", "", "*", "+", "?", "{2}", "{1,3}", "*?", "{2,}", "{0,2}"
    };
    std::string out = depth == 0 && random.below(5) == 0 ? "(?i)" : "";
    for (size_t n = 1 + random.below(4); n > 0; --n) {
        switch (depth > 2 ? random.below(2) : random.below(4)) {
            case 0: {
                std::string text = text_of(random, lines).substr(0, 6);
                std::erase_if(text, [](char c) { return static_cast<uint8_t>(c) >= 0x80; });
                for (const char c : text) {
                    const bool is_plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
                                          (c >= 'a' && c <= 'z') || c == ' ';
                    out += is_plain ? "" : "\\";
                    out += c;
                }
                break;
            }
            case 2:
                out += "(" + regex_of(random, lines, depth + 1) +
                       (random.below(2) == 0 ? "|" + regex_of(random, lines, depth + 1) : "") +
                       ")" + random.pick(kCounts);
                break;
            default: {
                const std::string& atom = random.pick(kAtoms);
                out += atom + (atom.empty() ? "" : random.pick(kCounts));
            }
        }
    }
    return out;
}

std::optional<Case> regex_case(const std::string& pattern) {
    auto regex = logql::Regex::compile(pattern, false);
    if (!regex) {
        return std::nullopt;
    }
    Case made;
    made.test.automaton = regex_automaton({&pattern, 1});
    made.shown = pattern;
    auto shared = std::make_shared<const logql::Regex>(std::move(*regex));
    made.finds = [shared](std::string_view line) { return shared->matches(line); };
    return made;
}

Case make_case(Random& random, const std::vector<std::string>& lines) {
    Case made;
    switch (random.below(8)) {
        case 0:
            made = texts_case({text_of(random, lines), text_of(random, lines)});
            break;
        case 1:
            made = needle_case(Needle::of(text_of(random, lines), true));
            break;
        case 2:
            made = needle_case(Needle::all(
                {Needle::of(text_of(random, lines), random.below(2) == 0),
                 Needle::any(
                     {Needle::of(text_of(random, lines)), Needle::of(text_of(random, lines))}
                 )}
            ));
            break;
        case 3:
        case 4:
        case 5:
            made = regex_case(regex_of(random, lines)).value_or(texts_case({"a"}));
            break;
        default:
            made = texts_case({text_of(random, lines)});
    }
    // A needle says what lines hold that pass, nothing of those that do not.
    const bool is_negatable = made.test.automaton != nullptr;
    made.test.negated = is_negatable && random.below(4) == 0;
    return made;
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

void check(
    const Block& block, const LineWants& wants, const std::vector<Case>& cases, Tally& tally
) {
    BlockDecoder decoder = block.open();
    REQUIRE(decoder.open());
    const auto got = decoder.rows(std::nullopt, wants);
    REQUIRE(got);
    size_t at = 0;  // of the page
    for (size_t i = 0; i < block.batch.row_count(); ++i) {
        const std::string_view line = block.batch.body(i);
        const bool is_wanted =
            std::ranges::all_of(cases, [&](const Case& one) { return one.passes(line); });
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

/// Lines with a number `n` whose texts nearly all differ, of one kind or of several.
std::vector<std::string> number_lines(Random& random, bool is_json) {
    std::vector<std::string> lines;
    const size_t kind = random.below(5);
    for (size_t i = 200 + random.below(600); i > 0; --i) {
        std::string number;
        switch (random.below(40) == 0 ? random.below(5) : kind) {
            case 0:
                number = std::to_string(random.below(1'000'000));
                break;
            case 1:
                number = fmt::format("{}.{:02}", random.below(5000), random.below(100));
                break;
            case 2:
                number = fmt::format("-{}.{}", random.below(90), 1 + random.below(999));
                break;
            case 3:
                number = fmt::format("9007199254{:06}", random.below(1'000'000));
                break;
            default:
                number = fmt::format("1234567890123{}.{}", random.below(999), random.below(999));
        }
        const std::string& word = random.pick(kWords);
        const std::string bare = word.contains('"') ? "-" : word;
        lines.push_back(
            is_json ? fmt::format(R"({{"n":{},"w":"{}","p":{{"n":"{}"}}}})", number, word, i)
                    : fmt::format("n={} w=\"{}\" p_n={} x={}", number, word, i, bare)
        );
    }
    return lines;
}

LineWants number_wants(bool is_json) {
    LineWants wants;
    wants.is_whole = false;
    wants.format = is_json ? LineFormat::kJson : LineFormat::kLogfmt;
    wants.labels = {{"n", 0, true}, {"w", 1}, {"p_n", 2, true}};
    wants.number_of = logql::parse_number;
    wants.label_name = logql::json_label_name;
    return wants;
}

logql::Pipeline parser_stage(bool is_json) {
    const std::string text = is_json ? R"({input="app"} | json)" : R"({input="app"} | logfmt)";
    const auto expr = logql::parse(text);
    REQUIRE(expr);
    auto made = logql::Pipeline::compile(text, std::get<logql::LogExpr>(expr->node).stages);
    REQUIRE(made);
    return std::move(*made);
}

std::optional<std::string> text_of(const LineValues::Label& label, uint32_t row) {
    const uint32_t number = label.numbers[row];
    if (number == LineValues::kAbsent) {
        return std::nullopt;
    }
    REQUIRE(number <= label.text_count);
    if (!label.write) {
        return std::string(label.texts[number - 1]);
    }
    std::string text;
    label.write(text, number - 1);
    return text;
}

/// How many there are.
size_t check_quantity(const LineValues::Label& label, uint32_t row, const std::string& text) {
    if (label.quantities.empty() || std::isnan(label.quantities[label.numbers[row] - 1])) {
        return 0;
    }
    CHECK(logql::parse_number(text) == label.quantities[label.numbers[row] - 1]);
    return 1;
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
                    std::vector<Case> cases;
                    for (size_t tests = 1 + random.below(2); tests > 0; --tests) {
                        cases.push_back(make_case(random, lines));
                        wants.tests.push_back(cases.back().test);
                    }
                    CAPTURE(cases[0].shown);
                    CAPTURE(cases.back().shown);
                    check(block, wants, cases, tally);
                }
            }
        }
        // All three answers are given, so that the checks above can fail.
        CHECK(tally.left_out > 1000);
        CHECK(tally.kept > 1000);
        CHECK(tally.sure > 1000);
    }

    TEST_CASE("values given in place of lines are those that a parser finds in them") {
        uint64_t seed = std::random_device{}();
        if (const char* const given = std::getenv("SEYIR_SEED")) {
            seed = std::strtoull(given, nullptr, 10);
        }
        CAPTURE(seed);
        Random random(seed);
        size_t values = 0;
        size_t quantities = 0;
        for (int round = 0; round < 60; ++round) {
            const bool is_json = round % 2 == 0;
            BlockEncoder encoder;
            Block block;
            fill(block, encoder, number_lines(random, is_json));
            const LineWants wants = number_wants(is_json);
            BlockDecoder decoder = block.open();
            REQUIRE(decoder.open());
            const auto got = decoder.rows(std::nullopt, wants);
            REQUIRE(got);
            REQUIRE(got->values != nullptr);
            const auto parser = parser_stage(is_json);
            logql::ScratchRow row;
            for (uint32_t i = 0; i < got->rows.size(); ++i) {
                if (got->values->has_line[i] != 0) {
                    continue;
                }
                row.bind(block.batch, got->rows[i]);
                REQUIRE(parser.process(row));
                for (size_t k = 0; k < wants.labels.size(); ++k) {
                    const auto text = text_of(*got->values->labels[k], i);
                    const auto wanted = row.get(wants.labels[k].name);
                    const bool is_same = text == wanted;
                    CHECK_MESSAGE(is_same, row.line());
                    values += text ? 1 : 0;
                    quantities += text ? check_quantity(*got->values->labels[k], i, *text) : 0;
                }
            }
        }
        CHECK(values > 5000);
        CHECK(quantities > 1000);
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
                constexpr LineFormat kFormats[] = {
                    LineFormat::kNone, LineFormat::kJson, LineFormat::kLogfmt
                };
                wants.format = kFormats[random.below(3)];
                wants.labels = {{"n", 0, random.below(2) == 0}, {"w", 1}, {"p", 1, true}};
                wants.number_of = logql::parse_number;
                wants.label_name = [](std::span<const std::string_view> path) {
                    return std::string(path.back());
                };
                if (random.below(3) != 0) {
                    wants.tests.push_back(make_case(random, lines).test);
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
                wants.tests = {texts_case({text}).test};
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
        wants.tests = {texts_case({"zz"}).test};
        BlockDecoder decoder = block.open();
        REQUIRE(decoder.open());
        const auto none = decoder.rows(std::nullopt, wants);
        REQUIRE(none);
        CHECK(none->batch->row_count() == 0);
        wants.tests = {texts_case({"\"p\":\"/a/11\""}).test};
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
