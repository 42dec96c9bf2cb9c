// SPDX-License-Identifier: Apache-2.0
// LokiInput: Loki's push call as an input. A push is answered once all required outputs hold it.
// Room: HttpRequest -> RecordBatch -> (AckToken) -> HttpResponse.
// Threads: handlers run on the server's ingest pool; answers come from the thread that resolves the
// token. Submitting never blocks; what is in flight is bounded in bytes.
// Errors: 204 stored; 400 what is wrong (entries without fault are stored all the same, as in
// Loki); 429 too much in flight, with Retry-After; 503 stopping, or an output failed: send the same
// body again. A repeated body is stored once (push hash). Ownership: outlives the HTTP server and
// its tokens.   Spec: Grafana Loki's HTTP API.
#pragma once

#include <string>

#include "collector/input/input_options.hpp"
#include "collector/input/loki/push_formats.hpp"
#include "collector/input/push/push_input.hpp"

namespace seyir::collector::input {

class LokiInput final : public PushInput {
  public:
    LokiInput(
        LokiOptions options,
        metrics::Registry& registry,
        io::Clock& clock = io::system_clock(),
        uint64_t in_flight_bytes_max = 128 * kMiB,
        PushLimits limits = {}
    );

  protected:
    std::string path() const override { return "/loki/api/v1/push"; }

    Result<PushBody> read(const net::HttpRequest& request) const override;

  private:
    LokiOptions options_;
    PushLimits limits_;
};

}  // namespace seyir::collector::input
