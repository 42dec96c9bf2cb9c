// SPDX-License-Identifier: Apache-2.0
// Journal: reads systemd's journal through libsystemd's sd-journal, loaded at run time.
// Threads: one at a time, always the same one (sd-journal checks that).
// Errors: kUnsupported without the library; kIo with what sd-journal said.
// Limits: fields are cut at `field_bytes_max`.   Spec: sd-journal(3).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.hpp"

struct sd_journal;

namespace seyir::agent::input {

struct JournalPlace {
    std::string directory;             ///< "" = this host's journal
    std::vector<std::string> matches;  ///< "FIELD=value"; of one field: any, of several: all
    uint64_t field_bytes_max = 1 << 20;
};

class Journal {
  public:
    static Result<std::unique_ptr<Journal>> open(const JournalPlace& place);
    ~Journal();
    Journal(const Journal&) = delete;
    Journal& operator=(const Journal&) = delete;

    /// To the next entry; false at the end.
    Result<bool> next();
    Result<bool> previous();
    Result<std::string> cursor();
    Result<uint64_t> realtime_us();
    Result<void> for_each_field(
        const std::function<void(std::string_view name, std::string_view value)>& visit
    );

    Result<void> seek_head();
    Result<void> seek_tail();
    /// next() then gives the entry of the cursor, or the one nearest to where it would be.
    Result<void> seek(const std::string& cursor);
    Result<void> seek_realtime(uint64_t us);

    /// Readable when there is something to process().
    int fd();
    /// Looks for what changed.
    Result<void> process();

  private:
    explicit Journal(sd_journal* journal) : journal_(journal) {}

    sd_journal* journal_;
};

}  // namespace seyir::agent::input
