// SPDX-License-Identifier: Apache-2.0
// FileFormat: what an input built on tail knows of its files beyond their lines: the labels of a
// file and what a line says of itself. Without one, a line is a record as it is.
// Threads: the reader's thread.   Ownership: shared by the options.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "common/base/time.hpp"
#include "common/record/stream_labels.hpp"

namespace seyir::agent::input {

/// Which of a program's outputs a line came from: the attribute `stream`.
enum class LineOrigin : uint8_t { kNone, kStdout, kStderr };

struct FormattedLine {
    std::string_view body;
    std::optional<UnixNanos> ts;  ///< the time the line itself says
    LineOrigin origin = LineOrigin::kNone;
    bool is_copy_needed = false;  ///< `body` is only valid until the next call
};

class FileFormat {
  public:
    virtual ~FileFormat() = default;

    struct FileLabels {
        StreamLabelsPtr labels;
        bool is_final = true;  ///< false: ask again, what tells more is not there yet
    };

    virtual FileLabels labels_of(std::string_view path) = 0;
    /// A line that is not of the format comes back whole.
    virtual FormattedLine read(std::string_view line) = 0;
};

}  // namespace seyir::agent::input
