// SPDX-License-Identifier: Apache-2.0
#include "collector/store/columns/decode/line_tests.hpp"

#include <algorithm>

#include "collector/store/columns/decode/text_match.hpp"

namespace seyir::store::columns {
namespace {

/// Looking for more texts than this costs more than putting lines together.
constexpr size_t kNeedleTextsMax = 6;

size_t texts_in(const Needle& needle) {
    size_t texts = needle.kind == Needle::Kind::kText ? 1 : 0;
    for (const Needle& part : needle.parts) {
        texts += texts_in(part);
    }
    return texts;
}

class Tester {
  public:
    Tester(LineColumns& lines, uint64_t raw_bytes)
        : lines_(lines), raw_bytes_(raw_bytes), rows_(lines.row_count()) {}

    /// Which rows hold the text.
    Result<Verdicts> match(const std::string& text, bool any_case) {
        Verdicts rows;
        TextMatcher matcher(text, any_case, {.bytes_max = raw_bytes_});
        if (text.empty() || matcher.needs_line()) {
            rows.fill(rows_, text.empty() ? Holds::kYes : Holds::kMaybe);
            return rows;
        }
        Result<void> outcome;
        const TextMatcher::Columns columns{
            [&](uint32_t number) -> const Column* {
                const auto column = lines_.slot(number);
                if (!column) {
                    outcome = column.error();
                    return nullptr;
                }
                return *column;
            },
            [](uint32_t) -> const Column* { return nullptr; },
            [&](uint32_t number) {
                const auto form = lines_.form_of(number);
                return form && !matcher.can_be_in(*form);
            }
        };
        matcher.match_rows(lines_.head(), columns, rows);
        SEYIR_CHECK(std::move(outcome));
        return matcher.ok() ? Result<Verdicts>(std::move(rows)) : malformed("a slot");
    }

    /// Which rows may hold what the needle says; never kYes.
    Result<Verdicts> match(const Needle& needle) {
        Verdicts rows;
        const bool is_of_line = needle.place == Needle::Place::kLine;
        if (needle.kind == Needle::Kind::kText && is_of_line) {
            SEYIR_TRY(const Verdicts found, match(needle.text, needle.any_case));
            for (size_t i = 0; i < rows_ && found.any(); ++i) {
                rows.raise(i, rows_, std::min(found.at(i), Holds::kMaybe));
            }
            return rows;
        }
        if (needle.kind == Needle::Kind::kAnything || needle.kind == Needle::Kind::kText) {
            rows.fill(rows_, Holds::kMaybe);
            return rows;
        }
        const bool is_all = needle.kind == Needle::Kind::kAll;
        rows.fill(rows_, is_all ? Holds::kMaybe : Holds::kNo);
        for (const Needle& part : needle.parts) {
            SEYIR_TRY(const Verdicts found, match(part));
            for (size_t i = 0; i < rows_; ++i) {
                rows.set(
                    i,
                    is_all ? std::min(rows.at(i), found.at(i)) : std::max(rows.at(i), found.at(i))
                );
            }
            if (is_all && !found.any()) {
                return Verdicts();
            }
        }
        return rows;
    }

    /// Which rows pass.
    Result<Verdicts> match(const LineTest& test) {
        if (test.any_of.empty()) {
            if (texts_in(test.holds) <= kNeedleTextsMax) {
                return match(test.holds);
            }
            Verdicts unknown;
            unknown.fill(rows_, Holds::kMaybe);
            return unknown;
        }
        Verdicts rows;
        for (const std::string& text : test.any_of) {
            SEYIR_TRY(const Verdicts found, match(text, false));
            for (size_t i = 0; i < rows_ && found.any(); ++i) {
                rows.raise(i, rows_, found.at(i));
            }
        }
        if (!test.negated) {
            return rows;
        }
        Verdicts without;
        for (size_t i = 0; i < rows_; ++i) {
            const Holds holds = rows.at(i);
            without.raise(
                i,
                rows_,
                holds == Holds::kYes  ? Holds::kNo
                : holds == Holds::kNo ? Holds::kYes
                                      : Holds::kMaybe
            );
        }
        return without;
    }

  private:
    LineColumns& lines_;
    uint64_t raw_bytes_;
    size_t rows_;
};

}  // namespace

Result<void> test_lines(
    LineColumns& lines,
    uint64_t raw_bytes,
    const std::vector<LineTest>& tests,
    std::vector<uint32_t>& chosen,
    std::vector<uint8_t>& is_sure
) {
    Tester tester(lines, raw_bytes);
    is_sure.assign(chosen.size(), 1);
    for (const LineTest& test : tests) {
        SEYIR_TRY(const Verdicts passes, tester.match(test));
        size_t kept = 0;
        for (size_t i = 0; i < chosen.size(); ++i) {
            const Holds holds = passes.at(chosen[i]);
            if (holds == Holds::kNo) {
                continue;
            }
            is_sure[kept] = is_sure[i] != 0 && holds == Holds::kYes ? 1 : 0;
            chosen[kept++] = chosen[i];
        }
        chosen.resize(kept);
        is_sure.resize(kept);
        if (chosen.empty()) {
            break;
        }
    }
    return {};
}

}  // namespace seyir::store::columns
