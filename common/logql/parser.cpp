// SPDX-License-Identifier: Apache-2.0
#include "common/logql/parser.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "common/base/text.hpp"
#include "common/logql/parser_impl.hpp"
#include "common/logql/text/ip_match.hpp"
#include "common/logql/text/quantity.hpp"
#include "common/logql/text/regex.hpp"

namespace seyir::logql {
namespace detail {

const Token& Parser::peek(size_t ahead) const {
    return tokens_[std::min(next_ + ahead, tokens_.size() - 1)];
}

bool Parser::is_name(std::string_view name, size_t ahead) const {
    return is(TokenKind::kName, ahead) && peek(ahead).value == name;
}

Token Parser::take() {
    Token token = peek();
    next_ += next_ + 1 < tokens_.size() ? 1 : 0;
    return token;
}

bool Parser::take_if(TokenKind kind) {
    if (!is(kind)) {
        return false;
    }
    take();
    return true;
}

Error Parser::error_at(const Token& token, std::string_view what, std::string_view hint) const {
    return parse_error(text_, token.at, what, hint);
}

Error Parser::unexpected(std::string_view wanted) const {
    return error_at(
        peek(),
        fmt::format("syntax error: unexpected {}, expecting {}", describe(peek(), text_), wanted)
    );
}

Result<Token> Parser::expect(TokenKind kind, std::string_view what) {
    if (!is(kind)) {
        return unexpected(what);
    }
    return take();
}

Result<void> Parser::enter() {
    if (depth_ > kDepthMax) {
        return Error{
            ErrorCode::kTooLarge,
            error_at(peek(), fmt::format("nested deeper than {} levels", kDepthMax)).message
        };
    }
    return {};
}

Result<Expr> Parser::query() {
    SEYIR_TRY(Expr expr, expression(0));
    if (!is(TokenKind::kEnd)) {
        return unexpected("the end of the query");
    }
    return expr;
}

Result<LogExpr> Parser::condition() {
    LogExpr log{.at = peek().at};
    if (is(TokenKind::kLeftBrace)) {
        SEYIR_TRY(log.matchers, selector());
    }
    SEYIR_CHECK(stages(log.stages));
    if (!is(TokenKind::kEnd)) {
        return unexpected(
            next_ == 0 ? "a selector `{...}` or a stage such as `|= \"text\"`"
                       : "a stage or the end"
        );
    }
    return log;
}

Result<std::vector<Matcher>> Parser::selector_only() {
    SEYIR_TRY(auto matchers, selector());
    if (!is(TokenKind::kEnd)) {
        return unexpected("the end of the selector");
    }
    return matchers;
}

Result<void> Parser::check_regex(const std::string& pattern, Offset at) const {
    const auto regex = Regex::compile(pattern, false);
    if (!regex) {
        return parse_error(text_, at, regex.error().message);
    }
    return {};
}

Result<std::vector<Matcher>> Parser::selector() {
    SEYIR_CHECK(expect(TokenKind::kLeftBrace, "`{`"));
    std::vector<Matcher> matchers;
    while (!take_if(TokenKind::kRightBrace)) {
        if (!matchers.empty()) {
            SEYIR_CHECK(expect(TokenKind::kComma, "`,` or `}`"));
            if (take_if(TokenKind::kRightBrace)) {
                break;
            }
        }
        SEYIR_TRY(Token name, expect(TokenKind::kName, "IDENTIFIER (a label name) or `}`"));
        SEYIR_TRY(Matcher matcher, matcher_rest(std::move(name)));
        matchers.push_back(std::move(matcher));
    }
    return matchers;
}

Result<Matcher> Parser::matcher_rest(Token name) {
    Matcher matcher{.name = std::move(name.value), .at = name.at};
    switch (peek().kind) {
        case TokenKind::kEqual:
            matcher.op = MatchOp::kEqual;
            break;
        case TokenKind::kNotEqual:
            matcher.op = MatchOp::kNotEqual;
            break;
        case TokenKind::kRegex:
            matcher.op = MatchOp::kRegex;
            break;
        case TokenKind::kNotRegex:
            matcher.op = MatchOp::kNotRegex;
            break;
        default:
            return unexpected("=, !=, =~ or !~");
    }
    take();
    SEYIR_TRY(Token value, expect(TokenKind::kString, "a string"));
    if (matcher.op == MatchOp::kRegex || matcher.op == MatchOp::kNotRegex) {
        SEYIR_CHECK(check_regex(value.value, value.at));
    }
    matcher.value = std::move(value.value);
    return matcher;
}

bool matches_empty(const Matcher& matcher) {
    switch (matcher.op) {
        case MatchOp::kEqual:
            return matcher.value.empty();
        case MatchOp::kNotEqual:
            return !matcher.value.empty();
        default:
            break;
    }
    const auto regex = Regex::compile(matcher.value, true);
    const bool empty = regex && regex->matches("");
    return empty == (matcher.op == MatchOp::kRegex);
}

Result<void> Parser::check_selector(const std::vector<Matcher>& matchers, Offset at) const {
    const bool selective = std::ranges::any_of(matchers, [](const Matcher& matcher) {
        const bool positive = matcher.op == MatchOp::kEqual || matcher.op == MatchOp::kRegex;
        return positive && !matches_empty(matcher);
    });
    if (selective) {
        return {};
    }
    return parse_error(
        text_,
        at,
        "queries require at least one regexp or equality matcher that does not have an "
        "empty-compatible value",
        "app=~\".*\" also matches streams without app; write app=~\".+\""
    );
}

Result<LogExpr> Parser::log_expr() {
    LogExpr log{.at = peek().at};
    SEYIR_TRY(log.matchers, selector());
    SEYIR_CHECK(check_selector(log.matchers, log.at));
    SEYIR_CHECK(stages(log.stages));
    return log;
}

Result<void> Parser::stages(std::vector<Stage>& out) {
    while (true) {
        switch (peek().kind) {
            case TokenKind::kPipe:
                if (is_name("unwrap", 1)) {
                    return {};
                }
                break;
            case TokenKind::kPipeContains:
            case TokenKind::kPipeRegex:
            case TokenKind::kPipePattern:
            case TokenKind::kNotEqual:
            case TokenKind::kNotRegex:
            case TokenKind::kNotPattern:
                break;
            default:
                return {};
        }
        if (out.size() == kStagesMax) {
            return error_at(peek(), fmt::format("more than {} stages", kStagesMax));
        }
        SEYIR_TRY(Stage next, stage());
        out.push_back(std::move(next));
    }
}

Result<Stage> Parser::stage() {
    if (!is(TokenKind::kPipe)) {
        return line_filter();
    }
    Stage stage{.at = peek().at};
    take();
    SEYIR_TRY(stage.kind, pipe_stage());
    stage.end = tokens_[next_ - 1].end;
    return stage;
}

Result<Stage> Parser::line_filter() {
    Stage stage{.at = peek().at};
    LineFilter filter;
    switch (take().kind) {
        case TokenKind::kPipeContains:
            break;
        case TokenKind::kPipeRegex:
            filter.op = LineOp::kRegex;
            break;
        case TokenKind::kPipePattern:
            filter.op = LineOp::kPattern;
            break;
        case TokenKind::kNotEqual:
            filter.negated = true;
            break;
        case TokenKind::kNotRegex:
            filter.negated = true;
            filter.op = LineOp::kRegex;
            break;
        default:
            filter.negated = true;
            filter.op = LineOp::kPattern;
            break;
    }
    do {
        SEYIR_TRY(LineFilterTerm term, line_filter_term(filter));
        filter.terms.push_back(std::move(term));
        if (!is_name("or")) {
            break;
        }
        take();
    } while (true);
    stage.end = tokens_[next_ - 1].end;
    stage.kind = std::move(filter);
    return stage;
}

Result<LineFilterTerm> Parser::line_filter_term(const LineFilter& filter) {
    LineFilterTerm term{.at = peek().at};
    if (is_name("ip")) {
        if (filter.op != LineOp::kContains) {
            return error_at(peek(), "ip() takes only |= and !=");
        }
        take();
        SEYIR_CHECK(expect(TokenKind::kLeftParen, "`(`"));
        SEYIR_TRY(Token pattern, expect(TokenKind::kString, "an address as string"));
        SEYIR_CHECK(expect(TokenKind::kRightParen, "`)`"));
        if (const auto ip = IpMatcher::compile(pattern.value); !ip) {
            return error_at(pattern, ip.error().message);
        }
        term.is_ip = true;
        term.value = std::move(pattern.value);
        return term;
    }
    SEYIR_TRY(Token value, expect(TokenKind::kString, "a string"));
    if (filter.op == LineOp::kRegex) {
        SEYIR_CHECK(check_regex(value.value, value.at));
    }
    term.value = std::move(value.value);
    return term;
}

Result<StageKind> Parser::pipe_stage() {
    const Token name = peek();
    if (!is(TokenKind::kName) && !is(TokenKind::kLeftParen)) {
        return unexpected("a stage (json, logfmt, line_format, ...) or a label filter");
    }
    // A name followed by an operator is a label, whatever stage is called the same.
    const TokenKind after = peek(1).kind;
    const bool compares = after == TokenKind::kEqual || after == TokenKind::kEqualEqual ||
                          after == TokenKind::kNotEqual || after == TokenKind::kRegex ||
                          after == TokenKind::kNotRegex || after == TokenKind::kGreater ||
                          after == TokenKind::kGreaterEqual || after == TokenKind::kLess ||
                          after == TokenKind::kLessEqual;
    // `| json != "x"` and `| json !~ "x"`: a stage, then a line filter.
    const bool line_filter_next = after == TokenKind::kNotEqual || after == TokenKind::kNotRegex;
    const auto is_stage = [&](std::string_view word, bool takes_nothing) {
        return is_name(word) && (!compares || (takes_nothing && line_filter_next));
    };
    if (is_stage("json", true)) {
        return json_stage();
    }
    if (is_stage("logfmt", true)) {
        return logfmt_stage();
    }
    if (is_stage("unpack", true)) {
        take();
        return UnpackStage{};
    }
    if (is_stage("decolorize", true)) {
        take();
        return DecolorizeStage{};
    }
    if (is_stage("regexp", false) || is_stage("pattern", false) || is_stage("line_format", false)) {
        return text_stage();
    }
    if (is_stage("label_format", false)) {
        return label_format_stage();
    }
    if (is_stage("drop", false) || is_stage("keep", false)) {
        take();
        SEYIR_TRY(auto choices, label_choices());
        if (name.value == "drop") {
            return DropStage{std::move(choices)};
        }
        return KeepStage{std::move(choices)};
    }
    if (!compares && is(TokenKind::kName)) {
        return unknown_stage();
    }
    SEYIR_TRY(LabelFilter filter, label_filter());
    return filter;
}

/// A stage that takes one string.
Result<StageKind> Parser::text_stage() {
    const Token name = take();
    SEYIR_TRY(Token text, expect(TokenKind::kString, "a string"));
    if (name.value == "line_format") {
        return LineFormatStage{std::move(text.value)};
    }
    if (name.value == "pattern") {
        return PatternStage{std::move(text.value)};
    }
    SEYIR_CHECK(check_regex(text.value, text.at));
    return RegexpStage{std::move(text.value)};
}

Error Parser::unknown_stage() {
    const Token name = take();
    constexpr std::array<std::string_view, 11> kStages{
        "json",
        "logfmt",
        "regexp",
        "pattern",
        "unpack",
        "unwrap",
        "line_format",
        "label_format",
        "drop",
        "keep",
        "decolorize",
    };
    const auto near = did_you_mean(name.value, kStages);
    return error_at(
        peek(),
        fmt::format(
            "syntax error: unexpected {} after `{}`, expecting a comparison such as = != =~ > or <",
            describe(peek(), text_),
            name.value
        ),
        near ? fmt::format("did you mean `| {}`?", *near) : std::string()
    );
}

Result<StageKind> Parser::json_stage() {
    take();
    JsonStage stage;
    if (is(TokenKind::kName)) {
        SEYIR_TRY(stage.extractions, extractions());
    }
    return stage;
}

Result<StageKind> Parser::logfmt_stage() {
    take();
    LogfmtStage stage;
    while (is(TokenKind::kFlag)) {
        const Token flag = take();
        if (flag.value == "--strict") {
            stage.strict = true;
        } else if (flag.value == "--keep-empty") {
            stage.keep_empty = true;
        } else {
            return error_at(
                flag,
                fmt::format("unknown flag `{}`", flag.value),
                "logfmt knows --strict and --keep-empty"
            );
        }
    }
    if (is(TokenKind::kName)) {
        SEYIR_TRY(stage.extractions, extractions());
    }
    return stage;
}

Result<std::vector<Extraction>> Parser::extractions() {
    std::vector<Extraction> list;
    do {
        SEYIR_TRY(Token name, expect(TokenKind::kName, "IDENTIFIER (a label name)"));
        Extraction extraction{.name = name.value, .expression = name.value, .at = name.at};
        if (take_if(TokenKind::kEqual)) {
            SEYIR_TRY(Token text, expect(TokenKind::kString, "a string"));
            extraction.expression = std::move(text.value);
            extraction.at = text.at;
        }
        list.push_back(std::move(extraction));
    } while (take_if(TokenKind::kComma));
    return list;
}

Result<StageKind> Parser::label_format_stage() {
    take();
    LabelFormatStage stage;
    do {
        SEYIR_TRY(Token name, expect(TokenKind::kName, "IDENTIFIER (a label name)"));
        if (name.value == "__error__") {
            return error_at(name, "__error__ cannot be formatted");
        }
        const bool repeated = std::ranges::any_of(stage.formats, [&](const LabelFormat& format) {
            return format.name == name.value;
        });
        if (repeated) {
            return error_at(
                name,
                fmt::format(
                    "multiple label name '{}' not allowed in a single format operation", name.value
                )
            );
        }
        SEYIR_CHECK(expect(TokenKind::kEqual, "`=`"));
        LabelFormat format{.name = name.value, .at = peek().at};
        if (is(TokenKind::kName)) {
            format.is_rename = true;
        } else if (!is(TokenKind::kString)) {
            return unexpected("a label name or a template string");
        }
        format.text = take().value;
        stage.formats.push_back(std::move(format));
    } while (take_if(TokenKind::kComma));
    return stage;
}

Result<std::vector<LabelChoice>> Parser::label_choices() {
    std::vector<LabelChoice> choices;
    do {
        SEYIR_TRY(Token name, expect(TokenKind::kName, "IDENTIFIER (a label name)"));
        LabelChoice choice{.name = name.value};
        // != and !~ after a name stay ambiguous with a line filter; as in Loki they belong here.
        if (is(TokenKind::kEqual) || is(TokenKind::kRegex) || is(TokenKind::kNotEqual) ||
            is(TokenKind::kNotRegex)) {
            SEYIR_TRY(choice.matcher, matcher_rest(std::move(name)));
        }
        choices.push_back(std::move(choice));
    } while (take_if(TokenKind::kComma));
    return choices;
}

Result<LabelFilter> Parser::label_filter() {
    SEYIR_TRY(LabelFilter left, label_filter_and());
    while (is_name("or")) {
        const Offset at = take().at;
        SEYIR_TRY(LabelFilter right, label_filter_and());
        BothTests both{
            std::make_unique<LabelFilter>(std::move(left)),
            std::make_unique<LabelFilter>(std::move(right)),
            true,
        };
        left = LabelFilter{at, std::move(both)};
    }
    return left;
}

Result<LabelFilter> Parser::label_filter_and() {
    SEYIR_TRY(LabelFilter left, label_filter_primary());
    while (is_name("and") || is(TokenKind::kComma) || is(TokenKind::kName) ||
           is(TokenKind::kLeftParen)) {
        if (is_name("or")) {
            break;
        }
        const Offset at = peek().at;
        if (is_name("and") || is(TokenKind::kComma)) {
            take();
        }
        SEYIR_TRY(LabelFilter right, label_filter_primary());
        BothTests both{
            std::make_unique<LabelFilter>(std::move(left)),
            std::make_unique<LabelFilter>(std::move(right)),
            false,
        };
        left = LabelFilter{at, std::move(both)};
    }
    return left;
}

Result<LabelFilter> Parser::label_filter_primary() {
    ++depth_;
    SEYIR_CHECK(enter());
    if (take_if(TokenKind::kLeftParen)) {
        SEYIR_TRY(LabelFilter inner, label_filter());
        SEYIR_CHECK(expect(TokenKind::kRightParen, "`)`"));
        --depth_;
        return inner;
    }
    SEYIR_TRY(Token name, expect(TokenKind::kName, "IDENTIFIER (a label name)"));
    SEYIR_TRY(LabelFilter test, label_test(std::move(name)));
    --depth_;
    return test;
}

Result<LabelFilter> Parser::label_test(Token name) {
    const Offset at = name.at;
    if (++operations_ > kOperationsMax) {
        return error_at(name, fmt::format("more than {} label tests", kOperationsMax));
    }
    const Token op = peek();
    const bool equal = op.kind == TokenKind::kEqual || op.kind == TokenKind::kEqualEqual;
    if (op.kind == TokenKind::kRegex || op.kind == TokenKind::kNotRegex ||
        ((equal || op.kind == TokenKind::kNotEqual) && is(TokenKind::kString, 1))) {
        if (op.kind == TokenKind::kEqualEqual) {
            return error_at(op, "syntax error: strings are compared with `=`, not `==`");
        }
        SEYIR_TRY(Matcher matcher, matcher_rest(std::move(name)));
        return LabelFilter{at, StringTest{std::move(matcher)}};
    }
    take();
    CompareOp compare = CompareOp::kEqual;
    switch (op.kind) {
        case TokenKind::kEqual:
        case TokenKind::kEqualEqual:
            break;
        case TokenKind::kNotEqual:
            compare = CompareOp::kNotEqual;
            break;
        case TokenKind::kGreater:
            compare = CompareOp::kGreater;
            break;
        case TokenKind::kGreaterEqual:
            compare = CompareOp::kGreaterEqual;
            break;
        case TokenKind::kLess:
            compare = CompareOp::kLess;
            break;
        case TokenKind::kLessEqual:
            compare = CompareOp::kLessEqual;
            break;
        default:
            --next_;
            return unexpected("a comparison such as = != =~ !~ > >= < or <=");
    }
    if (is_name("ip") && is(TokenKind::kLeftParen, 1)) {
        if (op.kind != TokenKind::kEqual && op.kind != TokenKind::kNotEqual) {
            return error_at(op, "ip() takes only = and !=");
        }
        take();
        take();
        SEYIR_TRY(Token pattern, expect(TokenKind::kString, "an address as string"));
        SEYIR_CHECK(expect(TokenKind::kRightParen, "`)`"));
        if (const auto ip = IpMatcher::compile(pattern.value); !ip) {
            return error_at(pattern, ip.error().message);
        }
        return LabelFilter{
            at, IpTest{name.value, op.kind == TokenKind::kNotEqual, std::move(pattern.value)}
        };
    }
    return quantity_test(std::move(name), compare, op);
}

Result<LabelFilter> Parser::quantity_test(Token name, CompareOp op, const Token& op_token) {
    const Offset at = name.at;
    const bool minus = take_if(TokenKind::kMinus);
    if (!minus) {
        take_if(TokenKind::kPlus);
    }
    if (!is(TokenKind::kNumber)) {
        const bool text = is(TokenKind::kString);
        return error_at(
            peek(),
            fmt::format(
                "syntax error: unexpected {}, expecting a number, a duration or a byte size",
                describe(peek(), text_)
            ),
            text ? fmt::format(
                       "`{}` compares numbers; strings take = != =~ !~",
                       text_.substr(op_token.at, op_token.end - op_token.at)
                   )
                 : std::string()
        );
    }
    const Token value = take();
    if (const auto plain = parse_number(value.value)) {
        return LabelFilter{at, NumberTest{name.value, op, minus ? -*plain : *plain}};
    }
    if (const auto ns = parse_duration_ns(value.value, true)) {
        return LabelFilter{at, DurationTest{name.value, op, minus ? -*ns : *ns}};
    }
    if (const auto bytes = parse_byte_size(value.value); bytes && !minus) {
        return LabelFilter{at, BytesTest{name.value, op, *bytes}};
    }
    return error_at(
        value,
        fmt::format(
            "unable to parse literal as a float, a duration or a byte size: `{}`", value.value
        ),
        "durations: 250ms, 1h30m; sizes: 42KB, 10MiB; text needs quotes"
    );
}

}  // namespace detail

Result<Expr> parse(std::string_view text) {
    SEYIR_TRY(auto tokens, tokenize(text));
    return detail::Parser(text, std::move(tokens)).query();
}

Result<LogExpr> parse_condition(std::string_view text) {
    SEYIR_TRY(auto tokens, tokenize(text));
    return detail::Parser(text, std::move(tokens)).condition();
}

Result<std::vector<Matcher>> parse_selector(std::string_view text) {
    SEYIR_TRY(auto tokens, tokenize(text));
    return detail::Parser(text, std::move(tokens)).selector_only();
}

}  // namespace seyir::logql
