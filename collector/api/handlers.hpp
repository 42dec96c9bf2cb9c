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
};

/// Turns an error into its HTTP answer.
void respond_error(net::HttpExchange& exchange, const Error& error);

// query_handlers.cpp
void handle_query(const Context& context, const net::HttpExchangePtr& exchange);
void handle_query_range(const Context& context, const net::HttpExchangePtr& exchange);

// stream_handlers.cpp
void handle_labels(const Context& context, const net::HttpExchangePtr& exchange);
void handle_label_values(const Context& context, const net::HttpExchangePtr& exchange);
void handle_series(const Context& context, const net::HttpExchangePtr& exchange);
void handle_index_stats(const Context& context, const net::HttpExchangePtr& exchange);

}  // namespace seyir::collector::api
