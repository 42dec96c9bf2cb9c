// SPDX-License-Identifier: Apache-2.0
#include "collector/store/disk/table_check.hpp"

#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace seyir::store {
namespace {

/// Checksum type, two block handles in 40 bytes, format version, magic number.
constexpr size_t kFooterBytes = 53;
/// Compression type and checksum behind each block.
constexpr size_t kTrailerBytes = 5;
constexpr size_t kRestartsBytes = 4;
constexpr std::string_view kHidden = ".damaged";

std::optional<uint64_t> varint_at(std::string_view bytes, size_t at) {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && at < bytes.size(); shift += 7, ++at) {
        const auto byte = static_cast<uint8_t>(bytes[at]);
        value |= static_cast<uint64_t>(byte & 0x7f) << shift;
        if (byte < 0x80) {
            return value;
        }
    }
    return std::nullopt;
}

}  // namespace

Result<void> check_table(io::FileSystem& fs, const std::string& path) {
    SEYIR_TRY(const auto file, fs.open(path, io::OpenMode::kRead));
    SEYIR_TRY(const io::FileInfo info, file->info());
    if (info.size_bytes < kFooterBytes) {
        return {};  // RocksDB says so
    }
    const uint64_t footer_at = info.size_bytes - kFooterBytes;
    std::string footer(kFooterBytes, '\0');
    SEYIR_TRY(const size_t got, file->read_at(footer_at, std::span(footer)));
    // The properties are the last block before the list of blocks, which the footer names first.
    const auto list_at = varint_at(footer, 1);
    const size_t behind = kTrailerBytes + kRestartsBytes;
    if (got < footer.size() || !list_at || *list_at < behind || *list_at > footer_at) {
        return {};
    }
    std::string restarts(kRestartsBytes, '\0');
    SEYIR_TRY(const size_t more, file->read_at(*list_at - behind, std::span(restarts)));
    // The top bit of the number of restarts says that a hash index follows; there is none here.
    if (more == restarts.size() && (static_cast<uint8_t>(restarts.back()) & 0x80) != 0) {
        return fail(ErrorCode::kCorrupt, path + ": the properties of the table are damaged");
    }
    return {};
}

HiddenTables::HiddenTables(io::FileSystem& fs, std::string database_path)
    : fs_(fs), path_(std::move(database_path)) {}

HiddenTables::~HiddenTables() {
    if (is_needed_) {
        put_back();
    }
}

void HiddenTables::put_back() {
    const auto names = fs_.list(path_);
    for (const std::string& name : names.value_or(std::vector<std::string>())) {
        if (name.ends_with(kHidden)) {
            const std::string table = name.substr(0, name.size() - kHidden.size());
            (void)fs_.rename(path_ + "/" + name, path_ + "/" + table);
        }
    }
}

Result<void> HiddenTables::hide() {
    put_back();  // of an open that was cut off
    SEYIR_TRY(const auto names, fs_.list(path_));
    for (const std::string& name : names) {
        if (!name.ends_with(".sst")) {
            continue;
        }
        if (const auto checked = check_table(fs_, path_ + "/" + name); !checked) {
            first_ = first_.empty() ? checked.error().message : first_;
            SEYIR_CHECK(fs_.rename(path_ + "/" + name, path_ + "/" + name + std::string(kHidden)));
        }
    }
    return {};
}

void HiddenTables::forget() {
    is_needed_ = false;
    const auto names = fs_.list(path_);
    for (const std::string& name : names.value_or(std::vector<std::string>())) {
        if (name.ends_with(kHidden)) {
            (void)fs_.remove(path_ + "/" + name);
        }
    }
}

}  // namespace seyir::store
