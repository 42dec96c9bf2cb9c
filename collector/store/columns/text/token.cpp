// SPDX-License-Identifier: Apache-2.0
#include "collector/store/columns/text/token.hpp"

#include <algorithm>

#include "collector/store/columns/slot/time_layout.hpp"
#include "collector/store/columns/text/runs.hpp"

namespace seyir::store::columns {
namespace {

constexpr size_t kNone = std::string_view::npos;
constexpr size_t kTimeWithinBytes = 64;  // a line's time stands near its beginning
constexpr size_t kKeyBytesMax = 64;

class TextTokens {
  public:
    TextTokens(std::string_view text, std::vector<Token>& tokens) : text_(text), tokens_(tokens) {}

    /// True when there is no room for more: the rest is one slot.
    bool is_full(size_t at) {
        if (tokens_.size() < kSlotsMax) {
            return false;
        }
        add(at, text_.size(), Rule::kRest);
        return true;
    }

    void add(size_t begin, size_t end, Rule rule, uint32_t param = 0, std::string name = {}) {
        tokens_.push_back(
            {static_cast<uint32_t>(begin), static_cast<uint32_t>(end), rule, param, std::move(name)}
        );
    }

    /// A time that begins here becomes a slot; its end, or `at`.
    size_t take_time(size_t at) {
        const char c = text_[at];
        if (has_time_ || at > kTimeWithinBytes || !(is_digit(c) || (c >= 'A' && c <= 'W'))) {
            return at;
        }
        const auto layout = TimeLayout::detect(text_.substr(at));
        if (!layout) {
            return at;
        }
        has_time_ = true;
        const size_t end = at + layout->length();
        add(at, end, Rule::kTime, static_cast<uint32_t>(layout->length()));
        return end;
    }

    /// Slots of [at, end): times, and runs with a digit. False when there is no room.
    bool words(size_t at, size_t end) {
        while (at < end) {
            if (!is_run_byte(text_[at])) {
                ++at;
                continue;
            }
            if (is_full(at)) {
                return false;
            }
            const size_t behind = take_time(at);
            if (behind > end) {
                tokens_.pop_back();  // it goes on into a slot found before
            } else if (behind != at) {
                at = behind;
                continue;
            }
            const size_t stop = run_end(text_, at);
            if (std::any_of(
                    text_.begin() + static_cast<ptrdiff_t>(at),
                    text_.begin() + static_cast<ptrdiff_t>(stop),
                    is_digit
                )) {
                add(at, stop, Rule::kRun);
            }
            at = stop;
        }
        return true;
    }

    void fields() {
        size_t at = 0;
        while (at < text_.size()) {
            if (text_[at] == ' ') {
                ++at;
                continue;
            }
            if (is_full(at)) {
                return;
            }
            at = field(at);
        }
    }

    bool pairs() {
        size_t at = 0;
        size_t found = 0;
        while (at < text_.size()) {
            if (!is_run_byte(text_[at])) {
                ++at;
                continue;
            }
            if (is_full(at)) {
                return true;
            }
            if (const size_t behind = take_time(at); behind != at) {
                at = behind;
                continue;
            }
            const size_t key_end = run_end(text_, at);
            const bool is_pair = key_end < text_.size() && text_[key_end] == '=' &&
                                 key_end - at <= kKeyBytesMax && (at == 0 || text_[at - 1] == ' ');
            if (!is_pair) {
                if (!words(at, key_end)) {
                    return true;
                }
                at = key_end;
                continue;
            }
            ++found;
            std::string name(text_.substr(at, key_end - at));
            at = pair_value(key_end + 1, std::move(name));
        }
        return found > 0;
    }

  private:
    size_t field(size_t at) {
        const size_t behind = take_time(at);
        if (behind != at) {
            return behind;
        }
        if (text_[at] == '"') {
            if (const size_t end = quoted_end(text_, at + 1); end != kNone) {
                add(at + 1, end, Rule::kQuoted);
                return end + 1;
            }
        }
        if (text_[at] == '[') {
            if (const size_t end = text_.find(']', at); end != kNone) {
                const size_t inner = at + 1;
                const size_t after_time = inner < end ? take_time(inner) : inner;
                if (after_time == inner) {
                    add(inner, end, Rule::kUntil, ']');
                } else {
                    words(after_time, end);
                }
                return end + 1;
            }
        }
        const size_t end = std::min(text_.find(' ', at), text_.size());
        add(at, end, Rule::kUntil, ' ');
        return end;
    }

    size_t pair_value(size_t at, std::string name) {
        if (at < text_.size() && text_[at] == '"') {
            if (const size_t end = quoted_end(text_, at + 1); end != kNone) {
                add(at + 1, end, Rule::kQuoted, 0, std::move(name));
                return end + 1;
            }
        }
        const size_t end = std::min(text_.find(' ', at), text_.size());
        add(at, end, Rule::kUntil, ' ', std::move(name));
        return end;
    }

    std::string_view text_;
    std::vector<Token>& tokens_;
    bool has_time_ = false;
};

struct Found {
    size_t begin = 0;
    size_t end = 0;
    uint32_t column = 0;
};

/// Places of the known texts, none over another; the longest are placed first.
std::vector<Found> find_known(
    std::string_view text, std::span<const std::pair<uint32_t, std::string_view>> known
) {
    std::vector<Found> found;
    for (const auto& [column, value] : known) {
        if (value.empty()) {
            continue;
        }
        for (size_t at = text.find(value); at != kNone; at = text.find(value, at + 1)) {
            const Found place{at, at + value.size(), column};
            const bool is_free = std::ranges::none_of(found, [&](const Found& other) {
                return place.begin < other.end && other.begin < place.end;
            });
            if (is_free && can_cut(text, place.begin) && can_cut(text, place.end)) {
                found.push_back(place);
                break;
            }
        }
    }
    std::ranges::sort(found, {}, &Found::begin);
    return found;
}

}  // namespace

size_t quoted_end(std::string_view text, size_t at) {
    const size_t begin = at;
    for (at = text.find('"', at); at != kNone; at = text.find('"', at + 1)) {
        size_t backslashes = 0;
        while (at - backslashes > begin && text[at - backslashes - 1] == '\\') {
            ++backslashes;
        }
        if (backslashes % 2 == 0) {
            return at;
        }
    }
    return kNone;
}

bool tokenize(
    Mode mode,
    std::string_view text,
    std::span<const std::pair<uint32_t, std::string_view>> known,
    std::vector<Token>& tokens
) {
    tokens.clear();
    TextTokens cut(text, tokens);
    if (mode == Mode::kWhole || text.size() > kTextBytesMax) {
        cut.add(0, text.size(), Rule::kRest);
        return true;
    }
    switch (mode) {
        case Mode::kJson:
            return tokenize_json(text, tokens);
        case Mode::kPairs:
            return cut.pairs();
        case Mode::kFields:
            cut.fields();
            return true;
        default:
            break;
    }
    size_t at = 0;
    for (const Found& place : find_known(text, known)) {
        if (!cut.words(at, place.begin) || cut.is_full(place.begin)) {
            return true;
        }
        cut.add(place.begin, place.end, Rule::kSame, place.column);
        at = place.end;
    }
    cut.words(at, text.size());
    return true;
}

}  // namespace seyir::store::columns
