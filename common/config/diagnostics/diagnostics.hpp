// SPDX-License-Identifier: Apache-2.0
// Diagnostics: all that is wrong with one configuration, each with file:line:col, a caret and a
// hint, whichever of its files it stands in. Nothing is thrown and nothing stops at the first
// mistake. Threads: one at a time.   Limits: 20 errors and 20 warnings are kept, the rest is
// counted. Errors that follow from another one (same place, or inside a broken value) are
// suppressed. Secrets: source lines are shown with every hidden span of the SourceFile as `***`.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.hpp"
#include "common/config/diagnostics/codes.hpp"
#include "common/config/diagnostics/source_set.hpp"

namespace seyir::config {

inline constexpr size_t kDiagnosticsMax = 20;

/// A second place that explains the first ("first given here").
struct RelatedPlace {
    Span at;
    std::string label;
};

struct Diagnostic {
    std::string_view code;           ///< one of codes.hpp; its letter decides error or warning
    std::optional<Span> at;          ///< none: the whole file
    std::string message;             ///< one line, no full stop
    std::string hint;                ///< beside the caret: "did you mean `include`?"
    std::vector<std::string> notes;  ///< one `= ...` line each
    std::vector<RelatedPlace> related;

    bool is_error() const { return code.starts_with('E'); }
};

class Diagnostics {
  public:
    explicit Diagnostics(std::shared_ptr<SourceSet> sources) : sources_(std::move(sources)) {}

    explicit Diagnostics(std::shared_ptr<SourceFile> source)
        : sources_(std::make_shared<SourceSet>(std::move(source))) {}

    /// Takes over what was found while one more file was read by itself; its offset 0 is at `begin`
    /// of the set.
    void absorb(const Diagnostics& file, uint32_t begin);

    /// Keeps it, counts it beyond the cap, or drops it when an error at the same place is known.
    void add(Diagnostic diagnostic);

    bool has_errors() const { return error_count_ != 0; }

    size_t error_count() const { return error_count_; }

    size_t warning_count() const { return warning_count_; }

    /// True when an error starts inside `span`: checks that build on this value should be left out.
    bool is_broken(Span span) const;

    /// In the order of the files, the main one first.
    const std::vector<Diagnostic>& sorted() const;

    /// The main file.
    const SourceFile& source() const { return sources_->main(); }

    const SourceSet& sources() const { return *sources_; }

    /// As compilers print it; with ANSI colours for a terminal. "" when there is nothing to say.
    std::string to_text(bool color = false) const;

    /// One JSON object: {"file", "errors", "warnings", "diagnostics": [...]}; ranges as in the
    /// Language Server Protocol (from 0, UTF-16 units), line and column from 1 in code points.
    std::string to_json() const;

    /// kInvalidConfig with the first message and the counts, for callers that need a Result.
    Error to_error() const;

  private:
    std::shared_ptr<SourceSet> sources_;
    std::vector<Diagnostic> kept_;  ///< by place
    std::vector<Span> error_spans_;
    size_t error_count_ = 0;
    size_t warning_count_ = 0;
};

}  // namespace seyir::config
