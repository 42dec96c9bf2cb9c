// SPDX-License-Identifier: Apache-2.0
// The authorities of the system we run on. Where they are is compiled into OpenSSL, and the one
// that is linked into the self-contained agent says Debian's places, whatever the distribution.
#pragma once

#include <array>
#include <string>

#include <openssl/types.h>

namespace seyir::net {

/// Bundles in the order they are tried: Debian and Arch; Fedora and RHEL; openSUSE; Alpine and the
/// BSDs. The places that Go's crypto/x509 (root_linux.go) looks at, too.
inline constexpr std::array kSystemBundles = {
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
};

/// The first bundle below `root` that exists (without `root`: of this system), or "".
std::string system_bundle(const std::string& root = "");

/// Makes `context` trust the system's authorities: SSL_CERT_FILE and SSL_CERT_DIR where they are
/// set, else OpenSSL's own places where there are any, else the first of `kSystemBundles`. Logs a
/// warning that names them all when there is none: then no certificate verifies without `ca`.
void trust_system(SSL_CTX* context);

}  // namespace seyir::net
