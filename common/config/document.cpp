// SPDX-License-Identifier: Apache-2.0
#include "common/config/document.hpp"

#include <algorithm>
#include <unordered_map>

#include <fmt/format.h>

#include "common/base/text.hpp"
#include "common/config/yaml_reader.hpp"

namespace seyir::config {
namespace {

/// The first byte of `text` that no configuration file may hold, with the reason; or nothing.
struct BadByte {
    size_t at = 0;
    size_t length = 1;
    std::string_view reason;
    std::string_view hint;
};

std::optional<BadByte> find_bad_byte(std::string_view text) {
    if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff")) {
        return BadByte{0, 1, "the file is UTF-16", "save it as UTF-8"};
    }
    for (size_t i = 0; i < text.size(); ++i) {
        const auto c = static_cast<unsigned char>(text[i]);
        if ((c < 0x20 && c != '\n' && c != '\r' && c != '\t') || c == 0x7f) {
            return BadByte{i, 1, "a control character", "remove it, or write \"\\x..\" in quotes"};
        }
        if (c < 0x80) {
            continue;
        }
        // One sequence at a time: find where it ends, then let the checked decoder judge it.
        const size_t want = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
        const std::string_view sequence = text.substr(i, want);
        if (sequence.size() != want || !is_utf8(sequence)) {
            return BadByte{i, 1, "a byte that is not UTF-8", "save the file as UTF-8"};
        }
        if (sequence == "\xc2\x85" || sequence == "\xe2\x80\xa8" || sequence == "\xe2\x80\xa9") {
            return BadByte{i, want, "a Unicode line separator", "use a normal line break"};
        }
        if ((want == 2 && c == 0xc2 && static_cast<unsigned char>(sequence[1]) < 0xa0) ||
            sequence == "\xef\xbb\xbf" || sequence == "\xef\xbf\xbe" ||
            sequence == "\xef\xbf\xbf") {
            return BadByte{i, want, "a control character", "remove it"};
        }
        i += want - 1;
    }
    return std::nullopt;
}

std::string child_path(const std::string& path, std::string_view key) {
    return path.empty() ? std::string(key) : fmt::format("{}.{}", path, key);
}

/// Duplicate keys, merge keys, and secrets to hide; visits shared subtrees once.
class TreeCheck {
  public:
    TreeCheck(Document& document, Diagnostics& diagnostics)
        : sources_(document.sources()), diagnostics_(diagnostics) {}

    void visit(Node& node, const std::string& path) {
        if (!seen_.emplace(&node, true).second) {
            return;
        }
        for (size_t i = 0; i < node.items.size(); ++i) {
            visit(*node.items[i], fmt::format("{}[{}]", path, i));
        }
        std::unordered_map<std::string_view, const Node*> keys;
        for (const Entry& entry : node.entries) {
            const std::string& key = entry.key->text;
            const auto [first, is_new] = keys.emplace(key, entry.key);
            if (!is_new) {
                duplicate(*first->second, *entry.key, path);
            }
            if (key == "<<" && entry.key->is_plain) {
                diagnostics_.add(
                    {.code = kYamlFeature,
                     .at = entry.key->span,
                     .message = "merge keys (`<<`) are not supported",
                     .hint = "write the keys out"}
                );
            }
            if (looks_secret(key)) {
                hide_secret(sources_, *entry.value);
            }
            visit(*entry.value, child_path(path, key));
        }
    }

  private:
    void duplicate(const Node& first, const Node& second, const std::string& path) {
        diagnostics_.add(
            {.code = kDuplicateKey,
             .at = second.span,
             .message = fmt::format(
                 "duplicate key `{}`{}", second.text, path.empty() ? "" : " in " + path
             ),
             .hint = "remove one of the two",
             .related = {{first.span, "first given here"}}}
        );
    }

    SourceSet& sources_;
    Diagnostics& diagnostics_;
    std::unordered_map<const Node*, bool> seen_;
};

}  // namespace

bool Node::is_null() const {
    return is_scalar() && is_plain && !is_expanded &&
           (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL");
}

const Entry* Node::find(std::string_view key) const {
    const auto it =
        std::ranges::find_if(entries, [&](const Entry& e) { return e.key->text == key; });
    return it == entries.end() ? nullptr : &*it;
}

void hide_secret(SourceSet& sources, const Node& node) {
    std::string_view raw = sources.slice(node.span);
    if (raw.size() >= 2 && (raw[0] == '"' || raw[0] == '\'') && raw.back() == raw[0]) {
        raw = raw.substr(1, raw.size() - 2);
    }
    const bool is_reference = raw.starts_with("${") && raw.find('}') == raw.size() - 1 &&
                              raw.find(":-") == std::string_view::npos;
    if (node.is_scalar() && !is_reference) {
        sources.hide(node.span);
    }
}

void Document::absorb(Document&& file, uint32_t begin) {
    const auto shift = [&](std::deque<Node>& nodes) {
        for (Node& node : nodes) {
            node.span.begin += begin;
            node.span.end += begin;
        }
        absorbed_.push_back(std::move(nodes));
    };
    shift(file.nodes_);
    std::ranges::for_each(file.absorbed_, shift);
}

Node* Document::make_node(Node::Kind kind, Span span) {
    nodes_.push_back({.kind = kind, .span = span});
    return &nodes_.back();
}

Document parse_document(std::shared_ptr<SourceFile> source, Diagnostics& diagnostics) {
    return parse_document(std::make_shared<SourceSet>(std::move(source)), diagnostics);
}

Document parse_document(std::shared_ptr<SourceSet> sources, Diagnostics& diagnostics) {
    const SourceFile* source = &sources->main();
    Document document(std::move(sources));
    if (source->text().size() > kFileBytesMax) {
        diagnostics.add(
            {.code = kLimit,
             .message = fmt::format(
                 "the file is {} bytes long, more than the {} allowed",
                 source->text().size(),
                 kFileBytesMax
             )}
        );
        return document;
    }
    if (const auto bad = find_bad_byte(source->text())) {
        const auto at = static_cast<uint32_t>(bad->at);
        diagnostics.add(
            {.code = kBadCharacter,
             .at = Span{at, at + static_cast<uint32_t>(bad->length)},
             .message = fmt::format("{} cannot be in a configuration file", bad->reason),
             .hint = std::string(bad->hint)}
        );
        return document;
    }
    if (read_yaml(document, diagnostics) && document.root() != nullptr) {
        TreeCheck(document, diagnostics).visit(*document.root(), "");
    }
    return document;
}

std::shared_ptr<SourceFile> read_source(
    io::FileSystem& files, const std::string& path, std::string& error
) {
    auto text = io::read_file(files, path, kFileBytesMax);
    if (!text) {
        error = text.error().message;
        return std::make_shared<SourceFile>(path, "");
    }
    return std::make_shared<SourceFile>(path, std::move(*text));
}

}  // namespace seyir::config
