// SPDX-License-Identifier: Apache-2.0
// Batches a plugin may meet and its author did not think of: every kind of value, bytes that are
// not text, the largest and smallest numbers, nothing at all. Threads: one at a time.   The same
// seed gives the same batches.
#pragma once

#include <random>
#include <string>
#include <vector>

#include "common/record/batch.hpp"

namespace seyir::ctl {

class RandomRows {
  public:
    /// `words`: strings the filter's configuration names; they become keys and values now and then.
    RandomRows(uint64_t seed, std::vector<std::string> words);

    /// 1 to 200 rows.
    RecordBatchPtr make();

  private:
    size_t below(size_t limit) { return limit == 0 ? 0 : random_() % limit; }

    bool chance(size_t one_in) { return below(one_in) == 0; }

    std::string text();
    Value value(RecordBatch& batch, int depth);
    AttrRange attrs(RecordBatch& batch);

    std::mt19937_64 random_;
    std::vector<std::string> words_;
};

}  // namespace seyir::ctl
