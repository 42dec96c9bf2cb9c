// SPDX-License-Identifier: Apache-2.0
// What `seyir top` shows: the components of a program with their rates, from two looks at its
// metrics and one at its health.
// Threads: pure.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/json/reader.hpp"
#include "ctl/pipeline/metric_text.hpp"

namespace seyir::ctl {

struct ComponentRow {
    std::string id;
    std::string kind;  ///< input, filter, output
    bool ok = true;
    std::string message;
    double in_rows = 0;  ///< all of these since the program started
    double out_rows = 0;
    double dropped_rows = 0;
    double failed_rows = 0;
    double waiting_rows = 0;  ///< held, buffered or in flight, now
    double bytes = 0;
};

struct TopLook {
    double seconds = 0;  ///< when, on a steady clock
    std::vector<ComponentRow> rows;
};

/// `health` is the answer of /health.
TopLook look(double seconds, const json::View& health, const std::vector<MetricSample>& metrics);

/// The page, at most `height` lines of `width` columns; rates are between the two looks.
std::string top_page(
    const TopLook& before,
    const TopLook& now,
    std::string_view title,
    size_t width,
    size_t height,
    bool color
);

/// "1.2k", "3.4M": at most five characters.
std::string short_number(double value);

}  // namespace seyir::ctl
