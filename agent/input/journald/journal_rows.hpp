// SPDX-License-Identifier: Apache-2.0
// JournalRows: an entry -> a row. The message is the record; who wrote it and what the program
// added are attributes; the unit is a stream label.
// Threads: one at a time.
// Limits: 64 attributes an entry, 32 KiB each; 1000 units as labels, further ones only as
// attributes; a message of more than 1 MiB is cut.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "agent/input/journald/journal.hpp"
#include "common/record/batch.hpp"

namespace seyir::agent::input {

class JournalRows {
  public:
    JournalRows(StreamLabelsPtr labels, bool has_service_name);

    /// Appends the entry the journal stands at.
    Result<void> append(Journal& journal, RecordBatch& batch, uint16_t origin);

    /// Messages that were cut, so far.
    uint64_t cut() const { return cut_; }

  private:
    struct Entry;

    void take(Entry& entry, RecordBatch& batch, std::string_view name, std::string_view value);
    const StreamLabelsPtr& labels_for(std::string_view unit, std::string_view identifier);

    const StreamLabelsPtr labels_;
    const bool has_service_name_;
    std::map<std::string, StreamLabelsPtr, std::less<>> by_unit_;
    std::vector<Attr> attrs_;
    uint64_t cut_ = 0;
};

}  // namespace seyir::agent::input
