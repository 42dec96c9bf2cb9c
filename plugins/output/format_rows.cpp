// SPDX-License-Identifier: Apache-2.0
#include "plugins/output/format_rows.hpp"

#include "common/record/record_json.hpp"

namespace seyir::plugins {

WriteLoop::FormatRows rows_formatter(RowFormat format) {
    if (format == RowFormat::kRaw) {
        return [](std::string& out, const BatchView& view) {
            for_each_row(view, [&](uint32_t i) {
                out += view.batch->body(i);
                out += '\n';
            });
        };
    }
    return [](std::string& out, const BatchView& view) {
        for_each_row(view, [&](uint32_t i) {
            append_record_json(out, *view.batch, i);
            out += '\n';
        });
    };
}

}  // namespace seyir::plugins
