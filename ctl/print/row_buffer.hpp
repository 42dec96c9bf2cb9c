// SPDX-License-Identifier: Apache-2.0
// RowBuffer: rows of several streams, to be printed in time order. An answer comes stream by
// stream, so all of it must be here before the first line goes out.
// Threads: one owner.   Memory: the bytes of lines and attributes plus 40 bytes a row.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/time.hpp"
#include "ctl/answer_reader.hpp"

namespace seyir::ctl {

/// What is printed of a row. Views live as long as their owner.
struct RowView {
    UnixNanos ts;
    std::string_view line;
    const LabelList* labels = nullptr;  ///< of the stream
    LabelList attributes;
    LabelList parsed;
};

class RowBuffer {
  public:
    void begin_stream(LabelList labels);
    void add(const AnswerRow& row);

    size_t size() const { return rows_.size(); }

    uint64_t bytes() const { return bytes_.size(); }

    /// Rows of one time keep the order they came in. Stops when `visit` gives false.
    void for_each(bool newest_first, const std::function<bool(const RowView&)>& visit);

  private:
    struct Row {
        UnixNanos ts;
        uint64_t offset;  // of line, then packed attributes, then packed parsed labels
        uint32_t line_bytes;
        uint32_t attribute_count;
        uint32_t parsed_count;
        uint32_t stream;
    };

    void pack(const LabelList& list);
    LabelList unpack(uint64_t& offset, uint32_t count) const;

    std::vector<LabelList> streams_;
    std::vector<Row> rows_;
    std::string bytes_;
};

}  // namespace seyir::ctl
