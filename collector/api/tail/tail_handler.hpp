// SPDX-License-Identifier: Apache-2.0
// GET /loki/api/v1/tail: reads what is asked, sends the history, leaves the rest to the hub.
// Threads: on the server's query pool, until the history is sent.
#pragma once

#include "collector/api/handlers.hpp"
#include "collector/api/tail/tail_hub.hpp"

namespace seyir::collector::api {

void handle_tail(const Context& context, TailHub& hub, const net::HttpExchangePtr& exchange);

}  // namespace seyir::collector::api
