// SPDX-License-Identifier: Apache-2.0
#include "collector/store/columns/decode/line_writer.hpp"

#include <algorithm>
#include <cstring>

namespace seyir::store::columns {
namespace {

// Of a corrupt block the header's size may be no size of a text.
constexpr uint64_t kFirstBytesMax = 4 * 1024 * 1024;
// The last lines can need more than they have.
constexpr size_t kSlackBytes = 4096;

}  // namespace

LineWriter::LineWriter(const LineColumns& columns, uint64_t bytes_max, size_t lines)
    : columns_(columns), limit_{.bytes_max = bytes_max}, room_(columns.head().shapes.size(), 0) {
    if (lines == 0) {
        return;
    }
    const uint64_t rows = std::max<size_t>(columns.row_count(), 1);
    const uint64_t first = std::min(bytes_max, kFirstBytesMax);
    capacity_ = (lines < rows ? first / rows * lines : first) + kSlackBytes;
    bytes_ = std::make_shared_for_overwrite<char[]>(capacity_);
}

bool LineWriter::make_room(uint32_t row) {
    const size_t needed = columns_.line_bytes(row, limit_);
    if (needed / Column::kRoomPerByteMax > limit_.bytes_max - size_) {
        return false;
    }
    if (capacity_ - size_ < needed) {
        capacity_ = std::max(capacity_ + capacity_ / 2, size_ + needed + kSlackBytes);
        auto more = std::make_shared_for_overwrite<char[]>(capacity_);
        std::memcpy(more.get(), bytes_.get(), size_);
        bytes_ = std::move(more);
    }
    return true;
}

bool LineWriter::add(uint32_t row) {
    const auto shape = static_cast<size_t>(columns_.head().row_shapes[row]);
    size_t& room = room_[shape];
    if (room == 0) {
        room = columns_.line_bytes_max(shape) + 1;
    }
    if (capacity_ - size_ < room && !make_room(row)) {
        return false;
    }
    const char* const end = columns_.write_line(bytes_.get() + size_, row, limit_);
    if (end == nullptr) {
        return false;
    }
    size_ = static_cast<size_t>(end - bytes_.get());
    return size_ <= limit_.bytes_max;
}

}  // namespace seyir::store::columns
