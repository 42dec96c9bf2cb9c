// SPDX-License-Identifier: Apache-2.0
#include "common/net/certificate_pin.hpp"

#include <cerrno>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include <netdb.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

namespace seyir::net {
namespace {

constexpr std::string_view kPrefix = "sha256:";

using BioPtr = std::unique_ptr<BIO, decltype([](BIO* bio) { BIO_free_all(bio); })>;
using X509Ptr = std::unique_ptr<X509, decltype([](X509* x) { X509_free(x); })>;
using SessionPtr = std::unique_ptr<SSL, decltype([](SSL* s) { SSL_free(s); })>;
using ContextPtr = std::unique_ptr<SSL_CTX, decltype([](SSL_CTX* c) { SSL_CTX_free(c); })>;

class Socket {
  public:
    explicit Socket(int fd) : fd_(fd) {}

    Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

    ~Socket() {
        if (fd_ >= 0) {
            close(fd_);
        }
    }

    int get() const { return fd_; }

  private:
    int fd_;
};

/// The first of the host's addresses that answers; each and every exchange may take `timeout`.
Result<Socket> connect_any(const Endpoint& server, std::chrono::seconds timeout) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    const std::string port = std::to_string(server.port);
    if (const int code = getaddrinfo(server.host.c_str(), port.c_str(), &hints, &found);
        code != 0) {
        return fail(ErrorCode::kNotFound, fmt::format("{}: {}", server.host, gai_strerror(code)));
    }
    const std::unique_ptr<addrinfo, decltype([](addrinfo* a) { freeaddrinfo(a); })> all(found);
    int problem = ECONNREFUSED;
    for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
        Socket socket(::socket(one->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
        const timeval limit{.tv_sec = timeout.count(), .tv_usec = 0};  // of connect(), too
        setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
        setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        if (connect(socket.get(), one->ai_addr, one->ai_addrlen) == 0) {
            return socket;
        }
        problem = errno;
    }
    return fail(ErrorCode::kIo, fmt::format("{}: {}", server.text(), std::strerror(problem)));
}

std::string pin_of(const X509* certificate) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    X509_digest(certificate, EVP_sha256(), digest, &size);
    std::string out(kPrefix);
    for (unsigned i = 0; i < size; ++i) {
        out += fmt::format("{:02x}", digest[i]);
    }
    return out;
}

std::string to_pem(X509* certificate) {
    const BioPtr memory(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(memory.get(), certificate);
    char* bytes = nullptr;
    const long size = BIO_get_mem_data(memory.get(), &bytes);
    return {bytes, static_cast<size_t>(size)};
}

std::string last_error() {
    char text[256] = "no answer in time";
    if (const unsigned long code = ERR_get_error(); code != 0) {
        ERR_error_string_n(code, text, sizeof text);
    }
    ERR_clear_error();
    return text;
}

}  // namespace

Result<std::string> certificate_pin(const std::string& pem_file) {
    const BioPtr file(BIO_new_file(pem_file.c_str(), "r"));
    X509Ptr last;
    while (file != nullptr) {
        X509Ptr next(PEM_read_bio_X509(file.get(), nullptr, nullptr, nullptr));
        if (next == nullptr) {
            break;
        }
        last = std::move(next);
    }
    if (last == nullptr) {
        return fail(
            ErrorCode::kInvalidConfig,
            fmt::format("{} holds no certificate: {}", pem_file, last_error())
        );
    }
    ERR_clear_error();  // the end of the file is one
    return pin_of(last.get());
}

Result<std::string> fetch_pinned(
    const Endpoint& server, std::string_view pin, std::chrono::seconds timeout
) {
    SEYIR_TRY(const Socket socket, connect_any(server, timeout));
    const ContextPtr context(SSL_CTX_new(TLS_client_method()));
    SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_NONE, nullptr);  // the pin decides, below
    const SessionPtr session(SSL_new(context.get()));
    SSL_set_tlsext_host_name(session.get(), server.host.c_str());
    SSL_set_fd(session.get(), socket.get());
    const std::string address = server.text();
    if (SSL_connect(session.get()) != 1) {
        return fail(ErrorCode::kIo, fmt::format("no TLS with {}: {}", address, last_error()));
    }
    const STACK_OF(X509)* const shown = SSL_get_peer_cert_chain(session.get());
    for (int i = 0; shown != nullptr && i < sk_X509_num(shown); ++i) {
        X509* const certificate = sk_X509_value(shown, i);
        if (pin_of(certificate) == pin) {
            return to_pem(certificate);
        }
    }
    return fail(
        ErrorCode::kUnauthorized,
        fmt::format(
            "{} shows no certificate with the pin {}: it is another server, or its certificate was "
            "replaced since the token was made",
            address,
            pin
        )
    );
}

}  // namespace seyir::net
