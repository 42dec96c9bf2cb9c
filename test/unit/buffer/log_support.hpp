// SPDX-License-Identifier: Apache-2.0
// What the tests of common/buffer share: batches with numbered rows, and where a log keeps them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/buffer/disk_buffer.hpp"
#include "common/record/batch_codec.hpp"

namespace seyir::test {

/// One row for each number: the number, and padding that does not compress.
inline RecordBatchPtr numbered_batch(const std::vector<uint64_t>& numbers, size_t padding = 0) {
    auto batch = std::make_shared<RecordBatch>();
    const uint16_t stream = batch->add_stream(*StreamLabels::make({{"host", "h"}}));
    for (const uint64_t number : numbers) {
        std::string body = std::to_string(number) + " ";
        uint64_t noise = number + 1;
        while (body.size() < padding) {
            noise = noise * 6364136223846793005ULL + 1442695040888963407ULL;
            body += static_cast<char>(' ' + (noise >> 40U) % 64 + 32 * (body.size() % 2));
        }
        batch->append_row(
            {.ts = {static_cast<int64_t>(number) + 1},
             .stream = stream,
             .body = batch->arena().copy(body)}
        );
    }
    return batch;
}

inline std::vector<uint64_t> numbers_of(const BatchView& view) {
    std::vector<uint64_t> numbers;
    for_each_row(view, [&](uint32_t i) {
        numbers.push_back(std::stoull(std::string(view.batch->body(i))));
    });
    return numbers;
}

inline buffer::PendingFrame pending_frame(const RecordBatchPtr& batch) {
    buffer::PendingFrame frame;
    buffer::append(frame.prefix, buffer::BatchPrefix{.appended = {1}});
    frame.payload = encode_batch({batch, {}}, PayloadCodec::kNone)->bytes;
    frame.rows = static_cast<uint32_t>(batch->row_count());
    return frame;
}

}  // namespace seyir::test
