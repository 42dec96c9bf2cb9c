// SPDX-License-Identifier: Apache-2.0
#include "common/config/diagnostics/render.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "common/base/text.hpp"

namespace seyir::config {
namespace {

constexpr size_t kWindowColumns = 120;
constexpr std::string_view kMask = "***";

struct Cell {
    std::string glyph;  ///< one column on the screen
    bool is_marked = false;
};

/// `token: abc` in a text that could not be parsed: the part of `line` after such a key is hidden.
Span secret_tail(std::string_view line) {
    for (size_t i = 0; i < line.size(); ++i) {
        if (line[i] != ':' || i == 0) {
            continue;
        }
        size_t key = i;
        while (key > 0 && std::string_view(" \t{,\"'").find(line[key - 1]) == std::string_view::npos
        ) {
            --key;
        }
        if (looks_secret(line.substr(key, i - key))) {
            return {static_cast<uint32_t>(i + 1), static_cast<uint32_t>(line.size())};
        }
    }
    return {};
}

class LineView {
  public:
    LineView(const SourceFile& source, uint32_t line, Span mark, bool is_parsed) {
        const Span span = source.line_span(line);
        const std::string_view text = source.slice(span);
        std::vector<Span> hidden = source.hidden();
        if (!is_parsed) {
            const Span tail = secret_tail(text);
            hidden.push_back({span.begin + tail.begin, span.begin + tail.end});
        }
        for (uint32_t at = span.begin; at < span.end;) {
            const auto secret =
                std::ranges::find_if(hidden, [&](Span s) { return s.begin <= at && at < s.end; });
            if (secret != hidden.end()) {
                const uint32_t end = std::min(secret->end, span.end);
                const bool marked = mark.begin < end && at < mark.end;
                for (const char c : kMask) {
                    cells_.push_back({std::string(1, c), marked});
                }
                at = end;
                continue;
            }
            at += push_code_point(source.slice({at, span.end}), mark.begin <= at && at < mark.end);
        }
        if (mark.begin >= span.end || mark.begin == mark.end) {
            mark_column(source, span, mark);
        }
        cut_window();
    }

    std::string text() const {
        std::string out = cut_left_ ? "..." : "";
        for (const Cell& cell : cells_) {
            out += cell.glyph;
        }
        while (!out.empty() && out.back() == ' ') {
            out.pop_back();
        }
        return out + (cut_right_ ? "..." : "");
    }

    std::string carets(char mark) const {
        std::string out = cut_left_ ? "   " : "";
        for (const Cell& cell : cells_) {
            out += cell.is_marked ? mark : ' ';
        }
        out.erase(out.find_last_not_of(' ') + 1);
        return out;
    }

  private:
    /// Tabs and bytes that are not printable text take one column, so that carets stay in place.
    uint32_t push_code_point(std::string_view rest, bool marked) {
        const auto lead = static_cast<unsigned char>(rest[0]);
        size_t length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
        length = std::min(length, rest.size());
        std::string glyph(rest.substr(0, length));
        if (lead < 0x20 || lead == 0x7f) {
            glyph = lead == '\t' ? " " : "\xef\xbf\xbd";
        } else if (!is_utf8(glyph) ||
                   (lead == 0xc2 && static_cast<unsigned char>(glyph[1]) < 0xa0)) {
            length = lead == 0xc2 && is_utf8(glyph) ? 2 : 1;
            glyph = "\xef\xbf\xbd";
        }
        cells_.push_back({glyph, marked});
        return static_cast<uint32_t>(length);
    }

    /// An empty range, or one at the line's end, gets one caret.
    void mark_column(const SourceFile& source, Span line, Span mark) {
        const uint32_t at = std::min(mark.begin, line.end);
        size_t column = source.position(at).column - 1;
        if (std::ranges::any_of(cells_, [](const Cell& c) { return c.is_marked; })) {
            return;
        }
        if (column >= cells_.size()) {
            column = cells_.size();
            cells_.push_back({" ", false});
        }
        cells_[column].is_marked = true;
    }

    void cut_window() {
        if (cells_.size() <= kWindowColumns) {
            return;
        }
        const auto first = std::ranges::find_if(cells_, [](const Cell& c) { return c.is_marked; });
        const size_t mark = first == cells_.end() ? 0 : static_cast<size_t>(first - cells_.begin());
        const size_t begin = mark > kWindowColumns / 2 ? mark - kWindowColumns / 2 : 0;
        const size_t end = std::min(cells_.size(), begin + kWindowColumns);
        cut_right_ = end < cells_.size();
        cut_left_ = begin > 0;
        cells_ = std::vector<Cell>(
            cells_.begin() + static_cast<std::ptrdiff_t>(begin),
            cells_.begin() + static_cast<std::ptrdiff_t>(end)
        );
    }

