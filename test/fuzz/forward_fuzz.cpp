// SPDX-License-Identifier: Apache-2.0
// The forward protocol's messages, as a client sends them and as handshakes: an error or rows.
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>

#include "common/codec/inflate.hpp"
#include "plugins/forward/handshake.hpp"
#include "plugins/input/forward/forward_rows.hpp"

namespace {

using namespace seyir;
using namespace seyir::plugins::forward;

const RowSettings& settings() {
    static const RowSettings made = [] {
        RowSettings settings;
        settings.labels = *StreamLabels::make({{"input", "fuzz"}});
        settings.tag_label = "tag";
        settings.limits.batch_rows_max = 100;
        return settings;
    }();
    return made;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const auto bytes =
        std::make_shared<const std::string>(reinterpret_cast<const char*>(data), size);
    static_cast<void>(read_helo(*bytes));
    static_cast<void>(read_ping(*bytes));
    static_cast<void>(read_pong(*bytes));
    const auto message = read_forward_message(*bytes);
    if (!message) {
        return 0;
    }
    auto entries = std::make_shared<std::string>(message->entries);
    const codec::InflateLimits limits{.bytes_max = 1 << 20};
    if (message->compression != Compression::kNone) {
        const auto inflated = message->compression == Compression::kGzip
                                  ? codec::gzip_inflate(message->entries, limits)
                                  : codec::zstd_inflate(message->entries, limits);
        if (!inflated) {
            return 0;
        }
        *entries = *inflated;
    }
    RowCounts counts;
    TagStreams streams(settings());
    RowBuilder rows(settings(), streams, counts);
    rows.begin(message->tag, entries, {});
    ForwardEntries each(*entries, message->mode);
    while (const auto entry = each.next()) {
        rows.add(*entry);
        if (rows.is_full()) {
            const auto batch = rows.take();
            if (batch->row_count() > 100) {
                std::abort();
            }
        }
    }
    if (const auto batch = rows.take()) {
        std::string text;
        for (size_t i = 0; i < batch->row_count(); ++i) {
            for (const Attr& attr : batch->attrs(i)) {
                attr.value.append_json(text);
            }
        }
    }
    return 0;
}
