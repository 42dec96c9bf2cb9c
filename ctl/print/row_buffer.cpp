// SPDX-License-Identifier: Apache-2.0
#include "ctl/print/row_buffer.hpp"

#include <algorithm>
#include <cstring>
#include <tuple>

namespace seyir::ctl {

void RowBuffer::begin_stream(LabelList labels) {
    streams_.push_back(std::move(labels));
}

void RowBuffer::pack(const LabelList& list) {
    for (const auto& [name, value] : list) {
        for (const std::string* text : {&name, &value}) {
            const auto size = static_cast<uint32_t>(text->size());
            char prefix[sizeof size];
            std::memcpy(prefix, &size, sizeof size);
            bytes_.append(prefix, sizeof size);
            bytes_ += *text;
        }
    }
}

LabelList RowBuffer::unpack(uint64_t& offset, uint32_t count) const {
    LabelList list(count);
    for (auto& [name, value] : list) {
        for (std::string* text : {&name, &value}) {
            uint32_t size = 0;
            std::memcpy(&size, bytes_.data() + offset, sizeof size);
            text->assign(bytes_, offset + sizeof size, size);
            offset += sizeof size + size;
        }
    }
    return list;
}

void RowBuffer::add(const AnswerRow& row) {
    rows_.push_back(
        {.ts = row.ts,
         .offset = bytes_.size(),
         .line_bytes = static_cast<uint32_t>(row.line.size()),
         .attribute_count = static_cast<uint32_t>(row.attributes.size()),
         .parsed_count = static_cast<uint32_t>(row.parsed.size()),
         .stream = static_cast<uint32_t>(streams_.size() - 1)}
    );
    bytes_ += row.line;
    pack(row.attributes);
    pack(row.parsed);
}

void RowBuffer::for_each(bool newest_first, const std::function<bool(const RowView&)>& visit) {
    // The offset is the order of arrival; rows that share one are empty and differ in stream only.
    std::ranges::sort(rows_, [newest_first](const Row& a, const Row& b) {
        if (a.ts != b.ts) {
            return newest_first ? a.ts > b.ts : a.ts < b.ts;
        }
        return std::tie(a.offset, a.stream) < std::tie(b.offset, b.stream);
    });
    for (const Row& row : rows_) {
        RowView view{
            .ts = row.ts,
            .line = std::string_view(bytes_).substr(row.offset, row.line_bytes),
            .labels = &streams_[row.stream],
            .attributes = {},
            .parsed = {}
        };
        uint64_t offset = row.offset + row.line_bytes;
        view.attributes = unpack(offset, row.attribute_count);
        view.parsed = unpack(offset, row.parsed_count);
        if (!visit(view)) {
            return;
        }
    }
}

}  // namespace seyir::ctl