    std::vector<Cell> cells_;
    bool cut_left_ = false;
    bool cut_right_ = false;
};

struct Palette {
    std::string_view severity;
    std::string_view frame;
    std::string_view bold;
    std::string_view reset;
};

Palette palette(bool color, bool is_error) {
    if (!color) {
        return {};
    }
    return {is_error ? "\x1b[1;31m" : "\x1b[1;33m", "\x1b[1;34m", "\x1b[1m", "\x1b[0m"};
}

/// Where the source could not become a tree, secrets are found by their key's name alone.
bool is_parsed(std::string_view code) {
    return code >= kUnset;
}

struct Place {
    Span at;
    std::string_view label;
    char mark = '^';
};

void append_place(
    std::string& out,
    const SourceSet& sources,
    const Place& place,
    size_t gutter,
    const Palette& p,
    bool parsed
) {
    const SourceSet::Local here = sources.local(place.at);
    const Position position = here.file.position(here.span.begin);
    out += fmt::format(
        "{:{}}{}-->{} {}:{}:{}\n",
        "",
        gutter,
        p.frame,
        p.reset,
        here.file.path(),
        position.line,
        position.column
    );
    const LineView view(here.file, position.line, here.span, parsed);
    out += fmt::format("{}{:>{}} |{} {}\n", p.frame, position.line, gutter, p.reset, view.text());
    out += fmt::format("{}{:{}} |{} ", p.frame, "", gutter, p.reset);
    out += fmt::format("{}{}", p.severity, view.carets(place.mark));
    out += place.label.empty() ? std::string() : fmt::format(" {}", place.label);
    out += fmt::format("{}\n", p.reset);
}

uint32_t utf16_column(const SourceFile& source, uint32_t offset) {
    const Position position = source.position(offset);
    const Span line = source.line_span(position.line);
    uint32_t units = 0;
    for (const char c : source.slice({line.begin, offset})) {
        const auto byte = static_cast<unsigned char>(c);
        units += byte >= 0xf0 ? 2 : (byte & 0xc0U) == 0x80U ? 0 : 1;
    }
    return units;
}

std::string json_range(const SourceSet& sources, Span global) {
    const SourceSet::Local here = sources.local(global);
    const auto point = [&](uint32_t offset) {
        return fmt::format(
            R"({{"line":{},"character":{}}})",
            here.file.position(offset).line - 1,
            utf16_column(here.file, offset)
        );
    };
    return fmt::format(
        R"({{"start":{},"end":{}}})",
        point(here.span.begin),
        point(std::max(here.span.begin, here.span.end))
    );
}

}  // namespace

void render_text(
    std::string& out, const SourceSet& sources, const Diagnostic& diagnostic, bool color
) {
    const Palette p = palette(color, diagnostic.is_error());
    out += fmt::format(
        "{}{}[{}]{}{}: {}{}\n",
        p.severity,
        diagnostic.is_error() ? "error" : "warning",
        diagnostic.code,
        p.reset,
        p.bold,
        diagnostic.message,
        p.reset
    );
    size_t gutter = 1;
    const bool parsed = is_parsed(diagnostic.code) || diagnostic.code == kDuplicateKey;
    if (diagnostic.at) {
        uint32_t line = sources.position(diagnostic.at->begin).line;
        for (const RelatedPlace& related : diagnostic.related) {
            line = std::max(line, sources.position(related.at.begin).line);
        }
        gutter = fmt::formatted_size("{}", line);
        append_place(out, sources, {*diagnostic.at, diagnostic.hint}, gutter, p, parsed);
    } else {
        out +=
            fmt::format("{:{}}{}-->{} {}\n", "", gutter, p.frame, p.reset, sources.main().path());
    }
    for (const RelatedPlace& related : diagnostic.related) {
        append_place(out, sources, {related.at, related.label, '-'}, gutter, p, parsed);
    }
    if (!diagnostic.at && !diagnostic.hint.empty()) {
        out += fmt::format("{:{}} {}={} {}\n", "", gutter, p.frame, p.reset, diagnostic.hint);
    }
    for (const std::string& note : diagnostic.notes) {
        out += fmt::format("{:{}} {}={} {}\n", "", gutter, p.frame, p.reset, note);
    }
}

void render_json(std::string& out, const SourceSet& sources, const Diagnostic& diagnostic) {
    const Span at = diagnostic.at.value_or(Span{});
    const Position position = sources.position(at.begin);
    out += fmt::format(
        R"({{"code":"{}","severity":"{}","message":{},"file":{},"line":{},"column":{},"range":{})",
        diagnostic.code,
        diagnostic.is_error() ? "error" : "warning",
        json_quote(diagnostic.message),
        json_quote(sources.file_at(at.begin).path()),
        position.line,
        position.column,
        json_range(sources, at)
    );
    if (!diagnostic.hint.empty()) {
        out += ",\"hint\":" + json_quote(diagnostic.hint);
    }
    out += ",\"notes\":[";
    for (size_t i = 0; i < diagnostic.notes.size(); ++i) {
        out += (i == 0 ? "" : ",") + json_quote(diagnostic.notes[i]);
    }
    out += "],\"related\":[";
    for (size_t i = 0; i < diagnostic.related.size(); ++i) {
        const RelatedPlace& related = diagnostic.related[i];
        out += fmt::format(
            R"({}{{"message":{},"file":{},"range":{}}})",
            i == 0 ? "" : ",",
            json_quote(related.label),
            json_quote(sources.file_at(related.at.begin).path()),
            json_range(sources, related.at)
        );
    }
    out += "]}";
}

}  // namespace seyir::config
