// SPDX-License-Identifier: Apache-2.0
#include "common/logql/printer_parts.hpp"

#include <array>
#include <cmath>

#include <fmt/format.h>

#include "common/base/text.hpp"
#include "common/logql/text/quantity.hpp"

namespace seyir::logql::detail {
namespace {

constexpr int64_t kMicro = 1'000;
constexpr int64_t kMilli = 1'000'000;
constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kMinute = 60 * kSecond;
constexpr int64_t kHour = 60 * kMinute;
constexpr int64_t kDay = 24 * kHour;

/// Go's time.Duration.String: 1h30m0s, 250ms, 1.5s.
std::string duration_text(int64_t ns) {
    if (ns == 0) {
        return "0s";
    }
    std::string out = ns < 0 ? "-" : "";
    const uint64_t whole = ns < 0 ? 0 - static_cast<uint64_t>(ns) : static_cast<uint64_t>(ns);
    const auto fraction = [](uint64_t value, uint64_t unit) {
        std::string text = std::to_string(value / unit);
        std::string rest = fmt::format("{:09}", value % unit * (kSecond / unit));
        while (rest.ends_with('0')) {
            rest.pop_back();
        }
        return rest.empty() ? text : text + "." + rest;
    };
    if (whole < kMicro) {
        return out + std::to_string(whole) + "ns";
    }
    if (whole < kMilli) {
        return out + fraction(whole, kMicro) + "\u00b5s";
    }
    if (whole < kSecond) {
        return out + fraction(whole, kMilli) + "ms";
    }
    const uint64_t hours = whole / kHour;
    const uint64_t minutes = whole % kHour / kMinute;
    out += hours > 0 ? fmt::format("{}h", hours) : "";
    out += hours > 0 || minutes > 0 ? fmt::format("{}m", minutes) : "";
    return out + fraction(whole % kMinute, kSecond) + "s";
}

/// Short where that says the same, else plain bytes.
std::string bytes_text(uint64_t bytes) {
    constexpr std::array<std::string_view, 7> kUnits{"B", "kB", "MB", "GB", "TB", "PB", "EB"};
    uint64_t value = bytes;
    size_t unit = 0;
    while (value >= 1000 && value % 100 == 0 && unit + 1 < kUnits.size()) {
        if (value % 1000 != 0) {
            if (value >= 10'000) {
                break;
            }
            return fmt::format("{}.{}{}", value / 1000, value % 1000 / 100, kUnits[unit + 1]);
        }
        value /= 1000;
        ++unit;
    }
    return fmt::format("{}{}", value, kUnits[unit]);
}

std::string_view text_of(MatchOp op) {
    constexpr std::array<std::string_view, 4> kOps{"=", "!=", "=~", "!~"};
    return kOps[static_cast<size_t>(op)];
}

std::string_view text_of(CompareOp op) {
    constexpr std::array<std::string_view, 6> kOps{"==", "!=", ">", ">=", "<", "<="};
    return kOps[static_cast<size_t>(op)];
}

std::string matcher_text(const Matcher& matcher) {
    return fmt::format("{}{}{}", matcher.name, text_of(matcher.op), quoted(matcher.value));
}

struct TestPrinter {
    std::string operator()(const StringTest& test) const { return matcher_text(test.matcher); }

    std::string operator()(const NumberTest& test) const {
        return fmt::format("{}{}{}", test.name, text_of(test.op), number_text(test.value));
    }

    std::string operator()(const DurationTest& test) const {
        return fmt::format("{}{}{}", test.name, text_of(test.op), duration_text(test.value_ns));
    }

    std::string operator()(const BytesTest& test) const {
        return fmt::format("{}{}{}", test.name, text_of(test.op), bytes_text(test.value_bytes));
    }

    std::string operator()(const IpTest& test) const {
        return fmt::format(
            "{}{}ip({})", test.name, test.negated ? "!=" : "=", quoted(test.pattern)
        );
    }

