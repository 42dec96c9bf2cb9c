// SPDX-License-Identifier: Apache-2.0
#include "common/base/log.hpp"

#include <atomic>
#include <ctime>

#include <unistd.h>

#include "common/base/text.hpp"
#include "common/base/time.hpp"
#include "common/base/url_mask.hpp"

namespace seyir::log {
namespace {

std::atomic<Level> g_level{Level::kInfo};
std::atomic<bool> g_json{false};

std::string_view name(Level level) {
    switch (level) {
        case Level::kDebug:
            return "debug";
        case Level::kInfo:
            return "info";
        case Level::kWarn:
            return "warn";
        case Level::kError:
            return "error";
    }
    return "info";
}

std::string now_text() {
    std::timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    std::string text = to_rfc3339({now.tv_sec * 1'000'000'000LL + now.tv_nsec});
    text.erase(text.size() - 7, 6);  // milliseconds are enough for a log of our own
    return text;
}

bool needs_quotes(std::string_view value) {
    return value.empty() || value.find_first_of(" \"=\n\t\\") != std::string_view::npos;
}

}  // namespace

void set_level(Level level) {
    g_level.store(level, std::memory_order_relaxed);
}

void set_json(bool json) {
    g_json.store(json, std::memory_order_relaxed);
}

void write(
    Level level,
    std::string_view component,
    std::string_view message,
    std::initializer_list<Field> fields
) {
    if (level < g_level.load(std::memory_order_relaxed)) {
        return;
    }
    std::string line;
    if (g_json.load(std::memory_order_relaxed)) {
        line = "{\"time\":\"" + now_text() + "\",\"level\":\"";
        line.append(name(level)).append("\",\"component\":").append(json_quote(component));
        line.append(",\"message\":").append(json_quote(message));
        for (const auto& [key, value] : fields) {
            line.append(",").append(json_quote(key)).append(":").append(json_quote(value));
        }
        line += "}\n";
    } else {
        line = now_text() + " ";
        line.append(name(level)).append(" ").append(component).append(": ").append(message);
        for (const auto& [key, value] : fields) {
            line.append(" ").append(key).append("=");
            line.append(needs_quotes(value) ? json_quote(value) : value);
        }
        line += '\n';
    }
    // A full pipe or a closed stderr must not stop the pipeline: the result is not looked at.
    line = mask_userinfo(std::move(line));
    [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace seyir::log
