// SPDX-License-Identifier: Apache-2.0
#include "plugins/filter/lua/record/outcomes.hpp"

#include <algorithm>

namespace seyir::plugins::lua {
namespace {

constexpr size_t kMessagesMax = 8;
constexpr size_t kReasonsMax = 32;
constexpr size_t kReasonBytesMax = 64;

}  // namespace

std::string_view DropReasons::admit(std::string_view reason) {
    constexpr std::string_view kOther = "lua_other";
    const bool is_word = !reason.empty() && reason.size() <= kReasonBytesMax &&
                         std::ranges::all_of(reason, [](char c) {
                             return (c >= 'a' && c <= 'z') || c == '_' || (c >= '0' && c <= '9');
                         });
    if (!is_word) {
        return kOther;
    }
    const auto at = known_.find(reason);
    if (at != known_.end()) {
        return *at;
    }
    return known_.size() < kReasonsMax ? *known_.emplace(reason).first : kOther;
}

void Outcomes::fail(size_t row, const Error& error) {
    fates_[row] = kFailed;
    const std::string_view code = error.code == ErrorCode::kTooLarge ? "lua_limit" : "lua_error";
    auto at = std::ranges::find(failures_, error.message, &Failure::message);
    if (at == failures_.end() && failures_.size() < kMessagesMax) {
        failures_.push_back({error.message, code, {}});
        at = std::prev(failures_.end());
    }
    // Beyond the bound rows go under the last message: they failed in the same batch.
    (at == failures_.end() ? failures_.back() : *at).rows.push_back(static_cast<uint32_t>(row));
}

BatchView Outcomes::in_order(const RecordBatchPtr& batch) const {
    BatchEditor edit(BatchView{batch, Selection::of({0})});
    size_t next = 0;
    for (size_t row = 0; row < fates_.size(); ++row) {
        if (fates_[row] == kPass) {
            edit.append_row(batch->row(row));
        }
        for (; next < added_.size() && added_[next].row == row; ++next) {
            for (size_t i = 0; i < added_[next].rows && fates_[row] != kFailed; ++i) {
                edit.append_row(batch->row(added_[next].first + i));
            }
        }
    }
    std::vector<uint8_t> keep(edit.row_count(), 1);
    keep[0] = 0;
    edit.retain(keep);
    return std::move(edit).finish();
}

void Outcomes::finish(BatchEditor edit, pipeline::FilterSink& sink) && {
    for (const auto& [reason, rows] : drops_) {
        sink.drop(reason, rows);
    }
    BatchView all = std::move(edit).finish();
    for (Failure& failure : failures_) {
        std::ranges::sort(failure.rows);
        sink.fail(
            {all.batch, Selection::of(std::move(failure.rows))}, failure.code, failure.message
        );
    }
    if (!added_.empty()) {
        std::ranges::sort(added_, {}, [](const Added& a) { return std::pair(a.row, a.first); });
        BatchView ordered = in_order(all.batch);
        if (ordered.row_count() > 0) {
            sink.emit(std::move(ordered));
        }
        return;
    }
    if (std::ranges::all_of(fates_, [](uint8_t fate) { return fate == kPass; })) {
        sink.emit(std::move(all));
        return;
    }
    std::vector<uint32_t> passed;
    for (size_t row = 0; row < fates_.size(); ++row) {
        if (fates_[row] == kPass) {
            passed.push_back(static_cast<uint32_t>(row));
        }
    }
    if (!passed.empty()) {
        sink.emit({std::move(all.batch), Selection::of(std::move(passed))});
    }
}

}  // namespace seyir::plugins::lua
