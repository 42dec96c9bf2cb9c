// SPDX-License-Identifier: Apache-2.0
// AnswerReader: the rows and samples of a Loki-shaped answer, or of a message of live tail, while
// it arrives.
// Room: JSON events -> AnswerSink calls.
// Threads: one owner.   Errors: kInvalidArgument when the JSON is no such answer.
// Memory: one row and one stream's labels.   Spec: log-query and metric answers of Loki's HTTP API.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/result.hpp"
#include "common/base/time.hpp"
#include "common/json/event_reader.hpp"

namespace seyir::ctl {

using LabelList = std::vector<std::pair<std::string, std::string>>;

struct AnswerRow {
    UnixNanos ts;
    std::string line;      ///< the bytes as stored when the server could send them so
    LabelList attributes;  ///< of the record
    LabelList parsed;      ///< found by the query's stages
};

/// Each returns false to stop reading.
class AnswerSink {
  public:
    virtual ~AnswerSink() = default;
    /// The rows that follow belong to this stream.
    virtual bool stream(const LabelList& labels) = 0;
    virtual bool row(AnswerRow row) = 0;
    /// A point of a metric; `seconds` as written by the server.
    virtual bool sample(
        const LabelList& metric, std::string_view seconds, std::string_view value
    ) = 0;
};

class AnswerReader {
  public:
    explicit AnswerReader(AnswerSink& sink);
    ~AnswerReader();

    /// Reads one answer to its end; kCancelled when the sink said stop.
    Result<void> read(const json::Source& source);

    /// Entries that a message of live tail says were left out.
    size_t dropped() const;

    /// "streams", "matrix", "vector"; "" before it is known.
    const std::string& result_type() const;
    /// The server's words about how it found the answer; "" when it was not asked for them.
    const std::string& explanation() const;

  private:
    class State;
    std::unique_ptr<State> state_;
};

}  // namespace seyir::ctl
