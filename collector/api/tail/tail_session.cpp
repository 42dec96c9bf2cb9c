// SPDX-License-Identifier: Apache-2.0
#include "collector/api/tail/tail_session.hpp"

#include <algorithm>
#include <iterator>
#include <map>

#include <fmt/format.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace seyir::collector::api {
namespace {

using namespace std::chrono_literals;

// A commit tells its subscribers right after it is visible; this is more than enough.
constexpr Nanos kHistoryKept = 10s;
constexpr size_t kRowOverheadBytes = 96;
constexpr size_t kDroppedBytesMax = 512 * 1024;

uint64_t hash_of(std::string_view labels_json, UnixNanos ts, std::string_view line) {
    const uint64_t labels = XXH3_64bits(labels_json.data(), labels_json.size());
    return XXH3_64bits_withSeed(line.data(), line.size(), labels ^ static_cast<uint64_t>(ts.value));
}

}  // namespace

TailSession::TailSession(
    std::shared_ptr<const query::LogPlan> plan, TailRequest request, net::HttpExchangePtr exchange
)
    : plan_(std::move(plan)), request_(request), exchange_(std::move(exchange)) {
    row_.set_detects_level(request.detects_level);
}

uint32_t TailSession::stream_index(std::string json) {
    const auto [at, is_new] =
        stream_index_.try_emplace(std::move(json), static_cast<uint32_t>(streams_.size()));
    if (is_new) {
        streams_.push_back(at->first);
        pending_bytes_ += 2 * at->first.size() + kRowOverheadBytes;
    }
    return at->second;
}

bool TailSession::is_known(uint64_t hash) {
    const auto at = history_.find(hash);
    if (at == history_.end()) {
        return false;
    }
    if (--at->second == 0) {
        history_.erase(at);
    }
    return true;
}

Result<void> TailSession::begin(const query::LogResult& history, SteadyTime now) {
    const std::lock_guard lock(mutex_);
    std::deque<Row> rows;
    for (const query::LogStream& stream : history.streams) {
        std::string labels;
        append_labels(labels, stream.labels);
        for (const query::LogRow& row : stream.rows) {
            const uint64_t hash = hash_of(labels, row.ts(), row.line());
            ++history_[hash];
            Row& out = rows.emplace_back();
            out.ts = row.ts();
            out.hash = hash;
            out.stream = stream_index(labels);
            append_entry(out.json, row.ts(), row.line(), row.labels_json(), request_.format);
            pending_bytes_ += out.json.size() + kRowOverheadBytes;
        }
    }
    std::erase_if(pending_, [&](const Row& row) {
        const bool known = is_known(row.hash);
        pending_bytes_ -= known ? row.json.size() + kRowOverheadBytes : 0;
        return known;
    });
    std::ranges::sort(rows, {}, [](const Row& row) { return row.ts; });
    rows.insert(
        rows.end(), std::move_iterator(pending_.begin()), std::move_iterator(pending_.end())
    );
    pending_ = std::move(rows);
    history_until_ = now + kHistoryKept;
    SEYIR_CHECK(exchange_->begin_websocket());
    has_begun_ = true;
    return {};
}

void TailSession::take(const BatchView& view, SteadyTime now) {
    const std::lock_guard lock(mutex_);
    const RecordBatch& batch = *view.batch;
    if (batch.tenant() != request_.tenant) {
        return;
    }
    if (!history_.empty() && has_begun_ && now > history_until_) {
        history_.clear();
    }
    std::vector<bool> wanted;
    for (const StreamLabelsPtr& labels : batch.streams()) {
        wanted.push_back(plan_->streams().matches(*labels));
    }
    for_each_row(view, [&](uint32_t i) {
        if (!wanted[batch.stream(i)]) {
            return;
        }
        row_.bind(batch, i);
        if (plan_->pipeline().process(row_)) {
            take_row(now);
        }
    });
}

