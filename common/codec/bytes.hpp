// SPDX-License-Identifier: Apache-2.0
// Little-endian integers, varints and bounded readers: how every byte format of ours is written.
// Room: bytes <-> numbers; no input or output of its own.
// Threads: one owner at a time.   Errors: a reader that runs out stays failed and yields zeros, so
// a parser checks once per section instead of once per field. Format: varint = LEB128, at most 10
// bytes; zigzag as in Protocol Buffers.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace seyir::codec {

inline constexpr size_t kVarintBytesMax = 10;

static_assert(std::endian::native == std::endian::little, "formats are little-endian");

constexpr uint64_t zigzag(int64_t v) {
    return (static_cast<uint64_t>(v) << 1) ^ static_cast<uint64_t>(v >> 63);
}

constexpr int64_t unzigzag(uint64_t v) {
    return static_cast<int64_t>((v >> 1) ^ (0 - (v & 1)));
}

/// Writes at `to` (kVarintBytesMax bytes must be there); returns one past the last byte written.
inline char* put_varint(char* to, uint64_t v) {
    while (v >= 0x80) {
        *to++ = static_cast<char>(v | 0x80);
        v >>= 7;
    }
    *to++ = static_cast<char>(v);
    return to;
}

/// Advances `from`; false when the bytes end or the number has more than 64 bits.
inline bool get_varint(const char*& from, const char* end, uint64_t& value) {
    if (from < end && static_cast<uint8_t>(*from) < 0x80) [[likely]] {
        value = static_cast<uint8_t>(*from++);
        return true;
    }
    uint64_t v = 0;
    const char* at = from;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (at == end) {
            return false;
        }
        const auto byte = static_cast<uint8_t>(*at++);
        if (shift == 63 && byte > 1) {
            return false;
        }
        v |= static_cast<uint64_t>(byte & 0x7f) << shift;
        if (byte < 0x80) {
            from = at;
            value = v;
            return true;
        }
    }
    return false;
}

template <class T>
void append_le(std::string& out, T v) {
    char bytes[sizeof(T)];
    std::memcpy(bytes, &v, sizeof(T));
    out.append(bytes, sizeof(T));
}

inline void append_varint(std::string& out, uint64_t v) {
    char bytes[kVarintBytesMax];
    out.append(bytes, static_cast<size_t>(put_varint(bytes, v) - bytes));
}

/// Length as varint, then the bytes.
inline void append_text(std::string& out, std::string_view text) {
    append_varint(out, text.size());
    out += text;
}

/// Reads from bytes that outlive it. After the first failure every read yields zero or "".
class Reader {
  public:
    explicit Reader(std::string_view bytes)
        : begin_(bytes.data()), at_(begin_), end_(begin_ + bytes.size()) {}

    bool ok() const { return !failed_; }

    size_t left() const { return static_cast<size_t>(end_ - at_); }

    /// Where the next byte is, or where the read failed.
    size_t offset() const { return failed_ ? failed_at_ : static_cast<size_t>(at_ - begin_); }

    /// For loops that read by hand: the position and the end; advance() takes it back.
    const char* at() const { return at_; }

    const char* end() const { return end_; }

    void advance_to(const char* at) { at_ = at; }

    template <class T>
    T le() {
        T v{};
        if (left() < sizeof(T)) [[unlikely]] {
            give_up();
            return v;
        }
        std::memcpy(&v, at_, sizeof(T));
        at_ += sizeof(T);
        return v;
    }

    uint8_t u8() { return le<uint8_t>(); }

    uint64_t varint() {
        uint64_t v = 0;
        if (!get_varint(at_, end_, v)) [[unlikely]] {
            give_up();
            return 0;
        }
        return v;
    }

    /// A varint that must be at most `max`; a greater one is a failure.
    uint64_t varint_up_to(uint64_t max) {
        const char* before = at_;
        const uint64_t v = varint();
        if (v > max) [[unlikely]] {
            at_ = before;
            give_up();
            return 0;
        }
        return v;
    }

    std::string_view bytes(size_t count) {
        if (count > left()) [[unlikely]] {
            give_up();
            return {};
        }
        const std::string_view out(at_, count);
        at_ += count;
        return out;
    }

    /// Length as varint, then the bytes; longer than `bytes_max` is a failure.
    std::string_view text(size_t bytes_max) { return bytes(varint_up_to(bytes_max)); }

    /// For parsers that find the content wrong.
    void give_up() {
        if (!failed_) {
            failed_ = true;
            failed_at_ = static_cast<size_t>(at_ - begin_);
        }
        at_ = end_;
    }

  private:
    const char* begin_;
    const char* at_;
    const char* end_;
    size_t failed_at_ = 0;
    bool failed_ = false;
};

}  // namespace seyir::codec
