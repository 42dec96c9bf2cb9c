// SPDX-License-Identifier: Apache-2.0
// How local outputs turn rows into lines.
#pragma once

#include "plugins/output/output_options.hpp"
#include "plugins/output/write_loop.hpp"

namespace seyir::plugins {

WriteLoop::FormatRows rows_formatter(RowFormat format);

}  // namespace seyir::plugins
