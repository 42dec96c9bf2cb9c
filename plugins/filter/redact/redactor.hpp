// SPDX-License-Identifier: Apache-2.0
// Redactor: one text in, the same text without its secrets out. The built-in rules are applied
// until nothing more is found (taking something out may join what stood around it), so doing it
// twice changes nothing; custom rules are applied once each, in their order.
// Threads: one owner.
// Errors: kTooLarge when a text grows beyond kTextBytesMax or does not settle in kPassesMax passes,
// kInternal from the pseudonyms; the record must not pass then.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.hpp"
#include "plugins/filter/redact/pseudonym.hpp"
#include "plugins/filter/redact/rules.hpp"

namespace seyir::plugins::redact {

inline constexpr size_t kTextBytesMax = 64U << 20U;
inline constexpr int kPassesMax = 8;

class Redactor {
  public:
    static Result<Redactor> create(RedactOptionsPtr options);

    /// True when something was found; then text() is the new text, until the next call.
    Result<bool> redact(std::string_view text);

    std::string_view text() const { return text_; }

    /// True when redact() would find something.
    bool finds(std::string_view text);

    /// Of the last redact(): what the built-in rules found first, as places in the text given.
    const std::vector<Match>& found() const { return found_; }

    /// Of the last redact(): a custom rule changed the text; what it found depends on what stood
    /// around it.
    bool custom_changed() const { return custom_changed_; }

    /// Matches since take_counts(): the built-in rules, then each custom one.
    const std::vector<uint64_t>& counts() const { return counts_; }

    void clear_counts() { counts_.assign(counts_.size(), 0); }

  private:
    explicit Redactor(RedactOptionsPtr options);

    Result<bool> apply_built_in(std::string_view text, bool is_first);
    Result<void> append_replacement(std::string_view found, Rule rule, bool may_remove);
    Result<void> append_token(std::string_view name, std::string_view canonical, Action action);
    Result<bool> apply_custom(const CustomRule& rule, size_t index);
    bool may_leave_more(std::string_view text, const std::vector<Match>& matches) const;

    RedactOptionsPtr options_;
    Scanner scanner_;
    std::optional<Pseudonym> pseudonym_;
    std::vector<Match> found_;
    std::vector<Match> matches_;
    std::vector<uint64_t> counts_;
    std::string text_;  ///< the result so far
    std::string next_;  ///< of the pass at work
    std::string canonical_;
    bool custom_changed_ = false;
};

}  // namespace seyir::plugins::redact
