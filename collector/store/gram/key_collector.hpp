// SPDX-License-Identifier: Apache-2.0
// KeyCollector: the keys of all texts of one block.
// Runs shorter than 8 bytes give one key, longer ones the winnowed 5-grams: the smallest of every 4
// that follow each other. Any part of a run that has 8 bytes or more then shares a key with it.
// Grams of letters alone are kept all: words are what is looked for, and there are few of them.
// Room: texts of a block -> keys.
// Threads: one owner.   Memory: kBufferBytes and the longest text; it is kept between blocks.
// Ownership: texts are copied.
// Method: S. Schleimer et al., "Winnowing: local algorithms for document fingerprinting".
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "collector/store/gram/hash.hpp"

namespace seyir::store::gram {

class KeyCollector {
  public:
    KeyCollector();

    /// A line, or a value of its own: its ends are ends of runs.
    void add(std::string_view text);

    /// A key that stands for something else than a text.
    void add_key(Key key) { keep(key); }

    /// Keys since the last call; a few may be there twice.
    std::vector<Key> take();

  private:
    struct LongRun {
        uint64_t head = 0;
        uint64_t tail = 0;
        uint32_t at = 0;  ///< in the buffer
        uint32_t size = 0;
    };

    void fold_raw();
    void fold_in(std::string_view text);
    void scan();
    void take_run(const char* run, size_t size);
    void take_long(const char* run, size_t size);
    void keep(Key key);

    std::vector<char> raw_;  ///< short texts that wait to be folded, each with its end
    size_t raw_used_ = 0;
    std::vector<char> buffer_;
    size_t used_ = 0;
    // What was seen lately; the whole run is compared, so nothing is taken for something else.
    std::vector<uint64_t> short_runs_;
    std::vector<LongRun> long_runs_;
    std::vector<Key> recent_keys_;
    std::vector<Key> keys_;
};

}  // namespace seyir::store::gram
