// SPDX-License-Identifier: Apache-2.0
// PrefixIndex: lanes of which only the hash of the first bytes is known (of the last run, until
// they are matched with a file), found by the first bytes of a new file. Ten thousand of each are
// compared without hashing each with each. Threads: plain values, one owner.   Ownership: the files
// outlive their entries (remove()).
#pragma once

#include <cstdint>
#include <map>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "agent/input/tail/identity.hpp"

namespace seyir::agent::input {

struct TailFile;

class PrefixIndex {
  public:
    void add(const PrefixHash& prefix, TailFile& file) {
        by_length_[prefix.length].emplace(prefix.hash, &file);
    }

    void remove(const PrefixHash& prefix, const TailFile& file) {
        const auto length = by_length_.find(prefix.length);
        if (length == by_length_.end()) {
            return;
        }
        const auto [begin, end] = length->second.equal_range(prefix.hash);
        for (auto at = begin; at != end; ++at) {
            if (at->second == &file) {
                length->second.erase(at);
                break;
            }
        }
        if (length->second.empty()) {
            by_length_.erase(length);
        }
    }

    /// All lanes a file with these first bytes may be a copy of, at most `count_max`: those that
    /// begin with them, and those that begin with more bytes than there are yet.
    std::vector<TailFile*> find(std::string_view first_bytes, size_t count_max) const {
        std::vector<TailFile*> found;
        for (const auto& [length, files] : by_length_) {
            const bool is_covered = length <= first_bytes.size();
            auto [at, end] = std::pair(files.begin(), files.end());
            if (is_covered) {
                std::tie(at, end) =
                    files.equal_range(PrefixHash::of(first_bytes.substr(0, length)).hash);
            }
            for (; at != end && found.size() < count_max; ++at) {
                found.push_back(at->second);
            }
        }
        return found;
    }

  private:
    std::map<uint32_t, std::unordered_multimap<uint64_t, TailFile*>> by_length_;
};

}  // namespace seyir::agent::input
