// SPDX-License-Identifier: Apache-2.0
// The handlers behind loki_routes(), private to this folder.
#pragma once

#include "collector/query/limits.hpp"
#include "collector/store/log_store.hpp"
#include "common/io/clock.hpp"
#include "common/net/http.hpp"

namespace seyir::collector::api {

/// What every handler needs; copied into each.
struct Context {
    store::LogStore& store;
    query::QueryLimits limits;
    io::Clock& clock;
    Nanos retention{0};  ///< how long records are kept; 0 = for ever
};

/// Series of an answer to index/volume, whatever `limit` says.
inline constexpr uint32_t kVolumeSeriesMax = 10'000;

/// Turns an error into its HTTP answer.
void respond_error(net::HttpExchange& exchange, const Error& error);
/// The same where there is one; nothing where the handler has answered.
void finish(net::HttpExchange& exchange, const Result<void>& done);

inline TenantId tenant_of(const net::HttpRequest& request) {
    return static_cast<TenantId>(request.tenant);
}

/// Stops the query when the client has gone.
query::QueryContext query_context(const Context& context, const net::HttpExchangePtr& exchange);

// query_handlers.cpp
/// False for a query that reads no records (`vector(1)`, Grafana's test of a data source) or is no
/// query: its answer costs next to nothing.
bool reads_records(const net::HttpRequest& request);
void handle_query(const Context& context, const net::HttpExchangePtr& exchange);
void handle_query_range(const Context& context, const net::HttpExchangePtr& exchange);
void handle_format_query(const Context& context, const net::HttpExchangePtr& exchange);

// stream_handlers.cpp
void handle_labels(const Context& context, const net::HttpExchangePtr& exchange);
void handle_label_values(const Context& context, const net::HttpExchangePtr& exchange);
void handle_series(const Context& context, const net::HttpExchangePtr& exchange);
void handle_detected_labels(const Context& context, const net::HttpExchangePtr& exchange);

// volume_handlers.cpp
void handle_index_stats(const Context& context, const net::HttpExchangePtr& exchange);
void handle_volume(const Context& context, const net::HttpExchangePtr& exchange);
void handle_volume_range(const Context& context, const net::HttpExchangePtr& exchange);

// field_handlers.cpp
void handle_detected_fields(const Context& context, const net::HttpExchangePtr& exchange);
void handle_detected_field_values(const Context& context, const net::HttpExchangePtr& exchange);

}  // namespace seyir::collector::api