    std::string operator()(const BothTests& both) const {
        return fmt::format(
            "( {} {} {} )",
            std::visit(*this, both.left->test),
            both.is_or ? "or" : ",",
            std::visit(*this, both.right->test)
        );
    }
};

std::string line_filter_text(const LineFilter& filter) {
    constexpr std::array<std::string_view, 6> kOps{"|=", "|~", "|>", "!=", "!~", "!>"};
    const std::string_view op = kOps[static_cast<size_t>(filter.op) + (filter.negated ? 3 : 0)];
    std::string out(op);
    for (size_t i = 0; i < filter.terms.size(); ++i) {
        const LineFilterTerm& term = filter.terms[i];
        // `!= "a" or "b"` means neither: that is what `!= "a" != "b"` says.
        out += i == 0 ? " " : filter.negated ? fmt::format(" {} ", op) : " or ";
        out += term.is_ip ? fmt::format("ip({})", quoted(term.value)) : quoted(term.value);
    }
    return out;
}

template <class List, class Print>
std::string joined(const List& list, std::string_view separator, Print print) {
    std::string out;
    for (const auto& item : list) {
        out += out.empty() ? "" : separator;
        out += print(item);
    }
    return out;
}

std::string extractions_text(const std::vector<Extraction>& extractions) {
    return joined(extractions, ",", [](const Extraction& one) {
        return fmt::format("{}={}", one.name, quoted(one.expression));
    });
}

std::string choices_text(const std::vector<LabelChoice>& choices) {
    return joined(choices, ",", [](const LabelChoice& one) {
        return one.matcher ? matcher_text(*one.matcher) : one.name;
    });
}

struct StagePrinter {
    std::string operator()(const LineFilter& stage) const { return line_filter_text(stage); }

    std::string operator()(const LabelFilter& stage) const {
        return "| " + std::visit(TestPrinter{}, stage.test);
    }

    std::string operator()(const JsonStage& stage) const {
        const std::string what = extractions_text(stage.extractions);
        return "| json" + (what.empty() ? "" : " " + what);
    }

    std::string operator()(const LogfmtStage& stage) const {
        std::string out = "| logfmt";
        out += stage.strict ? " --strict" : "";
        out += stage.keep_empty ? " --keep-empty" : "";
        const std::string what = extractions_text(stage.extractions);
        return out + (what.empty() ? "" : " " + what);
    }

    std::string operator()(const RegexpStage& stage) const {
        return "| regexp " + quoted(stage.pattern);
    }

    std::string operator()(const PatternStage& stage) const {
        return "| pattern " + quoted(stage.pattern);
    }

    std::string operator()(const UnpackStage&) const { return "| unpack"; }

    std::string operator()(const DecolorizeStage&) const { return "| decolorize"; }

    std::string operator()(const LineFormatStage& stage) const {
        return "| line_format " + quoted(stage.format);
    }

    std::string operator()(const LabelFormatStage& stage) const {
        return "| label_format " + joined(stage.formats, ",", [](const LabelFormat& one) {
                   return fmt::format(
                       "{}={}", one.name, one.is_rename ? one.text : quoted(one.text)
                   );
               });
    }

    std::string operator()(const DropStage& stage) const {
        return "| drop " + choices_text(stage.choices);
    }

    std::string operator()(const KeepStage& stage) const {
        return "| keep " + choices_text(stage.choices);
    }
};

}  // namespace

std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        constexpr std::string_view kValues = "\a\b\f\n\r\t\v\\\"";
        constexpr std::string_view kNames = "abfnrtv\\\"";
        const auto byte = static_cast<uint8_t>(c);
        if (const size_t i = kValues.find(c); i != std::string_view::npos && c != '\0') {
            out += '\\';
            out += kNames[i];
        } else if (byte < 0x20 || byte == 0x7f) {
            fmt::format_to(std::back_inserter(out), "\\x{:02x}", byte);
        } else {
            out += c;
        }
    }
    return out + "\"";
}

