// SPDX-License-Identifier: Apache-2.0
// Streams of syslog in pieces: the framer gives the same messages however the bytes arrive, and
// each of them becomes a row.
#include <cstdlib>
#include <string>
#include <vector>

#include "plugins/input/syslog/framer.hpp"
#include "plugins/input/syslog/syslog_rows.hpp"

using namespace seyir;
using namespace seyir::plugins::syslog;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view stream(reinterpret_cast<const char*>(data), size);
    std::vector<std::string> whole;
    std::vector<std::string> pieces;
    Framer one(256);
    one.push(stream, [&](std::string_view m) { whole.emplace_back(m); });
    one.finish([&](std::string_view m) { whole.emplace_back(m); });
    Framer many(256);
    for (size_t at = 0; at < stream.size(); at += 3) {
        many.push(stream.substr(at, 3), [&](std::string_view m) { pieces.emplace_back(m); });
    }
    many.finish([&](std::string_view m) { pieces.emplace_back(m); });
    if (whole != pieces) {
        std::abort();
    }
    SyslogRows rows({.labels = *StreamLabels::make({{"input", "x"}})});
    rows.begin();
    for (const std::string& message : whole) {
        rows.add(message, "192.0.2.1:1", {1'772'000'000'000'000'000});
    }
    if (rows.row_count() != whole.size()) {
        std::abort();
    }
    return 0;
}
