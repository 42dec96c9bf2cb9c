// SPDX-License-Identifier: Apache-2.0
#include "common/record/severity.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace seyir {

namespace {

/// Inside the band of fatal, so that what was logged as critical is shown as critical.
constexpr SeverityNumber kSeverityCritical = 22;

}  // namespace

std::string_view level_name(SeverityNumber severity) {
    static constexpr std::array<std::string_view, 5> kBands = {
        "trace", "debug", "info", "warn", "error"
    };
    if (severity == 0 || severity > 24) {
        return "unknown";
    }
    if (severity >= kSeverityFatal) {
        return severity == kSeverityFatal || severity == 24 ? "fatal" : "critical";
    }
    return kBands[(severity - 1U) / 4];
}

SeverityNumber severity_from_text(std::string_view text) {
    using Entry = std::pair<std::string_view, SeverityNumber>;
    static constexpr std::array kWords = {
        Entry{"trace", kSeverityTrace},
        Entry{"trc", kSeverityTrace},
        Entry{"debug", kSeverityDebug},
        Entry{"dbg", kSeverityDebug},
        Entry{"d", kSeverityDebug},
        Entry{"info", kSeverityInfo},
        Entry{"information", kSeverityInfo},
        Entry{"informational", kSeverityInfo},
        Entry{"inf", kSeverityInfo},
        Entry{"i", kSeverityInfo},
        Entry{"notice", 10},
        Entry{"warn", kSeverityWarn},
        Entry{"warning", kSeverityWarn},
        Entry{"wrn", kSeverityWarn},
        Entry{"w", kSeverityWarn},
        Entry{"error", kSeverityError},
        Entry{"err", kSeverityError},
        Entry{"e", kSeverityError},
        Entry{"critical", kSeverityCritical},
        Entry{"crit", kSeverityCritical},
        Entry{"severe", kSeverityError},
        Entry{"fatal", kSeverityFatal},
        Entry{"ftl", kSeverityFatal},
        Entry{"f", kSeverityFatal},
        Entry{"alert", kSeverityCritical},
        Entry{"emerg", 24},
        Entry{"emergency", 24},
        Entry{"panic", 24},
    };
    const auto same = [&](std::string_view word) {
        return std::ranges::equal(text, word, [](char a, char b) {
            return (a >= 'A' && a <= 'Z' ? static_cast<char>(a + 32) : a) == b;
        });
    };
    for (const auto& [word, severity] : kWords) {
        if (same(word)) {
            return severity;
        }
    }
    return kSeverityUnset;
}

}  // namespace seyir
