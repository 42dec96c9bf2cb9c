// SPDX-License-Identifier: Apache-2.0
#include "collector/api/records/export_page.hpp"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "common/base/text.hpp"
#include "common/record/record_json.hpp"

namespace seyir::collector::api {
namespace {

struct Held {
    UnixNanos ts;
    std::string line;
};

/// For a heap whose top is the record that comes first.
bool comes_later(const Held& a, const Held& b) {
    return a.ts != b.ts ? a.ts > b.ts : a.line > b.line;
}

/// Lines until it is certain that no earlier one follows.
class Sorter {
  public:
    Sorter(TimeRange range, const ExportLimits& limits) : range_(range), limits_(limits) {}

    UnixNanos begin() const { return range_.begin; }

    /// The page ends here; earlier than it began with when too much would have to be held.
    UnixNanos end() const { return range_.end; }

    void end_at(UnixNanos end) { range_.end = std::min(range_.end, end); }

    Result<void> add(UnixNanos ts, std::string line) {
        if (!range_.contains(ts)) {
            return {};
        }
        bytes_ += line.size() + sizeof(Held);
        held_.push_back({ts, std::move(line)});
        std::ranges::push_heap(held_, comes_later);
        return bytes_ > limits_.held_bytes_max ? shorten() : Result<void>{};
    }

    /// In order, those before `bound`.
    Result<uint64_t> release(
        UnixNanos bound, const std::function<bool(std::string_view line)>& write, uint64_t& bytes
    ) {
        uint64_t count = 0;
        while (!held_.empty() && held_.front().ts < bound) {
            std::ranges::pop_heap(held_, comes_later);
            const Held first = std::move(held_.back());
            held_.pop_back();
            bytes_ -= first.line.size() + sizeof(Held);
            bytes += first.line.size();
            ++count;
            if (!write(first.line)) {
                return fail(ErrorCode::kCancelled, "the client left");
            }
        }
        return count;
    }

  private:
    /// Gives up the later half of the times held; always keeps the earliest instant.
    Result<void> shorten() {
        const UnixNanos first = held_.front().ts;
        if (range_.end.value == first.value + 1) {
            if (bytes_ <= limits_.instant_bytes_max) {
                return {};
            }
            return fail(
                ErrorCode::kTooLarge,
                fmt::format(
                    "the records of {} have more than {}, the limit for one instant: export its "
                    "streams one after the other",
                    to_rfc3339(first),
                    format_bytes(limits_.instant_bytes_max)
                )
            );
        }
        const auto middle = held_.begin() + static_cast<std::ptrdiff_t>(held_.size() / 2);
        std::ranges::nth_element(held_, middle, {}, &Held::ts);
        range_.end = std::max(middle->ts, UnixNanos{first.value + 1});
        std::erase_if(held_, [this](const Held& held) { return held.ts >= range_.end; });
        bytes_ = 0;
        for (const Held& held : held_) {
            bytes_ += held.line.size() + sizeof(Held);
        }
        std::ranges::make_heap(held_, comes_later);
        return {};
    }

    TimeRange range_;
    const ExportLimits& limits_;
    std::vector<Held> held_;
    uint64_t bytes_ = 0;
};

Result<void> add_rows(const store::Page& page, Sorter& sorter) {
    Result<void> added;
    for_each_row(BatchView{page.batch, page.rows}, [&](uint32_t row) {
        const UnixNanos ts = page.batch->ts(row);
        if (!added || ts >= sorter.end()) {
            return;
        }
        std::string line;
        append_record_json(line, *page.batch, row);
        line += '\n';
        added = sorter.add(ts, std::move(line));
    });
    return added;
}

}  // namespace

Result<ExportEnd> export_page(
    store::LogStore& store,
    const ExportRequest& request,
    const ExportLimits& limits,
    query::QueryContext& running,
    io::Clock& clock,
    const std::function<bool(std::string_view line)>& write
) {
    const SteadyTime began = clock.steady_now();
    store::SelectQuery select;
    select.tenant = request.tenant;
    select.range = request.range;
    select.direction = store::Direction::kForward;
    select.stream_matches = request.stream_matches;
    SEYIR_TRY(const auto cursor, store.select(std::move(select)));
    Sorter sorter(request.range, limits);
    ExportEnd out;
    uint64_t bytes = 0;
    while (true) {
        SEYIR_CHECK(running.check_read(cursor->stats()));
        SEYIR_TRY(const auto page, cursor->next());
        if (!page) {
            break;
        }
        SEYIR_CHECK(add_rows(*page, sorter));
        const UnixNanos bound = cursor->next_bound().value_or(sorter.end());
        SEYIR_TRY(const uint64_t released, sorter.release(bound, write, bytes));
        out.records += released;
        const bool is_enough =
            bytes >= limits.page_bytes_max || clock.steady_now() - began >= limits.page_time_max;
        if (is_enough && bound > sorter.begin()) {
            sorter.end_at(bound);
        }
        if (bound >= sorter.end()) {
            break;
        }
    }
    SEYIR_TRY(const uint64_t released, sorter.release(sorter.end(), write, bytes));
    out.records += released;
    out.next = sorter.end();
    out.cursor = cursor->stats();
    running.add(out.cursor);
    return out;
}

}  // namespace seyir::collector::api
