// SPDX-License-Identifier: Apache-2.0
// The sections both programs' files share: listeners, TLS, tokens, log, labels, routes.
// Room: ObjectReader -> plain option structs; semantic checks -> Diagnostics.
// Threads: schemas are immutable; readers run on the loading thread.
// Errors: E03xx and E05xx: what only shows when values are seen together.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/base/log.hpp"
#include "common/config/schema/object_reader.hpp"

namespace seyir::config {

/// Certificate of a listener; paths of PEM files. Empty `cert` = plain text.
struct ServerTls {
    std::string cert;
    std::string key;
    std::string client_ca;  ///< set: clients must show a certificate it signed

    bool is_on() const { return !cert.empty(); }
};

/// TLS towards a server; paths of PEM files.
struct ClientTls {
    bool is_on = false;
    std::string ca;  ///< "" = the system's
    std::string cert;
    std::string key;
    std::string server_name;
};

struct TokenOptions {
    std::string name;
    std::string token;   ///< the secret, or "" when only its hash is known
    std::string sha256;  ///< 64 small hex digits, or ""
    bool may_ingest = false;
    bool may_read = false;
    bool may_admin = false;
    uint32_t tenant = 0;
    std::optional<UnixNanos> expires;
};

struct ListenOptions {
    std::optional<Address> http;  ///< nothing = off
    std::string admin_path;       ///< of the unix socket
};

struct LogOptions {
    log::Level level = log::Level::kInfo;
    bool json = false;
};

struct RouteOptions {
    std::string name;
    std::vector<std::string> from;  ///< input ids; `*` is resolved
    std::string match;              ///< LogQL that compiles; "" = everything
    Span match_span;
    std::vector<std::string> through;  ///< filter ids, in this order
    std::vector<Span> through_spans;   ///< one for each of `through`
    std::vector<std::string> to;       ///< output ids
    bool is_required = true;
    std::string dead_letter;  ///< output id; "" = rejected records are dropped and counted
    Span dead_letter_span;
};

Schema server_tls_schema();
Schema client_tls_schema();
Field tokens_field();
Field labels_field(std::string help);
/// `default_http` like "127.0.0.1:7400"; `home_key` is `state_dir` or `data_dir`.
Field listen_field(std::string default_http, const std::string& home_key);
Field log_field();
Field routes_field();
Field allow_plaintext_field();
/// More files: read by load_document() when a program's schema has both.
Field include_field();
Field conf_d_field();

ServerTls read_server_tls(const ObjectReader& r, std::string_view key);
ClientTls read_client_tls(const ObjectReader& r, std::string_view key);
LogOptions read_log(const ObjectReader& root);
ListenOptions read_listen(const ObjectReader& root, const std::string& home);

/// A name used in the file, with its place, for checks across sections.
struct NamedPlace {
    std::string name;
    Span at;
};

/// Carries what the checks need; all of them add to `diagnostics` only.
struct SectionChecks {
    io::FileSystem* files = nullptr;  ///< nullptr: do not look at the machine (validate offline)
    Diagnostics& diagnostics;
    /// What is wrong with a `match:`; given by the programs, who know LogQL. Read by
    /// value_error(), which finds the place inside the text.
    std::function<std::optional<Error>(std::string_view)> check_match;

    void version(const ObjectReader& root) const;
    void admin_path(const ObjectReader& root, const std::string& path) const;
    void server_tls(const ObjectReader& r, std::string_view key) const;
    void client_tls(const ObjectReader& r, std::string_view key) const;

    struct Listener {
        std::string what;  ///< "listen.http", "inputs.agents.listen"
        std::optional<Address> address;
        Span at;
        bool has_tls = false;
        bool allows_plaintext = false;
        bool has_tokens = false;
        std::string token_hint;
    };

    /// Beyond loopback: TLS and tokens; no address twice.
    void listeners(const std::vector<Listener>& listeners) const;
    std::vector<TokenOptions> tokens(const ObjectReader& root) const;
    /// Reads and checks the routes; makes the one that may be left out.
    std::vector<RouteOptions> routes(const ObjectReader& root) const;

    /// A LogQL condition under `key`; `what` begins the message: "`match` of route `all`".
    void condition(const ObjectReader& r, std::string_view key, std::string_view what) const;

  private:
    void file_exists(const std::string& path, Span at) const;
    void pair(const ObjectReader& tls) const;
    void dead_letter(const RouteOptions& route, const std::vector<NamedPlace>& outputs) const;
    /// Every input is read, every output fed, every filter used.
    void check_coverage(
        const ObjectReader& root,
        const std::vector<RouteOptions>& routes,
        const std::vector<NamedPlace>& inputs,
        const std::vector<NamedPlace>& outputs
    ) const;
};

}  // namespace seyir::config
