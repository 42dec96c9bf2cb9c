// SPDX-License-Identifier: Apache-2.0
// Text -> Nodes: text up to {{, then the words of an action up to }}.
#include <algorithm>
#include <charconv>
#include <optional>

#include <fmt/format.h>

#include "common/logql/template/tree.hpp"
#include "common/logql/template/words.hpp"

namespace seyir::logql::tmpl {
namespace {

class Parser {
  public:
    explicit Parser(std::string_view text) : text_(text) {}

    Result<Nodes> run() {
        Nodes nodes;
        SEYIR_TRY(const Stop stop, list(nodes));
        if (stop != Stop::kEnd) {
            return error(fmt::format("unexpected {{{{{}}}}}", stop == Stop::kElse ? "else" : "end")
            );
        }
        return nodes;
    }

  private:
    enum class Stop : uint8_t { kEnd, kElse, kEndAction };

    Error error(std::string_view what) const {
        const auto line = std::ranges::count(text_.substr(0, at_), '\n') + 1;
        return fail(ErrorCode::kInvalidArgument, fmt::format("template: line:{}: {}", line, what));
    }

    /// Nodes up to {{else}}, {{end}} or the end of the text.
    Result<Stop> list(Nodes& nodes) {
        if (++depth_ > kTemplateDepthMax) {
            return error(fmt::format("nested deeper than {} levels", kTemplateDepthMax));
        }
        while (at_ < text_.size()) {
            const size_t open = text_.find("{{", at_);
            add_text(nodes, text_.substr(at_, open - at_), open != std::string_view::npos);
            if (open == std::string_view::npos) {
                at_ = text_.size();
                break;
            }
            at_ = open + 2;
            const bool trims = has_left_trim();
            at_ += trims ? 1 : 0;
            SEYIR_TRY(const bool was_comment, comment());
            if (was_comment) {
                continue;
            }
            SEYIR_TRY(words_, split_words(text_, at_, trim_next_));
            next_ = 0;
            SEYIR_TRY(const auto stop, action(nodes));
            if (stop) {
                --depth_;
                return *stop;
            }
        }
        --depth_;
        return Stop::kEnd;
    }

    bool has_left_trim() const {
        return at_ + 1 < text_.size() && text_[at_] == '-' && is_space(text_[at_ + 1]);
    }

    void add_text(Nodes& nodes, std::string_view text, bool action_follows) {
        if (trim_next_) {
            text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
        }
        const size_t open = at_ + (text_.substr(at_).find("{{"));
        if (action_follows && open + 3 < text_.size() && text_[open + 2] == '-' &&
            is_space(text_[open + 3])) {
            text = text.substr(0, text.find_last_not_of(" \t\r\n") + 1);
        }
        trim_next_ = false;
        if (!text.empty()) {
            nodes.push_back({.kind = Node::Kind::kText, .text = std::string(text)});
        }
    }

    /// {{/* ... */}}
    Result<bool> comment() {
        size_t begin = at_;
        while (begin < text_.size() && is_space(text_[begin])) {
            ++begin;
        }
        if (!text_.substr(begin).starts_with("/*")) {
            return false;
        }
        const size_t end = text_.find("*/", begin + 2);
        if (end == std::string_view::npos) {
            return error("unclosed comment");
        }
        at_ = end + 2;
        const std::string_view rest = text_.substr(at_);
        trim_next_ = rest.starts_with(" -}}");
        if (!trim_next_ && !rest.starts_with("}}")) {
            return error("comment ends before closing delimiter");
        }
        at_ += trim_next_ ? 4 : 2;
        return true;
    }

    // --- words of one action ---

    const Word& peek() const {
        static const Word kEnd;
        return next_ < words_.size() ? words_[next_] : kEnd;
    }

    bool at_end() const { return next_ == words_.size(); }

    bool take(Word::Kind kind) {
        if (peek().kind != kind) {
            return false;
        }
        ++next_;
        return true;
    }

    bool take_word(std::string_view name) {
        if (peek().kind != Word::Kind::kName || peek().text != name) {
            return false;
        }
        ++next_;
        return true;
    }

    Result<void> expect_end(std::string_view where) const {
        if (!at_end()) {
            return error(fmt::format("unexpected <{}> in {}", peek().text, where));
        }
        return {};
    }

