// SPDX-License-Identifier: Apache-2.0
// What a Stream is inside; for stream.cpp, connect.cpp and listener.cpp only.
// Threads: its executor.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>

#include "common/net/stream.hpp"

namespace seyir::net {

struct Stream::Impl : std::enable_shared_from_this<Stream::Impl> {
    using Socket = boost::asio::generic::stream_protocol::socket;

    struct Deadline {
        explicit Deadline(const async::Executor& executor) : timer(executor) {}

        boost::asio::steady_timer timer;
        SteadyTime when = SteadyTime::max();
        bool is_armed = false;
        bool has_passed = false;
    };

    Impl(async::Executor e, Socket s, std::string p)
        : executor(std::move(e)),
          socket(std::move(s)),
          read_deadline(executor),
          write_deadline(executor),
          peer(std::move(p)) {}

    /// The socket moves into the TLS stream; `keep` keeps the context alive with it.
    void use_tls(std::shared_ptr<void> keep, boost::asio::ssl::context& context) {
        tls_context = std::move(keep);
        tls.emplace(std::move(*socket), context);
        socket.reset();
    }

    Socket& lowest() { return tls ? tls->next_layer() : *socket; }

    void arm(Deadline& deadline, SteadyTime when);
    void close();
    Error told_to_stop(const char* doing) const;
    Error failure(
        const boost::system::error_code& code, const Deadline& deadline, const char* doing
    );

    async::Executor executor;
    std::shared_ptr<void> tls_context;  // outlives `tls`
    std::optional<Socket> socket;       // plain; empty once TLS has taken it
    std::optional<boost::asio::ssl::stream<Socket>> tls;
    Deadline read_deadline;
    Deadline write_deadline;
    std::string peer;
    bool is_shaken = false;
    bool closed = false;
};

/// Asio cancels only what is under way: an operation begun later must look for itself.
inline bool was_cancelled(const boost::asio::cancellation_state& state) {
    return state.cancelled() != boost::asio::cancellation_type::none;
}

/// What an error code of Asio means to us; `doing` names the peer.
Error stream_error(const boost::system::error_code& code, const std::string& doing);

}  // namespace seyir::net
