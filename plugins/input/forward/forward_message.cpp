// SPDX-License-Identifier: Apache-2.0
#include "plugins/input/forward/forward_message.hpp"

#include <string>

namespace seyir::plugins::forward {
namespace {

using codec::MsgpackItem;
using codec::MsgpackReader;
using codec::MsgpackType;

constexpr std::string_view kGzipMagic{"\x1f\x8b", 2};
constexpr std::string_view kZstdMagic{"\x28\xb5\x2f\xfd", 4};
constexpr int64_t kLogsSignal = 0;

Error bad(const std::string& what) {
    return fail(ErrorCode::kInvalidArgument, "not a forward message: " + what);
}

Result<void> read_option(
    MsgpackReader& reader, std::string_view key, ForwardMessage& message, std::string& compressed
) {
    const std::string_view encoded = reader.skip();
    MsgpackItem value;
    if (encoded.empty() || !MsgpackReader(encoded).next(value)) {
        return bad("the options end early");
    }
    if (key == "chunk" && value.is_text()) {
        if (value.bytes.size() > kChunkIdBytesMax) {
            return bad("the option `chunk` has more than 1 KiB");
        }
        message.chunk = encoded;
    } else if (key == "compressed" && value.is_text()) {
        compressed = value.bytes;
    } else if (key == "fluent_signal" && value.type == MsgpackType::kInt &&
               value.integer != kLogsSignal) {
        return fail(
            ErrorCode::kUnsupported, "only logs are taken here, not metrics and not traces"
        );
    }
    return {};
}

Result<void> read_options(MsgpackReader& reader, uint32_t elements, ForwardMessage& message) {
    MsgpackItem options;
    if (elements == 0 || !reader.next(options) || options.type == MsgpackType::kNil) {
        return {};
    }
    if (options.type != MsgpackType::kMap) {
        return bad("its options are no map");
    }
    std::string compressed;
    for (uint32_t pairs = options.count; pairs > 0; --pairs) {
        MsgpackItem key;
        if (!reader.next(key) || !key.is_text()) {
            return bad("an option's name is no text");
        }
        SEYIR_CHECK(read_option(reader, key.bytes, message, compressed));
    }
    // "text" is what some clients write for "not compressed"; the bytes themselves decide.
    if (message.mode != ForwardMessage::Mode::kPackedForward) {
        return {};
    }
    if (message.entries.starts_with(kGzipMagic)) {
        message.compression = Compression::kGzip;
    } else if (message.entries.starts_with(kZstdMagic)) {
        message.compression = Compression::kZstd;
    } else if (compressed == "gzip" || compressed == "zstd") {
        return bad("its entries are said to be " + compressed + " and are not");
    }
    return {};
}

}  // namespace

Result<ForwardMessage> read_forward_message(std::string_view bytes) {
    MsgpackReader reader(bytes);
    MsgpackItem outer;
    if (!reader.next(outer) || outer.type != MsgpackType::kArray || outer.count < 2 ||
        outer.count > 4) {
        return bad("it is no array of two to four values");
    }
    ForwardMessage message;
    MsgpackItem tag;
    if (!reader.next(tag) || !tag.is_text()) {
        return bad("its tag is no text");
    }
    message.tag = tag.bytes;
    const std::string_view from_second = reader.rest();
    MsgpackItem second;
    if (!reader.next(second)) {
        return bad("it ends early");
    }
    uint32_t elements_left = outer.count - 2;
    if (second.type == MsgpackType::kArray) {
        message.mode = ForwardMessage::Mode::kForward;
        const std::string_view from_entries = reader.rest();
        for (uint32_t i = 0; i < second.count; ++i) {
            reader.skip();
        }
        message.entries = from_entries.substr(0, from_entries.size() - reader.rest().size());
    } else if (second.is_text()) {
        message.mode = ForwardMessage::Mode::kPackedForward;
        message.entries = second.bytes;
    } else {
        message.mode = ForwardMessage::Mode::kMessage;
        if (elements_left == 0 || reader.skip().empty()) {
            return bad("it has a time and no record");
        }
        --elements_left;
        message.entries = from_second.substr(0, from_second.size() - reader.rest().size());
    }
    if (reader.failed()) {
        return bad(std::string(codec::to_string(reader.fault())));
    }
    SEYIR_CHECK(read_options(reader, elements_left, message));
    return message;
}

namespace {

/// The time, or Fluent Bit's [time, metadata].
void read_time(std::string_view encoded, ForwardEntry& entry) {
    MsgpackReader reader(encoded);
    MsgpackItem item;
    if (!reader.next(item)) {
        return;
    }
    if (item.type == MsgpackType::kArray) {
        if (item.count != 2) {
            entry.is_bad = true;
            return;
        }
        const std::string_view time = reader.skip();
        entry.metadata = reader.skip();
        MsgpackReader(time).next(item);
    }
    if (const auto time = read_event_time(item)) {
        entry.time = *time;
        entry.has_time = time->ts.has_value() || time->mark != EventTime::Mark::kNone;
    }
}

}  // namespace

std::optional<ForwardEntry> ForwardEntries::next() {
    if (reader_.at_end() || reader_.failed()) {
        return std::nullopt;
    }
    std::string_view encoded = reader_.rest();
    if (is_bare_) {
        reader_.skip();
        reader_.skip();
    } else {
        encoded = reader_.skip();
    }
    if (reader_.failed()) {
        return std::nullopt;
    }
    ForwardEntry entry;
    MsgpackReader inside(encoded);
    MsgpackItem item;
    if (!is_bare_ && (!inside.next(item) || item.type != MsgpackType::kArray || item.count != 2)) {
        entry.is_bad = true;
        return entry;
    }
    read_time(inside.skip(), entry);
    entry.record = inside.skip();
    entry.is_bad = entry.is_bad || entry.record.empty();
    return entry;
}

}  // namespace seyir::plugins::forward
