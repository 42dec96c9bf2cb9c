// SPDX-License-Identifier: Apache-2.0
#include "collector/backup/repository/manifest.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <set>

#include <fmt/format.h>
#include <xxhash.h>

#include "common/base/text.hpp"
#include "common/json/reader.hpp"
#include "common/json/writer.hpp"

namespace seyir::collector::backup {
namespace {

constexpr size_t kPathBytesMax = 1024;
constexpr size_t kDamageBytesMax = 1024;
constexpr size_t kPieceDigits = 16;
constexpr size_t kIdDigits = 16;  // 20261122T213000Z

ContentHash hash_of(std::string_view bytes) {
    const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
    return {hash.high64, hash.low64};
}

Error damaged(std::string_view what) {
    return fail(ErrorCode::kCorrupt, fmt::format("the manifest is damaged: {}", what));
}

Result<uint64_t> number(const json::View& object, std::string_view name) {
    const auto value = object.get(name);
    const auto read = value ? value->uint64() : std::nullopt;
    return read ? Result<uint64_t>(*read) : damaged(fmt::format("no number `{}`", name));
}

Result<std::string> text(const json::View& object, std::string_view name) {
    const auto value = object.get(name);
    const auto read = value ? value->string() : std::nullopt;
    return read ? Result<std::string>(std::string(*read))
                : damaged(fmt::format("no text `{}`", name));
}

template <class Id>
Result<Id> id_of(const json::View& object, std::string_view name) {
    SEYIR_TRY(const std::string hex, text(object, name));
    const auto id = Id::from_hex(hex);
    return id ? Result<Id>(*id) : damaged(fmt::format("`{}` is no id", name));
}

Result<std::vector<uint64_t>> pieces_from(std::string_view hex) {
    std::vector<uint64_t> out;
    for (; hex.size() >= kPieceDigits; hex.remove_prefix(kPieceDigits)) {
        uint64_t hash = 0;
        const char* const end = hex.data() + kPieceDigits;
        const auto read = std::from_chars(hex.data(), end, hash, 16);
        if (read.ec != std::errc() || read.ptr != end) {
            break;
        }
        out.push_back(hash);
    }
    return hex.empty() ? Result<std::vector<uint64_t>>(std::move(out)) : damaged("`pieces`");
}

Result<Manifest> read_head(json::Document& document, std::string_view line) {
    SEYIR_TRY(const json::View head, document.parse(line));
    SEYIR_TRY(const uint64_t version, number(head, "seyir_backup"));
    if (version > kManifestVersion) {
        return fail(
            ErrorCode::kUnsupported,
            fmt::format(
                "the backup was made in format {}, this version reads up to {}: use a newer seyir",
                version,
                kManifestVersion
            )
        );
    }
    Manifest out;
    SEYIR_TRY(out.id, text(head, "id"));
    SEYIR_TRY(const uint64_t begun, number(head, "begun"));
    SEYIR_TRY(out.version, text(head, "version"));
    SEYIR_TRY(out.store_id, id_of<StoreId>(head, "store_id"));
    SEYIR_TRY(const uint64_t generation, number(head, "restore_generation"));
    SEYIR_TRY(out.records, number(head, "records"));
    SEYIR_TRY(out.raw_bytes, number(head, "raw_bytes"));
    if (head.get("rechecked_to")) {
        SEYIR_TRY(out.rechecked_to, text(head, "rechecked_to"));
    }
    if (!is_backup_id(out.id) || generation > UINT32_MAX || begun > INT64_MAX) {
        return damaged("its first line");
    }
    out.begun = {static_cast<int64_t>(begun)};
    out.restore_generation = static_cast<uint32_t>(generation);
    return out;
}

Result<ManifestFile> read_file_line(json::Document& document, std::string_view line) {
    SEYIR_TRY(const json::View row, document.parse(line));
    ManifestFile file;
    SEYIR_TRY(file.path, text(row, "path"));
    SEYIR_TRY(file.bytes, number(row, "bytes"));
    SEYIR_TRY(const uint64_t modified, number(row, "modified"));
    SEYIR_TRY(file.hash, id_of<ContentHash>(row, "xxh3"));
    SEYIR_TRY(const std::string pieces, text(row, "pieces"));
    SEYIR_TRY(file.pieces, pieces_from(pieces));
    if (row.get("damage")) {
        SEYIR_TRY(file.damage, text(row, "damage"));
        if (file.damage.size() > kDamageBytesMax) {
            return damaged("`damage` is too long");
        }
    }
    const uint64_t expected = file.bytes / kPieceBytes + (file.bytes % kPieceBytes == 0 ? 0 : 1);
    if (!is_safe_path(file.path) || modified > INT64_MAX || file.pieces.size() != expected) {
        return damaged("a path, a time or a length that cannot be");
    }
    file.modified = {static_cast<int64_t>(modified)};
    return file;
}

/// Whole characters of it, so that the manifest can be read.
std::string_view damage_text(std::string_view text) {
    text = text.substr(0, kDamageBytesMax);
    while (!is_utf8(text)) {
        text.remove_suffix(1);
    }
    return text.empty() ? "damaged" : text;
}

}  // namespace

uint64_t Manifest::bytes() const {
    uint64_t sum = 0;
    for (const ManifestFile& file : files) {
        sum += file.bytes;
    }
    return sum;
}

bool is_backup_id(std::string_view text) {
    if (text.size() < kIdDigits || text.size() > kIdDigits + 5) {
        return false;
    }
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    for (size_t i = 0; i < kIdDigits; ++i) {
        const bool fits = i == 8 ? text[i] == 'T' : i == 15 ? text[i] == 'Z' : is_digit(text[i]);
        if (!fits) {
            return false;
        }
    }
    const std::string_view rest = text.substr(kIdDigits);
    return rest.empty() ||
           (rest.size() > 1 && rest[0] == '-' && std::ranges::all_of(rest.substr(1), is_digit));
}

bool is_safe_path(std::string_view path) {
    if (path.empty() || path.size() > kPathBytesMax || path.find('\0') != std::string_view::npos) {
        return false;
    }
    while (true) {
        const size_t end = path.find('/');
        const std::string_view part = path.substr(0, end);
        if (part.empty() || part == "." || part == "..") {
            return false;
        }
        if (end == std::string_view::npos) {
            return true;
        }
        path.remove_prefix(end + 1);
    }
}

Result<std::string> encode(const Manifest& manifest) {
    if (manifest.files.size() > kManifestFilesMax) {
        return fail(
            ErrorCode::kTooLarge,
            fmt::format(
                "a backup of {} files: a manifest names at most {}",
                manifest.files.size(),
                kManifestFilesMax
            )
        );
    }
    std::string out;
    const auto line = [&](const auto& members) {
        json::Writer writer(out);
        writer.begin_object();
        members(writer);
        writer.end_object();
        out += '\n';
    };
    const auto put = [](json::Writer& writer, std::string_view name, uint64_t value) {
        writer.key(name);
        writer.uint64(value);
    };
    line([&](json::Writer& writer) {
        put(writer, "seyir_backup", kManifestVersion);
        writer.member("id", manifest.id);
        put(writer, "begun", static_cast<uint64_t>(manifest.begun.value));
        writer.member("version", manifest.version);
        writer.member("store_id", manifest.store_id.to_hex());
        put(writer, "restore_generation", manifest.restore_generation);
        put(writer, "records", manifest.records);
        put(writer, "raw_bytes", manifest.raw_bytes);
        if (!manifest.rechecked_to.empty()) {
            writer.member("rechecked_to", manifest.rechecked_to);
        }
        put(writer, "files", manifest.files.size());
    });
    for (const ManifestFile& file : manifest.files) {
        line([&](json::Writer& writer) {
            writer.member("path", file.path);
            put(writer, "bytes", file.bytes);
            put(writer, "modified", static_cast<uint64_t>(file.modified.value));
            writer.member("xxh3", file.hash.to_hex());
            std::string pieces;
            for (const uint64_t piece : file.pieces) {
                fmt::format_to(std::back_inserter(pieces), "{:016x}", piece);
            }
            writer.member("pieces", pieces);
            if (!file.damage.empty()) {
                writer.member("damage", damage_text(file.damage));
            }
        });
        if (!is_safe_path(file.path) || out.size() > kManifestBytesMax) {
            return fail(
                ErrorCode::kTooLarge,
                fmt::format(
                    "{} cannot be put into a manifest: paths have at most {} bytes, a manifest {}",
                    file.path,
                    kPathBytesMax,
                    kManifestBytesMax
                )
            );
        }
    }
    const std::string hash = hash_of(out).to_hex();
    line([&](json::Writer& writer) { writer.member("xxh3", hash); });
    return out;
}

Result<Manifest> decode_manifest(std::string_view given) {
    if (given.empty() || given.back() != '\n') {
        return damaged("it ends early");
    }
    // The last line first: nothing is believed before its checksum matches.
    const size_t before_last = given.substr(0, given.size() - 1).rfind('\n');
    if (before_last == std::string_view::npos) {
        return damaged("it ends early");
    }
    std::string_view body = given.substr(0, before_last + 1);
    json::Document document;
    SEYIR_TRY(const json::View last, document.parse(given.substr(before_last + 1)));
    SEYIR_TRY(const ContentHash stated, id_of<ContentHash>(last, "xxh3"));
    if (stated != hash_of(body)) {
        return damaged("its checksum does not match");
    }
    const auto next_line = [&] {
        const size_t end = body.find('\n');
        const std::string_view line = body.substr(0, end);
        body.remove_prefix(end + 1);
        return line;
    };
    const std::string_view head = next_line();
    SEYIR_TRY(Manifest out, read_head(document, head));
    SEYIR_TRY(const json::View again, document.parse(head));
    SEYIR_TRY(const uint64_t files, number(again, "files"));
    std::set<std::string, std::less<>> paths;
    while (!body.empty()) {
        if (out.files.size() == kManifestFilesMax) {
            return fail(
                ErrorCode::kTooLarge,
                fmt::format("the manifest names more than {} files", kManifestFilesMax)
            );
        }
        SEYIR_TRY(auto file, read_file_line(document, next_line()));
        if (!paths.insert(file.path).second) {
            return damaged("it names " + file.path + " twice");
        }
        out.files.push_back(std::move(file));
    }
    return out.files.size() == files ? Result<Manifest>(std::move(out))
                                     : damaged("it does not name all files");
}

}  // namespace seyir::collector::backup
