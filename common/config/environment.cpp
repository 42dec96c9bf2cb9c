// SPDX-License-Identifier: Apache-2.0
#include "common/config/environment.hpp"

#include <algorithm>
#include <cstdlib>
#include <unordered_set>

#include <fmt/format.h>

namespace seyir::config {
namespace {

bool is_variable_name(std::string_view name) {
    const auto is_word = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_';
    };
    return !name.empty() && !(name[0] >= '0' && name[0] <= '9') &&
           std::ranges::all_of(name, is_word);
}

class Expander {
  public:
    Expander(Document& document, const Environment& environment, Diagnostics& diagnostics)
        : sources_(document.sources()), environment_(environment), diagnostics_(diagnostics) {}

    void visit(Node& node) {
        if (!seen_.insert(&node).second) {
            return;
        }
        if (node.is_scalar()) {
            expand(node);
        }
        for (Node* item : node.items) {
            visit(*item);
        }
        for (const Entry& entry : node.entries) {
            visit(*entry.value);
        }
    }

  private:
    void expand(Node& node) {
        if (node.text.find('$') == std::string::npos) {
            return;
        }
        std::string out;
        const std::string_view text = node.text;
        size_t reference_number = 0;
        bool has_reference = false;
        auto written = std::make_shared<WrittenText>();
        read_file_ = false;
        for (size_t i = 0; i < text.size(); ++i) {
            if (text.substr(i).starts_with("$$")) {
                written->pieces.push_back({out.size(), out.size() + 1, i, i + 2});
                out += '$';
                ++i;
            } else if (text.substr(i).starts_with("${")) {
                has_reference = true;
                const size_t end = text.find('}', i);
                const Span at = place(node, reference_number++);
                if (end == std::string_view::npos) {
                    bad_reference(
                        at, "`${` is never closed", "add `}`, or write `$${` for the characters"
                    );
                    return;
                }
                const size_t begin = out.size();
                if (!append(out, text.substr(i + 2, end - i - 2), at)) {
                    return;
                }
                written->pieces.push_back({begin, out.size(), i, end + 1});
                i = end;
            } else {
                out += text[i];
            }
        }
        total_bytes_ += out.size();
        if (out.size() > kReferencedFileBytesMax || total_bytes_ > kExpandedBytesMax) {
            diagnostics_.add(
                {.code = kLimit,
                 .at = node.span,
                 .message = "values from `${...}` are too large here"}
            );
            return;
        }
        written->text = std::move(node.text);
        node.text = std::move(out);
        node.written = std::move(written);
        node.is_expanded = has_reference;
        node.is_confidential = read_file_;
    }

    /// Where the nth reference of a string stands in the file. Escapes in double quotes can make
    /// the value differ from the source; then the whole string is the place.
    Span place(const Node& node, size_t number) const {
        const std::string_view raw = sources_.slice(node.span);
        size_t at = 0;
        for (size_t i = 0; i < raw.size(); ++i) {
            if (raw.substr(i).starts_with("$$")) {
                ++i;
            } else if (raw.substr(i).starts_with("${") && at++ == number) {
                const size_t close = raw.find('}', i);
                const size_t end = close == std::string_view::npos ? raw.size() : close + 1;
                return {
                    node.span.begin + static_cast<uint32_t>(i),
                    node.span.begin + static_cast<uint32_t>(end),
                };
            }
        }
        return node.span;
    }

