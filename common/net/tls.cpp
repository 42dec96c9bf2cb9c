// SPDX-License-Identifier: Apache-2.0
#include "common/net/tls.hpp"

#include <array>
#include <chrono>
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

#include <sys/stat.h>

#include <boost/asio/ssl/context.hpp>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "common/base/log.hpp"
#include "common/io/clock.hpp"
#include "common/net/system_trust.hpp"

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

Result<void> check_readable(const std::string& path) {
    struct stat info{};
    if (stat(path.c_str(), &info) != 0) {
        auto error = errno_error(errno, "TLS file " + path);
        error.code = ErrorCode::kInvalidConfig;
        return error;
    }
    return {};
}

/// What tells a changed file from the one before, also when only its link was turned.
std::string stamp_of(const std::vector<std::string>& paths) {
    std::string stamp;
    for (const std::string& path : paths) {
        struct stat info{};
        if (path.empty() || stat(path.c_str(), &info) != 0) {
            stamp += "- ";
            continue;
        }
        stamp += fmt::format(
            "{}/{}/{}/{}.{}/{}.{} ",
            info.st_dev,
            info.st_ino,
            info.st_size,
            info.st_mtim.tv_sec,
            info.st_mtim.tv_nsec,
            info.st_ctim.tv_sec,
            info.st_ctim.tv_nsec
        );
    }
    return stamp;
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
    SEYIR_CHECK(check_readable(cert));
    SEYIR_CHECK(check_readable(key));
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
        SEYIR_CHECK(check_readable(files.client_ca));
        if (SSL_CTX_load_verify_locations(native, files.client_ca.c_str(), nullptr) != 1) {
            return tls_error(files.client_ca, "reading the client CA");
        }
        SSL_CTX_set_client_CA_list(native, SSL_load_client_CA_file(files.client_ca.c_str()));
        SSL_CTX_set_verify(native, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    }
    return context;
}

Result<std::shared_ptr<ssl::context>> client_context(const TlsClientFiles& files) {
    SEYIR_TRY(auto context, base_context(ssl::context::tls_client));
    SSL_CTX* native = context->native_handle();
    SSL_CTX_set_verify(native, SSL_VERIFY_PEER, nullptr);
    if (files.ca.empty()) {
        trust_system(native);
    } else {
        SEYIR_CHECK(check_readable(files.ca));
        if (SSL_CTX_load_verify_locations(native, files.ca.c_str(), nullptr) != 1) {
            return tls_error(files.ca, "reading the CA");
        }
        // What the file holds is trusted, also a leaf or an intermediate authority: a pin.
        X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(native), X509_V_FLAG_PARTIAL_CHAIN);
    }
    if (!files.cert.empty()) {
        SEYIR_CHECK(use_identity(*context, files.cert, files.key));
    }
    return context;
}

/// A context made of files, and made anew for the next connection when they have changed.
class ReloadedContext {
  public:
    using Make = std::function<Result<std::shared_ptr<ssl::context>>()>;

    ReloadedContext(std::vector<std::string> paths, Make make, io::Clock& clock)
        : paths_(std::move(paths)), make_(std::move(make)), clock_(clock) {}

    Result<void> load() {
        stamp_ = stamp_of(paths_);
        looked_at_ = clock_.steady_now();
        SEYIR_TRY(context_, make_());
        return {};
    }

    std::shared_ptr<ssl::context> current() {
        const std::lock_guard lock(mutex_);
        const SteadyTime now = clock_.steady_now();
        if (now - looked_at_ < std::chrono::seconds(1)) {
            return context_;
        }
        looked_at_ = now;
        std::string stamp = stamp_of(paths_);
        if (stamp == stamp_) {
            return context_;
        }
        // Files that change while they are read have another stamp the next time.
        if (auto made = make_()) {
            context_ = *std::move(made);
            stamp_ = std::move(stamp);
            counts_.problem.clear();
            ++counts_.loaded;
            log::info("tls", "changed TLS files were loaded", {{"files", names()}});
        } else if (made.error().message != counts_.problem || stamp != failed_stamp_) {
            failed_stamp_ = std::move(stamp);
            counts_.problem = made.error().message;
            ++counts_.failed;
            log::error(
                "tls",
                "changed TLS files do not load; what was loaded before stays in use",
                {{"error", counts_.problem}}
            );
        }
        return context_;
    }

    TlsReloads reloads() const {
        const std::lock_guard lock(mutex_);
        return counts_;
    }

  private:
    std::string names() const {
        std::string text;
        for (const std::string& path : paths_) {
            text += path.empty() ? "" : (text.empty() ? "" : ", ") + path;
        }
        return text;
    }

    const std::vector<std::string> paths_;
    const Make make_;
    io::Clock& clock_;
    mutable std::mutex mutex_;
    std::shared_ptr<ssl::context> context_;
    std::string stamp_;
    std::string failed_stamp_;
    TlsReloads counts_;
    SteadyTime looked_at_;
};

}  // namespace

struct TlsServerContext::State {
    ReloadedContext context;
};

TlsServerContext::TlsServerContext(std::unique_ptr<State> state) : state_(std::move(state)) {}

TlsServerContext::~TlsServerContext() = default;

Result<std::shared_ptr<TlsServerContext>> TlsServerContext::load(
    TlsServerFiles files, io::Clock& clock
) {
    auto state = std::unique_ptr<State>(new State{{
        {files.cert, files.key, files.client_ca},
        [files] { return server_context(files); },
        clock,
    }});
    SEYIR_CHECK(state->context.load());
    return std::shared_ptr<TlsServerContext>(new TlsServerContext(std::move(state)));
}

std::shared_ptr<ssl::context> TlsServerContext::current() {
    return state_->context.current();
}

TlsReloads TlsServerContext::reloads() const {
    return state_->context.reloads();
}

struct TlsClientContext::State {
    ReloadedContext context;
    std::string server_name;
};

TlsClientContext::TlsClientContext(std::unique_ptr<State> state) : state_(std::move(state)) {}

TlsClientContext::~TlsClientContext() = default;

Result<std::shared_ptr<TlsClientContext>> TlsClientContext::load(
    TlsClientFiles files, io::Clock& clock
) {
    auto state = std::unique_ptr<State>(new State{
        {{files.ca, files.cert, files.key}, [files] { return client_context(files); }, clock},
        files.server_name,
    });
    SEYIR_CHECK(state->context.load());
    return std::shared_ptr<TlsClientContext>(new TlsClientContext(std::move(state)));
}

std::shared_ptr<ssl::context> TlsClientContext::current() {
    return state_->context.current();
}

const std::string& TlsClientContext::server_name() const {
    return state_->server_name;
}

TlsReloads TlsClientContext::reloads() const {
    return state_->context.reloads();
}

}  // namespace seyir::net
