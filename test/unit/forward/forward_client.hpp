// SPDX-License-Identifier: Apache-2.0
// A client of the forward input made of a plain socket, and the engine's place behind the input.
#pragma once

#include <chrono>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/codec/msgpack.hpp"
#include "common/metrics/registry.hpp"
#include "common/record/batch.hpp"
#include "plugins/input/forward/forward_input.hpp"

namespace seyir::test {

/// `["tag", [[1, {"log": LINE}], ...], {"chunk": CHUNK}]`, without the option for chunk "".
std::string forward_message(
    std::string_view tag, const std::vector<std::string>& lines, std::string_view chunk = ""
);
/// The entries of PackedForward.
std::string packed_entries(const std::vector<std::string>& lines);
std::string packed_message(
    std::string_view entries, std::string_view compressed = "", std::string_view chunk = ""
);

class ForwardClient {
  public:
    explicit ForwardClient(const net::Endpoint& endpoint);
    ~ForwardClient();
    ForwardClient(const ForwardClient&) = delete;
    ForwardClient& operator=(const ForwardClient&) = delete;

    /// False when the server has closed the connection.
    bool send(std::string_view bytes);
    void finish_sending();
    /// send() gives up when the server reads nothing for so long.
    void set_send_timeout(std::chrono::seconds timeout);
    /// The next MessagePack value's bytes; nothing when the server has closed the connection.
    std::optional<std::string> receive();
    /// The chunk of the next `{"ack": chunk}`; nothing when the server has closed the connection.
    std::optional<std::string> receive_ack();

    bool is_closed() { return !receive(); }

  private:
    int socket_;
    std::string buffer_;
};

/// Takes batches as the engine does; answers each as told, or keeps its token.
class Engine {
  public:
    enum class Answer { kDelivered, kRetry, kDropped, kKeep };

    void submit(const RecordBatchPtr& batch);

    void answer_with(Answer answer);
    /// Resolves the tokens kept so far.
    void answer_kept(Outcome outcome);

    std::vector<std::string> bodies() const;
    std::vector<RecordBatchPtr> batches() const;
    size_t rows() const;
    size_t kept() const;

  private:
    mutable std::mutex mutex_;
    Answer answer_ = Answer::kDelivered;
    std::vector<RecordBatchPtr> batches_;
    std::vector<std::pair<AckToken, uint32_t>> kept_;
};

plugins::forward::ForwardSetup setup_for_tests();

/// A running input before an Engine.
struct ForwardServerFixture {
    explicit ForwardServerFixture(plugins::forward::ForwardSetup setup = setup_for_tests());
    ~ForwardServerFixture();

    /// Value of seyir_forward_input_NAME; `label` such as `reason="slow"`.
    double metric(std::string_view name, std::string_view label = "");

    Engine engine;
    metrics::Registry registry;
    plugins::forward::ForwardInput input;
};

}  // namespace seyir::test