    bool append(std::string& out, std::string_view reference, Span at) {
        if (reference.starts_with("file:")) {
            std::string path(reference.substr(5));
            if (!path.empty() && path[0] != '/') {
                const std::string& own = sources_.directory_at(at.begin);
                path = (own.empty() ? environment_.base_directory : own) + "/" + path;
            }
            return append_file(out, path, reference, at);
        }
        if (reference.starts_with("credential:")) {
            return append_credential(out, reference.substr(11), reference, at);
        }
        const size_t colon = reference.find(':');
        const std::string name(reference.substr(0, colon));
        const std::string_view rest =
            colon == std::string_view::npos ? std::string_view() : reference.substr(colon);
        const bool has_form = rest.empty() || rest.starts_with(":-") || rest.starts_with(":?");
        if (!is_variable_name(name) || !has_form) {
            return bad_reference(
                at,
                fmt::format("`${{{}}}` is not a reference", reference),
                "write ${VAR}, ${VAR:-default}, ${VAR:?message}, ${file:/path} or "
                "${credential:name}"
            );
        }
        const auto value = environment_.variable(name);
        const bool has_value = value && (rest.empty() || !value->empty());
        if (has_value) {
            out += *value;
            return true;
        }
        if (rest.starts_with(":-")) {
            out += rest.substr(2);
            return true;
        }
        Diagnostic unset{
            .code = kUnset, .at = at, .message = fmt::format("${{{}}} is not set", name)
        };
        unset.hint = fmt::format("set it, or write `${{{}:-default}}`", name);
        if (rest.starts_with(":?") && rest.size() > 2) {
            unset.message += fmt::format(": {}", rest.substr(2));
            unset.hint = "set it";
        }
        diagnostics_.add(std::move(unset));
        return false;
    }

    bool append_credential(
        std::string& out, std::string_view name, std::string_view reference, Span at
    ) {
        if (name.empty() || name.find('/') != std::string_view::npos || name.starts_with(".")) {
            return bad_reference(
                at, fmt::format("`{}` is not the name of a credential", name), "a name has no `/`"
            );
        }
        const auto directory = environment_.variable("CREDENTIALS_DIRECTORY");
        if (!directory || directory->empty()) {
            diagnostics_.add(
                {.code = kUnset,
                 .at = at,
                 .message = fmt::format("${{{}}}: $CREDENTIALS_DIRECTORY is not set", reference),
                 .hint = fmt::format("add `LoadCredential={}:/path` to the systemd unit", name)}
            );
            return false;
        }
        return append_file(out, fmt::format("{}/{}", *directory, name), reference, at);
    }

    bool append_file(
        std::string& out, const std::string& path, std::string_view reference, Span at
    ) {
        read_file_ = true;
        auto content = io::read_file(*environment_.files, path, kReferencedFileBytesMax);
        if (!content) {
            diagnostics_.add(
                {.code = kUnreadableReference,
                 .at = at,
                 .message = fmt::format("${{{}}}: {}", reference, content.error().message)}
            );
            return false;
        }
        if (content->ends_with('\n')) {
            content->pop_back();
            if (content->ends_with('\r')) {
                content->pop_back();
            }
        }
        if (content->find('\0') != std::string::npos) {
            diagnostics_.add(
                {.code = kUnreadableReference,
                 .at = at,
                 .message = fmt::format("${{{}}}: the file holds a NUL byte", reference)}
            );
            return false;
        }
        out += *content;
        return true;
    }

    bool bad_reference(Span at, std::string message, std::string hint) {
        diagnostics_.add(
            {.code = kBadReference, .at = at, .message = std::move(message), .hint = std::move(hint)
            }
        );
        return false;
    }

    const SourceSet& sources_;
    const Environment& environment_;
    Diagnostics& diagnostics_;
    std::unordered_set<const Node*> seen_;
    size_t total_bytes_ = 0;
    bool read_file_ = false;  ///< by the value being expanded
};

}  // namespace

Environment process_environment(io::FileSystem& files, const std::string& config_path) {
    Environment environment;
    environment.variable = [](const std::string& name) -> std::optional<std::string> {
        const char* value = std::getenv(name.c_str());
        return value == nullptr ? std::nullopt : std::optional<std::string>(value);
    };
    environment.files = &files;
    environment.base_directory = io::parent_directory(config_path);
    return environment;
}

void expand_references(
    Document& document, const Environment& environment, Diagnostics& diagnostics
) {
    if (document.root() != nullptr) {
        Expander(document, environment, diagnostics).visit(*document.root());
    }
}

void expand_references(
    Document& document, Node& part, const Environment& environment, Diagnostics& diagnostics
) {
    Expander(document, environment, diagnostics).visit(part);
}

}  // namespace seyir::config
