// SPDX-License-Identifier: Apache-2.0
#include "common/codec/msgpack.hpp"

#include <bit>
#include <cstring>
#include <limits>

namespace seyir::codec {
namespace {

/// What the first bytes of a value say.
struct Head {
    uint64_t children = 0;  // values that follow
    uint32_t text_bytes = 0;
    MsgpackItem item;
};

/// Bytes of each head from 0xc0 to 0xdf, the first one included (ext types count their type byte).
constexpr uint8_t kHeadBytes[32] = {
    1, 0, 1, 1,     // nil, unused, false, true
    2, 3, 5,        // bin 8, 16, 32
    3, 4, 6,        // ext 8, 16, 32
    5, 9,           // float 32, 64
    2, 3, 5, 9,     // uint 8 to 64
    2, 3, 5, 9,     // int 8 to 64
    2, 2, 2, 2, 2,  // fixext 1 to 16
    2, 3, 5,        // str 8, 16, 32
    3, 5,           // array 16, 32
    3, 5,           // map 16, 32
};

uint64_t read_big_endian(const char* at, size_t bytes) {
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; ++i) {
        value = value << 8 | static_cast<uint8_t>(at[i]);
    }
    return value;
}

void set_text(Head& head, MsgpackType type, uint64_t bytes) {
    head.item.type = type;
    head.text_bytes = static_cast<uint32_t>(bytes);
}

void set_container(Head& head, MsgpackType type, uint64_t count) {
    head.item.type = type;
    head.item.count = static_cast<uint32_t>(count);
    head.children = type == MsgpackType::kMap ? 2 * count : count;
}

void set_integer(Head& head, int64_t value) {
    head.item.type = MsgpackType::kInt;
    head.item.integer = value;
}

void set_unsigned(Head& head, uint64_t value) {
    if (value <= static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
        set_integer(head, static_cast<int64_t>(value));
        return;
    }
    head.item.type = MsgpackType::kUint;
    head.item.unsigned_integer = value;
}

void set_real(Head& head, double value) {
    head.item.type = MsgpackType::kReal;
    head.item.real = value;
}

void set_ext(Head& head, char type, uint64_t bytes) {
    set_text(head, MsgpackType::kExt, bytes);
    head.item.ext_type = static_cast<int8_t>(type);
}

/// Heads of one byte.
void read_short(Head& head, uint8_t first) {
    if (first < 0x80) {
        set_integer(head, first);
    } else if (first < 0x90) {
        set_container(head, MsgpackType::kMap, first & 0x0f);
    } else if (first < 0xa0) {
        set_container(head, MsgpackType::kArray, first & 0x0f);
    } else if (first < 0xc0) {
        set_text(head, MsgpackType::kStr, first & 0x1f);
    } else {
        set_integer(head, static_cast<int8_t>(first));
    }
}

/// Heads 0xc0 to 0xdf, whole at `at`.
void read_long(Head& head, const char* at, size_t head_bytes) {
    const auto first = static_cast<uint8_t>(at[0]);
    const uint64_t number = read_big_endian(at + 1, head_bytes - 1);
    switch (first) {
        case 0xc0:
            break;
        case 0xc2:
        case 0xc3:
            head.item.type = MsgpackType::kBool;
            head.item.boolean = first == 0xc3;
            break;
        case 0xc4:
        case 0xc5:
        case 0xc6:
            set_text(head, MsgpackType::kBin, number);
            break;
        case 0xc7:
        case 0xc8:
        case 0xc9:
            set_ext(head, at[head_bytes - 1], number >> 8);
            break;
        case 0xca:
            set_real(head, std::bit_cast<float>(static_cast<uint32_t>(number)));
            break;
        case 0xcb:
            set_real(head, std::bit_cast<double>(number));
            break;
        case 0xcc:
        case 0xcd:
        case 0xce:
        case 0xcf:
            set_unsigned(head, number);
            break;
        case 0xd0:
            set_integer(head, static_cast<int8_t>(number));
            break;
        case 0xd1:
            set_integer(head, static_cast<int16_t>(number));
            break;
        case 0xd2:
            set_integer(head, static_cast<int32_t>(number));
            break;
        case 0xd3:
            set_integer(head, static_cast<int64_t>(number));
            break;
        case 0xd4:
        case 0xd5:
        case 0xd6:
        case 0xd7:
        case 0xd8:
            set_ext(head, at[1], uint64_t{1} << (first - 0xd4));
            break;
        case 0xd9:
        case 0xda:
        case 0xdb:
            set_text(head, MsgpackType::kStr, number);
            break;
        case 0xdc:
        case 0xdd:
            set_container(head, MsgpackType::kArray, number);
            break;
        default:
            set_container(head, MsgpackType::kMap, number);
            break;
    }
}

constexpr size_t kInvalidHead = 0;

/// Bytes the head that begins with `first` has; kInvalidHead for 0xc1.
size_t head_bytes_of(uint8_t first) {
    return first >= 0xc0 && first < 0xe0 ? kHeadBytes[first - 0xc0] : 1;
}

/// `at` has all bytes of the head.
void read_head(Head& head, const char* at, size_t head_bytes) {
    const auto first = static_cast<uint8_t>(*at);
    if (first >= 0xc0 && first < 0xe0) {
        read_long(head, at, head_bytes);
    } else {
        read_short(head, first);
    }
}

}  // namespace

