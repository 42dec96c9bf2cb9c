// SPDX-License-Identifier: Apache-2.0
#include "collector/backup/repository/file_copy.hpp"

#include <algorithm>
#include <memory>

#include <fmt/format.h>
#include <xxhash.h>

namespace seyir::collector::backup {
namespace {

struct FreeState {
    void operator()(XXH3_state_t* state) const { XXH3_freeState(state); }
};

Result<FileContent> read_through(
    io::FileSystem& fs,
    const std::string& path,
    uint64_t bytes_max,
    const OnBytes& on_bytes,
    const std::function<Result<void>(std::string_view)>& on_piece
) {
    SEYIR_TRY(const auto file, fs.open(path, io::OpenMode::kRead));
    const std::unique_ptr<XXH3_state_t, FreeState> state(XXH3_createState());
    XXH3_128bits_reset(state.get());
    std::string piece(kPieceBytes, '\0');
    FileContent content;
    while (content.bytes < bytes_max) {
        const size_t wanted =
            static_cast<size_t>(std::min<uint64_t>(piece.size(), bytes_max - content.bytes));
        size_t got = 0;  // whole pieces, whatever a read gives
        while (got < wanted) {
            const std::span<char> room(piece.data() + got, wanted - got);
            SEYIR_TRY(const size_t more, file->read_at(content.bytes + got, room));
            if (more == 0) {
                break;
            }
            got += more;
        }
        if (got == 0) {
            break;
        }
        content.pieces.push_back(XXH3_64bits(piece.data(), got));
        XXH3_128bits_update(state.get(), piece.data(), got);
        SEYIR_CHECK(on_piece({piece.data(), got}));
        content.bytes += got;
        if (!on_bytes(got)) {
            return fail(ErrorCode::kCancelled, "stopped");
        }
    }
    const XXH128_hash_t hash = XXH3_128bits_digest(state.get());
    content.hash = {hash.high64, hash.low64};
    return content;
}

}  // namespace

std::string describe_difference(const FileContent& expected, const FileContent& found) {
    for (size_t i = 0; i < std::min(expected.pieces.size(), found.pieces.size()); ++i) {
        const uint64_t begin = i * kPieceBytes;
        const uint64_t end = std::min(begin + kPieceBytes, expected.bytes);
        if (expected.pieces[i] != found.pieces[i] && found.bytes >= end) {
            return fmt::format("its checksum fails between bytes {} and {}", begin, end);
        }
    }
    return expected.bytes == found.bytes
               ? std::string("its checksum fails")
               : fmt::format("it has {} of {} bytes", found.bytes, expected.bytes);
}

Result<FileContent> hash_file(
    io::FileSystem& fs, const std::string& path, const OnBytes& on_bytes
) {
    return read_through(fs, path, UINT64_MAX, on_bytes, [](std::string_view) {
        return Result<void>();
    });
}

Result<FileContent> copy_file(
    io::FileSystem& fs,
    const std::string& from,
    const std::string& to,
    uint64_t bytes_max,
    const OnBytes& on_bytes
) {
    SEYIR_TRY(const auto out, fs.open(to, io::OpenMode::kWriteTruncate));
    SEYIR_TRY(
        const FileContent content,
        read_through(
            fs,
            from,
            bytes_max,
            on_bytes,
            [&](std::string_view piece) { return out->append(piece); }
        )
    );
    SEYIR_CHECK(out->sync());
    SEYIR_CHECK(out->close());
    return content;
}

}  // namespace seyir::collector::backup
