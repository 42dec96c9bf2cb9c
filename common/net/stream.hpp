// SPDX-License-Identifier: Apache-2.0
// Stream: one connection, whatever carries it: TCP, a unix socket, or TLS over TCP. Listener and
// connect() make them.
// Threads: a stream belongs to the executor it was made with; one read and one write may be under
// way at the same time. close() may be called there only; destroying an idle stream is fine
// anywhere. Errors: kTimeout (its deadline passed: the stream is then closed), kCancelled, kClosed
// (the peer reset it, or it is closed here), kRefused and kNotFound from connect(), kUnauthorized
// when TLS verification fails; every message names the peer.   Spec: RFC 9293, RFC 8446.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "common/async/awaitable.hpp"
#include "common/base/result.hpp"
#include "common/base/time.hpp"
#include "common/net/endpoint.hpp"
#include "common/net/tls.hpp"

namespace seyir::net {

class Stream {
  public:
    Stream();
    ~Stream();
    Stream(Stream&&) noexcept;
    Stream& operator=(Stream&&) noexcept;

    /// Server side of TLS; nothing to do on a plain stream. connect() has done it already. Call it
    /// in the connection's own task, with a read deadline set: the peer decides how long it takes.
    async::Awaitable<Result<void>> handshake();

    /// At least one byte into `into`; 0 = the peer has ended its side.
    async::Awaitable<Result<size_t>> read_some(std::span<char> into);
    /// All of it. The bytes must stay valid until it returns.
    async::Awaitable<Result<void>> write(std::string_view bytes);
    /// All of both, in order, without copying them together (one writev on plain streams).
    async::Awaitable<Result<void>> write(std::string_view first, std::string_view second);

    /// Apply to what is under way and what comes; SteadyTime::max() = none (the default). A
    /// deadline that passes closes the stream.
    void set_read_deadline(SteadyTime deadline);
    void set_write_deadline(SteadyTime deadline);

    /// Ends our side only (FIN): the peer sees the end and can still be read from. Not under TLS.
    void finish_writing();
    /// Says goodbye (TLS close_notify, FIN) and closes; takes at most until the write deadline.
    async::Awaitable<void> shutdown();
    /// At once; what is under way ends with kClosed.
    void close();
    bool is_open() const;

    /// "127.0.0.1:5012" or "unix".
    const std::string& peer() const;
    bool is_tls() const;
    /// Common name of the certificate the peer proved to own; "" without one.
    std::string peer_certificate_name() const;
    async::Executor executor() const;

    struct Impl;
    explicit Stream(std::shared_ptr<Impl> impl);

  private:
    std::shared_ptr<Impl> impl_;
};

struct ConnectOptions {
    SteadyTime deadline = SteadyTime::max();  ///< for name, connect and TLS handshake together
    std::shared_ptr<TlsClientContext> tls;    ///< none = plain
};

/// Tries each address of the name. The stream belongs to the calling coroutine's executor.
async::Awaitable<Result<Stream>> connect(Endpoint endpoint, ConnectOptions options);

struct ListenOptions {
    std::shared_ptr<TlsServerContext> tls;  ///< none = plain
    int backlog = 1024;
    unsigned unix_mode = 0600;
};

/// Threads: accept() and close() on the executor given to listen().
class Listener {
  public:
    Listener();
    ~Listener();
    Listener(Listener&&) noexcept;
    Listener& operator=(Listener&&) noexcept;

    /// The next connection, its stream belonging to `executor`. kBackpressure when the process is
    /// out of descriptors (wait a moment and call again); kClosed, kCancelled = stop.
    async::Awaitable<Result<Stream>> accept(async::Executor executor);
    void close();
    /// With the port the system chose.
    const Endpoint& local() const;

    struct Impl;
    explicit Listener(std::shared_ptr<Impl> impl);

  private:
    std::shared_ptr<Impl> impl_;
};

/// Binds and listens at once. A unix socket nobody listens on any more is replaced; one that is
/// alive is kConflict, as is a TCP port in use.
Result<Listener> listen(
    async::Executor executor, const Endpoint& endpoint, ListenOptions options = {}
);

}  // namespace seyir::net
