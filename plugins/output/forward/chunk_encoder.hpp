// SPDX-License-Identifier: Apache-2.0
// ChunkEncoder: rows -> forward messages in PackedForward, one for each tag and chunk_bytes_max.
// The same rows give the same bytes and the same chunk id, so that a receiver that knows chunks
// (or, as ours, content) keeps a chunk sent again once. Room: BatchView -> Chunk.   Threads: one
// owner.   Format: plugins/output/forward/README.md.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/base/result.hpp"
#include "common/record/batch.hpp"
#include "plugins/filter/field/text_template.hpp"
#include "plugins/output/forward/forward_output_setup.hpp"

namespace seyir::plugins::forward {

struct Chunk {
    std::string id;       ///< as the ack repeats it
    std::string message;  ///< ready to be sent
};

class ChunkEncoder {
  public:
    /// kInvalidArgument: the tag is no template.
    static Result<ChunkEncoder> make(ChunkOptions options);

    std::vector<Chunk> encode(const BatchView& view);

  private:
    struct Entries {
        std::string bytes;
        uint32_t count = 0;
    };

    ChunkEncoder(ChunkOptions options, TextTemplate tag)
        : options_(std::move(options)), tag_(std::move(tag)) {}

    void append_entry(std::string& out, const RecordBatch& batch, uint32_t row) const;
    Chunk finish(const std::string& tag, Entries& entries) const;

    ChunkOptions options_;
    TextTemplate tag_;
};

}  // namespace seyir::plugins::forward
