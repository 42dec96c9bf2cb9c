// SPDX-License-Identifier: Apache-2.0
#include "plugins/output/loki/push_encoder.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "common/base/text.hpp"
#include "common/codec/bytes.hpp"
#include "common/codec/snappy_block.hpp"

namespace seyir::plugins::loki {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr std::string_view kLevelName = "level";

// Field numbers of logproto with their wire types (2 = length-delimited, 0 = varint).
constexpr uint8_t kRequestStream = 1 << 3 | 2;
constexpr uint8_t kStreamLabels = 1 << 3 | 2;
constexpr uint8_t kEntryTime = 1 << 3 | 2;
constexpr uint8_t kEntryLine = 2 << 3 | 2;
constexpr uint8_t kEntryMetadata = 3 << 3 | 2;
constexpr uint8_t kStreamEntry = 2 << 3 | 2;
constexpr uint8_t kTimeSeconds = 1 << 3;
constexpr uint8_t kTimeNanos = 2 << 3;
constexpr uint8_t kPairName = 1 << 3 | 2;
constexpr uint8_t kPairValue = 2 << 3 | 2;

void append_varint(std::string& out, uint64_t value) {
    char bytes[codec::kVarintBytesMax];
    out.append(bytes, codec::put_varint(bytes, value));
}

void append_bytes(std::string& out, uint8_t tag, std::string_view bytes) {
    out += static_cast<char>(tag);
    append_varint(out, bytes.size());
    out += bytes;
}

void append_number(std::string& out, uint8_t tag, uint64_t value) {
    out += static_cast<char>(tag);
    append_varint(out, value);
}

/// google.protobuf.Timestamp: nanoseconds count forward, also before 1970.
std::string timestamp(UnixNanos ts) {
    int64_t seconds = ts.value / kSecond;
    int64_t nanos = ts.value % kSecond;
    if (nanos < 0) {
        nanos += kSecond;
        --seconds;
    }
    std::string out;
    append_number(out, kTimeSeconds, static_cast<uint64_t>(seconds));
    append_number(out, kTimeNanos, static_cast<uint64_t>(nanos));
    return out;
}

std::string label_text(const std::vector<std::pair<std::string, std::string>>& labels) {
    std::string text = "{";
    for (const auto& [name, value] : labels) {
        text += text.size() > 1 ? ", " : "";
        text += name + "=";
        append_json_quoted(text, value);
    }
    return text + "}";
}

bool is_name_byte(char c, bool is_first) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           (!is_first && c >= '0' && c <= '9');
}

/// As a label's name.
std::string name_of(std::string_view key) {
    std::string name;
    for (const char c : key) {
        if (name.empty() && c >= '0' && c <= '9') {
            name = "_";
        }
        name += is_name_byte(c, false) ? c : '_';
    }
    return name.empty() ? "_" : name;
}

std::string hex(std::span<const uint8_t> bytes) {
    std::string text;
    for (const uint8_t byte : bytes) {
        text += fmt::format("{:02x}", byte);
    }
    return text;
}

}  // namespace

std::string_view PushEncoder::content_type() const {
    return options_.encoding == PushEncoding::kJson ? "application/json" : "application/x-protobuf";
}

PushEncoder::Pairs PushEncoder::labels_of(const StreamLabels& labels) const {
    std::map<std::string, std::string> all(labels.pairs().begin(), labels.pairs().end());
    for (const auto& [name, value] : options_.labels) {
        all[name] = value;
    }
    std::erase_if(all, [](const auto& pair) { return pair.second.empty(); });
    return {all.begin(), all.end()};
}

