// SPDX-License-Identifier: Apache-2.0
// CleanUp: one run of it: which days are past retention, archive them, drop them, write down what
// was done.
// Room: RocksStore -> archive files, dropped days, a line in the audit file.
// Threads: run() one at a time; last() is thread-safe.
// Errors: in the report: a run that failed has dropped what was safe to drop and says what was not.
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "collector/retention/archive.hpp"
#include "collector/retention/clean_up_options.hpp"
#include "common/io/clock.hpp"

namespace seyir::collector::retention {

struct CleanUpOptions {
    store::RetentionPolicy retention = Nanos(0);  ///< 0: nothing goes because of its age
    uint64_t file_bytes_max = 0;    ///< of sealed segments; the oldest beyond it go. 0: any number
    std::string archive_directory;  ///< "": days are dropped without an archive
    Nanos archive_keep{0};          ///< archives of older days are removed; 0 keeps them
    OnArchiveFailure on_archive_failure = OnArchiveFailure::kKeep;
    std::string audit_path;
};

struct CleanUpRequest {
    std::string trigger = "schedule";  ///< or "operator", "retry", "size", "disk"
    bool confirm = false;              ///< an operator said yes to what would be held back
    bool dry_run = false;
    bool by_age = true;  ///< false: only what is beyond the size
};

struct CleanUpReport {
    UnixNanos at;
    Nanos took{0};
    CleanUpRequest request;
    std::vector<store::PartReport> dropped;  ///< in a dry run: what would be
    std::vector<store::PartReport> held_back;
    std::string held_back_reason;
    /// Of `dropped` in a dry run: not sealed yet. Another run seals them first.
    uint64_t staged_rows = 0;
    std::vector<ArchiveReport> archives;
    std::vector<std::string> archives_removed;
    std::vector<std::string> without_archive;  ///< parts dropped though their archive failed
    std::string error;                         ///< "": all that was due is done

    bool ok() const { return error.empty(); }

    uint64_t rows() const;
    uint64_t raw_bytes() const;
    uint64_t file_bytes() const;
    /// One JSON object, as the audit file and the API show it (docs/format/audit.md).
    std::string json() const;
    /// "dropped 2 days (20260820, 20260821): 1203 records, 88.1 MiB", for people.
    std::string text() const;
};

class CleanUp {
  public:
    CleanUp(
        store::RocksStore& store,
        io::FileSystem& fs,
        io::Clock& clock,
        CleanUpOptions options,
        std::function<bool()> should_stop
    );

    /// A dry run drops, archives and writes down nothing. Any other run is in the audit file,
    /// synced, when this returns; if it cannot be, the report's error says so.
    CleanUpReport run(const CleanUpRequest& request);

    /// When the audit file says a run was last begun that did what was due.
    std::optional<UnixNanos> last_done();

    const CleanUpOptions& options() const { return options_; }

  private:
    void archive_and_drop(CleanUpReport& report);
    void find_due(CleanUpReport& report);
    size_t archive_parts(CleanUpReport& report);
    void write_audit(CleanUpReport& report);

    store::RocksStore& store_;
    io::FileSystem& fs_;
    io::Clock& clock_;
    const CleanUpOptions options_;
    Archive archive_;
};

}  // namespace seyir::collector::retention
