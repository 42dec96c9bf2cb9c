// SPDX-License-Identifier: Apache-2.0
#include "collector/store/format/data_format.hpp"

#include <fmt/format.h>

#include "collector/store/format/rows.hpp"

namespace seyir::store {

Result<void> check_data_format(std::string_view row, const std::string& data_dir) {
    SEYIR_TRY(const uint64_t major, decode_u64(row.substr(0, 8)));
    if (major <= kFormatMajor) {
        return {};
    }
    return fail(
        ErrorCode::kUnsupported,
        fmt::format(
            "{} was written in format {}, this version reads up to {}: use a newer "
            "seyir-collector",
            data_dir,
            major,
            kFormatMajor
        )
    );
}

}  // namespace seyir::store
