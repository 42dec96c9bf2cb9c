// SPDX-License-Identifier: Apache-2.0
// Stretches of bytes whose raw size both sides know, compressed where that wins by more than 5 %.
// Threads: a Packer or Unpacker belongs to one thread at a time.
// Errors: a failed reader (codec::Reader), for sizes that lie and frames that do not unpack.
// Limits: nothing is allocated beyond the raw size the caller states and has bounded.
// Format: docs/format/columns.md, "packed bytes".
#pragma once

#include <string>
#include <string_view>

#include "common/codec/bytes.hpp"
#include "common/codec/compress.hpp"

namespace seyir::store::columns {

class Packer {
  public:
    /// Levels rise to this at least: for blocks so small that it costs little time, and in which
    /// tables and first occurrences are much of the size.
    int level_min = 0;

    void append(std::string& out, std::string_view raw, int level = 1);

    /// Text whose size the reader does not know: the size goes in front.
    void append_sized(std::string& out, std::string_view raw, int level = 1) {
        codec::append_varint(out, raw.size());
        append(out, raw, level);
    }

  private:
    codec::ZstdCompressor zstd_;
    std::string scratch_;
};

class Unpacker {
  public:
    /// `raw_bytes` bytes; they live in `keep` or in what the reader reads from.
    std::string_view read(codec::Reader& reader, size_t raw_bytes, std::string& keep);
    std::string_view read_sized(codec::Reader& reader, size_t raw_bytes_max, std::string& keep);

  private:
    codec::ZstdDecompressor zstd_;
    std::string frame_;
};

}  // namespace seyir::store::columns
