// SPDX-License-Identifier: Apache-2.0
// LineJoiner: the work of the filter `multiline`. Groups that begin and end within one batch are
// put together there; only what a batch leaves open is copied and held, with its share of the
// source's promise.
// Room: BatchView -> FilterSink.   Threads: one at a time.
// Limits: MultilineOptions; a held group has at most max_lines and max_bytes.
#pragma once

#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/pipeline/filter.hpp"
#include "plugins/filter/multiline/multiline_filter.hpp"

namespace seyir::plugins {

class LineJoiner {
  public:
    LineJoiner(const MultilineOptions& options, const component::RunContext& context);

    void process(const BatchView& view, pipeline::FilterSink& sink);
    /// Sends groups that were quiet for flush_timeout; all of them when `everything`.
    void flush(bool everything, pipeline::FilterSink& sink);

  private:
    struct Stream {
        std::string key;
        uint16_t state = 0;
        uint64_t bytes = 0;          ///< of the group, line breaks included
        std::vector<uint32_t> rows;  ///< of the group, in the batch in process
        // Of earlier batches:
        uint32_t held_lines = 0;
        std::string text;
        std::shared_ptr<RecordBatch> first;  ///< one row: the group's first, without its body
        std::vector<pipeline::HeldRows> promises;
        SteadyTime grew_at;

        size_t lines() const { return held_lines + rows.size(); }
    };

    using StreamList = std::list<Stream>;

    struct Group {
        std::vector<uint32_t> rows;
    };

    Stream& stream_of(const RecordBatch& batch, uint32_t row);
    void finish(Stream& stream, const RecordBatch& batch, pipeline::FilterSink& sink);
    void append(Stream& stream, const RecordBatch& batch);
    void keep(StreamList::iterator at, const RecordBatch& batch, pipeline::FilterSink& sink);
    void send_held(Stream& stream, pipeline::FilterSink& sink);
    void send_finished(const BatchView& view, pipeline::FilterSink& sink);
    void forget(StreamList::iterator at);

    const MultilineOptions options_;
    io::Clock& clock_;
    metrics::Counter& evicted_;
    metrics::Counter& cut_;
    StreamList streams_;  ///< the one that grew last is last
    std::unordered_map<std::string, StreamList::iterator> by_key_;
    uint64_t held_bytes_ = 0;
    std::string key_;
    std::vector<Group> finished_;
};

}  // namespace seyir::plugins
