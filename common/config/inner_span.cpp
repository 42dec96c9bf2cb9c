// SPDX-License-Identifier: Apache-2.0
// Spec: YAML 1.2.2, 5.7 (escapes), 6.5 (line folding), 7.3 (flow scalars), 8.1 (block scalars).
#include "common/config/inner_span.hpp"

#include <algorithm>
#include <optional>

namespace seyir::config {
namespace {

bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

bool is_break(char c) {
    return c == '\n' || c == '\r';
}

/// Decodes a scalar's source and remembers where each byte came from.
class Decoder {
  public:
    explicit Decoder(std::string_view raw) : raw_(raw) {}

    /// For each byte of the text its offset in the source, and one more for the end; nothing when
    /// the result is not `text`.
    std::optional<std::vector<uint32_t>> decode(const Node& node, std::string_view text) {
        const char first = raw_.empty() ? ' ' : raw_[0];
        if (node.is_plain) {
            flow(0, raw_.size(), ' ');
        } else if (raw_.size() >= 2 && (first == '"' || first == '\'')) {
            flow(1, raw_.size() - 1, first);
        } else if (first == '|' || first == '>') {
            const std::vector<Line> lines = block_lines();
            size_t indent = block_indent(lines);
            block(lines, indent, first == '>');
            // A digit in the header counts from an indentation that is not known here.
            const bool has_digit = raw_.substr(0, 3).find_first_of("123456789") != raw_.npos;
            for (int tries = 0; has_digit && text_ != text && indent > 0 && tries < 64; ++tries) {
                text_.clear();
                origin_.clear();
                block(lines, --indent, first == '>');
            }
        }
        if (text_ != text) {
            return std::nullopt;
        }
        return std::move(origin_);
    }

  private:
    void put(char c, size_t origin) {
        text_ += c;
        origin_.push_back(static_cast<uint32_t>(origin));
    }

    size_t after_break(size_t at) const {
        const bool is_crlf = raw_[at] == '\r' && at + 1 < raw_.size() && raw_[at + 1] == '\n';
        return at + (is_crlf ? 2 : 1);
    }

    /// Plain and quoted scalars; `quote` is ' ' for plain ones.
    void flow(size_t at, size_t end, char quote) {
        while (at < end) {
            const char c = raw_[at];
            if (is_blank(c) || is_break(c)) {
                at = space(at, end);
            } else if (quote == '\'' && c == '\'') {
                put('\'', at);
                at += 2;
            } else if (quote == '"' && c == '\\') {
                at = escape(at, end);
            } else {
                put(c, at++);
            }
        }
        origin_.push_back(static_cast<uint32_t>(end));
    }

    /// Blanks within a line stay; around line breaks they fold away.
    size_t space(size_t at, size_t end) {
        const size_t begin = at;
        while (at < end && is_blank(raw_[at])) {
            ++at;
        }
        if (at == end || !is_break(raw_[at])) {
            for (size_t i = begin; i < at; ++i) {
                put(raw_[i], i);
            }
            return at;
        }
        size_t breaks = 0;
        while (at < end && (is_blank(raw_[at]) || is_break(raw_[at]))) {
            if (is_break(raw_[at])) {
                ++breaks;
                at = after_break(at);
            } else {
                ++at;
            }
        }
        for (size_t i = 1; i < breaks; ++i) {
            put('\n', begin);
        }
        if (breaks == 1) {
            put(' ', begin);
        }
        return at;
    }

    size_t escape(size_t at, size_t end) {
        if (at + 1 >= end) {
            put('\\', at);
            return end;
        }
        const char c = raw_[at + 1];
        if (is_break(c)) {
            at = after_break(at + 1);
            while (at < end && is_blank(raw_[at])) {
                ++at;
            }
            return at;
        }
        static constexpr std::string_view kFrom = "0abt\tnvfre \"/\\";
        static constexpr std::string_view kTo{"\0\a\b\t\t\n\v\f\r\x1b \"/\\", 14};
        if (const size_t i = kFrom.find(c); i != std::string_view::npos) {
            put(kTo[i], at);
            return at + 2;
        }
        const size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
        uint32_t code = c == 'N'   ? 0x85
                        : c == '_' ? 0xa0
                        : c == 'L' ? 0x2028
                        : c == 'P' ? 0x2029
                                   : 0;
        for (size_t i = 0; i < digits && at + 2 + i < end; ++i) {
            const char d = raw_[at + 2 + i];
            code = code * 16 + static_cast<uint32_t>(d <= '9' ? d - '0' : (d | 0x20) - 'a' + 10);
        }
        put_code_point(code, at);
        return std::min(end, at + 2 + digits);
    }

