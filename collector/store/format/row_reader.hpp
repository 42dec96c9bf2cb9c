// SPDX-License-Identifier: Apache-2.0
// The two ends of reading a versioned row: its version byte and that nothing is left over.
// Threads: pure functions.   Errors: kCorrupt, kUnsupported (a newer version).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "collector/store/format/keys.hpp"
#include "common/base/result.hpp"
#include "common/codec/bytes.hpp"

namespace seyir::store {

/// `found` is set to the row's version, which is at most `newest`.
inline Result<codec::Reader> open_row(
    std::string_view bytes, std::string_view what, uint8_t newest = 1, uint8_t* found = nullptr
) {
    codec::Reader reader(bytes);
    const uint8_t version = reader.u8();
    if (!reader.ok() || version == 0) {
        return fail(ErrorCode::kCorrupt, std::string(what) + " has no version");
    }
    if (version > newest) {
        return fail(
            ErrorCode::kUnsupported,
            std::string(what) + " has version " + std::to_string(version) + ", known is " +
                std::to_string(newest) + ": use a newer seyir-collector"
        );
    }
    if (found != nullptr) {
        *found = version;
    }
    return reader;
}

inline Result<void> close_row(const codec::Reader& reader, std::string_view what) {
    if (!reader.ok() || reader.left() != 0) {
        return fail(
            ErrorCode::kCorrupt,
            std::string(what) + " is malformed at byte " + std::to_string(reader.offset())
        );
    }
    return {};
}

/// Reads what append_streams wrote.
std::vector<StreamId> read_streams(codec::Reader& reader);

}  // namespace seyir::store
