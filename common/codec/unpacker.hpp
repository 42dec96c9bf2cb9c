// SPDX-License-Identifier: Apache-2.0
// Unpacker: a gzip or zstd file of any length, a piece at a time.
// Threads: one owner.   Memory: a window (zstd: at most 8 MiB).
// Errors: kCorrupt when the bytes are not such a stream.
// Format: RFC 1952 (several members one after another are one stream), RFC 8878 (so are frames).
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include "common/base/result.hpp"

namespace seyir::codec {

enum class PackedForm { kPlain, kGzip, kZstd };

/// By the first bytes of a file.
PackedForm packed_form(std::string_view begin);

class Unpacker {
  public:
    explicit Unpacker(PackedForm form);
    ~Unpacker();
    Unpacker(Unpacker&&) noexcept;
    Unpacker& operator=(Unpacker&&) noexcept;

    /// Takes from the front of `packed` and gives how much of `into` it filled. 0 with all of
    /// `packed` taken: it wants more.
    Result<size_t> unpack(std::string_view& packed, std::span<char> into);

    /// Between members or frames: the stream may end here.
    bool is_whole() const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace seyir::codec
