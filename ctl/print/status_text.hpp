// SPDX-License-Identifier: Apache-2.0
// The text of `seyir status` out of a program's JSON.
// Threads: pure.   Format: GET /api/v1/status; members it does not know are left out, members that
// are missing print nothing, so that one minor version apart still reads.
#pragma once

#include <string>

#include "common/json/reader.hpp"

namespace seyir::ctl {

/// "3d04h", "5m12s", "0.2s": the two largest units.
std::string span_text(double seconds);

std::string status_text(const json::View& status, bool color, bool utc);

/// False when a component or the store says it is not well.
bool is_well(const json::View& status);

}  // namespace seyir::ctl
