// SPDX-License-Identifier: Apache-2.0
// No filter ever hides a line: filters against plain search.
#include <algorithm>
#include <random>

#include <fmt/format.h>

#include "collector/store/gram/fold.hpp"
#include "collector/store/gram/page.hpp"
#include "test/support/filter_under_test.hpp"

using namespace seyir;
using namespace seyir::test;
namespace gram = seyir::store::gram;

namespace {

using Rng = std::mt19937_64;

size_t below(Rng& rng, size_t n) {
    return rng() % n;
}

template <class T>
const T& pick(Rng& rng, const std::vector<T>& from) {
    return from[below(rng, from.size())];
}

/// Characters that are one in any case, as Unicode's simple folding has it.
const std::vector<std::vector<std::string>> kSameInAnyCase = {
    {"k", "K", "\u212a"},
    {"s", "S", "\u017f"},
    {"\u00e9", "\u00c9"},
    {"\u00e5", "\u00c5", "\u212b"},
    {"a", "A"},
    {"e", "E"},
    {"i", "I"},
    {"z", "Z"},
    {"\u0430", "\u0410"},
    {"\u00b5", "\u03bc", "\u039c"},
    {"\u0130"},
    {"\u0131"},
};

/// Splits valid UTF-8.
std::vector<std::string> characters(std::string_view text) {
    std::vector<std::string> out;
    for (const char c : text) {
        if ((static_cast<unsigned char>(c) & 0xc0) == 0x80 && !out.empty()) {
            out.back() += c;
        } else {
            out.emplace_back(1, c);
        }
    }
    return out;
}

std::string any_case_of(Rng& rng, const std::string& character) {
    for (const auto& same : kSameInAnyCase) {
        if (std::ranges::find(same, character) != same.end()) {
            return pick(rng, same);
        }
    }
    return character;
}

/// The first of those that are the same.
std::string plain_fold(std::string_view text) {
    std::string out;
    for (const std::string& character : characters(text)) {
        const auto at = std::ranges::find_if(kSameInAnyCase, [&](const auto& same) {
            return std::ranges::find(same, character) != same.end();
        });
        out += at == kSameInAnyCase.end() ? character : at->front();
    }
    return out;
}

const std::vector<std::string> kValidCharacters = {
    "a",      "A",      "e",      "E",      "i",      "I",      "k",      "K",
    "s",      "S",      "z",      "Z",      "0",      "1",      "7",      "9",
    "_",      ".",      "-",      "\u212a", "\u017f", "\u0130", "\u0131", "\u00e9",
    "\u00c9", "\u00e5", "\u212b", "\u20ac", "\u0430", "\u0410", "\u00b5", "\u039c"
};

const std::vector<std::string> kDelimiters = {
    " ",
    "\"",
    ":",
    "=",
    "/",
    "\\",
    "[",
    "]",
    "{",
    "}",
    ",",
    "\t",
    "\n",
    "\\\"",
    "\\n",
    "\\u00e9",
    "@",
    "`"
};

/// Halves of characters and bytes that are in none.
const std::vector<std::string> kInvalid = {
    "\xc4",
    "\xb0",
    "\xb1",
    "\xc5",
    "\xbf",
    "\xe2",
    "\x84",
    "\xaa",
    "\xff",
    "\x80",
    "\xe2\x84",
    "\xf0\x9f",
    "\xc0"
};

std::string random_line(Rng& rng, bool is_valid) {
    std::string line;
    const size_t runs = 1 + below(rng, 6);
    for (size_t i = 0; i < runs; ++i) {
        const size_t length = below(rng, 8) == 0 ? below(rng, 90) : below(rng, 14);
        const bool is_ascii = below(rng, 3) != 0;
        for (size_t c = 0; c < length; ++c) {
            line += is_ascii ? kValidCharacters[below(rng, 19)] : pick(rng, kValidCharacters);
            if (!is_valid && below(rng, 9) == 0) {
                line += pick(rng, kInvalid);
            }
        }
        if (below(rng, 5) != 0) {
            line += pick(rng, kDelimiters);
        }
    }
    return line;
}

std::string describe(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        out += byte >= 0x20 && byte < 0x7f ? std::string(1, c) : fmt::format("\\x{:02x}", byte);
    }
    return out;
}

