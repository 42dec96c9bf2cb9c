// SPDX-License-Identifier: Apache-2.0
#include "test/unit/config/yaml_events.hpp"

#include <map>
#include <vector>

#include "common/base/text.hpp"

namespace seyir::test {
namespace {

std::string unescape(std::string_view text) {
    std::string out;
    for (size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\\' || i + 1 == text.size()) {
            out += text[i];
            continue;
        }
        const char c = text[++i];
        out += c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c == 'b' ? '\b' : c;
    }
    return out;
}

class EventReader {
  public:
    explicit EventReader(std::string_view events) {
        for (size_t at = 0; at < events.size();) {
            size_t end = events.find('\n', at);
            end = end == std::string_view::npos ? events.size() : end;
            lines_.push_back(events.substr(at, end - at));
            at = end + 1;
        }
    }

    std::string run() {
        while (next_ < lines_.size()) {
            const std::string_view line = lines_[next_];
            if (line.starts_with("+MAP") || line.starts_with("+SEQ") || line.starts_with("=")) {
                return value();
            }
            ++next_;
        }
        return "";
    }

  private:
    /// "&name" in a line before the text of a scalar, or "".
    static std::string anchor(std::string_view line) {
        const size_t at = line.find(" &");
        const size_t text =
            line.starts_with("=VAL") ? line.find_first_of(":\"'|>", 4) : line.size();
        if (at == std::string_view::npos || at > text) {
            return "";
        }
        return std::string(line.substr(at + 2, line.find(' ', at + 1) - at - 2));
    }

    std::string value() {
        const std::string_view line = next_ < lines_.size() ? lines_[next_++] : std::string_view();
        std::string text;
        if (line.starts_with("=ALI")) {
            return anchors_[std::string(line.substr(6))];
        }
        if (line.starts_with("=VAL")) {
            size_t at = 5;
            while (at < line.size() && (line[at] == '&' || line[at] == '<')) {
                at = line.find(line[at] == '&' ? ' ' : '>', at) + (line[at] == '&' ? 1 : 2);
            }
            text = json_quote(unescape(line.substr(at + 1)));
        } else {
            const bool is_map = line.starts_with("+MAP");
            size_t count = 0;
            while (next_ < lines_.size() && !lines_[next_].starts_with(is_map ? "-MAP" : "-SEQ")) {
                text += count == 0 ? "" : is_map && count % 2 == 1 ? ":" : ",";
                text += value();
                ++count;
            }
            ++next_;
            text = (is_map ? "{" : "[") + text + (is_map ? "}" : "]");
        }
        if (const std::string name = anchor(line); !name.empty()) {
            anchors_[name] = text;
        }
        return text;
    }

    std::vector<std::string_view> lines_;
    size_t next_ = 0;
    std::map<std::string, std::string> anchors_;
};

}  // namespace

std::string canonical(const config::Node* node) {
    if (node == nullptr) {
        return "";
    }
    if (node->is_scalar()) {
        return json_quote(node->text);
    }
    std::string text;
    for (const config::Node* item : node->items) {
        text += (text.empty() ? "" : ",") + canonical(item);
    }
    for (const config::Entry& entry : node->entries) {
        text += (text.empty() ? "" : ",") + canonical(entry.key) + ":" + canonical(entry.value);
    }
    return node->is_map() ? "{" + text + "}" : "[" + text + "]";
}

std::string canonical_events(std::string_view events) {
    return EventReader(events).run();
}

}  // namespace seyir::test
