// SPDX-License-Identifier: Apache-2.0
#include "common/config/yaml_reader.hpp"

#include <algorithm>
#include <unordered_map>

#include <fmt/format.h>
#include <yaml.h>

#include "common/config/yaml_strict.hpp"
#include "common/config/yaml_syntax.hpp"

namespace seyir::config {
namespace {

/// libyaml counts characters; spans are bytes. One stored offset per 64 characters keeps the
/// conversion cheap even for a file that is one long line.
class CharacterIndex {
  public:
    explicit CharacterIndex(std::string_view text) : text_(text) {
        size_t count = 0;
        for (size_t i = 0; i < text.size(); ++i) {
            if (is_continuation(i)) {
                continue;
            }
            if (count++ % kStep == 0) {
                offsets_.push_back(static_cast<uint32_t>(i));
            }
        }
    }

    uint32_t byte_offset(size_t character) const {
        const size_t step = character / kStep;
        if (step >= offsets_.size()) {
            return static_cast<uint32_t>(text_.size());
        }
        size_t at = offsets_[step];
        for (size_t left = character % kStep; left > 0 && at < text_.size(); --left) {
            ++at;
            while (at < text_.size() && is_continuation(at)) {
                ++at;
            }
        }
        return static_cast<uint32_t>(at);
    }

  private:
    static constexpr size_t kStep = 64;

    bool is_continuation(size_t i) const {
        return (static_cast<unsigned char>(text_[i]) & 0xc0U) == 0x80U;
    }

    std::string_view text_;
    std::vector<uint32_t> offsets_;
};

/// Owns libyaml's parser and its current event.
class EventSource {
  public:
    explicit EventSource(std::string_view text) {
        is_ready_ = yaml_parser_initialize(&parser_) == 1;
        if (is_ready_) {
            yaml_parser_set_encoding(&parser_, YAML_UTF8_ENCODING);
            const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
            yaml_parser_set_input_string(&parser_, bytes, text.size());
        }
    }

    EventSource(const EventSource&) = delete;
    EventSource& operator=(const EventSource&) = delete;

    ~EventSource() {
        drop_event();
        if (is_ready_) {
            yaml_parser_delete(&parser_);
        }
    }

    /// nullptr on a syntax error; parser() then says which.
    const yaml_event_t* next() {
        drop_event();
        if (!is_ready_ || yaml_parser_parse(&parser_, &event_) == 0) {
            return nullptr;
        }
        has_event_ = true;
        return &event_;
    }

    const yaml_parser_t& parser() const { return parser_; }

  private:
    void drop_event() {
        if (has_event_) {
            yaml_event_delete(&event_);
            has_event_ = false;
        }
    }

    yaml_parser_t parser_{};
    yaml_event_t event_{};
    bool is_ready_ = false;
    bool has_event_ = false;
};

std::string_view as_text(const yaml_char_t* text) {
    return text == nullptr ? std::string_view() : reinterpret_cast<const char*>(text);
}

/// A last line without its break would end block scalars differently.
std::string complete(std::string text) {
    if (!text.empty() && text.back() != '\n' && text.back() != '\r') {
        text += '\n';
    }
    return text;
}

class TreeBuilder {
  public:
    TreeBuilder(Document& document, Diagnostics& diagnostics)
        : document_(document),
          diagnostics_(diagnostics),
          text_(complete(document.source().text())),
          index_(text_) {}

    bool run() {
        EventSource events(text_);
        for (;;) {
            const yaml_event_t* event = events.next();
            if (event == nullptr) {
                syntax_error(events.parser());
                return false;
            }
            if (event->type == YAML_STREAM_END_EVENT) {
                return check_strict(*event, {span(*event).end, span(*event).end});
            }
            if (!take(*event)) {
                return false;
            }
        }
    }

  private:
    struct Open {
        Node* node = nullptr;
        Node* key = nullptr;  ///< of a map: read, its value not yet
        bool is_flow = false;
        int block_column = -1;  ///< of this collection or the innermost block one around it
        std::string anchor;
    };

