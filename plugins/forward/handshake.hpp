// SPDX-License-Identifier: Apache-2.0
// The forward protocol's handshake, both sides, on bytes: who knows the shared key and, where
// asked for, a user's password. Neither is ever sent: only salted SHA-512 digests are.
//   server: HELO (nonce, auth salt)   client: PING (salt, digests)   server: PONG (digest or
//   reason)
// Threads: pure functions.   Errors: kCorrupt for messages of another shape, kUnauthorized.
// Limits: kHandshakeBytesMax for each message, before the peer is known.
// Spec: Fluentd's "Forward Protocol Specification v1", "Handshake".
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/result.hpp"

namespace seyir::plugins::forward {

inline constexpr size_t kHandshakeBytesMax = 4096;

struct User {
    std::string name;
    std::string password;
};

/// 16 random bytes.
std::string make_salt();
/// Hex SHA-512 of salt + hostname + nonce + key.
std::string key_digest(
    std::string_view salt, std::string_view hostname, std::string_view nonce, std::string_view key
);
/// Hex SHA-512 of auth + user + password.
std::string password_digest(
    std::string_view auth, std::string_view user, std::string_view password
);

struct Helo {
    std::string nonce;
    std::string auth;  ///< "": no user is asked for
    bool keepalive = true;
};

struct Ping {
    std::string hostname;
    std::string salt;
    std::string key_digest;
    std::string user;
    std::string password_digest;
};

struct Pong {
    bool is_accepted = false;
    std::string reason;
    std::string hostname;
    std::string key_digest;
};

void append_helo(std::string& out, const Helo& helo);
void append_ping(std::string& out, const Ping& ping);
void append_pong(std::string& out, const Pong& pong);
Result<Helo> read_helo(std::string_view bytes);
Result<Ping> read_ping(std::string_view bytes);
Result<Pong> read_pong(std::string_view bytes);

/// Server: what is wrong with a client's proof; kUnauthorized. Compares in constant time; an
/// unknown user takes as long as a wrong password.
Result<void> check_ping(
    const Ping& ping, const Helo& sent, std::string_view key, const std::vector<User>& users
);
/// Client: what is wrong with the server's answer to `sent`.
Result<void> check_pong(
    const Pong& pong, const Ping& sent, std::string_view nonce, std::string_view key
);

}  // namespace seyir::plugins::forward
