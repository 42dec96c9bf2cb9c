// SPDX-License-Identifier: Apache-2.0
// The parser's class, private to this folder: log expressions in parser.cpp, metric expressions in
// parser_metric.cpp.
#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "common/logql/ast.hpp"
#include "common/logql/lexer.hpp"
#include "common/logql/parser.hpp"

namespace seyir::logql::detail {

class Parser {
  public:
    Parser(std::string_view text, std::vector<Token> tokens)
        : text_(text), tokens_(std::move(tokens)) {}

    Result<Expr> query();
    Result<LogExpr> condition();
    Result<std::vector<Matcher>> selector_only();

  private:
    /// What stands inside a range aggregation's parentheses.
    struct LogRange {
        LogExpr log;
        std::optional<Unwrap> unwrap;
        std::optional<int64_t> range_ns;
        int64_t offset_ns = 0;
    };

    // --- tokens ---
    const Token& peek(size_t ahead = 0) const;

    bool is(TokenKind kind, size_t ahead = 0) const { return peek(ahead).kind == kind; }

    bool is_name(std::string_view name, size_t ahead = 0) const;
    Token take();
    bool take_if(TokenKind kind);
    Result<Token> expect(TokenKind kind, std::string_view what);
    Error unexpected(std::string_view wanted) const;
    Error error_at(const Token& token, std::string_view what, std::string_view hint = "") const;
    Result<void> enter();

    // --- log expressions ---
    Result<std::vector<Matcher>> selector();
    Result<Matcher> matcher_rest(Token name);
    Result<LogExpr> log_expr();
    Result<void> stages(std::vector<Stage>& out);
    Result<Stage> stage();
    Result<Stage> line_filter();
    Result<LineFilterTerm> line_filter_term(const LineFilter& filter);
    Result<StageKind> pipe_stage();
    Result<StageKind> text_stage();
    Error unknown_stage();
    Result<StageKind> json_stage();
    Result<StageKind> logfmt_stage();
    Result<StageKind> label_format_stage();
    Result<std::vector<Extraction>> extractions();
    Result<std::vector<LabelChoice>> label_choices();
    Result<LabelFilter> label_filter();
    Result<LabelFilter> label_filter_and();
    Result<LabelFilter> label_filter_primary();
    Result<LabelFilter> label_test(Token name);
    Result<LabelFilter> quantity_test(Token name, CompareOp op, const Token& op_token);
    Result<void> check_regex(const std::string& pattern, Offset at) const;
    Result<void> check_selector(const std::vector<Matcher>& matchers, Offset at) const;

    // --- metric expressions ---
    Result<Expr> expression(int min_precedence);
    Result<Expr> unary();
    Result<Expr> primary();
    Result<Expr> parenthesised();
    Result<Expr> function();
    Result<Expr> range_aggregation(RangeOp op);
    Result<Expr> vector_aggregation(VectorOp op);
    Result<Expr> label_replace();
    Result<Expr> vector_literal();
    Result<LogRange> log_range();
    Result<LogRange> log_range_head();
    Result<void> range_brackets(LogRange& range);
    Result<void> offset_clause(LogRange& range);
    Result<Unwrap> unwrap();
    Result<Grouping> grouping();
    Result<std::vector<std::string>> name_list();
    Result<void> matching_clause(BinaryExpr& binary);
    Result<double> number(bool negative);
    Result<void> check_range(const RangeAggregation& node, const Token& name) const;
    Result<void> check_leg(const Expr& leg, std::string_view side, const Token& op, BinaryOp kind)
        const;

    std::string_view text_;
    std::vector<Token> tokens_;
    size_t next_ = 0;
    int depth_ = 0;
    int operations_ = 0;
};

/// True when the regex (anchored) matches the empty string; the regex must be valid.
bool matches_empty(const Matcher& matcher);

}  // namespace seyir::logql::detail