    void put_code_point(uint32_t code, size_t at) {
        const auto byte = [](uint32_t value) { return static_cast<char>(value); };
        if (code < 0x80) {
            put(byte(code), at);
            return;
        }
        if (code < 0x800) {
            put(byte(0xc0 | (code >> 6)), at);
        } else if (code < 0x10000) {
            put(byte(0xe0 | (code >> 12)), at);
            put(byte(0x80 | ((code >> 6) & 0x3f)), at);
        } else {
            put(byte(0xf0 | (code >> 18)), at);
            put(byte(0x80 | ((code >> 12) & 0x3f)), at);
            put(byte(0x80 | ((code >> 6) & 0x3f)), at);
        }
        put(byte(0x80 | (code & 0x3f)), at);
    }

    struct Line {
        size_t begin = 0;  ///< behind the indentation
        size_t end = 0;
    };

    /// `|` and `>`. Chomping takes from the end what the header says.
    void block(std::vector<Line> lines, size_t indent, bool is_folded) {
        for (Line& line : lines) {
            line.begin = std::min(line.end, line.begin + indent);
        }
        const std::string_view header =
            raw_.substr(0, std::min(raw_.find_first_of("\r\n"), raw_.size()));
        const bool strips = header.find('-') != std::string_view::npos;
        const bool keeps = header.find('+') != std::string_view::npos;
        std::optional<bool> was_text;  // the line before: text at the block's own indentation
        size_t breaks = 0;
        for (const Line& line : lines) {
            if (line.begin == line.end) {
                ++breaks;
                continue;
            }
            const bool is_text = !is_blank(raw_[line.begin]);
            const bool folds = is_folded && is_text && was_text.value_or(false);
            if (folds && breaks == 1) {
                put(' ', line.begin);
            } else {
                for (size_t i = folds ? 1 : 0; i < breaks; ++i) {
                    put('\n', line.begin);
                }
            }
            for (size_t i = line.begin; i < line.end; ++i) {
                put(raw_[i], i);
            }
            was_text = is_text;
            breaks = 1;
        }
        const size_t tail = keeps ? breaks : strips || !was_text ? 0 : 1;
        for (size_t i = 0; i < tail; ++i) {
            put('\n', raw_.size());
        }
        origin_.push_back(static_cast<uint32_t>(raw_.size()));
    }

    /// The lines behind the header, with their indentation.
    std::vector<Line> block_lines() const {
        std::vector<Line> lines;
        for (size_t at = std::min(raw_.find_first_of("\r\n"), raw_.size()); at < raw_.size();) {
            Line line;
            line.begin = after_break(at);
            line.end = std::min(raw_.find_first_of("\r\n", line.begin), raw_.size());
            at = line.end;
            if (line.begin < raw_.size()) {
                lines.push_back(line);
            }
        }
        return lines;
    }

    /// Of the first line that is not empty.
    size_t block_indent(const std::vector<Line>& lines) const {
        for (const Line& line : lines) {
            const std::string_view text = raw_.substr(line.begin, line.end - line.begin);
            if (const size_t at = text.find_first_not_of(' '); at != std::string_view::npos) {
                return at;
            }
        }
        return 0;
    }

    std::string_view raw_;
    std::string text_;
    std::vector<uint32_t> origin_;
};

/// A range of the expanded text in the text as it was written.
std::pair<size_t, size_t> before_expansion(const Node& node, size_t begin, size_t end) {
    if (node.written == nullptr) {
        return {begin, end};
    }
    const auto back = [&](size_t offset, bool is_end) {
        size_t text_end = 0;
        size_t written_end = 0;
        for (const ExpandedPiece& piece : node.written->pieces) {
            const bool is_before = is_end ? offset <= piece.begin : offset < piece.begin;
            if (is_before) {
                break;
            }
            if (is_end ? offset <= piece.end : offset < piece.end) {
                return is_end ? piece.written_end : piece.written_begin;
            }
            text_end = piece.end;
            written_end = piece.written_end;
        }
        return written_end + (offset - text_end);
    };
    return {back(begin, false), back(end, true)};
}

}  // namespace

Span inner_span(const SourceSet& sources, const Node& node, size_t offset, size_t length) {
    if (!node.is_scalar() || offset > node.text.size()) {
        return node.span;
    }
    length = std::min(length, node.text.size() - offset);
    const auto [begin, end] = before_expansion(node, offset, offset + length);
    const std::string_view raw = sources.slice(node.span);
    const std::string& text = node.written == nullptr ? node.text : node.written->text;
    const auto origin = Decoder(raw).decode(node, text);
    if (!origin || begin >= origin->size() || end >= origin->size()) {
        return node.span;
    }
    const uint32_t from = (*origin)[begin];
    const size_t line_end = std::min(raw.find_first_of("\r\n", from), raw.size());
    const uint32_t to =
        std::max(std::min((*origin)[end], static_cast<uint32_t>(line_end)), from + 1);
    return {node.span.begin + from, node.span.begin + to};
}

}  // namespace seyir::config
