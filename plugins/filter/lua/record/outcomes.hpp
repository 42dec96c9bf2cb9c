// SPDX-License-Identifier: Apache-2.0
// Outcomes: what became of each row of a batch in a script, and how that is told to the sink.
// Room: script -> FilterSink.   Threads: one at a time.
// Limits: 8 different messages a batch, 32 drop reasons an instance; what is beyond shares one.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/pipeline/filter.hpp"
#include "common/record/batch_editor.hpp"

namespace seyir::plugins::lua {

/// A record is at most this large, line and fields together (docs/format/batch.md).
inline constexpr size_t kRecordBytesMax = 1U << 20U;
/// One record may become at most so many.
inline constexpr size_t kSplitRowsMax = 10'000;

/// Drop reasons a script names become metric labels, so their number is bounded.
class DropReasons {
  public:
    /// `reason` itself, or `lua_other` when it is not a snake_case word or one too many.
    std::string_view admit(std::string_view reason);

  private:
    std::set<std::string, std::less<>> known_;
};

class Outcomes {
  public:
    explicit Outcomes(size_t rows) : fates_(rows, kPass) {}

    void drop(size_t row, std::string_view reason) {
        fates_[row] = kGone;
        ++drops_[std::string(reason)];
    }

    void fail(size_t row, const Error& error);

    bool is_dropped(size_t row) const { return fates_[row] == kGone; }

    /// `rows` of the edited batch from `first` on came out of `row`; they follow it.
    void add_rows(size_t row, size_t first, size_t rows) { added_.push_back({row, first, rows}); }

    /// Tells the sink about every row; the edit ends.
    void finish(BatchEditor edit, pipeline::FilterSink& sink) &&;

  private:
    enum Fate : uint8_t { kPass, kGone, kFailed };

    struct Added {
        size_t row;
        size_t first;
        size_t rows;
    };

    struct Failure {
        std::string message;
        std::string_view code;
        std::vector<uint32_t> rows;
    };

    BatchView in_order(const RecordBatchPtr& batch) const;

    std::vector<uint8_t> fates_;
    std::map<std::string, uint32_t> drops_;
    std::vector<Failure> failures_;
    std::vector<Added> added_;
};

}  // namespace seyir::plugins::lua
