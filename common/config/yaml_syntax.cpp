// SPDX-License-Identifier: Apache-2.0
#include "common/config/yaml_syntax.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace seyir::config {
namespace {

struct Explained {
    std::string_view part;  ///< of libyaml's message
    std::string_view message;
    std::string_view hint;
};

// The words are libyaml 0.2.5's (scanner.c, parser.c); a message not listed is shown as it is.
constexpr std::array kExplained = {
    Explained{
        "mapping values are not allowed",
        "`: ` is not allowed here",
        "quote the value, or check the indentation"
    },
    Explained{
        "could not find expected ':'",
        "this line is neither `key: value` nor part of a value",
        "add `: ` after the key, or check the quotes above"
    },
    Explained{
        "did not find expected key",
        "this line does not fit the indentation around it",
        "keys of one map start in one column"
    },
    Explained{
        "did not find expected '-' indicator",
        "this line does not fit the list around it",
        "items of one list start with `- ` in one column"
    },
    Explained{
        "block sequence entries are not allowed",
        "a list item cannot start here",
        "put `- ` on a line of its own"
    },
    Explained{"block mapping keys are not allowed", "a key cannot start here", "start a new line"},
    Explained{
        "block collections are not allowed",
        "a list item cannot start inside `[ ]` or `{ }`",
        "separate with commas"
    },
    Explained{
        "found unexpected end of stream",
        "a quote is opened here and never closed",
        "add the closing quote"
    },
    Explained{
        "found unexpected document indicator",
        "a quote is opened here and never closed",
        "add the closing quote"
    },
    Explained{
        "found unknown escape character",
        "unknown escape after `\\` in double quotes",
        "use single quotes for patterns and paths, or write `\\\\`"
    },
    Explained{
        "found undefined tag handle",
        "tags (`!...`) are not used in configuration files",
        "quote a value that starts with `!`"
    },
    Explained{"did not find expected ',' or '}'", "`{` is opened here and does not end well", ""},
    Explained{"did not find expected ',' or ']'", "`[` is opened here and does not end well", ""},
    Explained{
        "did not find expected alphabetic",
        "`&` or `*` needs a name after it",
        "quote a value that starts with `*` or `&`, as patterns do"
    },
    Explained{
        "did not find expected <document start>",
        "nothing may follow the value of the file",
        "check the indentation"
    },
};

/// `${` right where a flow map broke: the person meant a reference, YAML read a brace.
std::optional<Span> unquoted_reference(const SourceFile& source, uint32_t at) {
    const std::string& text = source.text();
    const Span line = source.line_span(source.position(at).line);
    const size_t search_from = std::min<size_t>(at + 1, text.size());
    const size_t dollar = text.rfind("${", search_from);
    if (dollar == std::string::npos || dollar < line.begin) {
        return std::nullopt;
    }
    size_t end = text.find('}', dollar);
    end = end == std::string::npos || end >= line.end ? line.end : end + 1;
    return Span{static_cast<uint32_t>(dollar), static_cast<uint32_t>(end)};
}

Diagnostic character_problem(const SourceFile& source, Span at) {
    const std::string_view found = source.slice(at);
    Diagnostic diagnostic{.code = kSyntax, .at = at};
    if (found == "\t") {
        diagnostic.message = "a tab cannot indent YAML";
        diagnostic.hint = "use spaces";
    } else {
        diagnostic.message = fmt::format("a value cannot start with `{}`", found);
        diagnostic.hint = "put the value in quotes";
    }
    return diagnostic;
}

}  // namespace

Diagnostic explain_syntax(const SourceFile& source, const YamlProblem& problem) {
    const auto size = static_cast<uint32_t>(source.text().size());
    const uint32_t at = std::min(problem.at, size);
    Span place{at, std::min(at + 1, size)};
    if (problem.message.find("cannot start any token") != std::string_view::npos) {
        return character_problem(source, place);
    }
    const bool is_flow = problem.context.find("flow") != std::string_view::npos;
    if (const auto reference = is_flow ? unquoted_reference(source, at) : std::nullopt) {
        return {
            .code = kReferenceNeedsQuotes,
            .at = *reference,
            .message = fmt::format("`{}` inside `{{ }}` needs quotes", source.slice(*reference)),
            .hint = fmt::format("YAML reads `{{` as a map; write \"{}\"", source.slice(*reference)),
        };
    }
    Diagnostic diagnostic{.code = kSyntax, .at = place, .message = std::string(problem.message)};
    for (const Explained& known : kExplained) {
        if (problem.message.find(known.part) != std::string_view::npos) {
            diagnostic.message = known.message;
            diagnostic.hint = known.hint;
            break;
        }
    }
    const uint32_t context_at = std::min(problem.context_at, size);
    if (diagnostic.message.find("opened here") != std::string::npos) {
        diagnostic.at = Span{context_at, std::min(context_at + 1, size)};
        if (is_flow) {
            diagnostic.related.push_back(
                {place, fmt::format("expected `,` or the closing bracket here")}
            );
        }
    }
    return diagnostic;
}

}  // namespace seyir::config
