// SPDX-License-Identifier: Apache-2.0
#include "collector/query/log_exec.hpp"

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>
#include <tuple>
#include <unordered_map>

#include <fmt/format.h>

#include "collector/query/number_tests.hpp"
#include "collector/query/row_labels.hpp"
#include "common/base/text.hpp"

namespace seyir::query {
namespace {

// Between two looks at the clock.
constexpr uint32_t kRowsPerCheck = 4096;

struct Candidate {
    LogRow row;
    uint64_t fingerprint =
        0;  ///< of the stored stream: ties between streams fall the same way always
    int64_t observed_ns = 0;  ///< the row's time where it says none
    store::PageOrder page;
    uint32_t place = 0;   ///< in the page
    uint32_t stream = 0;  ///< index of the output stream
};

/// True when `a` stands before `b` in the answer.
struct Before {
    bool backward;

    bool operator()(const Candidate& a, const Candidate& b) const {
        if (a.row.ts() != b.row.ts()) {
            return backward ? a.row.ts() > b.row.ts() : a.row.ts() < b.row.ts();
        }
        if (a.fingerprint != b.fingerprint) {
            return a.fingerprint < b.fingerprint;
        }
        // As they arrived, wherever the store has them by now.
        return std::tie(a.observed_ns, a.page, a.place) < std::tie(b.observed_ns, b.page, b.place);
    }
};

class LogQuery {
  public:
    LogQuery(const LogPlan& plan, const LogRequest& request, QueryContext& context)
        : plan_(plan),
          request_(request),
          context_(context),
          before_{request.direction == store::Direction::kBackward} {
        row_.set_detects_level(context.limits().detects_level);
        choose_wants();
    }

    Result<LogResult> run(store::LogStore& store) {
        auto query = plan_.select(request_.tenant, request_.range, request_.direction);
        query.wants = wants_;
        SEYIR_TRY(auto cursor, store.select(std::move(query)));
        while (true) {
            SEYIR_CHECK(context_.check_read(cursor->stats()));
            if (is_complete(cursor->next_bound())) {
                break;
            }
            SEYIR_TRY(const auto page, cursor->next());
            if (!page) {
                break;
            }
            SEYIR_CHECK(take(*page));
        }
        context_.add(cursor->stats());
        context_.stats().rows_matched += kept_.size();
        return finish();
    }

  private:
    /// No row still to come can be among the best `limit`.
    bool is_complete(std::optional<UnixNanos> bound) const {
        if (!bound || request_.limit == 0) {
            return true;
        }
        if (kept_.size() < request_.limit) {
            return false;
        }
        const UnixNanos worst = kept_.front().row.ts();
        return before_.backward ? *bound < worst : *bound > worst;
    }

    /// Where label filters read what a parser stage finds, they are asked with values first: only
    /// rows that pass are put together.
    void choose_wants() {
        const logql::Pipeline& pipeline = plan_.pipeline();
        const auto& read = pipeline.referenced_labels();
        const bool reads_level =
            read && std::ranges::find(*read, logql::kLevelLabel) != read->end();
        const bool reads_labels = pipeline.line_use() != logql::LineUse::kNone &&
                                  pipeline.line_use() != logql::LineUse::kWhole;
        if (!reads_labels || !read || read->empty() || reads_level) {
            wants_ = plan_.lines();
            return;
        }
        wants_ = plan_.values_for(*read, {});
        probe_.set_wanted(&*read);
    }

    /// Rows of a page with values: those that may pass, with their lines.
    Result<store::Page> with_lines(const store::Page& page) {
        std::vector<uint32_t> passing;
        tested_.test(page, *wants_, plan_.number_tests(), probe_);
        for_each_row({page.batch, page.rows}, [&](uint32_t i) {
            if (tested_.of(i) == TestedRows::kFails ||
                !request_.range.contains(page.batch->ts(i)) || is_worse_than_kept(*page.batch, i)) {
                return;
            }
            probe_.bind(*page.batch, i);
            if (page.values->has_line[i] == 0) {
                stand_in_.show(*page.values, i, *wants_, probe_);
            }
            if (plan_.pipeline().process(probe_)) {
                passing.push_back(i);
            }
        });
        if (passing.empty()) {
            return store::Page{
                std::make_shared<RecordBatch>(page.batch->tenant()), {}, nullptr, nullptr, {}
            };
        }
        SEYIR_TRY(auto batch, page.read_lines(passing));
        return store::Page{std::move(batch), {}, nullptr, nullptr, page.order};
    }

