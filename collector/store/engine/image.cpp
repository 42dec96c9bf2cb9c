// SPDX-License-Identifier: Apache-2.0
#include "collector/store/engine/image.hpp"

#include <rocksdb/options.h>
#include <rocksdb/sst_file_reader.h>

#include "common/base/log.hpp"
#include "common/base/units.hpp"

namespace seyir::store {
namespace {

std::string image_folder(const std::string& data_dir) {
    return data_dir + "/backup-image";
}

void remove_folder(io::FileSystem& fs, const std::string& folder) {
    const auto names = fs.list(folder);
    if (!names) {
        return;
    }
    for (const std::string& name : *names) {
        (void)fs.remove(folder + "/" + name);
    }
    if (const auto removed = fs.remove_directory(folder); !removed) {
        log::warn("store", "cannot remove a folder", {{"error", removed.error().message}});
    }
}

Result<void> add_file(BackupImage& image, std::string path, std::string source, bool is_immutable) {
    SEYIR_TRY(const io::FileInfo info, image.fs->stat(source));
    image.files.push_back(
        {std::move(path), std::move(source), info.size_bytes, info.modified, is_immutable}
    );
    return {};
}

/// Files of the database and of the segments its catalogue names.
Result<void> list_files(const Core& core, const View& view, BackupImage& image) {
    SEYIR_TRY(const auto names, image.fs->list(image.folder));
    for (const std::string& name : names) {
        const bool is_table = name.ends_with(".sst");
        SEYIR_CHECK(add_file(image, "db/" + name, image.folder + "/" + name, is_table));
    }
    for (const auto& [day, state] : *view.catalogue) {
        image.records += state.totals.rows;
        image.raw_bytes += state.totals.raw_bytes;
        const std::string prefix = key::segment_prefix(day);
        SEYIR_CHECK(view.snapshot->database().scan(
            Family::kCatalogue,
            prefix,
            key::prefix_end(prefix),
            [&](std::string_view bytes, std::string_view) -> Result<bool> {
                const auto id = key::parse_segment(bytes);
                if (!id) {
                    return fail(ErrorCode::kCorrupt, "the catalogue has a malformed segment key");
                }
                SEYIR_CHECK(add_file(
                    image,
                    segment_path("segments", day, *id),
                    segment_path(core.files.path, day, *id),
                    true
                ));
                return true;
            },
            view.snapshot.get()
        ));
    }
    view.stage.for_each([&](const StageEntry& entry) {
        image.records += entry.rows;
        image.raw_bytes += entry.raw_bytes;
    });
    return {};
}

}  // namespace

BackupImage::~BackupImage() {
    if (fs != nullptr) {
        remove_folder(*fs, folder);
    }
}

void remove_image_folder(io::FileSystem& fs, const std::string& data_dir) {
    remove_folder(fs, image_folder(data_dir));
    remove_folder(fs, image_folder(data_dir) + ".tmp");  // RocksDB's, while it makes one
}

Result<BackupImagePtr> hold_image(Core& core, Committer& committer) {
    remove_image_folder(core.fs, core.options.data_dir);
    {
        SEYIR_TRY(const auto database, core.open_database());
        SEYIR_CHECK(database->flush());
        // Not below, where every append waits.
        SEYIR_CHECK(database->join_stage_files());
    }
    auto image = std::make_unique<BackupImage>();
    image->fs = &core.fs;
    image->folder = image_folder(core.options.data_dir);
    std::shared_ptr<View> view;
    SEYIR_CHECK(committer.run_exclusive([&]() -> Result<void> {
        SEYIR_TRY(const auto database, committer.writable_database());
        SEYIR_TRY(View now, core.view());
        view = std::make_shared<View>(std::move(now));
        return database->checkpoint(image->folder);
    }));
    image->store_id = core.store_id;
    image->restore_generation = core.restore_generation;
    SEYIR_CHECK(list_files(core, *view, *image));
    view->snapshot = nullptr;  // would keep old rows alive; the days' folders are what is held
    image->hold = std::move(view);
    return image;
}

Result<void> verify_table_file(const std::string& path) {
    rocksdb::SstFileReader reader{rocksdb::Options()};
    auto status = reader.Open(path);
    if (status.ok()) {
        rocksdb::ReadOptions options;
        options.readahead_size = 2 * kMiB;
        status = reader.VerifyChecksum(options);
    }
    return status.ok() ? Result<void>() : database_error(status, "checking " + path);
}

}  // namespace seyir::store
