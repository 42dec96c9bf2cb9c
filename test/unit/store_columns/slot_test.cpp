// SPDX-License-Identifier: Apache-2.0
#include <random>

#include <doctest/doctest.h>

#include "collector/store/columns/slot/int_stream.hpp"
#include "collector/store/columns/slot/scalar_text.hpp"

using namespace seyir;
using namespace seyir::store::columns;

namespace {

constexpr uint64_t kSeed = 5;

struct FormCase {
    ScalarForm form;
    std::vector<std::string> taken;
    std::vector<std::string> refused;
};

std::string through(const ScalarForm& form, std::string_view text) {
    std::string out;
    if (form.is_bytes()) {
        std::string bytes;
        if (!form.parse_bytes(text, bytes)) {
            return "refused";
        }
        CHECK(bytes.size() == form.byte_width());
        form.append_text(out, bytes);
        return out;
    }
    const auto number = form.parse(text);
    if (!number) {
        return "refused";
    }
    form.append(out, *number);
    return out;
}

}  // namespace

TEST_SUITE("collector/store/columns") {
    TEST_CASE("a scalar form takes only texts that it writes back the same") {
        const std::vector<FormCase> cases = {
            {{ScalarKind::kInt, 0, {}},
             {"0",
              "7",
              "-1",
              "123456789012345678",
              "-999999999999999999",
              "9223372036854775807",
              "-9223372036854775807"},
             {"",
              "-",
              "-0",
              "007",
              "+1",
              "1.0",
              "1e5",
              "9223372036854775808",
              "-9223372036854775808",
              "0123456789012345678",
              "12345678901234567890",
              " 1",
              "1 "}},
            {{ScalarKind::kPadded, 3, {}}, {"000", "007", "999"}, {"", "07", "0007", "-07", "0x7"}},
            {{ScalarKind::kDecimal, 2, {}},
             {"0.00", "1.50", "-0.05", "12345.67"},
             {"1.5", "1.500", "01.50", "-0.00", ".50", "1.", "1", "1.5a", "--1.50"}},
            {{ScalarKind::kShortest, 3, {}},
             {"0.0", "1.5", "22.724", "-0.5", "100.0"},
             {"1.50", "1.2345", "1", "-0.0", "1.000", "00.5", "1e5"}},
            {{ScalarKind::kIpv4, 0, {}},
             {"0.0.0.0", "255.255.255.255", "10.0.0.1"},
             {"", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.4 ", "1..2.3", "-1.2.3.4"}},
            {{ScalarKind::kHexLower, 8, {}},
             {"00000000", "deadbeef", "12345678"},
             {"DEADBEEF", "deadbee", "deadbeefa", "deadbeeg"}},
            {{ScalarKind::kHexUpper, 4, {}}, {"00FF", "1234"}, {"00ff", "0FF"}},
            {{ScalarKind::kUuid, 0, {}},
             {"7b7f4f86-5264-494a-a894-7b3292c7e753"},
             {"7B7F4F86-5264-494a-a894-7b3292c7e753",
              "7b7f4f86x5264-494a-a894-7b3292c7e753",
              "7b7f4f8605264-494a-a894-7b3292c7e75",
              ""}},
        };
        for (const FormCase& c : cases) {
            for (const std::string& text : c.taken) {
                CAPTURE(text);
                CHECK(through(c.form, text) == text);
            }
            for (const std::string& text : c.refused) {
                CAPTURE(text);
                CHECK(through(c.form, text) == "refused");
            }
            std::string bytes;
            append_form(bytes, c.form);
            codec::Reader reader(bytes);
            CHECK(read_form(reader) == c.form);
            CHECK(reader.ok());
        }
    }

    TEST_CASE("more padded digits than a number has are refused") {
        const ScalarForm form{ScalarKind::kPadded, 19, {}};
        CHECK(through(form, "1234567890123456789") == "refused");
        std::string bytes;
        append_form(bytes, form);
        codec::Reader reader(bytes);
        (void)read_form(reader);
        CHECK_FALSE(reader.ok());
    }

    TEST_CASE("any text a form takes comes back the same") {
        MESSAGE("seed " << kSeed);
        std::mt19937_64 random(kSeed);
        const std::string alphabet = "0123456789.-+eaf ";
        for (int i = 0; i < 200'000; ++i) {
            std::string text;
            for (size_t n = random() % 12; n > 0; --n) {
                text += alphabet[random() % alphabet.size()];
            }
            for (uint8_t kind = 0; kind <= static_cast<uint8_t>(ScalarKind::kUuid); ++kind) {
                if (kind == static_cast<uint8_t>(ScalarKind::kTime)) {
                    continue;
                }
                const ScalarForm form{
                    static_cast<ScalarKind>(kind), static_cast<uint8_t>(2 + random() % 3 * 2), {}
                };
                const std::string out = through(form, text);
                const bool is_same = out == text || out == "refused";
                CHECK_MESSAGE(is_same, text << " became " << out);
            }
        }
    }

    TEST_CASE("times of known layouts are found and come back the same") {
        const std::pair<const char*, const char*> cases[] = {
            {"2026-01-01T00:00:00.000007Z rest", "%Y-%m-%dT%H:%M:%S.%6fZ"},
            {"2026-01-01T00:00:00.000007Z", ""},
            {"2015-07-29 17:41:44,747 - INFO", ""},
            {"01/Jan/2026:23:59:59 +0000]", ""},
            {"Jun 14 15:16:01 combo", ""},
            {"Jun  9 06:06:20 combo", ""},
            {"Sun Dec 04 04:47:44 2005]", ""},
            {"17/06/09 20:10:40 INFO", ""},
            {"081109 203615 148 INFO", ""},
            {"03-17 16:13:38.811  1702", ""},
            {"2024-02-29T12:00:00+02:00", ""},
            {"2024-02-29 12:00:00.123456789 +0200", ""},
        };
        for (const auto& [line, ignored] : cases) {
            CAPTURE(line);
            const auto layout = TimeLayout::detect(line);
            REQUIRE(layout.has_value());
            const std::string_view text = std::string_view(line).substr(0, layout->length());
            const auto value = layout->parse(text);
            REQUIRE(value.has_value());
            std::string out;
            layout->append(out, *value);
            CHECK(out == text);
            CHECK(TimeLayout::from_pattern(layout->pattern()) == layout);
            // Every second day of two years, so every name; what a filter is pruned by.
            const std::string alphabet = layout->alphabet();
            const int64_t day = 86'400'000'000'000 / layout->unit_ns();
            for (int64_t at = *value; at < *value + 730 * day; at += 2 * day) {
                std::string written;
                layout->append(written, at);
                CHECK(written.find_first_not_of(alphabet) == std::string::npos);
            }
        }
        for (const char* line :
             {"2026-02-30T00:00:00Z",
              "2026-13-01 00:00:00",
              "Mon Dec 04 04:47:44 2005",
              "2026-01-01T24:00:00",
              "2026-01-01T00:00:00Zx",
              "Jun 09 06:06:20",
              "",
              "2026",
              "9999-01-01T00:00:00.000000000Z"}) {
            CAPTURE(line);
            CHECK_FALSE(TimeLayout::detect(line).has_value());
        }
        for (const char* pattern : {"", "%", "%Y", "%q", "%Y%Y-%m-%d %H:%M:%S", "%m-%d"}) {
            CAPTURE(pattern);
            CHECK_FALSE(TimeLayout::from_pattern(pattern).has_value());
        }
    }

    TEST_CASE("a text near a known one is read as it is alone") {
        MESSAGE("seed " << kSeed);
        std::mt19937_64 random(kSeed);
        const char* texts[] = {
            "2026-01-01T00:00:00.000007Z",
            "2199-12-31 23:59:59,999",
            "0001-01-01T00:00:00.0Z",
            "2024-02-29 12:00:00.123456789 +0200",
            "01/Jan/2026:23:59:59 +0000",
            "081109 203615",
        };
        for (const std::string known : texts) {
            const auto layout = TimeLayout::detect(known);
            REQUIRE(layout.has_value());
            const ScalarForm form{ScalarKind::kTime, 0, layout};
            const auto known_value = form.parse(known);
            REQUIRE(known_value.has_value());
            CHECK(form.parse_near(known, {}, 0) == known_value);
            CHECK(form.parse_near("", known, *known_value) == std::nullopt);
            for (int i = 0; i < 20'000; ++i) {
                std::string text = known;
                for (uint64_t changes = random() % 3 + 1; changes > 0; --changes) {
                    text[random() % text.size()] = "0123456789 .:x-"[random() % 15];
                }
                CAPTURE(text);
                CHECK(form.parse_near(text, known, *known_value) == form.parse(text));
            }
        }
    }

    TEST_CASE("number streams keep every number in every transform") {
        MESSAGE("seed " << kSeed);
        std::mt19937_64 random(kSeed);
        Packer packer;
        Unpacker unpacker;
        for (int round = 0; round < 400; ++round) {
            std::vector<int64_t> values(random() % 300);
            std::vector<int64_t> times;
            const unsigned shift = random() % 64;
            for (int64_t& value : values) {
                value = static_cast<int64_t>(random() >> shift) * (random() % 2 == 0 ? 1 : -1);
                times.push_back(static_cast<int64_t>(random()));
            }
            const IntTimes with{times, round % 2 == 0 ? 1 : 1'000'000};
            for (const auto transform :
                 {std::optional<IntTransform>(),
                  std::optional(IntTransform::kNone),
                  std::optional(IntTransform::kDelta),
                  std::optional(IntTransform::kTime)}) {
                std::string bytes;
                append_ints(bytes, values, with, transform, packer);
                codec::Reader reader(bytes);
                std::vector<int64_t> read;
                read_ints(reader, values.size(), with, unpacker, read);
                CHECK(reader.ok());
                CHECK(reader.left() == 0);
                CHECK(read == values);
            }
        }
    }
}