    Result<void> take(const store::Page& given) {
        SEYIR_CHECK(context_.check());
        if (given.values != nullptr) {
            SEYIR_TRY(const store::Page page, with_lines(given));
            return take_lines(page);
        }
        return take_lines(given);
    }

    Result<void> take_lines(const store::Page& page) {
        own_labels_.clear();
        uint32_t until_check = kRowsPerCheck;
        Result<void> outcome;
        const RecordBatch& batch = *page.batch;
        for_each_row({page.batch, page.rows}, [&](uint32_t i) {
            if (!outcome || !request_.range.contains(batch.ts(i))) {
                return;
            }
            if (--until_check == 0) {
                until_check = kRowsPerCheck;
                outcome = context_.check();
            }
            if (outcome && !is_worse_than_kept(batch, i)) {
                outcome = offer(batch, i, page.order);
            }
        });
        return outcome;
    }

    bool is_worse_than_kept(const RecordBatch& batch, uint32_t i) const {
        if (kept_.size() < request_.limit) {
            return false;
        }
        const UnixNanos worst = kept_.front().row.ts();
        return before_.backward ? batch.ts(i) < worst : batch.ts(i) > worst;
    }

    Result<void> offer(const RecordBatch& batch, uint32_t i, store::PageOrder page) {
        row_.bind(batch, i);
        if (!plan_.pipeline().process(row_)) {
            return {};
        }
        Candidate candidate{
            .fingerprint = row_.stream().fingerprint().hi,
            .observed_ns =
                (batch.observed(i) == UnixNanos{} ? batch.ts(i) : batch.observed(i)).value,
            .page = page,
            .place = i,
        };
        const std::string labels = request_.categorize ? row_labels_json(row_) : std::string();
        candidate.row = LogRow(batch.ts(i), row_.line(), labels);
        if (kept_.size() == request_.limit && !before_(candidate, kept_.front())) {
            return {};
        }
        SEYIR_TRY(candidate.stream, output_stream());
        held_bytes_ += candidate.row.bytes();
        if (kept_.size() == request_.limit) {
            std::ranges::pop_heap(kept_, before_);
            held_bytes_ -= kept_.back().row.bytes();
            kept_.back() = std::move(candidate);
            std::ranges::push_heap(kept_, before_);
        } else {
            kept_.push_back(std::move(candidate));
            if (kept_.size() == request_.limit) {
                std::ranges::make_heap(kept_, before_);
            }
        }
        if (held_bytes_ > context_.limits().result_bytes_max) {
            return fail(
                ErrorCode::kTooLarge,
                fmt::format(
                    "the answer holds more than {}; lower `limit` or filter more",
                    format_bytes(context_.limits().result_bytes_max)
                )
            );
        }
        return {};
    }

    Result<uint32_t> output_stream() {
        const auto known = own_labels_.find(row_);
        if (known) {
            return *known;
        }
        const auto wanted = [&](const logql::Label& label) {
            return !request_.categorize || label.source == logql::LabelSource::kStream;
        };
        label_key_.assign(row_, wanted);
        const auto [at, is_new] = streams_.try_emplace(
            std::string(label_key_.bytes()), static_cast<uint32_t>(labels_.size())
        );
        if (is_new) {
            labels_.push_back(label_key_.labels());
            held_bytes_ += 2 * label_key_.bytes().size();
        }
        own_labels_.insert(row_, at->second);
        return at->second;
    }

    LogResult finish() {
        std::ranges::sort(kept_, before_);
        std::vector<size_t> counts(labels_.size());
        for (const Candidate& candidate : kept_) {
            ++counts[candidate.stream];
        }
        LogResult result;
        result.streams.resize(labels_.size());
        for (size_t i = 0; i < labels_.size(); ++i) {
            result.streams[i].labels = std::move(labels_[i]);
            result.streams[i].rows.reserve(counts[i]);
        }
        for (Candidate& candidate : kept_) {
            result.streams[candidate.stream].rows.push_back(std::move(candidate.row));
        }
        std::erase_if(result.streams, [](const LogStream& stream) { return stream.rows.empty(); });
        std::ranges::sort(result.streams, {}, &LogStream::labels);
        return result;
    }

