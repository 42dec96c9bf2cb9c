// SPDX-License-Identifier: Apache-2.0
// A segment's filter in memory: blocks of lines in, and which of them may hold a needle.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "collector/store/gram/key_collector.hpp"
#include "collector/store/gram/segment_filter.hpp"

namespace seyir::test {

using Lines = std::vector<std::string>;

class FilterUnderTest {
  public:
    void add_block(const Lines& lines) {
        for (const std::string& line : lines) {
            collector_.add(line);
        }
        builder_.add_block(collector_.take());
        ++blocks_;
    }

    void finish() { filter_ = builder_.finish(); }

    /// By block: it may hold what the needle asks for.
    std::vector<bool> find(const Needle& needle) const {
        const store::gram::KeyTree tree = store::gram::make_key_tree(needle);
        std::vector<bool> found(blocks_);
        for (uint32_t g = 0; g < filter_.groups.size(); ++g) {
            const store::gram::Group& group = filter_.groups[g];
            const auto bits = store::gram::find_blocks(group, g, tree, [&](uint32_t page) {
                return Result<std::string>(filter_.pages[g].at(page));
            });
            REQUIRE(bits.has_value());
            for (uint32_t b = 0; b < group.blocks; ++b) {
                found[group.first_block + b] = ((*bits)[b / 64] >> (b % 64) & 1) != 0;
            }
        }
        return found;
    }

    uint64_t bytes() const {
        uint64_t sum = 0;
        for (const auto& pages : filter_.pages) {
            for (const std::string& page : pages) {
                sum += page.size();
            }
        }
        return sum;
    }

    const store::gram::FilterBuilder::Filter& filter() const { return filter_; }

  private:
    store::gram::KeyCollector collector_;
    store::gram::FilterBuilder builder_;
    store::gram::FilterBuilder::Filter filter_;
    size_t blocks_ = 0;
};

}  // namespace seyir::test
