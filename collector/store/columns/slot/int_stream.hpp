// SPDX-License-Identifier: Apache-2.0
// Numbers as byte planes: a transform (as they are, differences, differences to the rows' times),
// the smallest subtracted, then one plane a byte, each packed on its own.
// Threads: pure functions but for the packer.   Errors: a failed reader.
// Limits: 8 bytes a number, `count` bounded by the caller.
// Format: docs/format/columns.md, "number streams".
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "collector/store/columns/slot/packed_bytes.hpp"

namespace seyir::store::columns {

/// On disk: never renumber.
enum class IntTransform : uint8_t {
    kNone = 0,
    kDelta = 1,
    kTime = 2,  ///< value - time of the row / unit
};

struct IntTimes {
    std::span<const int64_t> of_value;  ///< nanoseconds; empty: none are known
    int64_t unit_ns = 1;
};

/// Uses `transform`; none = tries each and keeps the smallest, whose name it gives back.
IntTransform append_ints(
    std::string& out,
    std::span<const int64_t> values,
    const IntTimes& times,
    std::optional<IntTransform> transform,
    Packer& packer
);

/// True when the numbers that come next are differences to times.
bool needs_times(const codec::Reader& reader);

void read_ints(
    codec::Reader& reader,
    size_t count,
    const IntTimes& times,
    Unpacker& unpacker,
    std::vector<int64_t>& into
);

/// Records of `width` bytes each, one plane a byte.
void append_planes(std::string& out, std::string_view records, size_t width, Packer& packer);
std::string read_planes(codec::Reader& reader, size_t count, size_t width, Unpacker& unpacker);

}  // namespace seyir::store::columns