    Result<std::optional<Stop>> action(Nodes& nodes) {
        constexpr auto kGoOn = std::nullopt;
        if (take_word("end")) {
            SEYIR_CHECK(expect_end("end"));
            return std::optional(Stop::kEndAction);
        }
        if (take_word("else")) {
            return std::optional(Stop::kElse);
        }

        const struct {
            std::string_view word;
            Node::Kind kind;
        } kBlocks[] = {
            {"if", Node::Kind::kIf}, {"with", Node::Kind::kWith}, {"range", Node::Kind::kRange}
        };

        for (const auto& [word, kind] : kBlocks) {
            if (take_word(word)) {
                SEYIR_TRY(Node node, block(kind, word));
                nodes.push_back(std::move(node));
                return std::optional<Stop>(kGoOn);
            }
        }
        if (peek().kind == Word::Kind::kName &&
            (peek().text == "break" || peek().text == "continue")) {
            if (ranges_ == 0) {
                return error(fmt::format("{{{{{}}}}} outside {{{{range}}}}", peek().text));
            }
            const bool breaks = take_word("break");
            next_ += breaks ? 0 : 1;
            nodes.push_back({.kind = breaks ? Node::Kind::kBreak : Node::Kind::kContinue});
            SEYIR_CHECK(expect_end("break"));
            return std::optional<Stop>(kGoOn);
        }
        for (const std::string_view word : {"define", "template", "block"}) {
            if (peek().kind == Word::Kind::kName && peek().text == word) {
                return Error{ErrorCode::kUnsupported, fmt::format("{{{{{}}}}} in templates", word)};
            }
        }
        Node node{.kind = Node::Kind::kAction};
        SEYIR_TRY(node.pipeline, pipeline("command", false));
        SEYIR_CHECK(expect_end("command"));
        nodes.push_back(std::move(node));
        return std::optional<Stop>(kGoOn);
    }

    Result<Node> block(Node::Kind kind, std::string_view word) {
        Node node{.kind = kind};
        const size_t scope = variables_.size();
        const bool is_range = kind == Node::Kind::kRange;
        SEYIR_TRY(node.pipeline, pipeline(word, is_range));
        SEYIR_CHECK(expect_end(word));
        ranges_ += is_range ? 1 : 0;
        SEYIR_TRY(const Stop stop, list(node.body));
        ranges_ -= is_range ? 1 : 0;
        if (stop == Stop::kEnd) {
            return error("unexpected EOF");
        }
        if (stop == Stop::kElse) {
            SEYIR_CHECK(else_branch(node, word));
        }
        variables_.resize(scope);
        return node;
    }

    /// Behind `else`: `if` and `with` go on as a block of their own that shares the {{end}}.
    Result<void> else_branch(Node& node, std::string_view word) {
        if (!at_end() && node.kind != Node::Kind::kRange && take_word(word)) {
            if (++depth_ > kTemplateDepthMax) {
                return error(fmt::format("nested deeper than {} levels", kTemplateDepthMax));
            }
            SEYIR_TRY(Node inner, block(node.kind, word));
            node.otherwise.push_back(std::move(inner));
            --depth_;
            return {};
        }
        SEYIR_CHECK(expect_end("else"));
        SEYIR_TRY(const Stop stop, list(node.otherwise));
        if (stop != Stop::kEndAction) {
            return error(stop == Stop::kEnd ? "unexpected EOF" : "expected end; found {{else}}");
        }
        return {};
    }

    Result<Pipeline> pipeline(std::string_view where, bool is_range) {
        if (++depth_ > kTemplateDepthMax) {
            return error(fmt::format("nested deeper than {} levels", kTemplateDepthMax));
        }
        Pipeline made;
        SEYIR_CHECK(declarations(made, is_range));
        while (true) {
            SEYIR_TRY(Command one, command());
            if (one.words.empty()) {
                return error(
                    made.commands.empty() ? fmt::format("missing value for {}", where)
                                          : fmt::format("missing value for {}", where)
                );
            }
            if (!made.commands.empty() && one.words[0].kind == Operand::Kind::kLiteral) {
                return error(fmt::format(
                    "non executable command in pipeline stage {}", made.commands.size() + 1
                ));
            }
            made.commands.push_back(std::move(one));
            if (!take(Word::Kind::kPipe)) {
                break;
            }
        }
        // Variables are known behind their pipeline only.
        if (!made.assigns) {
            variables_.insert(variables_.end(), made.variables.begin(), made.variables.end());
        }
        --depth_;
        return made;
    }

