// SPDX-License-Identifier: Apache-2.0
// MessagePack: the scanner, in one piece and byte by byte, and the reader agree on where a value
// ends; what the writer writes of what was read reads back the same.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "common/codec/msgpack.hpp"

namespace {

using namespace seyir::codec;

void write(MsgpackWriter& to, const MsgpackItem& item) {
    switch (item.type) {
        case MsgpackType::kNil:
            return to.nil();
        case MsgpackType::kBool:
            return to.boolean(item.boolean);
        case MsgpackType::kInt:
            return to.integer(item.integer);
        case MsgpackType::kUint:
            return to.unsigned_integer(item.unsigned_integer);
        case MsgpackType::kReal:
            return to.real(item.real);
        case MsgpackType::kStr:
            return to.str(item.bytes);
        case MsgpackType::kBin:
            return to.bin(item.bytes);
        case MsgpackType::kExt:
            return to.ext(item.ext_type, item.bytes);
        case MsgpackType::kArray:
            return to.array(item.count);
        case MsgpackType::kMap:
            return to.map(item.count);
    }
}

/// Every head once more, in its shortest form.
std::string rewritten(std::string_view bytes) {
    std::string out;
    MsgpackWriter to(out);
    MsgpackReader reader(bytes);
    MsgpackItem item;
    while (reader.next(item)) {
        write(to, item);
    }
    return out;
}

void check(bool holds) {
    if (!holds) {
        std::abort();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    MsgpackReader reader(bytes);
    const std::string_view value = reader.skip();
    MsgpackScanner whole(1 << 20);
    const auto state = whole.scan(bytes);
    check((state == MsgpackScanner::State::kWhole) == !value.empty());
    if (value.empty()) {
        return 0;
    }
    check(whole.needed_bytes() == value.size());
    MsgpackScanner piecemeal(1 << 20);
    for (size_t end = 0; end < value.size(); ++end) {
        check(piecemeal.scan(bytes.substr(0, end)) == MsgpackScanner::State::kMore);
        check(piecemeal.needed_bytes() > end && piecemeal.needed_bytes() <= value.size());
    }
    check(piecemeal.scan(bytes) == MsgpackScanner::State::kWhole);
    const std::string once = rewritten(value);
    check(MsgpackReader(once).skip().size() == once.size());
    check(rewritten(once) == once);
    return 0;
}
