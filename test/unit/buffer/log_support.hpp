// SPDX-License-Identifier: Apache-2.0
// What the tests of common/buffer share: batches with numbered rows, and where a log keeps them.
#pragma once

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include <unistd.h>

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

/// What goes to the standard error while it lives: the log's lines.
class StderrFile {
  public:
    StderrFile() : file_(std::tmpfile()), before_(::dup(2)) { ::dup2(::fileno(file_), 2); }

    ~StderrFile() {
        ::dup2(before_, 2);
        ::close(before_);
        std::fclose(file_);
    }

    StderrFile(const StderrFile&) = delete;
    StderrFile& operator=(const StderrFile&) = delete;

    size_t count(const std::string& words) const {
        std::fflush(stderr);
        std::string text(1 << 20, '\0');
        const ssize_t got = ::pread(::fileno(file_), text.data(), text.size(), 0);
        text.resize(got < 0 ? 0 : static_cast<size_t>(got));
        size_t found = 0;
        for (size_t at = text.find(words); at != std::string::npos; at = text.find(words, at + 1)) {
            ++found;
        }
        return found;
    }

  private:
    std::FILE* const file_;
    const int before_;
};

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
