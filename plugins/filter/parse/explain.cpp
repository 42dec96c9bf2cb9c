// SPDX-License-Identifier: Apache-2.0
#include "plugins/filter/parse/explain.hpp"

#include "plugins/filter/parse/format/regex_parser.hpp"
#include "plugins/filter/parse/grok/grok_set.hpp"
#include "plugins/filter/parse/parser_factory.hpp"

namespace seyir::plugins::parse {
namespace {

size_t class_end(std::string_view text, size_t at) {
    ++at;
    at += at < text.size() && text[at] == '^' ? 1 : 0;
    at += at < text.size() && text[at] == ']' ? 1 : 0;
    while (at < text.size() && text[at] != ']') {
        if (text[at] == '\\') {
            ++at;
        } else if (text.substr(at).starts_with("[:")) {
            const size_t close = text.find(":]", at);
            at = close == std::string_view::npos ? at : close + 1;
        }
        ++at;
    }
    return std::min(at + 1, text.size());
}

size_t group_end(std::string_view text, size_t at) {
    int depth = 0;
    while (at < text.size()) {
        if (text[at] == '\\') {
            ++at;
        } else if (text[at] == '[') {
            at = class_end(text, at);
            continue;
        } else if (text[at] == '(') {
            ++depth;
        } else if (text[at] == ')' && --depth == 0) {
            return at + 1;
        }
        ++at;
    }
    return text.size();
}

size_t quantifier_end(std::string_view text, size_t at) {
    if (at < text.size() && text[at] == '{' && text.find('}', at) != std::string_view::npos) {
        at = text.find('}', at) + 1;
    }
    while (at < text.size() && (text[at] == '?' || text[at] == '*' || text[at] == '+')) {
        ++at;
    }
    return at;
}

using MatchEnd = std::function<std::optional<size_t>(const std::string&)>;

/// The definition of a part that is one reference, to look inside.
std::string_view definition_of(std::string_view part, const Library& library) {
    if (!part.starts_with("%{") || !part.ends_with('}')) {
        return {};
    }
    const std::string_view inside = part.substr(2, part.size() - 3);
    const std::string* definition = library.find(inside.substr(0, inside.find(':')));
    return definition != nullptr ? std::string_view(*definition) : std::string_view();
}

std::optional<Stop> stop_of(
    std::string_view expression, const Library& library, const MatchEnd& end
) {
    std::string fits;
    std::optional<Stop> best;
    int tries = 0;
    for (int depth = 0; depth < 8; ++depth) {
        const auto parts = split_expression(expression);
        size_t i = 0;
        for (; i < parts.size() && tries < kExplainTriesMax; ++i, ++tries) {
            const auto at = end(fits + std::string(parts[i]));
            if (!at) {
                break;
            }
            fits += parts[i];
            best = Stop{*at, ""};
        }
        if (i == parts.size()) {
            return best;
        }
        if (best) {
            best->missing = parts[i];
        }
        expression = definition_of(parts[i], library);
        if (expression.empty() || split_expression(expression).size() < 2) {
            return best;
        }
    }
    return best;
}

std::optional<size_t> regex_end(const std::string& expression, Slice text) {
    const auto regex = logql::Regex::compile(re2_syntax(expression), false);
    std::vector<std::string_view> groups;
    if (!regex || !regex->captures(text, groups) || groups.empty()) {
        return std::nullopt;
    }
    return static_cast<size_t>(groups[0].data() + groups[0].size() - text.data());
}

}  // namespace

std::vector<std::string_view> split_expression(std::string_view expression) {
    std::vector<std::string_view> parts;
    size_t at = 0;
    while (at < expression.size()) {
        const size_t begin = at;
        const char c = expression[at];
        if (c == '|') {
            return {expression};
        }
        if (c == '\\') {
            at = std::min(at + 2, expression.size());
        } else if (c == '[') {
            at = class_end(expression, at);
        } else if (c == '(') {
            at = group_end(expression, at);
        } else if (expression.substr(at).starts_with("%{")) {
            const size_t close = expression.find('}', at);
            at = close == std::string_view::npos ? expression.size() : close + 1;
        } else {
            ++at;
        }
        at = quantifier_end(expression, at);
        parts.push_back(expression.substr(begin, at - begin));
    }
    return parts;
}

std::optional<Stop> explain_stop(const Options& options, io::FileSystem& files, Slice text) {
    const bool is_grok = options.format == Format::kGrok;
    if (!is_grok && options.format != Format::kRegex) {
        return std::nullopt;
    }
    const auto library = grok_library(options, files);
    if (!library) {
        return std::nullopt;
    }
    std::optional<Stop> best;
    for (const std::string& pattern : options.patterns) {
        const auto stop = stop_of(pattern, *library, [&](const std::string& beginning) {
            return is_grok ? match_end(beginning, *library, text) : regex_end(beginning, text);
        });
        if (stop && (!best || stop->at > best->at)) {
            best = stop;
        }
    }
    return best;
}

}  // namespace seyir::plugins::parse
