// SPDX-License-Identifier: Apache-2.0
// seyir tap: records as they pass a component of a running program.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <thread>

#include <fmt/format.h>

#include "ctl/session.hpp"

namespace seyir::ctl {
namespace {

using namespace std::chrono_literals;

constexpr auto kRetryInterval = 2s;

/// Prints until the answer ends; the number of records printed.
Result<uint64_t> watch(const Arguments& arguments, const std::string& component, uint64_t limit) {
    SEYIR_TRY(Session session, Session::open(arguments));
    Session::Parameters parameters = {{"component", component}};
    std::string side = "out";
    for (const char* name : {"in", "out", "failed", "all"}) {
        side = arguments.has(name) ? name : side;
    }
    parameters.emplace_back("side", side);
    parameters.emplace_back("limit", fmt::format("{}", limit));
    if (arguments.has("rate")) {
        parameters.emplace_back("rate", arguments.get("rate"));
    }
    SEYIR_CHECK(session.start("/api/v1/tap", parameters));
    uint64_t records = 0;
    while (true) {
        SEYIR_TRY(const std::string_view piece, session.client().read());
        if (piece.empty()) {
            return records;
        }
        if (piece == "\n") {
            continue;  // sent while nothing happens, so that the connection is known to live
        }
        records += static_cast<uint64_t>(std::ranges::count(piece, '\n'));
        SEYIR_CHECK(print(piece));
    }
}

}  // namespace

int tap_command(const Arguments& arguments) {
    const std::string component = arguments.values.empty() ? "*" : arguments.values[0];
    uint64_t limit = 0;
    if (arguments.has("limit")) {
        auto parsed = parse_count("limit", arguments.get("limit"), 1'000'000'000);
        if (!parsed) {
            return report(parsed.error());
        }
        limit = *parsed;
    }
    bool was_connected = false;
    while (true) {
        auto seen = watch(arguments, component, limit);
        if (seen && limit != 0) {
            return kExitOk;
        }
        if (!seen && !was_connected) {
            return report(seen.error());
        }
        was_connected = true;
        fputs("seyir: the program has gone; waiting for it\n", stderr);
        std::this_thread::sleep_for(kRetryInterval);
    }
}

}  // namespace seyir::ctl
