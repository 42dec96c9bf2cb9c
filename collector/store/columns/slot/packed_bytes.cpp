// SPDX-License-Identifier: Apache-2.0
#include "collector/store/columns/slot/packed_bytes.hpp"

#include <algorithm>

namespace seyir::store::columns {
namespace {

// What a head varint says: bytes as they are, one byte repeated, or a frame of (head - 2) bytes.
constexpr uint64_t kPlain = 0;
constexpr uint64_t kRepeated = 1;
constexpr uint64_t kFrame = 2;
// Every zstd frame begins with it, so it is not stored.
constexpr std::string_view kZstdMagic = "\x28\xb5\x2f\xfd";
constexpr size_t kFrameWorthBytes = 48;

bool is_repeated(std::string_view raw) {
    return raw.size() > 1 && raw.substr(1) == raw.substr(0, raw.size() - 1);
}

}  // namespace

void Packer::append(std::string& out, std::string_view raw, int level) {
    if (is_repeated(raw)) {
        codec::append_varint(out, kRepeated);
        out += raw.front();
        return;
    }
    if (raw.size() >= kFrameWorthBytes) {
        const size_t bound = codec::zstd_bound_bytes(raw.size());
        if (scratch_.size() < bound) {
            scratch_.resize(bound);
        }
        const auto packed = zstd_.compress(raw, scratch_, std::max(level, level_min));
        if (packed && *packed - kZstdMagic.size() < raw.size() - raw.size() / 20) {
            const auto frame = std::string_view(scratch_).substr(0, *packed);
            codec::append_varint(out, kFrame + frame.size() - kZstdMagic.size());
            out += frame.substr(kZstdMagic.size());
            return;
        }
    }
    codec::append_varint(out, kPlain);
    out += raw;
}

std::string_view Unpacker::read(codec::Reader& reader, size_t raw_bytes, std::string& keep) {
    const uint64_t head = reader.varint();
    if (head == kPlain) {
        return reader.bytes(raw_bytes);
    }
    if (head == kRepeated) {
        const auto byte = static_cast<char>(reader.u8());
        keep.assign(reader.ok() ? raw_bytes : 0, byte);
        return keep;
    }
    const std::string_view stored = reader.bytes(head - kFrame);
    if (!reader.ok()) {
        return {};
    }
    frame_.assign(kZstdMagic);
    frame_ += stored;
    keep.resize(raw_bytes);
    if (!zstd_.decompress(frame_, keep)) {
        keep.clear();
        reader.give_up();
        return {};
    }
    return keep;
}

std::string_view Unpacker::read_sized(
    codec::Reader& reader, size_t raw_bytes_max, std::string& keep
) {
    const uint64_t raw_bytes = reader.varint_up_to(raw_bytes_max);
    return read(reader, raw_bytes, keep);
}

}  // namespace seyir::store::columns