struct Sample {
    std::vector<Lines> blocks;
    FilterUnderTest filter;
};

Sample random_sample(Rng& rng, bool is_valid) {
    Sample sample;
    const size_t blocks = 1 + below(rng, 20);
    for (size_t b = 0; b < blocks; ++b) {
        Lines lines;
        const size_t count = 1 + below(rng, 6);
        for (size_t i = 0; i < count; ++i) {
            lines.push_back(random_line(rng, is_valid));
        }
        sample.filter.add_block(lines);
        sample.blocks.push_back(std::move(lines));
    }
    sample.filter.finish();
    return sample;
}

/// Any stretch of bytes of any line.
std::string cut(Rng& rng, const Sample& sample) {
    const std::string& line = pick(rng, pick(rng, sample.blocks));
    const size_t begin = below(rng, line.size() + 1);
    return line.substr(begin, below(rng, line.size() + 1 - begin) + 1);
}

template <class Holds>
void check_none_hidden(const Sample& sample, const Needle& needle, Holds holds) {
    const std::vector<bool> found = sample.filter.find(needle);
    for (size_t b = 0; b < sample.blocks.size(); ++b) {
        for (const std::string& line : sample.blocks[b]) {
            if (holds(line) && !found[b]) {
                FAIL("needle ", describe(to_text(needle)), " is in the line ", describe(line));
            }
        }
    }
}

uint64_t seed() {
    const char* given = std::getenv("SEYIR_SEED");
    return given != nullptr ? std::strtoull(given, nullptr, 0) : 20261122;
}

}  // namespace