    bool take(const yaml_event_t& event) {
        const Span at = span(event);
        if (!check_strict(event, at)) {
            return false;
        }
        switch (event.type) {
            case YAML_DOCUMENT_START_EVENT:
                if (document_count_++ > 0) {
                    return refuse(at, "a second document (`---`) starts here", "use one per file");
                }
                return true;
            case YAML_SCALAR_EVENT:
                return take_scalar(event, at);
            case YAML_ALIAS_EVENT:
                return take_alias(as_text(event.data.alias.anchor), at);
            case YAML_SEQUENCE_START_EVENT:
                return open(
                    {.node = document_.make_node(Node::Kind::kSequence, at),
                     .is_flow = event.data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE,
                     .block_column = static_cast<int>(event.start_mark.column)},
                    at,
                    as_text(event.data.sequence_start.anchor),
                    as_text(event.data.sequence_start.tag)
                );
            case YAML_MAPPING_START_EVENT:
                return open(
                    {.node = document_.make_node(Node::Kind::kMap, at),
                     .is_flow = event.data.mapping_start.style == YAML_FLOW_MAPPING_STYLE,
                     .block_column = static_cast<int>(event.start_mark.column)},
                    at,
                    as_text(event.data.mapping_start.anchor),
                    as_text(event.data.mapping_start.tag)
                );
            case YAML_SEQUENCE_END_EVENT:
            case YAML_MAPPING_END_EVENT:
                return close(at);
            default:
                return true;
        }
    }

    /// What libyaml would let pass.
    bool check_strict(const yaml_event_t& event, Span at) {
        const bool is_scalar = event.type == YAML_SCALAR_EVENT;
        if (!is_scalar && event.type != YAML_ALIAS_EVENT && event.type != YAML_STREAM_END_EVENT) {
            return true;
        }
        auto wrong = check_gap(document_.source(), {values_end_, at.begin});
        values_end_ = std::max(values_end_, at.end);
        if (!wrong && is_scalar) {
            ScalarPlace place{.at = at};
            const yaml_scalar_style_t style = event.data.scalar.style;
            place.style = style == YAML_PLAIN_SCALAR_STYLE ? ScalarStyle::kPlain
                          : style == YAML_LITERAL_SCALAR_STYLE || style == YAML_FOLDED_SCALAR_STYLE
                              ? ScalarStyle::kBlock
                              : ScalarStyle::kQuoted;
            if (!stack_.empty()) {
                place.is_in_flow = stack_.back().is_flow;
                place.block_column = stack_.back().block_column;
            }
            wrong = check_scalar_place(document_.source(), place);
        }
        if (wrong) {
            diagnostics_.add(std::move(*wrong));
        }
        return !wrong;
    }

    bool take_scalar(const yaml_event_t& event, Span at) {
        const auto& scalar = event.data.scalar;
        if (!check_tag(as_text(scalar.tag), at)) {
            return false;
        }
        Node* node = document_.make_node(Node::Kind::kScalar, at);
        node->text.assign(reinterpret_cast<const char*>(scalar.value), scalar.length);
        node->is_plain = scalar.style == YAML_PLAIN_SCALAR_STYLE;
        if (node->text.find('\0') != std::string::npos) {
            diagnostics_.add(
                {.code = kBadCharacter,
                 .at = at,
                 .message = "a NUL character cannot be in a configuration value",
                 .hint = "remove `\\0`"}
            );
            return false;
        }
        return place(node, as_text(scalar.anchor), at);
    }

    bool take_alias(std::string_view name, Span at) {
        const auto found = anchors_.find(std::string(name));
        if (found == anchors_.end()) {
            return refuse(
                at,
                fmt::format("`*{}` refers to nothing before it", name),
                fmt::format("mark a value with `&{}` first; inside itself it cannot be used", name)
            );
        }
        return place(found->second, "", at);
    }

