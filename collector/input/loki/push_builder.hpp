// SPDX-License-Identifier: Apache-2.0
// PushBuilder: what the two push formats share: rules, limits and rows of the batch.
// Threads: one owner.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "collector/input/loki/push_formats.hpp"

namespace seyir::collector::input {

class PushBuilder {
  public:
    using Pair = std::pair<std::string_view, std::string_view>;

    explicit PushBuilder(const PushSettings& settings);

    /// Chooses the stream of the entries that follow; false (and reported) when it breaks a rule.
    bool begin_stream(std::vector<StreamLabels::Pair> labels);

    /// `metadata` is read at once; texts are copied.
    void add_entry(int64_t ts_ns, std::string_view line, const std::vector<Pair>& metadata);

    /// Entries of a refused stream.
    void skip_entries(uint64_t entries);

    PushBody& body() { return body_; }

    /// "streams[2]" for messages.
    std::string place() const;

  private:
    SeverityNumber severity_of(const std::vector<Pair>& metadata) const;

    const PushSettings& settings_;
    PushBody body_;
    size_t streams_seen_ = 0;
    uint16_t stream_ = 0;
    SeverityNumber stream_severity_ = kSeverityUnset;
    std::vector<Attr> attrs_;
};

}  // namespace seyir::collector::input