PushEncoder::Pairs PushEncoder::metadata_of(const RecordBatch& batch, uint32_t row) const {
    Pairs pairs;
    if (!options_.has_metadata) {
        return pairs;
    }
    const auto add = [&](std::string name, std::string value) {
        const auto is_taken = [&](const auto& pair) { return pair.first == name; };
        while (std::ranges::any_of(pairs, is_taken)) {
            name += '_';  // two keys that are one name: both are kept
        }
        if (!value.empty()) {
            pairs.emplace_back(std::move(name), std::move(value));
        }
    };
    for (const Attr& attr : batch.attrs(row)) {
        add(name_of(batch.keys()[attr.key]), attr.value.to_text());
    }
    const auto lacks = [&](std::string_view name) {
        return std::ranges::none_of(pairs, [&](const auto& pair) { return pair.first == name; });
    };
    if (batch.severity(row) != kSeverityUnset && lacks(kLevelName)) {
        add(std::string(kLevelName), std::string(level_name(batch.severity(row))));
    }
    const TraceIds trace = batch.trace(row);
    if (trace.trace_id != TraceIds{}.trace_id && lacks("trace_id")) {
        add("trace_id", hex(trace.trace_id));
    }
    if (trace.span_id != TraceIds{}.span_id && lacks("span_id")) {
        add("span_id", hex(trace.span_id));
    }
    return pairs;
}

void PushEncoder::append_entry(std::string& out, const RecordBatch& batch, uint32_t row) const {
    std::string entry;
    append_bytes(entry, kEntryTime, timestamp(batch.ts(row)));
    append_bytes(entry, kEntryLine, batch.body(row));
    for (const auto& [name, value] : metadata_of(batch, row)) {
        std::string pair;
        append_bytes(pair, kPairName, name);
        append_bytes(pair, kPairValue, value);
        append_bytes(entry, kEntryMetadata, pair);
    }
    append_bytes(out, kStreamEntry, entry);
}

void PushEncoder::append_entry_json(std::string& out, const RecordBatch& batch, uint32_t row)
    const {
    out += out.empty() ? "[" : ",[";
    out += fmt::format("\"{}\",", batch.ts(row).value);
    append_json_quoted(out, batch.body(row));
    const Pairs metadata = metadata_of(batch, row);
    char before = '{';
    for (const auto& [name, value] : metadata) {
        out += before == '{' ? ",{" : ",";
        before = ',';
        append_json_quoted(out, name);
        out += ':';
        append_json_quoted(out, value);
    }
    out += metadata.empty() ? "]" : "}]";
}

std::string PushEncoder::encode(std::span<const BatchView> views) {
    const bool is_json = options_.encoding == PushEncoding::kJson;
    std::vector<Stream> streams;
    std::map<Pairs, size_t> by_labels;
    for (const BatchView& view : views) {
        const RecordBatch& batch = *view.batch;
        std::vector<size_t> stream_of(batch.streams().size(), SIZE_MAX);
        for_each_row(view, [&](uint32_t row) {
            size_t& at = stream_of[batch.stream(row)];
            if (at == SIZE_MAX) {
                Pairs labels = labels_of(*batch.streams()[batch.stream(row)]);
                const auto [known, is_new] = by_labels.emplace(labels, streams.size());
                at = known->second;
                if (is_new) {
                    streams.push_back({std::move(labels), {}});
                }
            }
            is_json ? append_entry_json(streams[at].entries, batch, row)
                    : append_entry(streams[at].entries, batch, row);
        });
    }
    std::string out;
    if (!is_json) {
        for (const Stream& stream : streams) {
            std::string bytes;
            append_bytes(bytes, kStreamLabels, label_text(stream.labels));
            bytes += stream.entries;
            append_bytes(out, kRequestStream, bytes);
        }
        return codec::snappy_compress(out);
    }
    for (const Stream& stream : streams) {
        out += out.empty() ? "{\"streams\":[{\"stream\":{" : ",{\"stream\":{";
        for (bool is_first = true; const auto& [name, value] : stream.labels) {
            out += is_first ? "" : ",";
            is_first = false;
            append_json_quoted(out, name);
            out += ':';
            append_json_quoted(out, value);
        }
        out += "},\"values\":[" + stream.entries + "]}";
    }
    return out + "]}";
}

}  // namespace seyir::plugins::loki
