// SPDX-License-Identifier: Apache-2.0
// What the configuration says of the built-in local outputs; defaults are the product's defaults.
#pragma once

#include <cstdint>
#include <string>

#include "common/base/time.hpp"

namespace seyir::plugins {

enum class RowFormat {
    kJson,  ///< one JSON document a line (docs/format/record-json.md)
    kRaw,   ///< the body and a newline, nothing else
};

struct FileOutputOptions {
    std::string path;
    RowFormat format = RowFormat::kJson;
    uint64_t max_size_bytes = 0;  ///< rotate beyond this; 0 = never
    Nanos max_age{0};             ///< rotate when the file is older; 0 = never
    uint32_t keep = 5;            ///< rotated files kept
    bool compresses = false;      ///< rotated files, with gzip

    bool rotates() const { return max_size_bytes != 0 || max_age > Nanos(0); }
};

struct StdoutOutputOptions {
    RowFormat format = RowFormat::kJson;
};

}  // namespace seyir::plugins
