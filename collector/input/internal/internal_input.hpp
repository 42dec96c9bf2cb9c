// SPDX-License-Identifier: Apache-2.0
// InternalLogsInput: the collector's own events as records, so that a route brings them to the
// store, a mailbox or a channel. Room: InternalEvent -> RecordBatch, one record each, one at a
// time. Threads: one of its own. Limits: kWaitingMax events wait; beyond, the oldest is dropped,
// counted. An event is sent again until an output has it; one that waits when the program ends is
// lost (the audit file has it).
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "collector/services/internal_events.hpp"
#include "common/component/types.hpp"

namespace seyir::collector::input {

class InternalLogsInput final : public pipeline::Input {
  public:
    static constexpr size_t kWaitingMax = 1000;
    static constexpr Nanos kSendAgain = std::chrono::seconds(1);

    InternalLogsInput(
        std::string id, StreamLabelsPtr labels, InternalEvents& events, metrics::Registry& registry
    );
    ~InternalLogsInput() override;

    Result<void> start(pipeline::Submit submit) override;
    void stop() override;
    pipeline::ComponentHealth health() const override;

  private:
    /// Shared with ack tokens, which may outlive the input.
    struct Answers {
        std::mutex mutex;
        std::condition_variable changed;
        std::deque<InternalEvent> waiting;
        std::optional<Outcome> answer;  ///< to the first of `waiting`
        bool stopping = false;
    };

    void run();
    RecordBatchPtr batch_of(const InternalEvent& event);

    const std::string id_;
    const StreamLabelsPtr labels_;
    InternalEvents& events_;
    metrics::Counter& dropped_;
    std::shared_ptr<Answers> answers_ = std::make_shared<Answers>();
    pipeline::Submit submit_;
    std::shared_ptr<void> listening_;
    std::thread thread_;
};

component::InputType internal_logs_input_type();

}  // namespace seyir::collector::input
