// SPDX-License-Identifier: Apache-2.0
// PushEncoder: rows of several views -> one body of Loki's push call, grouped by stream.
// Room: BatchView -> bytes.   Threads: one owner.
// Format: logproto.PushRequest in snappy's block format, or Loki's JSON. Names of structured
// metadata become label names (what is no letter, digit or `_` becomes `_`), as LogQL needs them.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/record/batch.hpp"
#include "plugins/output/loki/loki_output_setup.hpp"

namespace seyir::plugins::loki {

class PushEncoder {
  public:
    explicit PushEncoder(PushOptions options) : options_(std::move(options)) {}

    /// Each view's rows in their order.
    std::string encode(std::span<const BatchView> views);

    std::string_view content_type() const;

  private:
    using Pairs = std::vector<std::pair<std::string, std::string>>;

    struct Stream {
        Pairs labels;
        std::string entries;  ///< in the encoding
    };

    Pairs labels_of(const StreamLabels& labels) const;
    Pairs metadata_of(const RecordBatch& batch, uint32_t row) const;
    void append_entry(std::string& out, const RecordBatch& batch, uint32_t row) const;
    void append_entry_json(std::string& out, const RecordBatch& batch, uint32_t row) const;

    PushOptions options_;
};

}  // namespace seyir::plugins::loki
