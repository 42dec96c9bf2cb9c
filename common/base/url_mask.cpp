// SPDX-License-Identifier: Apache-2.0
#include "common/base/url_mask.hpp"

#include <algorithm>
#include <optional>

namespace seyir {
namespace {

bool is_gap(char c) {
    return static_cast<unsigned char>(c) <= 0x20 ||
           std::string_view("\"'`<>").find(c) != std::string_view::npos;
}

bool splits_words(char c) {
    return is_gap(c) || std::string_view(",[{").find(c) != std::string_view::npos;
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool is_name(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) ||
           std::string_view("._%+-").find(c) != std::string_view::npos;
}

/// `rest` follows `://`. The account ends at the authority's last `@`; where what follows a colon
/// is no port, the password itself holds a `/`, and its `@` comes later.
std::optional<size_t> account_of_url(std::string_view rest) {
    const size_t end = std::min(rest.find_first_of("/?#"), rest.size());
    const size_t at = rest.substr(0, end).rfind('@');
    if (at != std::string_view::npos) {
        return at;
    }
    const std::string_view authority = rest.substr(0, end);
    const size_t colon = authority.find(':');
    const bool is_port = colon == std::string_view::npos || authority.starts_with('[') ||
                         std::ranges::all_of(authority.substr(colon + 1), is_digit);
    const size_t late = rest.substr(0, rest.find(',')).rfind('@');
    return is_port || late == std::string_view::npos ? std::nullopt : std::optional(late);
}

/// `user:password@host`: a name, a colon, no regex around it.
std::optional<size_t> account_of_word(std::string_view word) {
    const size_t at = word.rfind('@');
    const size_t colon = word.find(':');
    if (at == std::string_view::npos || colon == 0 || colon >= at || at + 1 == word.size()) {
        return std::nullopt;
    }
    const bool is_account = std::ranges::all_of(word.substr(0, colon), is_name) &&
                            word.substr(0, at).find_first_of("\\()") == std::string_view::npos;
    return is_account ? std::optional(at) : std::nullopt;
}

void find_in_urls(std::string_view text, std::vector<TextRange>& found) {
    for (size_t at = text.find("://"); at != std::string_view::npos; at = text.find("://", at)) {
        at += 3;
        const auto end =
            std::find_if(text.begin() + static_cast<std::ptrdiff_t>(at), text.end(), is_gap);
        const std::string_view rest(text.begin() + static_cast<std::ptrdiff_t>(at), end);
        if (const auto account = account_of_url(rest); account && *account != 0) {
            found.push_back({at, at + *account});
        }
    }
}

void find_in_words(std::string_view text, std::vector<TextRange>& found) {
    for (size_t begin = 0; begin < text.size();) {
        size_t end = begin;
        while (end < text.size() && !splits_words(text[end])) {
            ++end;
        }
        const std::string_view word = text.substr(begin, end - begin);
        const bool is_url = word.find("://") != std::string_view::npos;
        if (const auto account = is_url ? std::nullopt : account_of_word(word)) {
            found.push_back({begin, begin + *account});
        }
        begin = end + 1;
    }
}

}  // namespace

std::vector<TextRange> find_userinfo(std::string_view text) {
    std::vector<TextRange> found;
    if (text.find('@') == std::string_view::npos) {
        return found;
    }
    find_in_urls(text, found);
    find_in_words(text, found);
    // An account with a comma in it may have been found in two ways: what overlaps is one.
    std::ranges::sort(found, {}, &TextRange::begin);
    std::vector<TextRange> apart;
    for (const TextRange& range : found) {
        if (!apart.empty() && range.begin < apart.back().end) {
            apart.back().end = std::max(apart.back().end, range.end);
        } else {
            apart.push_back(range);
        }
    }
    return apart;
}

std::string mask_userinfo(std::string text) {
    const std::vector<TextRange> found = find_userinfo(text);
    for (size_t i = found.size(); i-- > 0;) {
        text.replace(found[i].begin, found[i].end - found[i].begin, "***");
    }
    return text;
}

}  // namespace seyir
