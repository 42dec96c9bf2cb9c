// SPDX-License-Identifier: Apache-2.0
// check_data_format: may this version touch a data directory? Asked before anything in it is
// judged: what a newer version wrote is not damaged. Threads: pure.   Errors: kUnsupported (a newer
// major format), kCorrupt. Format: docs/format/store-keys.md, "meta", `format`.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/result.hpp"

namespace seyir::store {

inline constexpr uint64_t kFormatMajor = 1;

/// `row`: what key::kFormat holds.
Result<void> check_data_format(std::string_view row, const std::string& data_dir);

}  // namespace seyir::store
