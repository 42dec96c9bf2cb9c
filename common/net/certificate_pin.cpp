// SPDX-License-Identifier: Apache-2.0
#include "common/net/certificate_pin.hpp"

#include <memory>

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
using ContextPtr = std::unique_ptr<SSL_CTX, decltype([](SSL_CTX* c) { SSL_CTX_free(c); })>;

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
    const ContextPtr context(SSL_CTX_new(TLS_client_method()));
    SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_NONE, nullptr);  // the pin decides, below
    const BioPtr connection(BIO_new_ssl_connect(context.get()));
    const std::string address = server.text();
    BIO_set_conn_hostname(connection.get(), address.c_str());
    SSL* session = nullptr;
    BIO_get_ssl(connection.get(), &session);
    SSL_set_tlsext_host_name(session, server.host.c_str());
    if (BIO_do_connect_retry(connection.get(), static_cast<int>(timeout.count()), 0) != 1) {
        return fail(
            ErrorCode::kIo, fmt::format("no TLS connection to {}: {}", address, last_error())
        );
    }
    const STACK_OF(X509)* const shown = SSL_get_peer_cert_chain(session);
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
