// SPDX-License-Identifier: Apache-2.0
// Bodies of the `http` input, in every format: an error, or records whose text is in the body.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "collector/input/http/http_records.hpp"
#include "collector/input/http/record_reader.hpp"
#include "common/record/record_json.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace seyir;
    using namespace seyir::collector::input;
    const std::string_view body(reinterpret_cast<const char*>(data), size);
    const StreamLabelsPtr labels = *StreamLabels::make({{"input", "web"}});
    for (const HttpFormat format :
         {HttpFormat::kAuto, HttpFormat::kNdjson, HttpFormat::kJson, HttpFormat::kText}) {
        HttpRecordSettings settings{.labels = labels, .format = format, .time_key = "t"};
        if (const auto read = read_http_records(body, "", settings)) {
            for (uint32_t row = 0; row < read->batch->row_count(); ++row) {
                if (!body.contains(read->batch->body(row))) {
                    std::abort();
                }
            }
        }
        settings.line_key = "m";
        (void)read_http_records(body, "", settings);
    }
    // Whole records: what is taken is written and taken again.
    if (const auto read = read_http_records(body, kRecordsContentType, {.labels = labels})) {
        std::string lines;
        for (uint32_t row = 0; row < read->batch->row_count(); ++row) {
            append_record_json(lines, *read->batch, row);
            lines += '\n';
        }
        const auto again = read_http_records(lines, kRecordsContentType, {.labels = labels});
        if (!again || again->batch->row_count() != read->batch->row_count()) {
            std::abort();
        }
    }
    return 0;
}
