// SPDX-License-Identifier: Apache-2.0
#include "collector/retention/archive.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include <fmt/format.h>
#include <xxhash.h>

#include "common/base/units.hpp"
#include "common/codec/inflate.hpp"
#include "common/record/record_json.hpp"

namespace seyir::collector::retention {
namespace {

constexpr size_t kPieceBytes = 4 * kMiB;
/// One record may be longer than a piece; a line of JSON is at most this.
constexpr size_t kPieceBytesMax = 256 * kMiB;
constexpr uint64_t kNoteBytesMax = 4096;
constexpr int kFilesOfADayMax = 1000;
constexpr std::string_view kEnding = ".json.gz";
constexpr std::string_view kNoteEnding = ".json.gz.rows";
constexpr std::string_view kPartialEnding = ".partial";

Error stopped() {
    return fail(ErrorCode::kCancelled, "stopped before the archive was written");
}

}  // namespace

Archive::Archive(
    store::RocksStore& store,
    io::FileSystem& fs,
    std::string directory,
    std::function<bool()> should_stop
)
    : store_(store),
      fs_(fs),
      directory_(std::move(directory)),
      should_stop_(std::move(should_stop)) {}

std::string Archive::name_of(const Part& part, int number) {
    std::string out = part.of.name();
    if (part.tenant != TenantId::kDefault) {
        out += fmt::format("-tenant{}", static_cast<uint32_t>(part.tenant));
    }
    return number == 1 ? out + std::string(kEnding) : fmt::format("{}-{}{}", out, number, kEnding);
}

/// Segment numbers are used once in the life of a store, but again after it was put back.
uint64_t Archive::source_of(const Part& part) {
    const store::StoreStats stats = store_.stats();
    std::string bytes = fmt::format(
        "{} {} {} {}:",
        stats.store_id.to_hex(),
        stats.restore_generation,
        part.of.day.folder(),
        static_cast<uint32_t>(part.tenant)
    );
    for (const store::SegmentId id : part.of.segments) {
        bytes += fmt::format(" {}", id);
    }
    return XXH3_64bits(bytes.data(), bytes.size());
}

Result<std::vector<ArchiveReport>> Archive::write(const store::PartReport& part) {
    SEYIR_CHECK(fs_.make_directories(directory_));
    std::vector<ArchiveReport> reports;
    uint64_t rows = 0;
    for (const TenantId tenant : store_.tenants()) {
        SEYIR_TRY(auto report, write_part({part, tenant}));
        if (report) {
            rows += report->rows;
            reports.push_back(*std::move(report));
        }
    }
    if (rows != part.rows) {
        return fail(
            ErrorCode::kCorrupt,
            fmt::format("the archive of {} has {} of {} records", part.name(), rows, part.rows)
        );
    }
    return reports;
}

Result<std::optional<ArchiveReport>> Archive::write_part(const Part& part) {
    const uint64_t source = source_of(part);
    std::string path;
    for (int number = 1; number <= kFilesOfADayMax; ++number) {
        path = directory_ + "/" + name_of(part, number);
        const auto info = fs_.stat(path);
        if (!info && info.error().code == ErrorCode::kNotFound) {
            break;
        }
        if (!info) {
            return info.error();
        }
        if (number == kFilesOfADayMax) {
            return fail(
                ErrorCode::kTooLarge,
                fmt::format(
                    "{} has {} archives of {}: move them away", directory_, number, part.of.name()
                )
            );
        }
        const auto there = note_of(path);
        if (there && there->source == source) {
            return std::optional(ArchiveReport{path, there->rows, info->size_bytes, true});
        }
    }
    const std::string partial = path + std::string(kPartialEnding);
    SEYIR_TRY(const auto file, fs_.open(partial, io::OpenMode::kWriteTruncate));
    auto written = write_rows(part, *file);
    if (written) {
        const auto closed = file->close();
        const auto same = closed ? read_back(partial, *written) : closed;
        written = same ? std::move(written) : Result<Written>(same.error());
    }
    if (!written || written->rows == 0) {
        (void)fs_.remove(partial);
        if (written) {
            return std::optional<ArchiveReport>();  // all of it is other tenants'
        }
        return std::move(written).error().context("archive of " + part.of.name());
    }
    // The note first: a file with its final name always has one.
    const std::string note = fmt::format("{} {} {:016x}\n", written->rows, written->bytes, source);
    SEYIR_CHECK(io::write_file_atomically(
        fs_, path.substr(0, path.size() - kEnding.size()) + std::string(kNoteEnding), note
    ));
    SEYIR_CHECK(fs_.rename(partial, path));
    SEYIR_CHECK(fs_.sync_directory(directory_));
    return std::optional(ArchiveReport{path, written->rows, written->bytes, false});
}

Result<Archive::Written> Archive::write_rows(const Part& part, io::File& file) {
    Written written;
    std::string lines;
    SEYIR_TRY(
        const auto cursor, store_.select_segments(part.tenant, part.of.day, part.of.segments)
    );
    while (true) {
        if (should_stop_()) {
            return stopped();
        }
        SEYIR_TRY(const auto page, cursor->next());
        if (!page) {
            break;
        }
        Result<void> appended;
        for_each_row(BatchView{page->batch, page->rows}, [&](uint32_t row) {
            append_record_json(lines, *page->batch, row);
            lines += '\n';
            ++written.rows;
            if (lines.size() >= kPieceBytes && appended) {
                appended = append_piece(file, lines, written);
                lines.clear();
            }
        });
        SEYIR_CHECK(std::move(appended));
    }
    // An archive that leaves out what could not be read is no reason to delete the rest.
    if (const uint64_t corrupt = cursor->stats().blocks_corrupt; corrupt > 0) {
        return fail(ErrorCode::kCorrupt, fmt::format("{} blocks cannot be read", corrupt));
    }
    SEYIR_CHECK(append_piece(file, lines, written));
    SEYIR_CHECK(file.sync());
    return written;
}

Result<void> Archive::append_piece(io::File& file, std::string_view lines, Written& written) {
    const std::string packed = codec::gzip_deflate(lines);
    SEYIR_CHECK(file.append(packed));
    written.pieces.push_back({written.bytes, packed.size(), XXH3_64bits(lines.data(), lines.size())}
    );
    written.bytes += packed.size();
    return {};
}

Result<void> Archive::read_back(const std::string& path, const Written& written) {
    SEYIR_TRY(const auto file, fs_.open(path, io::OpenMode::kRead));
    const codec::InflateLimits limits{.bytes_max = kPieceBytesMax, .ratio_max = 2000};
    std::string packed;
    for (const Piece& piece : written.pieces) {
        packed.resize(piece.bytes);
        size_t have = 0;
        while (have < packed.size()) {
            const std::span<char> room(packed.data() + have, packed.size() - have);
            SEYIR_TRY(const size_t got, file->read_at(piece.offset + have, room));
            if (got == 0) {
                return fail(ErrorCode::kCorrupt, path + " ends early");
            }
            have += got;
        }
        SEYIR_TRY(const std::string lines, codec::gzip_inflate(packed, limits));
        if (XXH3_64bits(lines.data(), lines.size()) != piece.hash) {
            return fail(
                ErrorCode::kCorrupt,
                fmt::format("{} reads back differently at byte {}", path, piece.offset)
            );
        }
    }
    return {};
}

/// If it is of this file.
Result<Archive::Note> Archive::note_of(const std::string& path) {
    const std::string note_path =
        path.substr(0, path.size() - kEnding.size()) + std::string(kNoteEnding);
    SEYIR_TRY(const std::string text, io::read_file(fs_, note_path, kNoteBytesMax));
    SEYIR_TRY(const io::FileInfo info, fs_.stat(path));
    Note note;
    const char* at = text.data();
    const char* const end = at + text.size();
    const auto number = [&](uint64_t& into, int base) {
        const auto [next, error] = std::from_chars(at, end, into, base);
        const bool is_good = error == std::errc() && next != end;
        at = is_good ? next + 1 : end;
        return is_good;
    };
    const bool is_whole =
        number(note.rows, 10) && number(note.bytes, 10) && number(note.source, 16);
    if (!is_whole || note.bytes != info.size_bytes) {
        return fail(ErrorCode::kCorrupt, note_path + " does not fit its archive");
    }
    return note;
}

Result<std::vector<std::string>> Archive::expire(store::Day day) {
    std::vector<std::string> removed;
    const auto names = fs_.list(directory_);
    if (!names) {
        const bool is_missing = names.error().code == ErrorCode::kNotFound;
        return is_missing ? Result<std::vector<std::string>>(removed) : names.error();
    }
    const std::string first_kept = day.folder();
    for (const std::string& name : *names) {
        const bool is_ours = name.ends_with(kEnding) || name.ends_with(kNoteEnding) ||
                             name.ends_with(std::string(kEnding) + std::string(kPartialEnding));
        const std::string_view stem = std::string_view(name).substr(0, first_kept.size());
        const bool is_day = name.size() > first_kept.size() &&
                            std::ranges::all_of(stem, [](char c) { return c >= '0' && c <= '9'; });
        if (is_ours && is_day && stem < first_kept) {
            SEYIR_CHECK(fs_.remove(directory_ + "/" + name));
            if (name.ends_with(kEnding)) {
                removed.push_back(directory_ + "/" + name);
            }
        }
    }
    if (!removed.empty()) {
        SEYIR_CHECK(fs_.sync_directory(directory_));
    }
    return removed;
}

}  // namespace seyir::collector::retention
