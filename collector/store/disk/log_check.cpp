// SPDX-License-Identifier: Apache-2.0
#include "collector/store/disk/log_check.hpp"

#include <algorithm>
#include <charconv>
#include <span>
#include <utility>
#include <vector>

#include <boost/crc.hpp>
#include <fmt/format.h>

#include "common/base/units.hpp"

namespace seyir::store {
namespace {

constexpr size_t kBlockBytes = 32 * kKiB;
constexpr size_t kReadBytes = 32 * kBlockBytes;
constexpr size_t kHeaderBytes = 7;
constexpr uint8_t kTypeMax = 4;
constexpr std::string_view kEnding = ".log";
constexpr std::string_view kManifest = "MANIFEST-";
constexpr uint64_t kNameBytesMax = 64;

using Crc32c = boost::crc_optimal<32, 0x1EDC6F41, 0xFFFFFFFF, 0xFFFFFFFF, true, true>;

/// As in LevelDB, so that no checksum is of bytes that hold it.
uint32_t masked(uint32_t crc) {
    return ((crc >> 15) | (crc << 17)) + 0xa282ead8U;
}

uint32_t masked_crc(std::string_view bytes) {
    Crc32c crc;
    crc.process_bytes(bytes.data(), bytes.size());
    return masked(crc.checksum());
}

/// Some beginning of the bytes has this checksum: a whole record whose length is damaged.
bool has_beginning_with(std::string_view bytes, uint32_t wanted) {
    Crc32c crc;
    return std::ranges::any_of(bytes, [&](char byte) {
        crc.process_byte(static_cast<unsigned char>(byte));
        return masked(crc.checksum()) == wanted;
    });
}

uint32_t byte_at(std::string_view bytes, size_t at) {
    return static_cast<uint8_t>(bytes[at]);
}

/// Walks the records of one log.
class LogWalk {
  public:
    /// One block; `at` is its place in the file.
    void take(std::string_view block, uint64_t at, bool is_last) {
        size_t pos = 0;
        while (block.size() - pos >= kHeaderBytes) {
            const std::string_view rest = block.substr(pos);
            const size_t length = byte_at(rest, 4) | byte_at(rest, 5) << 8;
            const uint32_t type = byte_at(rest, 6);
            if (type == 0 && length == 0) {
                // Nothing was written from here on; or zeros stand where records were.
                if (rest.find_first_not_of('\0') != std::string_view::npos) {
                    note_bad(at + pos, false);
                } else if (!zeros_from_) {
                    zeros_from_ = at + pos;
                }
                return;
            }
            const uint32_t crc = byte_at(rest, 0) | byte_at(rest, 1) << 8 | byte_at(rest, 2) << 16 |
                                 byte_at(rest, 3) << 24;
            if (type > kTypeMax || kHeaderBytes + length > rest.size()) {
                const bool is_cut = is_last && type <= kTypeMax;
                note_bad(at + pos, is_cut && !has_beginning_with(rest.substr(6), crc));
                return;  // where the next record begins is not known
            }
            if (crc == masked_crc(rest.substr(6, 1 + length))) {
                has_good_behind_ = has_good_behind_ || bad_.has_value() || zeros_from_.has_value();
            } else {
                note_bad(at + pos, false);
            }
            pos += kHeaderBytes + length;
        }
    }

    /// Where damage begins; nothing when the log is whole or only cut off.
    std::optional<uint64_t> damage(bool may_be_cut) const {
        if (has_good_behind_ && zeros_from_ && (!bad_ || *zeros_from_ < *bad_)) {
            return zeros_from_;
        }
        const bool is_cut = is_cut_off_ && may_be_cut && !has_good_behind_;
        return is_cut ? std::nullopt : bad_;
    }

  private:
    void note_bad(uint64_t at, bool is_cut_off) {
        if (!bad_) {
            bad_ = at;
            is_cut_off_ = is_cut_off;
        }
    }

