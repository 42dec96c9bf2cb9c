// SPDX-License-Identifier: Apache-2.0
// LineParser: one format. Reads the fields of one text into a FieldWriter, or says why it cannot.
// Room: plugins/filter/parse.   Threads: one owner; a filter instance has its own.
// Errors: a Miss; fields written before it are forgotten by the caller.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "plugins/filter/parse/field_writer.hpp"

namespace seyir::plugins::parse {

/// Why a text is not of the format. Both texts are static.
struct Miss {
    std::string_view code;     ///< snake_case, a metric label
    std::string_view message;  ///< for people
    size_t at = 0;             ///< offset of the byte that does not fit
};

class LineParser {
  public:
    virtual ~LineParser() = default;
    /// `text` lives as long as the batch.
    virtual std::optional<Miss> parse(Slice text, FieldWriter& out) = 0;
};

}  // namespace seyir::plugins::parse