void TailSession::take_row(SteadyTime now) {
    const bool categorize = request_.format.categorize;
    key_.assign(row_, [&](const logql::Label& label) {
        return !categorize || label.source == logql::LabelSource::kStream;
    });
    std::string labels;
    append_labels(labels, key_.labels());
    if (pending_bytes_ > kPendingBytesMax) {
        drop(std::move(labels), row_.ts(), 1);
        return;
    }
    const uint64_t hash = hash_of(labels, row_.ts(), row_.line());
    if (has_begun_ && is_known(hash)) {
        return;
    }
    Row row{.ts = row_.ts(), .due = now + request_.delay, .hash = hash};
    row.stream = stream_index(std::move(labels));
    const std::string own = categorize ? query::row_labels_json(row_) : std::string();
    append_entry(row.json, row.ts, row_.line(), own, request_.format);
    pending_bytes_ += row.json.size() + kRowOverheadBytes;
    pending_.push_back(std::move(row));
}

void TailSession::drop(std::string labels_json, UnixNanos ts, uint64_t rows) {
    dropped_rows_ += rows;
    if (dropped_.size() < kDroppedMax && dropped_bytes_ < kDroppedBytesMax) {
        dropped_bytes_ += labels_json.size();
        dropped_.push_back({std::move(labels_json), ts});
    }
}

void TailSession::lose(TenantId tenant, const StreamLabels& labels, UnixNanos ts, uint64_t rows) {
    const std::lock_guard lock(mutex_);
    if (tenant == request_.tenant && plan_->streams().matches(labels)) {
        std::string json;
        append_labels(json, labels.pairs());
        drop(std::move(json), ts, rows);
    }
}

void TailSession::append_dropped(std::string& out) {
    out += ",\"dropped_entries\":[";
    for (const Dropped& entry : dropped_) {
        out += out.back() == '[' ? "" : ",";
        fmt::format_to(
            std::back_inserter(out),
            R"({{"labels":{},"timestamp":"{}"}})",
            entry.labels_json,
            entry.ts.value
        );
    }
    out += ']';
    dropped_.clear();
    dropped_bytes_ = 0;
}

/// The rows that are due, oldest first, up to the size of a message; "" when there is nothing.
std::string TailSession::next_message(SteadyTime now) {
    size_t count = 0;
    size_t bytes = 0;
    while (count < pending_.size() && pending_[count].due <= now && bytes < kMessageBytesMax) {
        bytes += pending_[count].json.size();
        ++count;
    }
    if (count == 0 && dropped_.empty()) {
        return {};
    }
    const auto due = pending_.begin() + static_cast<ptrdiff_t>(count);
    std::sort(pending_.begin(), due, [](const Row& a, const Row& b) { return a.ts < b.ts; });
    std::map<uint32_t, std::string> values;  // by first appearance
    for (auto row = pending_.begin(); row != due; ++row) {
        std::string& list = values[row->stream];
        list += list.empty() ? "" : ",";
        list += row->json;
        pending_bytes_ -= row->json.size() + kRowOverheadBytes;
    }
    // The encoding stands before what it is about, for readers that take events.
    std::string out = "{";
    out += request_.format.categorize ? R"("encodingFlags":["categorize-labels"],)" : "";
    out += request_.format.base64_lines ? R"("lineEncoding":"base64",)" : "";
    out += "\"streams\":[";
    for (const auto& [stream, list] : values) {
        out += out.back() == '[' ? "" : ",";
        out += "{\"stream\":" + streams_[stream] + ",\"values\":[" + list + "]}";
    }
    out += ']';
    append_dropped(out);
    out += '}';
    pending_.erase(pending_.begin(), due);
    if (pending_.empty()) {
        streams_.clear();
        stream_index_.clear();
        pending_bytes_ = 0;
    }
    return out;
}

bool TailSession::flush(SteadyTime now) {
    const std::lock_guard lock(mutex_);
    if (exchange_->cancelled()) {
        return false;
    }
    while (has_begun_) {
        if (unsent_.empty()) {
            unsent_ = next_message(now);
        }
        if (unsent_.empty()) {
            break;
        }
        if (const auto sent = exchange_->try_message(unsent_); !sent) {
            return sent.error().code == ErrorCode::kBackpressure;
        }
        unsent_.clear();
    }
    return true;
}

void TailSession::end() {
    const std::lock_guard lock(mutex_);
    if (has_begun_) {
        exchange_->end_websocket(1000, "the server is stopping");
    }
}

uint64_t TailSession::take_dropped() {
    const std::lock_guard lock(mutex_);
    return std::exchange(dropped_rows_, 0);
}

}  // namespace seyir::collector::api
