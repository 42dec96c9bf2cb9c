// SPDX-License-Identifier: Apache-2.0
// SyslogRows: messages -> rows of a batch, with the parser the filter `parse` uses.
// Threads: one owner.   Limits: FieldLimits of the parser; host labels up to hosts_max different
// ones, others become the label "other" (the attribute `hostname` keeps the name).
// Time: the message's own where it has one; RFC 3164 names neither year nor zone: the zone is UTC
// plus `zone_offset`, the year is the one that puts the time nearest to now.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "common/base/time.hpp"
#include "common/record/batch.hpp"
#include "plugins/filter/parse/field_writer.hpp"
#include "plugins/filter/parse/format/syslog_parser.hpp"

namespace seyir::plugins::syslog {

enum class HostLabel { kMessage, kPeer, kOff };

struct RowOptions {
    StreamLabelsPtr labels;  ///< of the input
    HostLabel host_label = HostLabel::kMessage;
    bool keep_raw = false;  ///< the body is the whole message
    Nanos zone_offset{0};
    size_t hosts_max = 1000;
};

class SyslogRows {
  public:
    explicit SyslogRows(RowOptions options);

    void begin();
    void add(std::string_view message, std::string_view peer, UnixNanos now);

    size_t row_count() const { return batch_->row_count(); }

    std::shared_ptr<RecordBatch> take() { return std::move(batch_); }

    /// Messages that are not syslog, since the last call.
    uint64_t take_bad() { return std::exchange(bad_, 0); }

  private:
    StreamLabelsPtr labels_of(std::string_view host);
    UnixNanos time_of(std::string_view text, UnixNanos now) const;

    const RowOptions options_;
    parse::SyslogParser parser_;
    parse::FieldWriter fields_;
    std::shared_ptr<RecordBatch> batch_;
    std::map<std::string, StreamLabelsPtr, std::less<>> by_host_;
    uint64_t bad_ = 0;
};

/// "Oct 11 22:14:15" with the year that puts it nearest to `now`; nothing when it is no time.
std::optional<UnixNanos> bsd_time(std::string_view text, UnixNanos now);

}  // namespace seyir::plugins::syslog