bool MsgpackReader::next(MsgpackItem& item) {
    if (failed() || at_end()) {
        return false;
    }
    const size_t left = bytes_.size() - at_;
    const size_t head_bytes = head_bytes_of(static_cast<uint8_t>(bytes_[at_]));
    if (head_bytes == kInvalidHead) {
        fault_ = Fault::kInvalid;
        return false;
    }
    if (head_bytes > left) {
        fault_ = Fault::kEnded;
        return false;
    }
    Head head;
    read_head(head, bytes_.data() + at_, head_bytes);
    if (head.text_bytes > left - head_bytes) {
        fault_ = Fault::kEnded;
        return false;
    }
    if (head.children > left - head_bytes) {
        fault_ = Fault::kCount;
        return false;
    }
    item = head.item;
    item.bytes = bytes_.substr(at_ + head_bytes, head.text_bytes);
    at_ += head_bytes + head.text_bytes;
    return true;
}

std::string_view MsgpackReader::skip() {
    const size_t begin = at_;
    MsgpackItem item;
    for (uint64_t pending = 1; pending > 0; --pending) {
        if (!next(item)) {
            if (!failed()) {
                fault_ = pending > 1 || at_ > begin ? Fault::kEnded : Fault::kNone;
            }
            return {};
        }
        // Each count was checked against the bytes left, and each byte is passed once: no overflow.
        if (item.type == MsgpackType::kArray) {
            pending += item.count;
        } else if (item.type == MsgpackType::kMap) {
            pending += 2 * uint64_t{item.count};
        }
    }
    return bytes_.substr(begin, at_ - begin);
}

std::string_view to_string(MsgpackReader::Fault fault) {
    switch (fault) {
        case MsgpackReader::Fault::kNone:
            return "no fault";
        case MsgpackReader::Fault::kEnded:
            return "the bytes end within a value";
        case MsgpackReader::Fault::kInvalid:
            return "0xc1 begins no value";
        case MsgpackReader::Fault::kCount:
            return "a count is larger than the bytes that follow";
    }
    return "";
}

MsgpackScanner::State MsgpackScanner::scan(std::string_view bytes) {
    while (pending_ > 0) {
        // What is pending has at least one byte each.
        if (at_ > bytes_max_ || pending_ > bytes_max_ - at_) {
            return State::kTooLarge;
        }
        needed_ = at_ + pending_;
        if (at_ >= bytes.size()) {
            return State::kMore;
        }
        const size_t head_bytes = head_bytes_of(static_cast<uint8_t>(bytes[at_]));
        if (head_bytes == kInvalidHead) {
            return State::kInvalid;
        }
        if (head_bytes > bytes.size() - at_) {
            needed_ = at_ + head_bytes + pending_ - 1;
            return needed_ > bytes_max_ ? State::kTooLarge : State::kMore;
        }
        Head head;
        read_head(head, bytes.data() + at_, head_bytes);
        pending_ += head.children;
        --pending_;
        at_ += head_bytes + head.text_bytes;
    }
    needed_ = at_;
    if (at_ > bytes_max_) {
        return State::kTooLarge;
    }
    return at_ > bytes.size() ? State::kMore : State::kWhole;
}

