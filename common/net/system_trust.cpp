// SPDX-License-Identifier: Apache-2.0
#include "common/net/system_trust.hpp"

#include <cstdlib>

#include <unistd.h>

#include <fmt/ranges.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "common/base/log.hpp"

namespace seyir::net {
namespace {

bool is_readable(const std::string& path) {
    return ::access(path.c_str(), R_OK) == 0;
}

}  // namespace

std::string system_bundle(const std::string& root) {
    for (const char* bundle : kSystemBundles) {
        if (is_readable(root + bundle)) {
            return bundle;
        }
    }
    return {};
}

void trust_system(SSL_CTX* context) {
    SSL_CTX_set_default_verify_paths(context);
    const bool is_told = std::getenv(X509_get_default_cert_file_env()) != nullptr ||
                         std::getenv(X509_get_default_cert_dir_env()) != nullptr;
    if (is_told || is_readable(X509_get_default_cert_file()) ||
        is_readable(X509_get_default_cert_dir())) {
        return;
    }
    const std::string bundle = system_bundle();
    if (!bundle.empty() && SSL_CTX_load_verify_locations(context, bundle.c_str(), nullptr) == 1) {
        return;
    }
    ERR_clear_error();
    log::warn(
        "tls",
        "no certificate authorities of this system were found: no peer can be verified; install "
        "ca-certificates, or name a file with tls.ca",
        {{"tried",
          fmt::format(
              "{}, {}, {}",
              X509_get_default_cert_file(),
              X509_get_default_cert_dir(),
              fmt::join(kSystemBundles, ", ")
          )}}
    );
}

}  // namespace seyir::net
