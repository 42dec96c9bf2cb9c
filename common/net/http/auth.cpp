// SPDX-License-Identifier: Apache-2.0
#include "common/net/http/auth.hpp"

#include <algorithm>
#include <charconv>

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include "common/base/id128.hpp"
#include "common/net/http/encoding.hpp"

namespace seyir::net {

namespace {

std::array<unsigned char, 32> sha256(std::string_view text) {
    std::array<unsigned char, 32> digest{};
    SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
    return digest;
}

bool from_hex(std::string_view text, std::array<unsigned char, 32>& out) {
    if (text.size() != 64) {
        return false;
    }
    for (size_t half = 0; half < 2; ++half) {
        uint64_t words[2] = {0, 0};
        if (!id128_from_hex(text.substr(half * 32, 32), words[0], words[1])) {
            return false;
        }
        for (size_t i = 0; i < 16; ++i) {
            out[half * 16 + i] = static_cast<unsigned char>(words[i / 8] >> (56 - 8 * (i % 8)));
        }
    }
    return true;
}

bool starts_with_word(std::string_view text, std::string_view word) {
    return text.size() > word.size() && text[word.size()] == ' ' &&
           std::equal(word.begin(), word.end(), text.begin(), [](char a, char b) {
               return (a | 0x20) == (b | 0x20);
           });
}

/// The token a request shows; nothing when it shows none.
std::optional<std::string> shown_token(const HttpRequest& request) {
    const auto header = request.header("authorization");
    if (!header) {
        return std::nullopt;
    }
    if (starts_with_word(*header, "Bearer")) {
        return std::string(header->substr(7));
    }
    if (starts_with_word(*header, "Basic")) {
        const auto decoded = base64_decode(header->substr(6));
        const size_t colon = decoded ? decoded->find(':') : std::string::npos;
        if (colon != std::string::npos) {
            return decoded->substr(colon + 1);
        }
    }
    return std::nullopt;
}

std::string_view scope_name(Scope scope) {
    switch (scope) {
        case Scope::kIngest:
            return "ingest";
        case Scope::kRead:
            return "read";
        case Scope::kAdmin:
            return "admin";
        case Scope::kNone:
            break;
    }
    return "none";
}

bool allows(const TokenRule& rule, Scope needed) {
    return std::ranges::any_of(rule.scopes, [needed](Scope scope) {
        return scope == needed || scope == Scope::kAdmin;
    });
}

Denied deny(int status, ErrorCode code, std::string message) {
    return {status, fail(code, std::move(message))};
}

}  // namespace

std::string sha256_hex(std::string_view secret) {
    constexpr std::string_view kHex = "0123456789abcdef";
    std::string out;
    for (const unsigned char byte : sha256(secret)) {
        out += kHex[byte >> 4U];
        out += kHex[byte & 15U];
    }
    return out;
}

Result<Authenticator> Authenticator::build(std::vector<TokenRule> rules) {
    Authenticator authenticator;
    for (auto& rule : rules) {
        Rule entry;
        if (!from_hex(rule.sha256_hex, entry.digest)) {
            return fail(
                ErrorCode::kInvalidConfig,
                "token \"" + rule.name + "\": its hash must be 64 hex digits (SHA-256)"
            );
        }
        for (const auto& other : authenticator.rules_) {
            if (other.rule.name == rule.name || other.digest == entry.digest) {
                return fail(
                    ErrorCode::kInvalidConfig,
                    "tokens \"" + other.rule.name + "\" and \"" + rule.name +
                        "\" have the same name or secret"
                );
            }
        }
        entry.rule = std::move(rule);
        authenticator.rules_.push_back(std::move(entry));
    }
    return authenticator;
}

std::expected<Granted, Denied> Authenticator::check(
    const HttpRequest& request, Scope needed, UnixNanos now
) const {
    if (is_open() && needed == Scope::kAdmin && !has_owner_only_) {
        return std::unexpected(deny(
            403,
            ErrorCode::kRefused,
            "this is answered on the admin socket (" +
                (admin_path_.empty() ? "switched off: `listen.admin`"
                                     : "--server unix:" + admin_path_) +
                "), or here with a token that has the scope \"admin\": none are configured"
        ));
    }
    if (is_open() || needed == Scope::kNone) {
        return Granted{};
    }
    const auto token = shown_token(request);
    if (!token) {
        return std::unexpected(deny(
            401,
            ErrorCode::kUnauthorized,
            "a token is needed: send \"Authorization: Bearer TOKEN\" (or Basic with the token as "
            "password)"
        ));
    }
    const auto rule = find(*token, needed, now);
    if (!rule) {
        return std::unexpected(rule.error());
    }
    Granted granted{(*rule)->name, (*rule)->tenant};
    const auto tenant = request.header("x-scope-orgid");
    if ((*rule)->may_choose_tenant && tenant) {
        const auto [end, code] =
            std::from_chars(tenant->data(), tenant->data() + tenant->size(), granted.tenant);
        if (code != std::errc() || end != tenant->data() + tenant->size()) {
            return std::unexpected(
                deny(400, ErrorCode::kInvalidArgument, "X-Scope-OrgID must be a tenant's number")
            );
        }
    }
    return granted;
}

std::expected<Granted, Denied> Authenticator::check_token(
    std::string_view secret, Scope needed, UnixNanos now
) const {
    if (is_open() || needed == Scope::kNone) {
        return Granted{};
    }
    const auto rule = find(secret, needed, now);
    if (!rule) {
        return std::unexpected(rule.error());
    }
    return Granted{(*rule)->name, (*rule)->tenant};
}

std::expected<const TokenRule*, Denied> Authenticator::find(
    std::string_view secret, Scope needed, UnixNanos now
) const {
    const auto digest = sha256(secret);
    const Rule* found = nullptr;
    for (const auto& entry : rules_) {
        // Every rule is compared, so that the time says nothing about which one matched.
        if (CRYPTO_memcmp(entry.digest.data(), digest.data(), digest.size()) == 0) {
            found = &entry;
        }
    }
    if (found == nullptr) {
        return std::unexpected(deny(
            401,
            ErrorCode::kUnauthorized,
            "the token is not known here: check `tokens:` of the configuration"
        ));
    }
    const auto& rule = found->rule;
    if (now >= rule.expires) {
        return std::unexpected(deny(
            401,
            ErrorCode::kUnauthorized,
            "token \"" + rule.name + "\" expired at " + to_rfc3339(rule.expires)
        ));
    }
    if (!allows(rule, needed)) {
        return std::unexpected(deny(
            403,
            ErrorCode::kRefused,
            "token \"" + rule.name + "\" does not have the scope \"" +
                std::string(scope_name(needed)) + "\" this needs"
        ));
    }
    return &rule;
}

}  // namespace seyir::net
