// SPDX-License-Identifier: Apache-2.0
#include "common/buffer/log/cursor_file.hpp"

namespace seyir::buffer {

Result<std::optional<Cursor>> CursorFile::load() {
    auto bytes = io::read_file(fs_, path_, 2 * kCursorSlotStride);
    if (!bytes) {
        if (bytes.error().code == ErrorCode::kNotFound) {
            return std::optional<Cursor>();
        }
        return std::move(bytes).error();
    }
    std::optional<Cursor> best;
    for (uint64_t slot = 0; slot < 2; ++slot) {
        const size_t at = slot * kCursorSlotStride;
        const auto cursor =
            at < bytes->size() ? decode_cursor(std::string_view(*bytes).substr(at)) : std::nullopt;
        if (cursor && (!best || cursor->counter > best->counter)) {
            best = cursor;
            slot_ = 1 - slot;
        }
    }
    was_damaged_ = !best && !bytes->empty();
    counter_ = best ? best->counter : 0;
    return best;
}

Result<void> CursorFile::save(Cursor cursor, bool durable) {
    if (file_ == nullptr) {
        SEYIR_TRY(file_, fs_.open(path_, io::OpenMode::kReadWrite));
    }
    cursor.counter = ++counter_;
    Result<void> saved = file_->write_at(slot_ * kCursorSlotStride, encode(cursor));
    if (saved && durable) {
        saved = file_->sync();
        if (saved && !has_name_) {
            saved = fs_.sync_directory(io::parent_directory(path_));
        }
        has_name_ = has_name_ || saved.has_value();
        slot_ = saved ? 1 - slot_ : slot_;
    }
    if (!saved) {
        file_.reset();
    }
    return saved;
}

}  // namespace seyir::buffer
