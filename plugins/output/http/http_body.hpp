// SPDX-License-Identifier: Apache-2.0
// Bodies of requests: records in the format a server wants.
// Threads: one owner.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "plugins/output/notify/row_template.hpp"

namespace seyir::plugins {

enum class HttpBodyFormat {
    kJsonLines,  ///< one document a line (docs/format/record-json.md)
    kJsonArray,  ///< one array of them
    kTemplate,   ///< what the template makes of each record, one after the other
};

struct HttpBodyOptions {
    HttpBodyFormat format = HttpBodyFormat::kJsonLines;
    std::optional<notify::RowTemplate> text;  ///< kTemplate
    uint32_t rows_max = 1000;
    size_t bytes_max = 1024 * 1024;  ///< before compression; one record may be larger
};

class HttpBody {
  public:
    explicit HttpBody(const HttpBodyOptions& options) : options_(options) {}

    /// False: the body is full; take() it first.
    bool add(const RecordBatch& batch, uint32_t row);

    bool empty() const { return rows_ == 0; }

    /// The finished body; the next one begins.
    std::string take();

  private:
    const HttpBodyOptions& options_;
    logql::ScratchRow scratch_;
    std::string body_;
    std::string one_;
    uint32_t rows_ = 0;
};

}  // namespace seyir::plugins
