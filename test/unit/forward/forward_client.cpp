// SPDX-License-Identifier: Apache-2.0
#include "test/unit/forward/forward_client.hpp"

#include <cstdlib>

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <doctest/doctest.h>

namespace seyir::test {

using codec::MsgpackWriter;

namespace {

void append_entry(std::string& out, std::string_view line) {
    MsgpackWriter to(out);
    to.array(2);
    to.integer(1'767'225'600);
    to.map(1);
    to.str("log");
    to.str(line);
}

void append_options(std::string& out, std::string_view compressed, std::string_view chunk) {
    MsgpackWriter to(out);
    to.map((compressed.empty() ? 0 : 1) + (chunk.empty() ? 0 : 1));
    if (!compressed.empty()) {
        to.str("compressed");
        to.str(compressed);
    }
    if (!chunk.empty()) {
        to.str("chunk");
        to.str(chunk);
    }
}

}  // namespace

std::string forward_message(
    std::string_view tag, const std::vector<std::string>& lines, std::string_view chunk
) {
    std::string out;
    MsgpackWriter to(out);
    to.array(chunk.empty() ? 2 : 3);
    to.str(tag);
    to.array(static_cast<uint32_t>(lines.size()));
    for (const std::string& line : lines) {
        append_entry(out, line);
    }
    if (!chunk.empty()) {
        append_options(out, "", chunk);
    }
    return out;
}

std::string packed_entries(const std::vector<std::string>& lines) {
    std::string out;
    for (const std::string& line : lines) {
        append_entry(out, line);
    }
    return out;
}

std::string packed_message(
    std::string_view entries, std::string_view compressed, std::string_view chunk
) {
    std::string out;
    MsgpackWriter to(out);
    to.array(3);
    to.str("app");
    to.bin(entries);
    append_options(out, compressed, chunk);
    return out;
}

ForwardClient::ForwardClient(const net::Endpoint& endpoint) {
    if (endpoint.is_unix()) {
        socket_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        endpoint.unix_path.copy(address.sun_path, sizeof(address.sun_path) - 1);
        REQUIRE(::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
        return;
    }
    socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(endpoint.port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
}

ForwardClient::~ForwardClient() {
    ::close(socket_);
}

bool ForwardClient::send(std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0) {
            return false;
        }
        bytes.remove_prefix(static_cast<size_t>(sent));
    }
    return true;
}

void ForwardClient::finish_sending() {
    ::shutdown(socket_, SHUT_WR);
}

void ForwardClient::set_send_timeout(std::chrono::seconds timeout) {
    const timeval wait{.tv_sec = timeout.count(), .tv_usec = 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
}

std::optional<std::string> ForwardClient::receive() {
    while (true) {
        codec::MsgpackScanner scanner(1 << 20);
        if (!buffer_.empty() && scanner.scan(buffer_) == codec::MsgpackScanner::State::kWhole) {
            const size_t size = scanner.needed_bytes();
            std::string value = buffer_.substr(0, size);
            buffer_.erase(0, size);
            return value;
        }
        pollfd readable{socket_, POLLIN, 0};
        REQUIRE(::poll(&readable, 1, 20'000) == 1);
        char room[4096];
        const ssize_t bytes = ::recv(socket_, room, sizeof(room), 0);
        if (bytes <= 0) {
            return std::nullopt;
        }
        buffer_.append(room, static_cast<size_t>(bytes));
    }
}

std::optional<std::string> ForwardClient::receive_ack() {
    const auto value = receive();
    if (!value) {
        return std::nullopt;
    }
    codec::MsgpackReader reader(*value);
    codec::MsgpackItem item;
    REQUIRE(reader.next(item));
    REQUIRE(item.type == codec::MsgpackType::kMap);
    REQUIRE(item.count == 1);
    REQUIRE(reader.next(item));
    REQUIRE(item.bytes == "ack");
    REQUIRE(reader.next(item));
    return std::string(item.bytes);
}

void Engine::submit(const RecordBatchPtr& batch) {
    AckToken token = batch->take_ack();
    const auto rows = static_cast<uint32_t>(batch->row_count());
    Answer answer = Answer::kKeep;
    {
        const std::lock_guard lock(mutex_);
        batches_.push_back(batch);
        answer = answer_;
        if (answer == Answer::kKeep) {
            kept_.emplace_back(std::move(token), rows);
            return;
        }
    }
    if (answer == Answer::kRetry) {
        token.resolve(DeliveryReport::retry("the test says so"));
    } else if (answer == Answer::kDropped) {
        token.resolve({.outcome = Outcome::kDropped, .dropped = rows, .reason = "test"});
    } else {
        token.resolve(DeliveryReport::delivered(rows));
    }
}

void Engine::answer_with(Answer answer) {
    const std::lock_guard lock(mutex_);
    answer_ = answer;
}

void Engine::answer_kept(Outcome outcome) {
    std::vector<std::pair<AckToken, uint32_t>> kept;
    {
        const std::lock_guard lock(mutex_);
        kept.swap(kept_);
    }
    for (auto& [token, rows] : kept) {
        token.resolve({.outcome = outcome, .accepted = rows});
    }
}

std::vector<std::string> Engine::bodies() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> all;
    for (const RecordBatchPtr& batch : batches_) {
        for (size_t i = 0; i < batch->row_count(); ++i) {
            all.emplace_back(batch->body(i));
        }
    }
    return all;
}

std::vector<RecordBatchPtr> Engine::batches() const {
    const std::lock_guard lock(mutex_);
    return batches_;
}

size_t Engine::rows() const {
    const std::lock_guard lock(mutex_);
    size_t rows = 0;
    for (const RecordBatchPtr& batch : batches_) {
        rows += batch->row_count();
    }
    return rows;
}

size_t Engine::kept() const {
    const std::lock_guard lock(mutex_);
    return kept_.size();
}

plugins::forward::ForwardSetup setup_for_tests() {
    plugins::forward::ForwardSetup setup;
    setup.listen = {{.host = "127.0.0.1", .port = 0, .unix_path = ""}};
    setup.rows.labels = *StreamLabels::make({{"input", "forward"}});
    setup.retry_after = std::chrono::milliseconds(10);
    return setup;
}

ForwardServerFixture::ForwardServerFixture(plugins::forward::ForwardSetup setup)
    : input(std::move(setup), io::system_clock(), registry) {
    const auto started = input.start([this](const RecordBatchPtr& batch) { engine.submit(batch); });
    REQUIRE(started);
}

ForwardServerFixture::~ForwardServerFixture() {
    input.stop();
    engine.answer_kept(Outcome::kDelivered);
}

double ForwardServerFixture::metric(std::string_view name, std::string_view label) {
    const std::string text = registry.text();
    const std::string begin = "seyir_forward_input_" + std::string(name) + "{";
    for (size_t at = text.find(begin); at != std::string::npos; at = text.find(begin, at + 1)) {
        const std::string line = text.substr(at, text.find('\n', at) - at);
        if (line.find(label) != std::string::npos) {
            return std::strtod(line.substr(line.rfind(' ')).c_str(), nullptr);
        }
    }
    return 0;
}

}  // namespace seyir::test
