// SPDX-License-Identifier: Apache-2.0
// Metric expressions: precedence climbing over or < and/unless < comparisons < + - < * / % < ^.
#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "common/base/text.hpp"
#include "common/logql/parser_impl.hpp"
#include "common/logql/text/quantity.hpp"
#include "common/logql/text/regex.hpp"
#include "common/record/stream_labels.hpp"

namespace seyir::logql::detail {
namespace {

struct RangeFunction {
    std::string_view name;
    RangeOp op;
    bool needs_unwrap;
    bool takes_unwrap;
    bool takes_grouping;
};

constexpr std::array kRangeFunctions{
    RangeFunction{"count_over_time", RangeOp::kCount, false, false, false},
    RangeFunction{"rate", RangeOp::kRate, false, true, false},
    RangeFunction{"bytes_over_time", RangeOp::kBytes, false, false, false},
    RangeFunction{"bytes_rate", RangeOp::kBytesRate, false, false, false},
    RangeFunction{"absent_over_time", RangeOp::kAbsent, false, true, false},
    RangeFunction{"sum_over_time", RangeOp::kSum, true, true, false},
    RangeFunction{"avg_over_time", RangeOp::kAvg, true, true, true},
    RangeFunction{"min_over_time", RangeOp::kMin, true, true, true},
    RangeFunction{"max_over_time", RangeOp::kMax, true, true, true},
    RangeFunction{"stddev_over_time", RangeOp::kStddev, true, true, true},
    RangeFunction{"stdvar_over_time", RangeOp::kStdvar, true, true, true},
    RangeFunction{"quantile_over_time", RangeOp::kQuantile, true, true, true},
    RangeFunction{"first_over_time", RangeOp::kFirst, true, true, true},
    RangeFunction{"last_over_time", RangeOp::kLast, true, true, true},
    RangeFunction{"rate_counter", RangeOp::kRateCounter, true, true, false},
};

struct VectorFunction {
    std::string_view name;
    VectorOp op;
    bool takes_parameter;
};

constexpr std::array kVectorFunctions{
    VectorFunction{"sum", VectorOp::kSum, false},
    VectorFunction{"min", VectorOp::kMin, false},
    VectorFunction{"max", VectorOp::kMax, false},
    VectorFunction{"avg", VectorOp::kAvg, false},
    VectorFunction{"count", VectorOp::kCount, false},
    VectorFunction{"stddev", VectorOp::kStddev, false},
    VectorFunction{"stdvar", VectorOp::kStdvar, false},
    VectorFunction{"topk", VectorOp::kTopk, true},
    VectorFunction{"bottomk", VectorOp::kBottomk, true},
    VectorFunction{"approx_topk", VectorOp::kApproxTopk, true},
    VectorFunction{"sort", VectorOp::kSort, false},
    VectorFunction{"sort_desc", VectorOp::kSortDesc, false},
};

const RangeFunction& range_function(RangeOp op) {
    return *std::ranges::find(kRangeFunctions, op, &RangeFunction::op);
}

struct Operator {
    BinaryOp op;
    int precedence;
};

std::optional<Operator> binary_operator(const Token& token) {
    switch (token.kind) {
        case TokenKind::kName:
            if (token.value == "or") {
                return Operator{BinaryOp::kOr, 1};
            }
            if (token.value == "and") {
                return Operator{BinaryOp::kAnd, 2};
            }
            if (token.value == "unless") {
                return Operator{BinaryOp::kUnless, 2};
            }
            return std::nullopt;
        case TokenKind::kEqualEqual:
            return Operator{BinaryOp::kEqual, 3};
        case TokenKind::kNotEqual:
            return Operator{BinaryOp::kNotEqual, 3};
        case TokenKind::kGreater:
            return Operator{BinaryOp::kGreater, 3};
        case TokenKind::kGreaterEqual:
            return Operator{BinaryOp::kGreaterEqual, 3};
        case TokenKind::kLess:
            return Operator{BinaryOp::kLess, 3};
        case TokenKind::kLessEqual:
            return Operator{BinaryOp::kLessEqual, 3};
        case TokenKind::kPlus:
            return Operator{BinaryOp::kAdd, 4};
        case TokenKind::kMinus:
            return Operator{BinaryOp::kSub, 4};
        case TokenKind::kStar:
            return Operator{BinaryOp::kMul, 5};
        case TokenKind::kSlash:
            return Operator{BinaryOp::kDiv, 5};
        case TokenKind::kPercent:
            return Operator{BinaryOp::kMod, 5};
        case TokenKind::kCaret:
            return Operator{BinaryOp::kPow, 6};
        default:
            return std::nullopt;
    }
}

bool is_set_op(BinaryOp op) {
    return op == BinaryOp::kOr || op == BinaryOp::kAnd || op == BinaryOp::kUnless;
}

bool is_comparison(BinaryOp op) {
    return op >= BinaryOp::kEqual;
}

/// A number, or operations of numbers alone.
bool is_constant(const Expr& expr) {
    const auto* binary = std::get_if<BinaryExpr>(&expr.node);
    return expr.is_number() ||
           (binary != nullptr && is_constant(*binary->left) && is_constant(*binary->right));
}

}  // namespace

Result<void> Parser::check_leg(
    const Expr& leg, std::string_view side, const Token& op, BinaryOp kind
) const {
    const std::string_view symbol = text_.substr(op.at, op.end - op.at);
    if (leg.is_log()) {
        return parse_error(
            text_,
            leg.at,
            fmt::format(
                "unexpected type for {} leg of binary operation ({}): a log expression",
                side,
                symbol
            ),
            "binary operations work on metrics: count_over_time({...}[5m])"
        );
    }
    if (is_set_op(kind) && is_constant(leg)) {
        return parse_error(
            text_,
            leg.at,
            fmt::format(
                "unexpected literal for {} leg of logical/set binary operation ({})", side, symbol
            ),
            "vector(n) makes a series of a number"
        );
    }
    return {};
}

Result<Expr> Parser::expression(int min_precedence) {
    ++depth_;
    SEYIR_CHECK(enter());
    SEYIR_TRY(Expr left, unary());
    while (const auto op = binary_operator(peek())) {
        if (op->precedence < min_precedence) {
            break;
        }
        const Token token = take();
        BinaryExpr binary{.op = op->op};
        SEYIR_CHECK(matching_clause(binary));
        // ^ binds to the right, all others to the left.
        const int next = op->op == BinaryOp::kPow ? op->precedence : op->precedence + 1;
        SEYIR_TRY(Expr right, expression(next));
        SEYIR_CHECK(check_leg(left, "left", token, op->op));
        SEYIR_CHECK(check_leg(right, "right", token, op->op));
        binary.left = std::make_unique<Expr>(std::move(left));
        binary.right = std::make_unique<Expr>(std::move(right));
        left = Expr{token.at, std::move(binary)};
        // A chain is a tree leaning left: as deep as it is long.
        if (++operations_ > kOperationsMax) {
            return error_at(token, fmt::format("more than {} binary operations", kOperationsMax));
        }
    }
    --depth_;
    return left;
}

Result<void> Parser::matching_clause(BinaryExpr& binary) {
    if (is_name("bool")) {
        take();
        // Loki takes it behind any operator, where it says nothing.
        binary.return_bool = is_comparison(binary.op);
    }
    if (!is_name("on") && !is_name("ignoring")) {
        return {};
    }
    binary.matching.on = take().value == "on";
    SEYIR_TRY(binary.matching.labels, name_list());
    if (is_name("group_left") || is_name("group_right")) {
        const Token word = take();
        if (is_set_op(binary.op)) {
            return error_at(word, "no grouping allowed for set operations");
        }
        binary.matching.cardinality = word.value == "group_left" ? MatchCardinality::kManyToOne
                                                                 : MatchCardinality::kOneToMany;
        if (is(TokenKind::kLeftParen) &&
            (is(TokenKind::kRightParen, 1) ||
             (is(TokenKind::kName, 1) && (is(TokenKind::kComma, 2) || is(TokenKind::kRightParen, 2))
             ))) {
            SEYIR_TRY(binary.matching.include, name_list());
        }
    }
    return {};
}

Result<Expr> Parser::unary() {
    if ((is(TokenKind::kMinus) || is(TokenKind::kPlus)) && is(TokenKind::kNumber, 1)) {
        const Token sign = take();
        SEYIR_TRY(const double value, number(sign.kind == TokenKind::kMinus));
        return Expr{sign.at, NumberLiteral{value}};
    }
    return primary();
}

Result<double> Parser::number(bool negative) {
    SEYIR_TRY(Token token, expect(TokenKind::kNumber, "a number"));
    const auto value = parse_number(token.value);
    if (!value) {
        return error_at(
            token, fmt::format("unable to parse literal as a float: `{}`", token.value)
        );
    }
    return negative ? -*value : *value;
}

Result<Expr> Parser::primary() {
    const Offset at = peek().at;
    switch (peek().kind) {
        case TokenKind::kNumber: {
            SEYIR_TRY(const double value, number(false));
            return Expr{at, NumberLiteral{value}};
        }
        case TokenKind::kLeftBrace: {
            SEYIR_TRY(LogExpr log, log_expr());
            return Expr{at, std::move(log)};
        }
        case TokenKind::kLeftParen:
            return parenthesised();
        case TokenKind::kName:
            return function();
        default:
            return unexpected("a selector `{...}`, a function or a number");
    }
}

Result<Expr> Parser::parenthesised() {
    take();
    SEYIR_TRY(Expr inner, expression(0));
    SEYIR_CHECK(expect(TokenKind::kRightParen, "`)`"));
    if (auto* log = std::get_if<LogExpr>(&inner.node)) {
        SEYIR_CHECK(stages(log->stages));
    }
    return inner;
}

Result<Expr> Parser::function() {
    const Token name = peek();
    if (const auto* range = std::ranges::find(kRangeFunctions, name.value, &RangeFunction::name);
        range != kRangeFunctions.end()) {
        return range_aggregation(range->op);
    }
    if (const auto* vector = std::ranges::find(kVectorFunctions, name.value, &VectorFunction::name);
        vector != kVectorFunctions.end()) {
        return vector_aggregation(vector->op);
    }
    if (name.value == "label_replace") {
        return label_replace();
    }
    if (name.value == "vector") {
        return vector_literal();
    }
    if (name.value == "variants" && is(TokenKind::kLeftParen, 1)) {
        return unsupported_error(text_, name.at, "`variants`");
    }
    std::vector<std::string_view> names{"label_replace", "vector"};
    for (const RangeFunction& function : kRangeFunctions) {
        names.push_back(function.name);
    }
    for (const VectorFunction& function : kVectorFunctions) {
        names.push_back(function.name);
    }
    const auto near = did_you_mean(name.value, names);
    return error_at(
        name,
        fmt::format("syntax error: unknown function `{}`", name.value),
        near ? fmt::format("did you mean `{}`?", *near)
             : "a query starts with a selector {label=\"value\"} or a function"
    );
}

Result<Expr> Parser::vector_literal() {
    const Token name = take();
    SEYIR_CHECK(expect(TokenKind::kLeftParen, "`(`"));
    const bool negative = take_if(TokenKind::kMinus);
    SEYIR_TRY(const double value, number(negative));
    SEYIR_CHECK(expect(TokenKind::kRightParen, "`)`"));
    return Expr{name.at, VectorLiteral{value}};
}

Result<std::vector<std::string>> Parser::name_list() {
    SEYIR_CHECK(expect(TokenKind::kLeftParen, "`(`"));
    std::vector<std::string> names;
    while (!take_if(TokenKind::kRightParen)) {
        if (!names.empty()) {
            SEYIR_CHECK(expect(TokenKind::kComma, "`,` or `)`"));
        }
        SEYIR_TRY(Token name, expect(TokenKind::kName, "IDENTIFIER (a label name)"));
        names.push_back(std::move(name.value));
    }
    return names;
}

Result<Grouping> Parser::grouping() {
    Grouping grouping{.without = take().value == "without"};
    SEYIR_TRY(grouping.labels, name_list());
    return grouping;
}

Result<Expr> Parser::vector_aggregation(VectorOp op) {
    const Token name = take();
    const auto& function = *std::ranges::find(kVectorFunctions, op, &VectorFunction::op);
    const bool sorts = op == VectorOp::kSort || op == VectorOp::kSortDesc;
    VectorAggregation node{.op = op};
    const auto take_grouping = [&]() -> Result<void> {
        if (!is_name("by") && !is_name("without")) {
            return {};
        }
        if (sorts || op == VectorOp::kApproxTopk) {
            return error_at(peek(), fmt::format("grouping not allowed for {}", name.value));
        }
        if (node.grouping) {
            return error_at(peek(), "grouping given twice");
        }
        SEYIR_TRY(node.grouping, grouping());
        return {};
    };
    SEYIR_CHECK(take_grouping());
    SEYIR_CHECK(expect(TokenKind::kLeftParen, "`(`"));
    if (is(TokenKind::kNumber) && is(TokenKind::kComma, 1)) {
        const Token parameter = take();
        const auto value = parse_number(parameter.value);
        if (!function.takes_parameter) {
            return error_at(
                parameter,
                fmt::format(
                    "unsupported parameter for operation {}({},", name.value, parameter.value
                )
            );
        }
        const bool whole = parameter.value.find_first_not_of("0123456789") == std::string::npos;
        if (!value || !whole || *value <= 0 || *value > 1e9) {
            return error_at(
                parameter,
                fmt::format(
                    "invalid parameter {}({}, must be a whole number above 0",
                    name.value,
                    parameter.value
                )
            );
        }
        node.parameter = static_cast<int64_t>(*value);
        take();
    } else if (function.takes_parameter) {
        return error_at(
            peek(),
            fmt::format(
                "parameter required for operation {}: a number, as in {}(5, ...)",
                name.value,
                name.value
            )
        );
    }
    SEYIR_TRY(Expr operand, expression(0));
    if (operand.is_log()) {
        return parse_error(
            text_,
            operand.at,
            fmt::format("{} needs a metric, not a log expression", name.value),
            "wrap it: count_over_time({...}[5m])"
        );
    }
    SEYIR_CHECK(expect(TokenKind::kRightParen, "`)`"));
    SEYIR_CHECK(take_grouping());
    node.operand = std::make_unique<Expr>(std::move(operand));
    return Expr{name.at, std::move(node)};
}

Result<Expr> Parser::range_aggregation(RangeOp op) {
    const Token name = take();
    RangeAggregation node{.op = op};
    SEYIR_CHECK(expect(TokenKind::kLeftParen, "`(`"));
    const bool minus = is(TokenKind::kMinus);
    if (minus || is(TokenKind::kNumber)) {
        take_if(TokenKind::kMinus);
        const Token at = peek();
        SEYIR_TRY(node.parameter, number(minus));
        if (op != RangeOp::kQuantile) {
            return error_at(
                at, fmt::format("parameter {} not supported for operation {}", at.value, name.value)
            );
        }
        SEYIR_CHECK(expect(TokenKind::kComma, "`,`"));
    } else if (op == RangeOp::kQuantile) {
        return unexpected("a number: quantile_over_time(0.99, ...)");
    }
    SEYIR_TRY(LogRange range, log_range());
    SEYIR_CHECK(expect(TokenKind::kRightParen, "`)`"));
    if (!range.range_ns) {
        return parse_error(
            text_, range.log.at, fmt::format("{} needs a range such as [5m]", name.value)
        );
    }
    node.log = std::move(range.log);
    node.unwrap = std::move(range.unwrap);
    node.range_ns = *range.range_ns;
    node.offset_ns = range.offset_ns;
    if (is_name("by") || is_name("without")) {
        if (!range_function(op).takes_grouping) {
            return error_at(
                peek(), fmt::format("grouping not allowed for {} aggregation", name.value)
            );
        }
        SEYIR_TRY(node.grouping, grouping());
    }
    SEYIR_CHECK(check_selector(node.log.matchers, node.log.at));
    SEYIR_CHECK(check_range(node, name));
    return Expr{name.at, std::move(node)};
}

Result<void> Parser::check_range(const RangeAggregation& node, const Token& name) const {
    const RangeFunction& function = range_function(node.op);
    if (function.needs_unwrap && !node.unwrap) {
        return error_at(
            name,
            fmt::format("invalid aggregation {} without unwrap", name.value),
            "choose the label to aggregate: | unwrap latency"
        );
    }
    if (!function.takes_unwrap && node.unwrap) {
        return parse_error(
            text_, node.unwrap->at, fmt::format("invalid aggregation {} with unwrap", name.value)
        );
    }
    return {};
}

Result<void> Parser::range_brackets(LogRange& range) {
    const Token open = take();
    SEYIR_TRY(Token length, expect(TokenKind::kNumber, "a duration such as 5m"));
    const auto ns = parse_duration_ns(length.value, true);
    if (!ns || *ns <= 0) {
        return error_at(
            length,
            fmt::format("`{}` is not a duration above 0", length.value),
            "write [5m] or [1h30m]"
        );
    }
    SEYIR_CHECK(expect(TokenKind::kRightBracket, "`]`"));
    if (range.range_ns) {
        return error_at(open, "range given twice");
    }
    range.range_ns = *ns;
    return {};
}

Result<void> Parser::offset_clause(LogRange& range) {
    if (is(TokenKind::kAt)) {
        return unsupported_error(text_, peek().at, "the `@` modifier");
    }
    if (!is_name("offset")) {
        return {};
    }
    take();
    const bool negative = take_if(TokenKind::kMinus);
    SEYIR_TRY(Token length, expect(TokenKind::kNumber, "a duration such as 5m"));
    const auto ns = parse_duration_ns(length.value, true);
    if (!ns) {
        return error_at(length, fmt::format("`{}` is not a duration", length.value));
    }
    range.offset_ns = negative ? -*ns : *ns;
    return {};
}

/// `{...}`, `({...} | ...)` or `({...}[5m])`.
Result<Parser::LogRange> Parser::log_range_head() {
    ++depth_;
    SEYIR_CHECK(enter());
    LogRange range;
    if (take_if(TokenKind::kLeftParen)) {
        SEYIR_TRY(range, log_range());
        SEYIR_CHECK(expect(TokenKind::kRightParen, "`)`"));
    } else {
        range.log.at = peek().at;
        if (!is(TokenKind::kLeftBrace)) {
            return unexpected("a selector `{...}`");
        }
        SEYIR_TRY(range.log.matchers, selector());
    }
    --depth_;
    return range;
}

Result<Parser::LogRange> Parser::log_range() {
    SEYIR_TRY(LogRange range, log_range_head());
    // The range may stand after the selector or after the stages.
    for (int round = 0; round < 2; ++round) {
        if (is(TokenKind::kLeftBracket)) {
            SEYIR_CHECK(range_brackets(range));
            SEYIR_CHECK(offset_clause(range));
        }
        if (!range.unwrap) {
            SEYIR_CHECK(stages(range.log.stages));
        }
        if (is(TokenKind::kPipe) && is_name("unwrap", 1)) {
            if (range.unwrap) {
                return error_at(peek(), "unwrap given twice");
            }
            SEYIR_TRY(range.unwrap, unwrap());
        }
    }
    return range;
}

Result<Unwrap> Parser::unwrap() {
    take();
    take();
    SEYIR_TRY(Token label, expect(TokenKind::kName, "IDENTIFIER (a label name)"));
    Unwrap unwrap{.label = label.value, .at = label.at};
    if (take_if(TokenKind::kLeftParen)) {
        if (label.value == "bytes") {
            unwrap.conversion = UnwrapConversion::kBytes;
        } else if (label.value == "duration" || label.value == "duration_seconds") {
            unwrap.conversion = UnwrapConversion::kDuration;
            unwrap.in_seconds = label.value == "duration_seconds";
        } else {
            return error_at(
                label,
                fmt::format("unknown conversion `{}`", label.value),
                "bytes, duration or duration_seconds"
            );
        }
        SEYIR_TRY(Token inner, expect(TokenKind::kName, "IDENTIFIER (a label name)"));
        unwrap.label = inner.value;
        SEYIR_CHECK(expect(TokenKind::kRightParen, "`)`"));
    }
    while (is(TokenKind::kPipe)) {
        Stage filter{.at = take().at};
        SEYIR_TRY(filter.kind, label_filter());
        filter.end = tokens_[next_ - 1].end;
        unwrap.filters.push_back(std::move(filter));
    }
    return unwrap;
}

Result<Expr> Parser::label_replace() {
    const Token name = take();
    LabelReplace node;
    SEYIR_CHECK(expect(TokenKind::kLeftParen, "`(`"));
    SEYIR_TRY(Expr operand, expression(0));
    if (operand.is_log()) {
        return parse_error(text_, operand.at, "label_replace needs a metric, not a log expression");
    }
    const std::array<std::string*, 4> texts{
        &node.destination, &node.replacement, &node.source, &node.regex
    };
    Token last;
    for (std::string* text : texts) {
        SEYIR_CHECK(expect(TokenKind::kComma, "`,`"));
        SEYIR_TRY(last, expect(TokenKind::kString, "a string"));
        *text = last.value;
        if (text == &node.destination && !is_label_name(node.destination)) {
            return error_at(last, "invalid destination label name in label_replace");
        }
    }
    if (const auto regex = Regex::compile(node.regex, true); !regex) {
        return error_at(last, "invalid regex in label_replace: " + regex.error().message);
    }
    SEYIR_CHECK(expect(TokenKind::kRightParen, "`)`"));
    node.operand = std::make_unique<Expr>(std::move(operand));
    return Expr{name.at, std::move(node)};
}

}  // namespace seyir::logql::detail
