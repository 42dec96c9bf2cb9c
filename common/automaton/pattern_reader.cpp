// SPDX-License-Identifier: Apache-2.0
#include "common/automaton/pattern_reader.hpp"

namespace seyir {
namespace {

constexpr size_t kCountDigitsMax = 6;
constexpr size_t kHexDigitsMax = 8;

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool is_letter(char c) {
    return (c | 32) >= 'a' && (c | 32) <= 'z';
}

}  // namespace

std::optional<char> PatternReader::escaped(char c) {
    constexpr std::string_view kControls = "a\af\fn\nr\rt\tv\v";
    for (size_t i = 0; i < kControls.size(); i += 2) {
        if (kControls[i] == c) {
            return kControls[i + 1];
        }
    }
    const bool is_punctuation = c > ' ' && c < 0x7f && !is_letter(c) && !is_digit(c);
    return is_punctuation ? std::optional(c) : std::nullopt;
}

bool PatternReader::take(std::string_view text) {
    if (at_ > pattern_.size() || !pattern_.substr(at_).starts_with(text)) {
        return false;
    }
    at_ += text.size();
    return true;
}

std::optional<PatternReader::Counts> PatternReader::quantifier() {
    std::optional<Counts> counts;
    if (take("*")) {
        counts = Counts{0, std::nullopt};
    } else if (take("+")) {
        counts = Counts{1, std::nullopt};
    } else if (take("?")) {
        counts = Counts{0, 1};
    } else {
        counts = braced_counts();
    }
    if (counts) {
        take("?");
        if (!done() && std::string_view("*+?{").find(peek()) != std::string_view::npos) {
            give_up();
        }
    }
    return counts;
}

std::optional<PatternReader::Counts> PatternReader::braced_counts() {
    if (peek() != '{') {
        return std::nullopt;
    }
    size_t at = at_ + 1;
    const auto min = count_at(at);
    if (!min) {
        return std::nullopt;
    }
    Counts counts{*min, *min};
    if (at < pattern_.size() && pattern_[at] == ',') {
        ++at;
        counts.max = count_at(at);
    }
    if (at >= pattern_.size() || pattern_[at] != '}') {
        return std::nullopt;
    }
    at_ = at + 1;
    return counts;
}

std::optional<uint32_t> PatternReader::count_at(size_t& at) const {
    const size_t begin = at;
    const auto has_digit = [&](size_t i) { return i < pattern_.size() && is_digit(pattern_[i]); };
    if (has_digit(at) && pattern_[at] == '0' && has_digit(at + 1)) {
        return std::nullopt;
    }
    uint32_t value = 0;
    for (; has_digit(at) && at - begin < kCountDigitsMax; ++at) {
        value = value * 10 + static_cast<uint32_t>(pattern_[at] - '0');
    }
    return at > begin ? std::optional(value) : std::nullopt;
}

std::optional<uint32_t> PatternReader::hexadecimal() {
    const bool is_braced = take("{");
    uint32_t value = 0;
    for (size_t digits = 0; !done() && (is_braced ? peek() != '}' : digits < 2); ++digits) {
        const char c = peek();
        const bool is_hex_letter = (c | 32) >= 'a' && (c | 32) <= 'f';
        if ((!is_digit(c) && !is_hex_letter) || digits == kHexDigitsMax) {
            return std::nullopt;
        }
        value = value * 16 + static_cast<uint32_t>(is_digit(c) ? c - '0' : (c | 32) - 'a' + 10);
        ++at_;
    }
    at_ += is_braced ? 1 : 0;
    return value;
}

}  // namespace seyir
