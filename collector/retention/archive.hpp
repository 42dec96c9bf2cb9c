// SPDX-License-Identifier: Apache-2.0
// Archive: a day's records as a file, before the store drops the day (R9.3).
// Room: LogStore rows of a day -> DIR/YYYYMMDD.json.gz.
// Threads: one at a time.   Memory: one page of the store and one piece.
// Errors: the store's and the file system's; kCorrupt when a block could not be read or what was
// written reads back differently. Nothing is left behind under the final name then.
// Format: docs/format/archive.md: record-json.md, one line a record, gzip members one after
// another, so that `zcat` reads it. A record is in the file of the UTC day of its timestamp.
#pragma once

#include <functional>
#include <string>

#include "collector/store/rocks_store.hpp"
#include "common/io/file_system.hpp"

namespace seyir::collector::retention {

struct ArchiveReport {
    std::string path;
    uint64_t rows = 0;
    uint64_t file_bytes = 0;
    bool was_there = false;  ///< an earlier run had written it: the same rows
};

class Archive {
  public:
    /// `should_stop` is asked between pages; true ends the work with kCancelled.
    Archive(
        store::RocksStore& store,
        io::FileSystem& fs,
        std::string directory,
        std::function<bool()> should_stop
    );

    /// Writes, syncs, reads back and names the file. One that is there of the same segments is not
    /// written again; of others (some rows came late) it gets one beside it, YYYYMMDD-2.json.gz.
    /// A tenant beside the default one gets files of its own, YYYYMMDD-tenant7.json.gz, a part of a
    /// day too, YYYYMMDD-kept7d.json.gz. kCorrupt when they would not hold the rows that the store
    /// says the part has.
    Result<std::vector<ArchiveReport>> write(const store::PartReport& part);

    /// Removes files of days before `day`; gives their paths.
    Result<std::vector<std::string>> expire(store::Day day);

  private:
    struct Piece {
        uint64_t offset = 0;
        uint64_t bytes = 0;
        uint64_t hash = 0;  ///< XXH3-64 of what is packed in it
    };

    struct Written {
        uint64_t rows = 0;
        uint64_t bytes = 0;
        std::vector<Piece> pieces;
    };

    /// What a tenant has in it.
    struct Part {
        const store::PartReport& of;
        TenantId tenant = TenantId::kDefault;
    };

    /// What the note beside a file says.
    struct Note {
        uint64_t rows = 0;
        uint64_t bytes = 0;
        uint64_t source = 0;  ///< hash of which segments of which store the rows are from
    };

    static std::string name_of(const Part& part, int number);
    Result<std::optional<ArchiveReport>> write_part(const Part& part);
    Result<Written> write_rows(const Part& part, io::File& file);
    uint64_t source_of(const Part& part);
    Result<void> append_piece(io::File& file, std::string_view lines, Written& written);
    Result<void> read_back(const std::string& path, const Written& written);
    Result<Note> note_of(const std::string& path);

    store::RocksStore& store_;
    io::FileSystem& fs_;
    const std::string directory_;
    const std::function<bool()> should_stop_;
};

}  // namespace seyir::collector::retention