    Result<void> declarations(Pipeline& made, bool is_range) {
        const auto kind_at = [&](size_t i) {
            return next_ + i < words_.size() ? words_[next_ + i].kind : Word::Kind::kEnd;
        };
        const bool two = kind_at(0) == Word::Kind::kVariable && kind_at(1) == Word::Kind::kComma &&
                         kind_at(2) == Word::Kind::kVariable;
        const Word::Kind behind = kind_at(two ? 3 : 1);
        if (kind_at(0) != Word::Kind::kVariable ||
            (behind != Word::Kind::kDeclare && behind != Word::Kind::kAssign)) {
            return {};
        }
        if (two && !is_range) {
            return error("too many declarations in command");
        }
        made.assigns = behind == Word::Kind::kAssign;
        for (size_t i = 0; i < (two ? 2U : 1U); ++i) {
            const Word& word = words_[next_ + 2 * i];
            if (!word.fields.empty()) {
                return error("unexpected field behind a variable's name");
            }
            if (made.assigns && !is_known(word.text)) {
                return error(fmt::format("undefined variable {:?}", "$" + word.text));
            }
            made.variables.push_back(word.text);
        }
        next_ += two ? 4 : 2;
        return {};
    }

    bool is_known(const std::string& name) const {
        return name.empty() || std::ranges::find(variables_, name) != variables_.end();
    }

    Result<Command> command() {
        Command made;
        while (!at_end() && peek().kind != Word::Kind::kPipe && peek().kind != Word::Kind::kRight) {
            SEYIR_TRY(Operand word, operand());
            made.words.push_back(std::move(word));
        }
        const bool names_pattern = made.words.size() > 1 &&
                                   made.words[0].kind == Operand::Kind::kFunction &&
                                   made.words[0].function->call_regex != nullptr;
        if (names_pattern && std::holds_alternative<std::string_view>(made.words[1].literal)) {
            if (auto regex = Regex::compile(made.words[1].text, false)) {
                made.words[1].regex = std::make_shared<const Regex>(std::move(*regex));
            }
        }
        return made;
    }

    Result<Operand> operand() {
        const Word word = peek();
        ++next_;
        Operand made;
        made.fields = word.fields;
        switch (word.kind) {
            case Word::Kind::kDot:
                return made;
            case Word::Kind::kVariable:
                if (!is_known(word.text)) {
                    return error(fmt::format("undefined variable {:?}", "$" + word.text));
                }
                made.kind = Operand::Kind::kVariable;
                made.text = word.text;
                return made;
            case Word::Kind::kName:
                made.kind = Operand::Kind::kFunction;
                made.function = find_function(word.text);
                if (made.function == nullptr) {
                    return error(fmt::format("function {:?} not defined", word.text));
                }
                return made;
            case Word::Kind::kLiteral:
                made.kind = Operand::Kind::kLiteral;
                made.literal = word.literal;
                made.text = word.text;
                return made;
            case Word::Kind::kLeft: {
                SEYIR_TRY(Pipeline inner, pipeline("parenthesized pipeline", false));
                if (!take(Word::Kind::kRight)) {
                    return error("unclosed left paren");
                }
                made.kind = Operand::Kind::kPipeline;
                made.fields = words_[next_ - 1].fields;
                made.pipeline = std::make_shared<const Pipeline>(std::move(inner));
                return made;
            }
            default:
                return error(fmt::format("unexpected {:?} in operand", word.text));
        }
    }

    std::string_view text_;
    size_t at_ = 0;
    bool trim_next_ = false;
    std::vector<Word> words_;
    size_t next_ = 0;
    std::vector<std::string> variables_;
    int ranges_ = 0;
    int depth_ = 0;
};

}  // namespace

Result<Nodes> parse_template(std::string_view text) {
    if (text.size() > kTemplateBytesMax) {
        return fail(
            ErrorCode::kTooLarge,
            fmt::format("template of {} bytes; {} are allowed", text.size(), kTemplateBytesMax)
        );
    }
    return Parser(text).run();
}

}  // namespace seyir::logql::tmpl