void MsgpackWriter::head(uint8_t first) {
    out_.push_back(static_cast<char>(first));
}

template <class T>
void MsgpackWriter::big_endian(uint8_t first, T value) {
    head(first);
    char bytes[sizeof(T)];
    for (size_t i = 0; i < sizeof(T); ++i) {
        bytes[i] = static_cast<char>(value >> 8 * (sizeof(T) - 1 - i));
    }
    out_.append(bytes, sizeof(T));
}

void MsgpackWriter::unsigned_integer(uint64_t u) {
    if (u < 0x80) {
        head(static_cast<uint8_t>(u));
    } else if (u <= 0xff) {
        big_endian(0xcc, static_cast<uint8_t>(u));
    } else if (u <= 0xffff) {
        big_endian(0xcd, static_cast<uint16_t>(u));
    } else if (u <= 0xffff'ffff) {
        big_endian(0xce, static_cast<uint32_t>(u));
    } else {
        big_endian(0xcf, u);
    }
}

void MsgpackWriter::integer(int64_t i) {
    const auto u = static_cast<uint64_t>(i);
    if (i >= 0) {
        unsigned_integer(u);
    } else if (i >= -32) {
        head(static_cast<uint8_t>(u));
    } else if (i >= std::numeric_limits<int8_t>::min()) {
        big_endian(0xd0, static_cast<uint8_t>(u));
    } else if (i >= std::numeric_limits<int16_t>::min()) {
        big_endian(0xd1, static_cast<uint16_t>(u));
    } else if (i >= std::numeric_limits<int32_t>::min()) {
        big_endian(0xd2, static_cast<uint32_t>(u));
    } else {
        big_endian(0xd3, u);
    }
}

void MsgpackWriter::real(double d) {
    big_endian(0xcb, std::bit_cast<uint64_t>(d));
}

void MsgpackWriter::str(std::string_view text) {
    const size_t size = text.size();
    if (size < 32) {
        head(static_cast<uint8_t>(0xa0 | size));
    } else if (size <= 0xff) {
        big_endian(0xd9, static_cast<uint8_t>(size));
    } else if (size <= 0xffff) {
        big_endian(0xda, static_cast<uint16_t>(size));
    } else {
        big_endian(0xdb, static_cast<uint32_t>(size));
    }
    out_.append(text);
}

void MsgpackWriter::bin(std::string_view bytes) {
    const size_t size = bytes.size();
    if (size <= 0xff) {
        big_endian(0xc4, static_cast<uint8_t>(size));
    } else if (size <= 0xffff) {
        big_endian(0xc5, static_cast<uint16_t>(size));
    } else {
        big_endian(0xc6, static_cast<uint32_t>(size));
    }
    out_.append(bytes);
}

void MsgpackWriter::ext(int8_t type, std::string_view bytes) {
    const size_t size = bytes.size();
    if (std::has_single_bit(size) && size <= 16) {
        head(static_cast<uint8_t>(0xd4 + std::countr_zero(size)));
    } else if (size <= 0xff) {
        big_endian(0xc7, static_cast<uint8_t>(size));
    } else if (size <= 0xffff) {
        big_endian(0xc8, static_cast<uint16_t>(size));
    } else {
        big_endian(0xc9, static_cast<uint32_t>(size));
    }
    out_.push_back(static_cast<char>(type));
    out_.append(bytes);
}

void MsgpackWriter::array(uint32_t count) {
    if (count < 16) {
        head(static_cast<uint8_t>(0x90 | count));
    } else if (count <= 0xffff) {
        big_endian(0xdc, static_cast<uint16_t>(count));
    } else {
        big_endian(0xdd, count);
    }
}

void MsgpackWriter::map(uint32_t pairs) {
    if (pairs < 16) {
        head(static_cast<uint8_t>(0x80 | pairs));
    } else if (pairs <= 0xffff) {
        big_endian(0xde, static_cast<uint16_t>(pairs));
    } else {
        big_endian(0xdf, pairs);
    }
}

}  // namespace seyir::codec