std::string range_text(int64_t ns) {
    const struct {
        std::string_view unit;
        int64_t ns;
        bool exact;  ///< 90d is easier to read than 12w6d
    } kUnits[] = {
        {"y", 365 * kDay, true},
        {"w", 7 * kDay, true},
        {"d", kDay, false},
        {"h", kHour, false},
        {"m", kMinute, false},
        {"s", kSecond, false},
        {"ms", kMilli, false},
        {"us", kMicro, false},
        {"ns", 1, false},
    };

    std::string out = ns < 0 ? "-" : ns == 0 ? "0s" : "";
    uint64_t left = ns < 0 ? 0 - static_cast<uint64_t>(ns) : static_cast<uint64_t>(ns);
    for (const auto& [unit, size, exact] : kUnits) {
        const auto one = static_cast<uint64_t>(size);
        if (left >= one && (!exact || left % one == 0)) {
            fmt::format_to(std::back_inserter(out), "{}{}", left / one, unit);
            left %= one;
        }
    }
    return out;
}

std::string number_text(double value) {
    return format_sample(value);
}

std::string selector_text(const std::vector<Matcher>& matchers) {
    return "{" + joined(matchers, ", ", matcher_text) + "}";
}

std::string stage_text(const Stage& stage) {
    return std::visit(StagePrinter{}, stage.kind);
}

std::string unwrap_text(const Unwrap& unwrap) {
    switch (unwrap.conversion) {
        case UnwrapConversion::kBytes:
            return fmt::format("| unwrap bytes({})", unwrap.label);
        case UnwrapConversion::kDuration:
            return fmt::format(
                "| unwrap {}({})", unwrap.in_seconds ? "duration_seconds" : "duration", unwrap.label
            );
        default:
            return fmt::format("| unwrap {}", unwrap.label);
    }
}

std::string grouping_text(const Grouping& grouping, std::string_view separator) {
    return fmt::format(
        " {} ({})",
        grouping.without ? "without" : "by",
        joined(grouping.labels, separator, [](const std::string& name) { return name; })
    );
}

std::string operator_text(const BinaryExpr& node, std::string_view separator) {
    constexpr std::array<std::string_view, 15> kOps{
        "or", "and", "unless", "+", "-", "*", "/", "%", "^", "==", "!=", ">", ">=", "<", "<="
    };
    const auto list = [&](const std::vector<std::string>& names) {
        return joined(names, separator, [](const std::string& name) { return name; });
    };
    std::string out(kOps[static_cast<size_t>(node.op)]);
    out += node.return_bool ? " bool" : "";
    const VectorMatching& matching = node.matching;
    const bool many = matching.cardinality != MatchCardinality::kOneToOne;
    if (matching.on || !matching.labels.empty() || many) {
        out += fmt::format(" {} ({})", matching.on ? "on" : "ignoring", list(matching.labels));
    }
    if (many) {
        const bool left = matching.cardinality == MatchCardinality::kManyToOne;
        out += left ? " group_left" : " group_right";
        out += matching.include.empty() ? "" : fmt::format(" ({})", list(matching.include));
    }
    return out;
}

std::string_view name_of(RangeOp op) {
    constexpr std::array<std::string_view, 15> kNames{
        "count_over_time",
        "rate",
        "bytes_over_time",
        "bytes_rate",
        "absent_over_time",
        "sum_over_time",
        "avg_over_time",
        "min_over_time",
        "max_over_time",
        "stddev_over_time",
        "stdvar_over_time",
        "quantile_over_time",
        "first_over_time",
        "last_over_time",
        "rate_counter",
    };
    return kNames[static_cast<size_t>(op)];
}

std::string_view name_of(VectorOp op) {
    constexpr std::array<std::string_view, 12> kNames{
        "sum",
        "min",
        "max",
        "avg",
        "count",
        "stddev",
        "stdvar",
        "topk",
        "bottomk",
        "approx_topk",
        "sort",
        "sort_desc",
    };
    return kNames[static_cast<size_t>(op)];
}

int precedence_of(BinaryOp op) {
    if (op >= BinaryOp::kEqual) {
        return 3;
    }
    switch (op) {
        case BinaryOp::kOr:
            return 1;
        case BinaryOp::kAnd:
        case BinaryOp::kUnless:
            return 2;
        case BinaryOp::kAdd:
        case BinaryOp::kSub:
            return 4;
        case BinaryOp::kPow:
            return 6;
        default:
            return 5;
    }
}

}  // namespace seyir::logql::detail
