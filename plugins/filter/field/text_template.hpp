// SPDX-License-Identifier: Apache-2.0
// TextTemplate: `{{.status}} of {{.labels.host}}`, the fields of FieldRef between literal text,
// with the syntax of LogQL's line_format; `{{__line__}}` is the line. A field the record does not
// have is empty. No functions, loops or conditions: rendering takes one step for each part.
// Threads: an instance belongs to one thread.   Errors: parse() says what is wrong.
// Limits: 4 KiB of template; render() gives up beyond its caller's limit.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.hpp"
#include "plugins/filter/field/field_ref.hpp"

namespace seyir::plugins {

inline constexpr size_t kTemplateBytesMax = 4096;

class TextTemplate {
  public:
    static Result<TextTemplate> parse(std::string_view text);

    /// No field in it.
    bool is_constant() const { return fields_.empty(); }

    void bind(const RecordBatch& batch);

    /// Into `out`, which it overwrites; false beyond `bytes_max`.
    bool render(
        const RecordBatch& batch,
        uint32_t row,
        std::span<const Attr> attrs,
        size_t bytes_max,
        std::string& out
    );

  private:
    std::vector<std::string> literals_;  ///< one more than fields
    std::vector<BoundField> fields_;
    std::string scratch_;
};

}  // namespace seyir::plugins
