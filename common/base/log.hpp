// SPDX-License-Identifier: Apache-2.0
// The programs' own log: one line per event on stderr, `time level component: message key=value`.
// Threads: thread-safe; one write(2) per line.   Secrets never go in: callers pass names, not
// values.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace seyir::log {

enum class Level { kDebug, kInfo, kWarn, kError };

using Field = std::pair<std::string_view, std::string>;

/// Lines below `level` are not written. Default: info.
void set_level(Level level);
/// One JSON object per line instead of text (`log: {format: json}`).
void set_json(bool json);

void write(
    Level level,
    std::string_view component,
    std::string_view message,
    std::initializer_list<Field> fields = {}
);

inline void debug(std::string_view c, std::string_view m, std::initializer_list<Field> f = {}) {
    write(Level::kDebug, c, m, f);
}

inline void info(std::string_view c, std::string_view m, std::initializer_list<Field> f = {}) {
    write(Level::kInfo, c, m, f);
}

inline void warn(std::string_view c, std::string_view m, std::initializer_list<Field> f = {}) {
    write(Level::kWarn, c, m, f);
}

inline void error(std::string_view c, std::string_view m, std::initializer_list<Field> f = {}) {
    write(Level::kError, c, m, f);
}

}  // namespace seyir::log