    std::optional<uint64_t> bad_;
    std::optional<uint64_t> zeros_from_;
    bool is_cut_off_ = false;
    bool has_good_behind_ = false;
};

Result<std::optional<LogDamage>> check_log(
    io::FileSystem& fs, const std::string& folder, const std::string& name, bool may_be_cut
) {
    SEYIR_TRY(const auto file, fs.open(folder + "/" + name, io::OpenMode::kRead));
    SEYIR_TRY(const io::FileInfo info, file->info());
    LogWalk walk;
    std::string bytes(kReadBytes, '\0');
    uint64_t at = 0;
    while (at < info.size_bytes) {
        size_t have = 0;
        while (have < bytes.size()) {
            SEYIR_TRY(const size_t got, file->read_at(at + have, std::span(bytes).subspan(have)));
            if (got == 0) {
                break;
            }
            have += got;
        }
        if (have == 0) {
            break;
        }
        for (size_t begin = 0; begin < have; begin += kBlockBytes) {
            const std::string_view block =
                std::string_view(bytes).substr(begin, std::min(kBlockBytes, have - begin));
            walk.take(block, at + begin, at + begin + block.size() >= info.size_bytes);
        }
        at += have;
    }
    const auto damage = walk.damage(may_be_cut);
    if (!damage) {
        return std::optional<LogDamage>();
    }
    return std::optional(LogDamage{
        .file = name,
        .offset = *damage,
        .bytes = info.size_bytes - *damage,
        .what = fmt::format(
            "the database's file {} is damaged at byte {}: the {} from there on cannot be read",
            name,
            *damage,
            format_bytes(info.size_bytes - *damage)
        )
    });
}

/// "000023.log" -> 23.
std::optional<uint64_t> number_of(std::string_view name) {
    uint64_t number = 0;
    const char* const end = name.data() + name.size();
    const auto [next, error] = std::from_chars(name.data(), end, number);
    const bool is_log = error == std::errc() && std::string_view(next, end) == kEnding;
    return is_log ? std::optional(number) : std::nullopt;
}

/// Rising by number.
Result<std::vector<std::pair<uint64_t, std::string>>> logs(
    io::FileSystem& fs, const std::string& folder
) {
    SEYIR_TRY(const auto names, fs.list(folder));
    std::vector<std::pair<uint64_t, std::string>> out;
    for (const std::string& name : names) {
        if (const auto number = number_of(name)) {
            out.emplace_back(*number, name);
        }
    }
    std::ranges::sort(out);
    return out;
}

}  // namespace

Result<uint64_t> newest_log(io::FileSystem& fs, const std::string& database_path) {
    SEYIR_TRY(const auto all, logs(fs, database_path));
    return all.empty() ? 0 : all.back().first;
}

Result<std::optional<LogDamage>> check_logs(
    io::FileSystem& fs, const std::string& database_path, KnownLogs known
) {
    SEYIR_TRY(const auto all, logs(fs, database_path));
    if (known.newest > 0 && (all.empty() || all.back().first < known.newest)) {
        return std::optional(LogDamage{
            .file = "",
            .what = fmt::format(
                "the database's log {:06}.log is missing from {}", known.newest, database_path
            )
        });
    }
    // Only of this very log: another program may have had the database open since.
    const bool was_closed = known.is_closed && !all.empty() && all.back().first == known.newest;
    // The list of the database's files is a log of the same form.
    if (const auto current = io::read_file(fs, database_path + "/CURRENT", kNameBytesMax)) {
        const std::string name = current->substr(0, current->find('\n'));
        const bool is_there = name.starts_with(kManifest) && fs.stat(database_path + "/" + name);
        if (is_there) {  // RocksDB says so itself when it is not
            SEYIR_TRY(auto damage, check_log(fs, database_path, name, !was_closed));
            if (damage) {
                return damage;
            }
        }
    }
    for (const auto& [number, name] : all) {
        SEYIR_TRY(
            auto damage,
            check_log(fs, database_path, name, number == all.back().first && !was_closed)
        );
        if (damage) {
            return damage;
        }
    }
    return std::optional<LogDamage>();
}

}  // namespace seyir::store
