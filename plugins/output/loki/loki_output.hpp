// SPDX-License-Identifier: Apache-2.0
// The `loki` output: pushes records to Grafana Loki, or whatever takes its push call.
// Room: BatchView -> push -> DeliveryReport.
// Threads: thread-safe; one thread of its own, which waits for the server's answers.
// Errors: no answer, 429 and 5xx are tried again with the same body a few times, then answered with
// kRetry for the buffer before the output. 413 is tried by halves. 400 and 422 are for ever:
// kRejected with as many rows as the server says, else all of them. Everything else (401, 404, ...)
// is a mistake in somebody's configuration: kRetry, and health() says what the server said.
// Ownership: clock and registry outlive it.   Spec: Grafana Loki's HTTP API, "Ingest logs".
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "common/component/types.hpp"
#include "common/net/http_client.hpp"
#include "plugins/output/loki/push_encoder.hpp"

namespace seyir::component {

OutputType loki_output_type();

}  // namespace seyir::component

namespace seyir::plugins::loki {

class LokiOutput final : public pipeline::Output {
  public:
    LokiOutput(LokiOutputSetup setup, io::Clock& clock, metrics::Registry& registry);
    ~LokiOutput() override;

    Result<void> start() override;
    void deliver(BatchView view, pipeline::DeliverDone done) override;
    /// A request under way is waited for, at most LokiOutputSetup::timeout.
    void stop(SteadyTime deadline) override;
    pipeline::ComponentHealth health() const override;

  private:
    struct Delivery {
        BatchView view;
        pipeline::DeliverDone done;
    };

    /// What became of a push.
    struct Answer {
        enum class Kind : uint8_t { kStored, kTooLarge, kRefused, kLater };

        Kind kind = Kind::kLater;
        std::string message;
        Nanos wait{0};                         ///< what the server asks for
        std::optional<uint32_t> refused_rows;  ///< of kRefused, where the server says how many
    };

    void run();
    std::vector<Delivery> take_group();
    void send(std::vector<Delivery> group);
    DeliveryReport send_alone(const BatchView& view);
    DeliveryReport rejected(const Answer& answer, uint32_t rows);
    Answer push(std::span<const BatchView> views);
    Answer attempt(const std::string& body);
    Answer read_answer(const net::HttpAnswer& answer);
    bool pause(Nanos wait);
    void note(const Answer& answer);

    const LokiOutputSetup setup_;
    PushEncoder encoder_;
    io::Clock& clock_;
    metrics::Counter& pushes_;
    metrics::Counter& bytes_;
    metrics::Counter& failures_;
    metrics::Counter& rejected_;
    std::optional<net::HttpClient> client_;  ///< the thread's
    bool was_used_ = false;                  ///< client_ may have a kept connection

    mutable std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<Delivery> queue_;
    bool stopping_ = false;
    SteadyTime deadline_{};
    std::string failure_;
    std::thread thread_;
};

}  // namespace seyir::plugins::loki