    bool open(Open next, Span at, std::string_view anchor, std::string_view tag) {
        if (!check_tag(tag, at)) {
            return false;
        }
        if (stack_.size() >= kDepthMax) {
            return limit(at, fmt::format("more than {} levels of nesting", kDepthMax));
        }
        if (!stack_.empty() && stack_.back().node->is_map() && stack_.back().key == nullptr) {
            return refuse(
                at,
                "a key must be a word or a string, not a list or a map",
                "quote the key if it starts with `[`, `{` or `? `"
            );
        }
        next.anchor = anchor;
        if (next.is_flow) {
            next.block_column = stack_.empty() ? -1 : stack_.back().block_column;
        }
        stack_.push_back(std::move(next));
        return true;
    }

    bool close(Span at) {
        Open done = std::move(stack_.back());
        stack_.pop_back();
        done.node->span.end = std::max(done.node->span.end, at.end);
        return place(done.node, done.anchor, done.node->span);
    }

    /// Hangs a finished node into the open parent.
    bool place(Node* node, std::string_view anchor, Span at) {
        if (!anchor.empty()) {
            anchors_[std::string(anchor)] = node;
        }
        if (stack_.empty()) {
            document_.set_root(node);
            return true;
        }
        Open& parent = stack_.back();
        if (parent.node->is_map() && parent.key == nullptr) {
            return place_key(parent, node, at);
        }
        if (parent.node->is_map()) {
            parent.node->entries.push_back({parent.key, node});
            parent.key = nullptr;
        } else {
            parent.node->items.push_back(node);
        }
        parent.node->weight += node->weight + (parent.node->is_map() ? 1 : 0);
        parent.node->height = std::max(parent.node->height, node->height + 1);
        if (parent.node->weight > kNodesMax) {
            return limit(at, fmt::format("more than {} values (aliases count in full)", kNodesMax));
        }
        if (stack_.size() + node->height > kDepthMax + 1) {
            return limit(at, fmt::format("more than {} levels of nesting", kDepthMax));
        }
        return true;
    }

    bool place_key(Open& parent, Node* key, Span at) {
        if (!key->is_scalar()) {
            return refuse(
                at, "an alias used as a key must stand for a string", "write the key out"
            );
        }
        if (key->is_null() && key->text.empty()) {
            return refuse(at, "a key is missing before `:`", "write a name, or quote the value");
        }
        parent.key = key;
        return true;
    }

    bool check_tag(std::string_view tag, Span at) {
        if (tag.empty()) {
            return true;
        }
        return refuse(
            at,
            "tags (`!...`) are not used in configuration files",
            "remove it; quote a value that starts with `!`"
        );
    }

    bool refuse(Span at, std::string message, std::string hint) {
        diagnostics_.add(
            {.code = kYamlFeature, .at = at, .message = std::move(message), .hint = std::move(hint)}
        );
        return false;
    }

    bool limit(Span at, std::string message) {
        diagnostics_.add(
            {.code = kLimit, .at = Span{at.begin, at.begin + 1}, .message = std::move(message)}
        );
        return false;
    }

    void syntax_error(const yaml_parser_t& parser) {
        YamlProblem problem;
        problem.message = parser.problem == nullptr ? "out of memory" : parser.problem;
        problem.context = parser.context == nullptr ? "" : parser.context;
        problem.at = index_.byte_offset(parser.problem_mark.index);
        problem.context_at = index_.byte_offset(parser.context_mark.index);
        diagnostics_.add(explain_syntax(document_.source(), problem));
    }

    Span span(const yaml_event_t& event) const {
        return {
            index_.byte_offset(event.start_mark.index), index_.byte_offset(event.end_mark.index)
        };
    }

    Document& document_;
    Diagnostics& diagnostics_;
    std::string text_;
    CharacterIndex index_;
    std::vector<Open> stack_;
    std::unordered_map<std::string, Node*> anchors_;
    int document_count_ = 0;
    uint32_t values_end_ = 0;  ///< where the last value ended
};

}  // namespace

bool read_yaml(Document& document, Diagnostics& diagnostics) {
    return TreeBuilder(document, diagnostics).run();
}

}  // namespace seyir::config
