// SPDX-License-Identifier: Apache-2.0
#include "plugins/output/forward/chunk_encoder.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include <xxhash.h>

#include "common/base/base64.hpp"
#include "common/base/text.hpp"
#include "common/codec/inflate.hpp"
#include "common/codec/msgpack.hpp"
#include "plugins/forward/event_time.hpp"
#include "plugins/forward/msgpack_value.hpp"

namespace seyir::plugins::forward {
namespace {

using codec::MsgpackWriter;

constexpr size_t kTagBytesMax = 1024;
constexpr std::string_view kTagOfLast = "seyir";  // where the template gives nothing usable
constexpr std::string_view kLevelKey = "level";
constexpr std::string_view kLabelsKey = "labels";

void write_text(MsgpackWriter& to, std::string_view text) {
    is_utf8(text) ? to.str(text) : to.bin(text);
}

std::string hex(std::span<const uint8_t> bytes) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string text;
    for (const uint8_t byte : bytes) {
        text += kDigits[byte >> 4];
        text += kDigits[byte & 15];
    }
    return text;
}

template <size_t kSize>
bool is_set(const std::array<uint8_t, kSize>& id) {
    return std::ranges::any_of(id, [](uint8_t byte) { return byte != 0; });
}

/// One row's map, its size known before its members are written.
class RecordWriter {
  public:
    RecordWriter(const ChunkOptions& options, const RecordBatch& batch, uint32_t row)
        : options_(options), batch_(batch), row_(row) {}

    void write(MsgpackWriter& to) {
        const StreamLabels& labels = *batch_.streams()[batch_.stream(row_)];
        const TraceIds trace = batch_.trace(row_);
        const SeverityNumber severity = batch_.severity(row_);
        const bool has_level = severity != kSeverityUnset && !has(kLevelKey);
        const bool is_nested = options_.labels == LabelPlace::kNested && !has(kLabelsKey);
        const bool is_flat = options_.labels == LabelPlace::kFlat;
        const auto goes_flat = [&](const auto& pair) { return !has(pair.first); };
        uint32_t members = 1 + (has_level ? 1 : 0) + (is_nested ? 1 : 0);
        members += (is_set(trace.trace_id) ? 1 : 0) + (is_set(trace.span_id) ? 1 : 0);
        members += static_cast<uint32_t>(std::ranges::count_if(batch_.attrs(row_), [&](auto& a) {
            return goes(a);
        }));
        if (is_flat) {
            members += static_cast<uint32_t>(std::ranges::count_if(labels.pairs(), goes_flat));
        }
        to.map(members);
        to.str(options_.line_key);
        write_text(to, batch_.body(row_));
        if (has_level) {
            to.str(kLevelKey);
            to.str(level_name(severity));
        }
        write_trace(to, trace);
        if (is_nested) {
            to.str(kLabelsKey);
            to.map(static_cast<uint32_t>(labels.pairs().size()));
        }
        for (const auto& pair : labels.pairs()) {
            if (is_nested || (is_flat && goes_flat(pair))) {
                to.str(pair.first);
                write_text(to, pair.second);
            }
        }
        for (const Attr& attr : batch_.attrs(row_)) {
            if (goes(attr)) {
                write_text(to, batch_.keys()[attr.key]);
                write_value(to, attr.value);
            }
        }
    }

  private:
    /// The line has its key for itself.
    bool goes(const Attr& attr) const { return batch_.keys()[attr.key] != options_.line_key; }

    bool has(std::string_view name) const {
        return name == options_.line_key ||
               std::ranges::any_of(batch_.attrs(row_), [&](const Attr& attr) {
                   return batch_.keys()[attr.key] == name;
               });
    }

    static void write_trace(MsgpackWriter& to, const TraceIds& trace) {
        if (is_set(trace.trace_id)) {
            to.str("trace_id");
            to.str(hex(trace.trace_id));
        }
        if (is_set(trace.span_id)) {
            to.str("span_id");
            to.str(hex(trace.span_id));
        }
    }

    const ChunkOptions& options_;
    const RecordBatch& batch_;
    const uint32_t row_;
};

}  // namespace

Result<ChunkEncoder> ChunkEncoder::make(ChunkOptions options) {
    SEYIR_TRY(TextTemplate tag, TextTemplate::parse(options.tag));
    return ChunkEncoder(std::move(options), std::move(tag));
}

void ChunkEncoder::append_entry(std::string& out, const RecordBatch& batch, uint32_t row) const {
    MsgpackWriter to(out);
    to.array(2);
    write_event_time(to, batch.ts(row));
    RecordWriter(options_, batch, row).write(to);
}

Chunk ChunkEncoder::finish(const std::string& tag, Entries& entries) const {
    const XXH128_hash_t hash = XXH3_128bits_withSeed(
        entries.bytes.data(), entries.bytes.size(), XXH3_64bits(tag.data(), tag.size())
    );
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, hash);
    Chunk chunk;
    append_base64(
        chunk.id, {reinterpret_cast<const char*>(canonical.digest), sizeof(canonical.digest)}
    );
    MsgpackWriter to(chunk.message);
    to.array(3);
    to.str(tag);
    to.bin(options_.uses_gzip ? codec::gzip_deflate(entries.bytes) : entries.bytes);
    to.map(1 + (options_.wants_ack ? 1 : 0) + (options_.uses_gzip ? 1 : 0));
    to.str("size");
    to.integer(entries.count);
    if (options_.wants_ack) {
        to.str("chunk");
        to.str(chunk.id);
    }
    if (options_.uses_gzip) {
        to.str("compressed");
        to.str("gzip");
    }
    entries = {};
    return chunk;
}

std::vector<Chunk> ChunkEncoder::encode(const BatchView& view) {
    const RecordBatch& batch = *view.batch;
    std::vector<Chunk> chunks;
    std::map<std::string, Entries> by_tag;
    std::string tag;
    tag_.bind(batch);
    for_each_row(view, [&](uint32_t row) {
        if (!tag_.render(batch, row, batch.attrs(row), kTagBytesMax, tag) || tag.empty()) {
            tag = kTagOfLast;
        }
        Entries& entries = by_tag[tag];
        append_entry(entries.bytes, batch, row);
        ++entries.count;
        if (entries.bytes.size() >= options_.chunk_bytes_max) {
            chunks.push_back(finish(tag, entries));
        }
    });
    for (auto& [name, entries] : by_tag) {
        if (entries.count > 0) {
            chunks.push_back(finish(name, entries));
        }
    }
    return chunks;
}

}  // namespace seyir::plugins::forward
