// SPDX-License-Identifier: Apache-2.0
// MessagePack in and out: heads of values one at a time, texts as slices into the caller's buffer.
// Our own and not msgpack-c, because that one builds a tree of objects on a heap of its own and
// recurses; here nothing is allocated, nothing recurses, and a value is skipped in one pass.
// Room: bytes <-> values; no input or output of its own.
// Threads: one owner at a time.   Errors: a reader that meets a fault stays failed and says which.
// Limits: a reader never looks beyond its bytes; a count that cannot fit in them is a fault, so
// whoever allocates by count() allocates at most as many entries as there are bytes.
// Format: the MessagePack specification of 2017 (with ext; no old "raw").
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace seyir::codec {

enum class MsgpackType : uint8_t {
    kNil,
    kBool,
    kInt,   ///< any integer that fits in 64 signed bits
    kUint,  ///< one that does not
    kReal,  ///< float 32 and 64
    kStr,
    kBin,
    kExt,
    kArray,  ///< `count` values follow
    kMap,    ///< `count` pairs follow
};

struct MsgpackItem {
    MsgpackType type = MsgpackType::kNil;
    int8_t ext_type = 0;
    uint32_t count = 0;

    union {
        bool boolean;
        int64_t integer = 0;
        uint64_t unsigned_integer;
        double real;
    };

    std::string_view bytes;  ///< of kStr, kBin and kExt

    bool is_text() const { return type == MsgpackType::kStr || type == MsgpackType::kBin; }
};

class MsgpackReader {
  public:
    enum class Fault : uint8_t {
        kNone,
        kEnded,    ///< the bytes end within a value
        kInvalid,  ///< the byte 0xc1, which nothing uses
        kCount,    ///< a count that needs more bytes than there are
    };

    explicit MsgpackReader(std::string_view bytes) : bytes_(bytes) {}

    /// The next head; for strings its text too. False at the end and after a fault.
    bool next(MsgpackItem& item);
    /// Passes over the next value with everything in it, however deep; gives its bytes ("" at the
    /// end and after a fault).
    std::string_view skip();

    /// The first byte of the next value; 0xc1 (which begins none) at the end.
    uint8_t peek() const {
        return at_ < bytes_.size() ? static_cast<uint8_t>(bytes_[at_]) : uint8_t{0xc1};
    }

    bool at_end() const { return at_ == bytes_.size(); }

    bool failed() const { return fault_ != Fault::kNone; }

    Fault fault() const { return fault_; }

    size_t offset() const { return at_; }

    std::string_view rest() const { return bytes_.substr(at_); }

  private:
    std::string_view bytes_;
    size_t at_ = 0;
    Fault fault_ = Fault::kNone;
};

std::string_view to_string(MsgpackReader::Fault fault);

/// Finds where one value ends in bytes that arrive in pieces. Looks at each head once.
class MsgpackScanner {
  public:
    enum class State : uint8_t {
        kMore,      ///< needs at least needed_bytes()
        kWhole,     ///< the value has needed_bytes()
        kInvalid,   ///< not MessagePack
        kTooLarge,  ///< it has, or claims to have, more than `bytes_max`
    };

    explicit MsgpackScanner(uint64_t bytes_max) : bytes_max_(bytes_max) {}

    /// `bytes` begins where the value does and only ever grows from call to call.
    State scan(std::string_view bytes);

    uint64_t needed_bytes() const { return needed_; }

    /// For the next value.
    void reset() {
        pending_ = 1;
        at_ = 0;
        needed_ = 1;
    }

  private:
    uint64_t bytes_max_;
    uint64_t pending_ = 1;  // values whose heads have not been seen
    uint64_t at_ = 0;       // of the next head; beyond the bytes while a text is incomplete
    uint64_t needed_ = 1;
};

/// Appends the shortest form of each value to a string.
class MsgpackWriter {
  public:
    explicit MsgpackWriter(std::string& out) : out_(out) {}

    void nil() { out_.push_back('\xc0'); }

    void boolean(bool b) { out_.push_back(b ? '\xc3' : '\xc2'); }

    void integer(int64_t i);
    void unsigned_integer(uint64_t u);
    void real(double d);
    void str(std::string_view text);
    void bin(std::string_view bytes);
    void ext(int8_t type, std::string_view bytes);
    void array(uint32_t count);
    void map(uint32_t pairs);

  private:
    void head(uint8_t first);
    template <class T>
    void big_endian(uint8_t first, T value);

    std::string& out_;
};

}  // namespace seyir::codec
