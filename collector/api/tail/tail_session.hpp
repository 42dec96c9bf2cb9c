// SPDX-License-Identifier: Apache-2.0
// TailSession: one client of live tail: its query, its history, the rows that wait for it.
// Threads: thread-safe; take() and flush() are the hub's, begin() the handler's.
// Limits: kPendingBytesMax of rows waiting; kDroppedMax entries told of one message.
// Spec: tail of Grafana Loki's HTTP API.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "collector/api/result_writer.hpp"
#include "collector/query/plan.hpp"
#include "collector/query/row_labels.hpp"
#include "common/logql/stage/scratch_row.hpp"
#include "common/net/http.hpp"

namespace seyir::collector::api {

struct TailRequest {
    TenantId tenant = TenantId::kDefault;
    StreamsFormat format;
    Nanos delay{0};  ///< rows wait so long for older ones
    bool detects_level = false;
};

class TailSession {
  public:
    static constexpr size_t kPendingBytesMax = 4 * 1024 * 1024;
    static constexpr size_t kMessageBytesMax = 256 * 1024;
    static constexpr size_t kDroppedMax = 1'000;

    TailSession(
        std::shared_ptr<const query::LogPlan> plan,
        TailRequest request,
        net::HttpExchangePtr exchange
    );

    /// Sends the history; rows that came meanwhile and are in it are not sent again.
    Result<void> begin(const query::LogResult& history, SteadyTime now);

    void take(const BatchView& view, SteadyTime now);
    /// Rows the hub had no room for.
    void lose(TenantId tenant, const StreamLabels& labels, UnixNanos ts, uint64_t rows);

    /// Sends what is due. False: the client has gone.
    bool flush(SteadyTime now);

    void end();

    /// Rows not shown since the last call.
    uint64_t take_dropped();

  private:
    struct Row {
        UnixNanos ts;
        SteadyTime due;
        uint32_t stream = 0;  ///< index into streams_
        uint64_t hash = 0;
        std::string json;  ///< the entry of `values`
    };

    struct Dropped {
        std::string labels_json;
        UnixNanos ts;
    };

    void take_row(SteadyTime now);
    uint32_t stream_index(std::string json);
    bool is_known(uint64_t hash);
    void drop(std::string labels_json, UnixNanos ts, uint64_t rows);
    std::string next_message(SteadyTime now);
    void append_dropped(std::string& out);

    const std::shared_ptr<const query::LogPlan> plan_;
    const TailRequest request_;
    const net::HttpExchangePtr exchange_;

    std::mutex mutex_;
    logql::ScratchRow row_;
    query::LabelKey key_;
    std::vector<std::string> streams_;  ///< labels as JSON, of rows that wait
    std::unordered_map<std::string, uint32_t> stream_index_;
    std::deque<Row> pending_;
    size_t pending_bytes_ = 0;
    std::string unsent_;  ///< a message the connection had no room for
    std::vector<Dropped> dropped_;
    size_t dropped_bytes_ = 0;
    uint64_t dropped_rows_ = 0;
    std::unordered_map<uint64_t, uint32_t> history_;  ///< hashes of its rows, how often
    SteadyTime history_until_;
    bool has_begun_ = false;
};

}  // namespace seyir::collector::api
