// SPDX-License-Identifier: Apache-2.0
#include "plugins/filter/redact/redactor.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "common/logql/text/regex.hpp"
#include "plugins/filter/redact/canonical.hpp"
#include "plugins/filter/redact/match/text_edge.hpp"

namespace seyir::plugins::redact {
namespace {

re2::StringPiece piece(std::string_view text) {
    return {text.data(), text.size()};
}

Error too_large(size_t size) {
    return fail(
        ErrorCode::kTooLarge,
        fmt::format(
            "a text of {} bytes after redaction, at most {} are allowed", size, kTextBytesMax
        )
    );
}

}  // namespace

Redactor::Redactor(RedactOptionsPtr options)
    : options_(std::move(options)),
      scanner_(options_->rules),
      counts_(kBuiltInRules + options_->custom.size()) {}

Result<Redactor> Redactor::create(RedactOptionsPtr options) {
    Redactor redactor(std::move(options));
    if (!redactor.options_->key.empty()) {
        SEYIR_TRY(
            redactor.pseudonym_,
            Pseudonym::create(redactor.options_->key, redactor.options_->hash_letters)
        );
    }
    return redactor;
}

bool Redactor::finds(std::string_view text) {
    if (scanner_.find(text, matches_)) {
        return true;
    }
    return std::ranges::any_of(options_->custom, [&](const CustomRule& rule) {
        return re2::RE2::PartialMatch(piece(text), *rule.regex);
    });
}

Result<bool> Redactor::redact(std::string_view text) {
    custom_changed_ = false;
    SEYIR_TRY(bool changed, apply_built_in(text, true));
    if (options_->custom.empty()) {
        return changed;
    }
    if (!changed) {
        text_.assign(text);
    }
    for (size_t i = 0; i < options_->custom.size(); ++i) {
        SEYIR_TRY(const bool found, apply_custom(options_->custom[i], i));
        custom_changed_ = custom_changed_ || found;
    }
    if (custom_changed_) {
        changed = true;
        // What a custom rule put in place may hold, or complete, what the built-in ones look for.
        const std::string given = std::move(text_);
        SEYIR_TRY(const bool again, apply_built_in(given, false));
        if (!again) {
            text_ = given;
        }
    }
    return changed;
}

/// Anything put in place may leave more to find, but for what nearly every line has: an IPv4
/// address cut down to its network, with no digit or plus sign near that could make a number of it.
bool Redactor::may_leave_more(std::string_view text, const std::vector<Match>& matches) const {
    constexpr size_t kGapMax = 3;  // "%20"
    const auto has_number = [](std::string_view near) {
        return std::ranges::any_of(near, [](char c) { return is(c, kDigit) || c == '+'; });
    };
    const bool truncates_ip =
        options_->actions[static_cast<size_t>(Rule::kIp)] == Action::kTruncate;
    return std::ranges::any_of(matches, [&](const Match& match) {
        const std::string_view found = text.substr(match.begin, match.end - match.begin);
        const size_t before = std::min(match.begin, kGapMax);
        return match.rule != Rule::kIp || !truncates_ip || found.contains(':') ||
               has_number(text.substr(match.begin - before, before)) ||
               has_number(text.substr(match.end, kGapMax));
    });
}

Result<bool> Redactor::apply_built_in(std::string_view text, bool is_first) {
    bool changed = false;
    for (int pass = 0; pass < kPassesMax; ++pass) {
        const std::string_view from = changed ? std::string_view(text_) : text;
        const bool found = scanner_.find(from, matches_);
        if (pass == 0 && is_first) {
            found_ = matches_;
        }
        if (!found) {
            return changed;
        }
        next_.clear();
        size_t copied = 0;
        for (const Match& match : matches_) {
            next_ += from.substr(copied, match.begin - copied);
            copied = match.end;
            // Texts made so that every removal joins new secrets are masked instead.
            constexpr int kRemovePasses = 3;
            SEYIR_CHECK(append_replacement(
                from.substr(match.begin, match.end - match.begin), match.rule, pass < kRemovePasses
            ));
            ++counts_[static_cast<size_t>(match.rule)];
        }
        next_ += from.substr(copied);
        if (next_.size() > kTextBytesMax) {
            return too_large(next_.size());
        }
        const bool is_same = next_ == from;
        const bool is_last = is_same || !may_leave_more(from, matches_);
        std::swap(text_, next_);
        if (is_last) {
            return changed || !is_same;
        }
        changed = true;
    }
    return fail(
        ErrorCode::kTooLarge, fmt::format("redaction does not settle in {} passes", kPassesMax)
    );
}

Result<void> Redactor::append_token(
    std::string_view name, std::string_view canonical, Action action
) {
    next_ += '[';
    next_ += name;
    if (action == Action::kHash) {
        if (!pseudonym_) {
            return fail(ErrorCode::kInternal, "action `hash` without a key");
        }
        next_ += ':';
        SEYIR_CHECK(pseudonym_->append(next_, name, canonical));
    }
    next_ += ']';
    return {};
}

Result<void> Redactor::append_replacement(std::string_view found, Rule rule, bool may_remove) {
    Action action = options_->actions[static_cast<size_t>(rule)];
    if (action == Action::kRemove) {
        if (may_remove) {
            return {};
        }
        action = Action::kMask;
    }
    if (action == Action::kTruncate) {
        if (rule == Rule::kIp) {
            next_ += truncate_ip(found);
            return {};
        }
        constexpr size_t kLastDigits = 4;
        make_canonical(found, rule, canonical_);
        const std::string_view kept =
            rule == Rule::kEmail
                ? std::string_view(canonical_).substr(canonical_.rfind('@') + 1)
                : std::string_view(canonical_).substr(canonical_.size() - kLastDigits);
        fmt::format_to(std::back_inserter(next_), "[{}:{}]", to_string(rule), kept);
        return {};
    }
    if (action == Action::kHash) {
        make_canonical(found, rule, canonical_);
    }
    return append_token(to_string(rule), canonical_, action);
}

Result<bool> Redactor::apply_custom(const CustomRule& rule, size_t index) {
    const re2::RE2& regex = *rule.regex;
    std::vector<re2::StringPiece> pieces(static_cast<size_t>(regex.NumberOfCapturingGroups()) + 1);
    const std::string_view from = text_;
    size_t at = 0;
    bool changed = false;
    next_.clear();
    while (at <= from.size() && regex.Match(
                                    piece(from),
                                    at,
                                    from.size(),
                                    re2::RE2::UNANCHORED,
                                    pieces.data(),
                                    static_cast<int>(pieces.size())
                                )) {
        const auto begin = static_cast<size_t>(pieces[0].data() - from.data());
        if (pieces[0].empty()) {
            // An empty match hides nothing; step over one byte.
            next_ += from.substr(at, std::min(begin + 1, from.size()) - at);
            at = begin + 1;
            continue;
        }
        next_ += from.substr(at, begin - at);
        at = begin + pieces[0].size();
        changed = true;
        ++counts_[kBuiltInRules + index];
        const std::string_view found = from.substr(begin, pieces[0].size());
        if (rule.action == Action::kHash) {
            SEYIR_CHECK(append_token(rule.name, found, Action::kHash));
        } else if (rule.action == Action::kMask) {
            std::vector<std::string_view> groups;
            for (const re2::StringPiece& one : pieces) {
                groups.emplace_back(one.data() == nullptr ? "" : one.data(), one.size());
            }
            next_ += logql::expand_template(rule.replace, groups, rule.group_names);
        }
        if (next_.size() > kTextBytesMax) {
            return too_large(next_.size());
        }
    }
    if (changed) {
        next_ += from.substr(std::min(at, from.size()));
        std::swap(text_, next_);
    }
    return changed;
}

}  // namespace seyir::plugins::redact
