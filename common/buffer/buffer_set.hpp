// SPDX-License-Identifier: Apache-2.0
// BufferSet: the buffers of a program, by the id of their output. Disk buffers live here, so that
// they outlive the outputs a reload replaces; wrap() puts one in front of an output.
// Room: Output + options -> Output.
// Threads: thread-safe, except find_left(): the program's main thread.
// Errors: wrap() has none: folders are opened when the output starts.
// Ownership: outlives every output it made; file system, clock and registry outlive it.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "common/buffer/disk_buffer.hpp"
#include "common/buffer/log/folder_book.hpp"
#include "common/buffer/sender.hpp"

namespace seyir::buffer {

struct BufferedOutputSetup {
    std::string id;  ///< of the output
    BufferOptions buffer;
    RetryOptions retry;
    /// Some route needs this output; else rows are dropped, counted, where they would wait.
    bool required = true;
    /// Some input of its routes has no positions: a spool is opened at start, and what is wrong
    /// with its folder is then an error of the start.
    bool expects_spooled = false;
    /// For rows a disk buffer answered for and the output refuses or never takes; none: they end
    /// there, counted. Rows refused before are reported to whoever delivered them (kRejected).
    OnDeadLetter on_dead_letter;
};

class BufferSet {
  public:
    /// Disk buffers without a path go to `state_dir`/buffer/ID.
    BufferSet(
        io::FileSystem& fs,
        io::Clock& clock,
        metrics::Registry& registry,
        std::string state_dir,
        io::DiskBudget* budget = nullptr
    );

    /// `inner` behind its buffer. kNone, and kMemory in front of an output that keeps positions
    /// (its sources are its buffer), give `inner` itself.
    std::unique_ptr<pipeline::Output> wrap(
        std::unique_ptr<pipeline::Output> inner, BufferedOutputSetup setup
    );

    /// The disk buffer of an output, opened now or before. kConflict: its folder is another's.
    Result<std::shared_ptr<DiskBuffer>> open(const std::string& id, const BufferOptions& options);
    std::string directory_of(const std::string& id, const BufferOptions& options) const;

    /// Closes the disk buffers of other outputs, and those no output uses: after a reload that
    /// removed some. Their files stay.
    void keep_only(const std::vector<std::string>& ids);

    /// Folders with rows that no open buffer sends: of outputs that are gone, have another folder
    /// or no disk buffer any more. New ones are logged. Reads those folders: after start and
    /// reload.
    std::vector<LeftFolder> find_left();

  private:
    /// Shared with the registry's collect function, which cannot be taken back.
    struct Opened {
        std::mutex mutex;
        std::map<std::string, std::pair<std::string, std::shared_ptr<DiskBuffer>>> by_id;
    };

    io::FileSystem& fs_;
    io::Clock& clock_;
    metrics::Registry& registry_;
    const std::string state_dir_;
    io::DiskBudget* const budget_;  ///< over all of them; may be none
    const std::shared_ptr<Opened> opened_;
    FolderBook book_;
    std::vector<LeftFolder> left_;
};

}  // namespace seyir::buffer
