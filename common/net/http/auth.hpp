// SPDX-License-Identifier: Apache-2.0
// Authenticator: who may do what, by token. Only SHA-256 hashes are kept, compared in constant
// time. Threads: immutable after build; share it, replace it as a whole. Spec: RFC 6750 (Bearer),
// RFC 7617 (Basic: the password is the token, the user name is free).
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.hpp"
#include "common/base/time.hpp"
#include "common/net/http.hpp"

namespace seyir::net {

struct TokenRule {
    std::string name;           ///< for logs and metrics; never the secret
    std::string sha256_hex;     ///< of the secret, 64 hex digits; see sha256_hex()
    std::vector<Scope> scopes;  ///< kAdmin allows everything
    uint32_t tenant = 0;
    bool may_choose_tenant = false;  ///< X-Scope-OrgID: <number> counts
    UnixNanos expires = UnixNanos::max();
};

std::string sha256_hex(std::string_view secret);

struct Granted {
    std::string token_name;
    uint32_t tenant = 0;
};

struct Denied {
    int status = 401;
    Error error;
};

class Authenticator {
  public:
    /// No rules: everything but kAdmin is allowed (loopback without tokens).
    Authenticator() = default;

    /// For a listener only its owner can reach (the admin socket): everything is allowed.
    static Authenticator for_owner() {
        Authenticator everything;
        everything.has_owner_only_ = true;
        return everything;
    }

    /// kInvalidConfig on a hash that is none, or two tokens with one name or one secret.
    static Result<Authenticator> build(std::vector<TokenRule> rules);

    bool is_open() const { return rules_.empty(); }

    /// Where the admin socket of the program is, for what a refusal says.
    void set_admin_path(std::string path) { admin_path_ = std::move(path); }

    std::expected<Granted, Denied> check(const HttpRequest& request, Scope needed, UnixNanos now)
        const;
    /// The same for protocols that carry the bare secret.
    std::expected<Granted, Denied> check_token(std::string_view secret, Scope needed, UnixNanos now)
        const;

  private:
    std::expected<const TokenRule*, Denied> find(
        std::string_view secret, Scope needed, UnixNanos now
    ) const;

    using Digest = std::array<unsigned char, 32>;

    struct Rule {
        TokenRule rule;
        Digest digest{};
    };

    std::vector<Rule> rules_;
    bool has_owner_only_ = false;
    std::string admin_path_;
};

}  // namespace seyir::net
