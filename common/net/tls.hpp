// SPDX-License-Identifier: Apache-2.0
// TLS contexts from files: TLS 1.2 and later, forward-secret AEAD ciphers, verification on.
// Files that change on disk are used by the next connection; those that do not load are counted and
// logged, and what was loaded before stays in use. The system's own authorities are read once.
// Threads: thread-safe.   Errors: kInvalidConfig naming the file and what OpenSSL says.
// Spec: RFC 8446, RFC 9325 (recommended use of TLS).
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "common/base/result.hpp"
#include "common/io/clock.hpp"

namespace boost::asio::ssl {
class context;
}

namespace seyir::net {

/// What became of files that changed.
struct TlsReloads {
    uint64_t loaded = 0;
    uint64_t failed = 0;
    std::string problem;  ///< with the files there are now; "" = they are in use
};

struct TlsServerFiles {
    std::string cert;       ///< PEM, leaf first, then the chain
    std::string key;        ///< PEM
    std::string client_ca;  ///< PEM; set = clients must show a certificate it signed
};

class TlsServerContext {
  public:
    static Result<std::shared_ptr<TlsServerContext>> load(
        TlsServerFiles files, io::Clock& clock = io::system_clock()
    );
    ~TlsServerContext();

    /// For the next connection. Looks at the files at most once a second.
    std::shared_ptr<boost::asio::ssl::context> current();

    TlsReloads reloads() const;

  private:
    struct State;
    explicit TlsServerContext(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

struct TlsClientFiles {
    std::string ca;    ///< PEM; "" = the system's
    std::string cert;  ///< PEM for mutual TLS; "" = none
    std::string key;
    std::string server_name;  ///< what the certificate must name; "" = the endpoint's host
};

class TlsClientContext {
  public:
    static Result<std::shared_ptr<TlsClientContext>> load(
        TlsClientFiles files, io::Clock& clock = io::system_clock()
    );
    ~TlsClientContext();

    /// As of the server's.
    std::shared_ptr<boost::asio::ssl::context> current();
    TlsReloads reloads() const;
    const std::string& server_name() const;

  private:
    struct State;
    explicit TlsClientContext(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace seyir::net
