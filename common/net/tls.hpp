// SPDX-License-Identifier: Apache-2.0
// TLS contexts from files: TLS 1.2 and later, forward-secret AEAD ciphers, verification on. A
// server's certificate that changes on disk is used by the next connection.
// Threads: thread-safe.   Errors: kInvalidConfig naming the file and what OpenSSL says.
// Spec: RFC 8446, RFC 9325 (recommended use of TLS).
#pragma once

#include <memory>
#include <string>

#include "common/base/result.hpp"
#include "common/io/clock.hpp"

namespace boost::asio::ssl {
class context;
}

namespace seyir::net {

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

    /// For the next connection. Looks at the files' times at most once a second; a changed pair
    /// that does not load is logged and the old one stays.
    std::shared_ptr<boost::asio::ssl::context> current();

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
    static Result<std::shared_ptr<TlsClientContext>> load(TlsClientFiles files);
    ~TlsClientContext();

    boost::asio::ssl::context& context();
    const std::string& server_name() const;

  private:
    struct State;
    explicit TlsClientContext(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace seyir::net
