// SPDX-License-Identifier: Apache-2.0
// logproto.PushRequest by hand: six messages with a dozen fields do not need a generator.
//   PushRequest   { repeated Stream streams = 1; }
//   Stream        { string labels = 1; repeated Entry entries = 2; uint64 hash = 3; }
//   Entry         { Timestamp timestamp = 1; string line = 2; repeated LabelPair metadata = 3; }
//   Timestamp     { int64 seconds = 1; int32 nanos = 2; }
//   LabelPair     { string name = 1; string value = 2; }
// Spec: Protocol Buffers encoding; snappy block format.
#include <optional>

#include <fmt/format.h>

#include "collector/input/loki/push_builder.hpp"
#include "common/codec/snappy_block.hpp"
#include "common/logql/parser.hpp"

namespace seyir::collector::input {
namespace {

/// Fields of one message, one at a time.
class Fields {
  public:
    explicit Fields(std::string_view bytes) : bytes_(bytes) {}

    /// False at the end or on broken bytes; is_broken() tells which.
    bool next() {
        if (bytes_.empty() || broken_) {
            return false;
        }
        const auto tag = varint();
        number_ = static_cast<uint32_t>(tag >> 3);
        switch (tag & 7) {
            case 0:
                value_ = varint();
                break;
            case 1:
                text_ = take(8);
                break;
            case 2:
                text_ = take(varint());
                break;
            case 5:
                text_ = take(4);
                break;
            default:
                broken_ = true;
        }
        is_bytes_ = (tag & 7) == 2;
        return !broken_;
    }

    bool is_broken() const { return broken_; }

    /// The field's number when it has bytes; 0 for other kinds.
    uint32_t bytes_field() const { return is_bytes_ ? number_ : 0; }

    uint32_t number() const { return number_; }

    std::string_view text() const { return text_; }

    uint64_t value() const { return value_; }

  private:
    uint64_t varint() {
        uint64_t value = 0;
        for (unsigned shift = 0; shift < 64; shift += 7) {
            if (bytes_.empty()) {
                break;
            }
            const auto byte = static_cast<unsigned char>(bytes_.front());
            bytes_.remove_prefix(1);
            value |= uint64_t{byte & 0x7fU} << shift;
            if (byte < 0x80) {
                return value;
            }
        }
        broken_ = true;
        return 0;
    }

    std::string_view take(uint64_t size) {
        if (size > bytes_.size()) {
            broken_ = true;
            return {};
        }
        const std::string_view text = bytes_.substr(0, size);
        bytes_.remove_prefix(size);
        return text;
    }

    std::string_view bytes_;
    std::string_view text_;
    uint64_t value_ = 0;
    uint32_t number_ = 0;
    bool is_bytes_ = false;
    bool broken_ = false;
};

Error broken(std::string_view message) {
    return fail(
        ErrorCode::kInvalidArgument, fmt::format("not a push request: broken {} message", message)
    );
}

Result<int64_t> read_timestamp(std::string_view bytes) {
    Fields fields(bytes);
    int64_t seconds = 0;
    int64_t nanos = 0;
    while (fields.next()) {
        if (fields.number() == 1) {
            seconds = static_cast<int64_t>(fields.value());
        } else if (fields.number() == 2) {
            nanos = static_cast<int32_t>(fields.value());
        }
    }
    int64_t ts = 0;
    if (fields.is_broken() || __builtin_mul_overflow(seconds, int64_t{1'000'000'000}, &ts) ||
        __builtin_add_overflow(ts, nanos, &ts)) {
        return broken("timestamp");
    }
    return ts;
}

Result<PushBuilder::Pair> read_pair(std::string_view bytes) {
    Fields fields(bytes);
    PushBuilder::Pair pair;
    while (fields.next()) {
        if (fields.bytes_field() == 1) {
            pair.first = fields.text();
        } else if (fields.bytes_field() == 2) {
            pair.second = fields.text();
        }
    }
    if (fields.is_broken()) {
        return broken("label pair");
    }
    return pair;
}

Result<void> read_entry(std::string_view bytes, PushBuilder& builder) {
    Fields fields(bytes);
    int64_t ts = 0;
    std::string_view line;
    std::vector<PushBuilder::Pair> metadata;
    while (fields.next()) {
        if (fields.bytes_field() == 1) {
            SEYIR_TRY(ts, read_timestamp(fields.text()));
        } else if (fields.bytes_field() == 2) {
            line = fields.text();
        } else if (fields.bytes_field() == 3) {
            SEYIR_TRY(const auto pair, read_pair(fields.text()));
            metadata.push_back(pair);
        }
    }
    if (fields.is_broken()) {
        return broken("entry");
    }
    builder.add_entry(ts, line, metadata);
    return {};
}

/// `{a="b", c="d"}`; nothing when it is not that.
std::optional<std::vector<StreamLabels::Pair>> read_labels(std::string_view text) {
    const auto matchers = logql::parse_selector(text);
    if (!matchers) {
        return std::nullopt;
    }
    std::vector<StreamLabels::Pair> pairs;
    for (const logql::Matcher& matcher : *matchers) {
        if (matcher.op != logql::MatchOp::kEqual) {
            return std::nullopt;
        }
        pairs.emplace_back(matcher.name, matcher.value);
    }
    return pairs;
}

Result<void> read_stream(std::string_view bytes, PushBuilder& builder) {
    std::optional<std::string_view> labels;
    uint64_t entries = 0;
    Fields scan(bytes);
    while (scan.next()) {
        if (scan.bytes_field() == 1) {
            labels = scan.text();
        }
        entries += scan.bytes_field() == 2 ? 1 : 0;
    }
    if (scan.is_broken()) {
        return broken("stream");
    }
    auto pairs = read_labels(labels.value_or(""));
    if (!pairs) {
        builder.body().reject(
            fmt::format("labels {} are not {{name=\"value\", ...}}", labels.value_or("")), entries
        );
        return {};
    }
    if (!builder.begin_stream(std::move(*pairs))) {
        builder.skip_entries(entries);
        return {};
    }
    Fields fields(bytes);
    while (fields.next()) {
        if (fields.bytes_field() == 2) {
            SEYIR_CHECK(read_entry(fields.text(), builder));
        }
    }
    return {};
}

}  // namespace

Result<PushBody> read_push_protobuf(std::string_view body, const PushSettings& settings) {
    SEYIR_TRY(const std::string raw, codec::snappy_decompress(body, settings.limits.raw_bytes_max));
    PushBuilder builder(settings);
    Fields fields(raw);
    while (fields.next()) {
        if (fields.bytes_field() == 1) {
            SEYIR_CHECK(read_stream(fields.text(), builder));
        }
    }
    if (fields.is_broken()) {
        return broken("request");
    }
    return std::move(builder.body());
}

}  // namespace seyir::collector::input
