// SPDX-License-Identifier: Apache-2.0
#include "common/net/tls.hpp"

#include <array>
#include <chrono>
#include <mutex>

#include <sys/stat.h>

#include <boost/asio/ssl/context.hpp>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "common/base/log.hpp"
#include "common/io/clock.hpp"

namespace seyir::net {

namespace ssl = boost::asio::ssl;

namespace {

// RFC 9325, 4.2: ephemeral keys and AEAD only. TLS 1.3's own suites are all of that kind.
constexpr const char* kCiphers =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

Error tls_error(const std::string& file, const std::string& doing) {
    std::array<char, 256> text{};
    const auto code = ERR_get_error();
    ERR_error_string_n(code, text.data(), text.size());
    ERR_clear_error();
    const char* reason = ERR_reason_error_string(code);
    return fail(
        ErrorCode::kInvalidConfig,
        doing + " " + file + ": " + (reason != nullptr ? reason : text.data())
    );
}

Result<int64_t> modified_ns(const std::string& path) {
    struct stat info{};
    if (stat(path.c_str(), &info) != 0) {
        auto error = errno_error(errno, "TLS file " + path);
        error.code = ErrorCode::kInvalidConfig;
        return error;
    }
    return info.st_mtim.tv_sec * int64_t{1'000'000'000} + info.st_mtim.tv_nsec;
}

Result<std::shared_ptr<ssl::context>> base_context(ssl::context::method method) {
    auto context = std::make_shared<ssl::context>(method);
    SSL_CTX* native = context->native_handle();
    SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
    SSL_CTX_set_options(
        native, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_COMPRESSION
    );
    SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS);
    if (SSL_CTX_set_cipher_list(native, kCiphers) != 1) {
        return tls_error("(built-in list)", "setting the TLS ciphers");
    }
    return context;
}

Result<void> use_identity(ssl::context& context, const std::string& cert, const std::string& key) {
    SEYIR_CHECK(modified_ns(cert));
    SEYIR_CHECK(modified_ns(key));
    SSL_CTX* native = context.native_handle();
    if (SSL_CTX_use_certificate_chain_file(native, cert.c_str()) != 1) {
        return tls_error(cert, "reading the certificate");
    }
    if (SSL_CTX_use_PrivateKey_file(native, key.c_str(), SSL_FILETYPE_PEM) != 1) {
        return tls_error(key, "reading the private key");
    }
    if (SSL_CTX_check_private_key(native) != 1) {
        return fail(
            ErrorCode::kInvalidConfig, "the private key " + key + " does not belong to " + cert
        );
    }
    return {};
}

Result<std::shared_ptr<ssl::context>> server_context(const TlsServerFiles& files) {
    SEYIR_TRY(auto context, base_context(ssl::context::tls_server));
    SEYIR_CHECK(use_identity(*context, files.cert, files.key));
    SSL_CTX* native = context->native_handle();
    // Sessions must not outlive a changed certificate or a withdrawn client CA.
    SSL_CTX_set_session_cache_mode(native, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(native, SSL_OP_NO_TICKET);
    if (!files.client_ca.empty()) {
        SEYIR_CHECK(modified_ns(files.client_ca));
        if (SSL_CTX_load_verify_locations(native, files.client_ca.c_str(), nullptr) != 1) {
            return tls_error(files.client_ca, "reading the client CA");
        }
        SSL_CTX_set_client_CA_list(native, SSL_load_client_CA_file(files.client_ca.c_str()));
        SSL_CTX_set_verify(native, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    }
    return context;
}

}  // namespace

struct TlsServerContext::State {
    TlsServerFiles files;
    io::Clock* clock = nullptr;
    std::mutex mutex;
    std::shared_ptr<ssl::context> context;
    std::array<int64_t, 3> times{};
    SteadyTime looked_at;

    Result<std::array<int64_t, 3>> read_times() const {
        std::array<int64_t, 3> seen{};
        SEYIR_TRY(seen[0], modified_ns(files.cert));
        SEYIR_TRY(seen[1], modified_ns(files.key));
        if (!files.client_ca.empty()) {
            SEYIR_TRY(seen[2], modified_ns(files.client_ca));
        }
        return seen;
    }
};

TlsServerContext::TlsServerContext(std::unique_ptr<State> state) : state_(std::move(state)) {}

TlsServerContext::~TlsServerContext() = default;

Result<std::shared_ptr<TlsServerContext>> TlsServerContext::load(
    TlsServerFiles files, io::Clock& clock
) {
    auto state = std::make_unique<State>();
    state->clock = &clock;
    state->files = std::move(files);
    SEYIR_TRY(state->times, state->read_times());
    SEYIR_TRY(state->context, server_context(state->files));
    state->looked_at = clock.steady_now();
    return std::shared_ptr<TlsServerContext>(new TlsServerContext(std::move(state)));
}

std::shared_ptr<ssl::context> TlsServerContext::current() {
    const std::lock_guard lock(state_->mutex);
    const auto now = state_->clock->steady_now();
    if (now - state_->looked_at < std::chrono::seconds(1)) {
        return state_->context;
    }
    state_->looked_at = now;
    auto times = state_->read_times();
    if (times && *times == state_->times) {
        return state_->context;
    }
    auto context = times ? server_context(state_->files)
                         : Result<std::shared_ptr<ssl::context>>(std::move(times).error());
    if (context) {
        state_->context = *std::move(context);
        state_->times = *times;
        log::info("tls", "the certificate was reloaded", {{"cert", state_->files.cert}});
    } else {
        log::warn(
            "tls",
            "the changed certificate does not load; the old one stays in use",
            {{"error", context.error().message}}
        );
    }
    return state_->context;
}

struct TlsClientContext::State {
    std::shared_ptr<ssl::context> context;
    std::string server_name;
};

TlsClientContext::TlsClientContext(std::unique_ptr<State> state) : state_(std::move(state)) {}

TlsClientContext::~TlsClientContext() = default;

Result<std::shared_ptr<TlsClientContext>> TlsClientContext::load(TlsClientFiles files) {
    auto state = std::make_unique<State>();
    SEYIR_TRY(state->context, base_context(ssl::context::tls_client));
    SSL_CTX* native = state->context->native_handle();
    SSL_CTX_set_verify(native, SSL_VERIFY_PEER, nullptr);
    if (files.ca.empty()) {
        SSL_CTX_set_default_verify_paths(native);
    } else {
        SEYIR_CHECK(modified_ns(files.ca));
        if (SSL_CTX_load_verify_locations(native, files.ca.c_str(), nullptr) != 1) {
            return tls_error(files.ca, "reading the CA");
        }
        // What the file holds is trusted, also a leaf or an intermediate authority: a pin.
        X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(native), X509_V_FLAG_PARTIAL_CHAIN);
    }
    if (!files.cert.empty()) {
        SEYIR_CHECK(use_identity(*state->context, files.cert, files.key));
    }
    state->server_name = std::move(files.server_name);
    return std::shared_ptr<TlsClientContext>(new TlsClientContext(std::move(state)));
}

ssl::context& TlsClientContext::context() {
    return *state_->context;
}

const std::string& TlsClientContext::server_name() const {
    return state_->server_name;
}

}  // namespace seyir::net