    const LogPlan& plan_;
    const LogRequest& request_;
    QueryContext& context_;
    Before before_;
    logql::ScratchRow row_;
    logql::ScratchRow probe_;
    StandIn stand_in_;
    TestedRows tested_;
    std::shared_ptr<const store::LineWants> wants_;
    std::vector<Candidate> kept_;  ///< a heap with the worst in front once `limit` are held
    uint64_t held_bytes_ = 0;
    std::unordered_map<std::string, uint32_t> streams_;
    std::vector<LabelSet> labels_;
    LabelKey label_key_;
    OwnLabelsCache own_labels_;
};

}  // namespace

LogRow::LogRow(UnixNanos ts, std::string_view line, std::string_view labels_json)
    : ts_(ts),
      line_bytes_(static_cast<uint32_t>(line.size())),
      json_bytes_(static_cast<uint32_t>(labels_json.size())),
      bytes_(std::make_unique_for_overwrite<char[]>(line.size() + labels_json.size())) {
    std::ranges::copy(line, bytes_.get());
    std::ranges::copy(labels_json, bytes_.get() + line.size());
}

namespace {

/// Rows asked for at once where only some of them are kept.
constexpr uint32_t kThinnedRows = 1'000;

/// A row of a result, with the index of its stream.
struct PlacedRow {
    LogRow row;
    size_t stream = 0;
    size_t place = 0;  ///< equal times keep their order
};

/// Rows of an answer that stand at least `interval` apart.
class ThinnedQuery {
  public:
    ThinnedQuery(const LogPlan& plan, const LogRequest& request, QueryContext& context)
        : plan_(plan),
          request_(request),
          context_(context),
          is_backward_(request.direction == store::Direction::kBackward) {}

    Result<LogResult> run(store::LogStore& store) {
        LogRequest part = request_;
        part.interval = Nanos(0);
        part.limit = kThinnedRows;
        while (rows_ < request_.limit && part.range.begin < part.range.end) {
            SEYIR_TRY(LogResult found, LogQuery(plan_, part, context_).run(store));
            if (!take(std::move(found)) || !skip(part.range)) {
                break;  // there are no rows behind these
            }
        }
        context_.stats().rows_matched = rows_;
        LogResult result;
        for (auto& [labels, rows] : streams_) {
            result.streams.push_back({labels, std::move(rows)});
        }
        return result;
    }

  private:
    /// False where these were the last rows.
    bool take(LogResult found) {
        std::vector<PlacedRow> rows;
        for (size_t i = 0; i < found.streams.size(); ++i) {
            for (LogRow& row : found.streams[i].rows) {
                rows.push_back({std::move(row), i, rows.size()});
            }
        }
        std::ranges::sort(rows, [&](const PlacedRow& a, const PlacedRow& b) {
            if (a.row.ts() == b.row.ts()) {
                return a.place < b.place;
            }
            return is_backward_ ? a.row.ts() > b.row.ts() : a.row.ts() < b.row.ts();
        });
        const bool may_be_more = rows.size() >= kThinnedRows;
        for (PlacedRow& placed : rows) {
            if (rows_ < request_.limit && is_apart(placed.row.ts())) {
                last_ = placed.row.ts();
                ++rows_;
                streams_[found.streams[placed.stream].labels].push_back(std::move(placed.row));
            }
        }
        return may_be_more;
    }

    bool is_apart(UnixNanos ts) const {
        if (!last_) {
            return true;
        }
        const auto distance = static_cast<__int128>(ts.value) - last_->value;
        return (is_backward_ ? -distance : distance) >= request_.interval.count();
    }

    /// What can be kept next begins `interval` behind the last one. False: that is no time.
    bool skip(TimeRange& range) const {
        const auto interval = static_cast<__int128>(request_.interval.count());
        const __int128 next = is_backward_ ? last_->value - interval + 1 : last_->value + interval;
        if (next <= UnixNanos::min().value || next > UnixNanos::max().value) {
            return false;
        }
        (is_backward_ ? range.end : range.begin) = UnixNanos{static_cast<int64_t>(next)};
        return true;
    }

    const LogPlan& plan_;
    const LogRequest& request_;
    QueryContext& context_;
    const bool is_backward_;
    std::optional<UnixNanos> last_;
    uint32_t rows_ = 0;
    std::map<LabelSet, std::vector<LogRow>> streams_;
};

}  // namespace

Result<LogResult> run_log_query(
    store::LogStore& store, const LogPlan& plan, const LogRequest& request, QueryContext& context
) {
    if (request.interval.count() > 0) {
        return ThinnedQuery(plan, request, context).run(store);
    }
    return LogQuery(plan, request, context).run(store);
}

}  // namespace seyir::query
