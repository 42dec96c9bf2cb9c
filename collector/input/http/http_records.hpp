// SPDX-License-Identifier: Apache-2.0
// The bodies of the `http` input -> one RecordBatch: NDJSON, a JSON array, one JSON object, lines.
// Room: bytes -> PushBody.   Threads: pure functions.
// Errors: kInvalidArgument naming line and column of the first record that is not JSON; then
// nothing of the body is taken.
// Limits: HttpRecordSettings; depth 64 (common/json).   Spec: RFC 8259, https://ndjson.org
#pragma once

#include <string>
#include <string_view>

#include "collector/input/push/push_body.hpp"
#include "common/base/result.hpp"
#include "common/record/stream_labels.hpp"

namespace seyir::collector::input {

enum class HttpFormat {
    kAuto,    ///< by Content-Type, else by the first byte: `[` array, `{` NDJSON, else text
    kNdjson,  ///< a JSON value a line
    kJson,    ///< an array of records, or one record
    kText,    ///< a record a line
};

struct HttpRecordSettings {
    TenantId tenant = TenantId::kDefault;
    UnixNanos now;
    StreamLabelsPtr labels;
    HttpFormat format = HttpFormat::kAuto;
    /// The member that becomes the body, its siblings attributes; "" = the record's text is the
    /// body, byte for byte.
    std::string line_key;
    std::string time_key;  ///< the member that is the record's time; "" = the time it came
    uint64_t line_bytes_max = kMiB;
    size_t attributes_max = 512;
};

Result<PushBody> read_http_records(
    std::string_view body, std::string_view content_type, const HttpRecordSettings& settings
);

}  // namespace seyir::collector::input
