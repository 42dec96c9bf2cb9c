// SPDX-License-Identifier: Apache-2.0
#include "common/config/diagnostics/diagnostics.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "common/base/assert.hpp"
#include "common/base/text.hpp"
#include "common/base/url_mask.hpp"
#include "common/config/diagnostics/render.hpp"

namespace seyir::config {

namespace {

/// Values are quoted in messages; the accounts of their URLs are not.
void mask(Diagnostic& diagnostic) {
    const auto hide = [](std::string& text) { text = mask_userinfo(std::move(text)); };
    hide(diagnostic.message);
    hide(diagnostic.hint);
    std::ranges::for_each(diagnostic.notes, hide);
    for (RelatedPlace& related : diagnostic.related) {
        hide(related.label);
    }
}

}  // namespace

void Diagnostics::add(Diagnostic diagnostic) {
    SEYIR_ASSERT(find_code(diagnostic.code) != nullptr);
    mask(diagnostic);
    if (diagnostic.is_error()) {
        if (diagnostic.at) {
            const uint32_t begin = diagnostic.at->begin;
            const bool known =
                std::ranges::any_of(error_spans_, [&](Span span) { return span.begin == begin; });
            if (known) {
                return;
            }
            if (error_spans_.size() < kDiagnosticsMax) {
                error_spans_.push_back(*diagnostic.at);
            }
        }
        if (++error_count_ > kDiagnosticsMax) {
            return;
        }
    } else if (++warning_count_ > kDiagnosticsMax) {
        return;
    }
    const auto begin = [](const Diagnostic& d) { return d.at.value_or(Span{}).begin; };
    const auto after = std::ranges::upper_bound(kept_, begin(diagnostic), {}, begin);
    kept_.insert(after, std::move(diagnostic));
}

void Diagnostics::absorb(const Diagnostics& file, uint32_t begin) {
    const auto shifted = [&](Span span) { return Span{span.begin + begin, span.end + begin}; };
    size_t errors = 0;
    size_t warnings = 0;
    for (Diagnostic diagnostic : file.kept_) {
        ++(diagnostic.is_error() ? errors : warnings);
        // Without a place it would seem to be about the main file.
        diagnostic.at = shifted(diagnostic.at.value_or(Span{}));
        for (RelatedPlace& related : diagnostic.related) {
            related.at = shifted(related.at);
        }
        add(std::move(diagnostic));
    }
    error_count_ += file.error_count_ - errors;
    warning_count_ += file.warning_count_ - warnings;
}

bool Diagnostics::is_broken(Span span) const {
    return std::ranges::any_of(error_spans_, [&](Span error) {
        return span.begin <= error.begin && error.begin < std::max(span.end, span.begin + 1);
    });
}

const std::vector<Diagnostic>& Diagnostics::sorted() const {
    return kept_;
}

std::string Diagnostics::to_text(bool color) const {
    std::string out;
    for (const Diagnostic& diagnostic : sorted()) {
        render_text(out, *sources_, diagnostic, color);
    }
    const auto more = [&](size_t count, std::string_view what) {
        if (count > kDiagnosticsMax) {
            const size_t rest = count - kDiagnosticsMax;
            out += fmt::format("... and {} more {}{}\n", rest, what, rest == 1 ? "" : "s");
        }
    };
    more(error_count_, "error");
    more(warning_count_, "warning");
    return out;
}

std::string Diagnostics::to_json() const {
    std::string out = "{\"file\":";
    append_json_quoted(out, source().path());
    out += fmt::format(
        ",\"errors\":{},\"warnings\":{},\"diagnostics\":[", error_count_, warning_count_
    );
    bool first = true;
    for (const Diagnostic& diagnostic : sorted()) {
        out += first ? "" : ",";
        first = false;
        render_json(out, *sources_, diagnostic);
    }
    out += "]}";
    return out;
}

Error Diagnostics::to_error() const {
    for (const Diagnostic& diagnostic : sorted()) {
        if (!diagnostic.is_error()) {
            continue;
        }
        const uint32_t begin = diagnostic.at.value_or(Span{}).begin;
        const Position at = sources_->position(begin);
        std::string message = fmt::format(
            "{}:{}:{}: {}", sources_->file_at(begin).path(), at.line, at.column, diagnostic.message
        );
        if (error_count_ > 1) {
            message += fmt::format(" ({} errors in all)", error_count_);
        }
        return fail(ErrorCode::kInvalidConfig, std::move(message));
    }
    return fail(ErrorCode::kInvalidConfig, source().path() + ": no error");
}

}  // namespace seyir::config