TEST_SUITE("collector/store/gram") {
    TEST_CASE("no stretch of bytes of any line is ever hidden") {
        CAPTURE(seed());
        Rng rng(seed());
        for (int i = 0; i < 400; ++i) {
            const Sample sample = random_sample(rng, i % 2 == 0);
            for (int n = 0; n < 60; ++n) {
                const std::string text = cut(rng, sample);
                check_none_hidden(sample, Needle::of(text), [&](std::string_view line) {
                    return line.find(text) != std::string_view::npos;
                });
            }
        }
    }

    TEST_CASE("no text in any case is ever hidden, K, \u017f and \u0131 among them") {
        CAPTURE(seed());
        Rng rng(seed() + 1);
        for (int i = 0; i < 400; ++i) {
            const Sample sample = random_sample(rng, true);
            for (int n = 0; n < 60; ++n) {
                std::string text;
                const auto whole = characters(pick(rng, pick(rng, sample.blocks)));
                const size_t begin = below(rng, whole.size() + 1);
                const size_t end = begin + below(rng, whole.size() + 1 - begin);
                for (size_t c = begin; c < end; ++c) {
                    text += any_case_of(rng, whole[c]);
                }
                const std::string folded = plain_fold(text);
                check_none_hidden(sample, Needle::of(text, true), [&](std::string_view line) {
                    return plain_fold(line).find(folded) != std::string::npos;
                });
            }
        }
    }

    TEST_CASE("every stretch of runs of 4 to 12 bytes and of long ones is found") {
        Rng rng(seed() + 2);
        for (const size_t size :
             {4U, 5U, 6U, 7U, 8U, 9U, 10U, 11U, 12U, 16U, 63U, 64U, 65U, 130U}) {
            std::string run;
            while (run.size() < size) {
                run += kValidCharacters[below(rng, 19)];
            }
            Sample sample;
            for (const std::string_view around : {"", " ", "\"", "/"}) {
                const std::string edge(around);
                sample.blocks.push_back({edge + run + edge, "other words entirely"});
                sample.filter.add_block(sample.blocks.back());
            }
            sample.filter.finish();
            for (size_t begin = 0; begin < size; ++begin) {
                for (size_t length = 1; length <= size - begin; ++length) {
                    for (const std::string_view before : {"", " ", "\""}) {
                        const std::string text = std::string(before) + run.substr(begin, length);
                        for (const std::string& needle : {text, text + " ", text + "\""}) {
                            check_none_hidden(
                                sample,
                                Needle::of(needle),
                                [&](std::string_view line) {
                                    return line.find(needle) != std::string_view::npos;
                                }
                            );
                        }
                    }
                }
            }
        }
    }

    TEST_CASE("alternatives pass where one of them passes, parts where all do") {
        Rng rng(seed() + 3);
        for (int i = 0; i < 200; ++i) {
            const Sample sample = random_sample(rng, false);
            for (int n = 0; n < 30; ++n) {
                std::vector<Needle> parts;
                for (size_t p = 0; p < 1 + below(rng, 4); ++p) {
                    parts.push_back(Needle::of(cut(rng, sample)));
                }
                const auto holds = [](std::string_view line) {
                    return [line](const Needle& part) {
                        return line.find(part.text) != std::string_view::npos;
                    };
                };
                check_none_hidden(sample, Needle::any(parts), [&](std::string_view line) {
                    return std::ranges::any_of(parts, holds(line));
                });
                check_none_hidden(sample, Needle::all(parts), [&](std::string_view line) {
                    return std::ranges::all_of(parts, holds(line));
                });
            }
        }
    }

    TEST_CASE("texts that are absent pass hardly any block") {
        Rng rng(seed() + 4);
        const auto id = [&] { return fmt::format("{:016x}", rng()); };
        FilterUnderTest filter;
        Lines known;
        constexpr size_t kBlocks = 70;
        uint64_t raw = 0;
        for (size_t b = 0; b < kBlocks; ++b) {
            Lines lines;
            for (int i = 0; i < 500; ++i) {
                lines.push_back(fmt::format(
                    R"({{"ts":{},"method":"GET","path":"/api/v1/items/{}","id":"{}","status":200}})",
                    1'763'831'162'000 + rng() % 1'000'000,
                    rng() % 1000,
                    id()
                ));
                raw += lines.back().size() + 1;
            }
            known.push_back(lines[17]);
            filter.add_block(lines);
        }
        filter.finish();
        size_t passed = 0;
        for (int i = 0; i < 100; ++i) {
            passed += static_cast<size_t>(std::ranges::count(filter.find(Needle::of(id())), true));
        }
        CHECK(passed < 100 * kBlocks / 100);
        for (size_t b = 0; b < kBlocks; ++b) {
            const std::string text = known[b].substr(known[b].find("\"id\":\"") + 6, 16);
            std::string upper = text;
            std::ranges::transform(upper, upper.begin(), [](char c) { return std::toupper(c); });
            CHECK(filter.find(Needle::of(text))[b]);
            CHECK(filter.find(Needle::of(upper, true))[b]);
        }
        CHECK(filter.bytes() * 1000 < raw * 50);
    }

    TEST_CASE("short texts with an open end ask for nothing") {
        for (const char* text :
             {"", "a", "time", "GET", "x y z", "1.2.3.4", "err_42", "\xe2\x84", "\xb0"}) {
            CHECK(gram::make_key_tree(Needle::of(text)).kind == gram::KeyTree::Kind::kAnything);
        }
        CHECK(gram::make_key_tree(Needle::of(" GET ")).kind == gram::KeyTree::Kind::kKeys);
        CHECK(gram::make_key_tree(Needle::of("error")).kind == gram::KeyTree::Kind::kKeys);
        CHECK(gram::make_key_tree(Needle::of("10.2.3.45")).kind == gram::KeyTree::Kind::kKeys);
    }

    TEST_CASE("an unknown part makes nothing of alternatives and is left out of conjunctions") {
        const Needle known = Needle::of("timeouts");
        const Needle unknown = Needle::of("x");
        using Kind = gram::KeyTree::Kind;
        CHECK(gram::make_key_tree(Needle::any({known, unknown})).kind == Kind::kAnything);
        CHECK(gram::make_key_tree(Needle::all({known, unknown})) == gram::make_key_tree(known));
    }

    TEST_CASE("folding is the same with and without vector instructions, at every length") {
        Rng rng(seed() + 5);
        for (size_t size = 0; size < 200; ++size) {
            std::string text;
            while (text.size() < size) {
                text += static_cast<char>(rng() % (size % 3 == 0 ? 256 : 128));
            }
            std::string whole(text.size() + gram::kSlackBytes, '\0');
            const size_t folded = gram::fold(text, whole.data());
            whole.resize(folded);
            std::string by_byte;
            for (size_t i = 0; i < text.size(); ++i) {
                std::string one(3 + gram::kSlackBytes, '\0');
                const auto at = std::string_view(text).substr(i);
                const size_t special = at.starts_with("\u212a") ? 3
                                       : at.starts_with("\u017f") || at.starts_with("\u0130") ||
                                               at.starts_with("\u0131")
                                           ? 2
                                           : 1;
                const size_t ones =
                    gram::fold(std::string_view(text).substr(i, special), one.data());
                one.resize(ones);
                by_byte += one;
                i += special - 1;
            }
            CHECK(whole == by_byte);
            std::string padded = whole + std::string(gram::kSlackBytes, ' ');
            const uint64_t mask = gram::run_mask(padded.data());
            for (size_t i = 0; i < 64; ++i) {
                CHECK((mask >> i & 1) == (gram::is_run_byte(padded[i]) ? 1 : 0));
            }
        }
    }

    TEST_CASE("a segment of many keys gets several groups, and each answers for its blocks") {
        Rng rng(seed() + 6);
        gram::FilterBuilder builder;
        std::vector<std::vector<gram::Key>> blocks(5);
        for (auto& keys : blocks) {
            keys.resize(gram::kHeldKeysMax / 2 - 10);
            std::ranges::generate(keys, [&] { return static_cast<gram::Key>(rng()); });
            builder.add_block(keys);
        }
        const auto filter = builder.finish();
        REQUIRE(filter.groups.size() == 3);
        CHECK(filter.groups[2] == gram::Group{4, 1, filter.groups[2].rows});
        for (uint32_t g = 0; g < 3; ++g) {
            const gram::Group& group = filter.groups[g];
            CHECK(filter.pages[g].size() == group.pages());
            for (uint32_t b = 0; b < group.blocks; ++b) {
                const auto& keys = blocks[group.first_block + b];
                const gram::KeyTree tree{
                    gram::KeyTree::Kind::kKeys, {keys.begin(), keys.begin() + 50}, {}
                };
                const auto found = gram::find_blocks(group, g, tree, [&](uint32_t page) {
                    return Result<std::string>(filter.pages[g].at(page));
                });
                REQUIRE(found.has_value());
                CHECK((*found)[0] == uint64_t{1} << b);
            }
        }
        CHECK(gram::FilterBuilder().finish().groups.empty());
    }

    TEST_CASE("the directory reads back; each damaged byte of it and of a page is noticed") {
        const std::vector<gram::Group> groups = {{0, 255, 130'000}, {255, 1, 64}};
        const std::string bytes = gram::encode(groups);
        const auto again = gram::decode_directory(bytes);
        REQUIRE(again.has_value());
        CHECK(*again == groups);
        for (size_t i = 0; i < bytes.size(); ++i) {
            std::string bad(bytes);
            bad[i] = static_cast<char>(bad[i] ^ 0x10);
            CHECK_FALSE(gram::decode_directory(bad).has_value());
            CHECK_FALSE(gram::decode_directory(bytes.substr(0, i)).has_value());
        }
        CHECK_FALSE(gram::decode_directory(bytes + '\0').has_value());

        const std::string page = gram::seal_page("some rows", 3, 4);
        CHECK(gram::open_page(page, 9, 3, 4).has_value());
        CHECK_FALSE(gram::open_page(page, 9, 3, 5).has_value());
        CHECK_FALSE(gram::open_page(page, 9, 2, 4).has_value());
        CHECK_FALSE(gram::open_page(page, 8, 3, 4).has_value());
        for (size_t i = 0; i < page.size(); ++i) {
            std::string bad = page;
            bad[i] = static_cast<char>(bad[i] ^ 1);
            CHECK_FALSE(gram::open_page(bad, 9, 3, 4).has_value());
        }
    }
}
