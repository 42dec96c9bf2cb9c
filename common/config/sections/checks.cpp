// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>
#include <utility>

#include <sys/un.h>

#include <fmt/format.h>

#include "common/config/sections/sections.hpp"

namespace seyir::config {
namespace {

constexpr int64_t kVersionNow = 1;

bool overlaps(const Address& a, const Address& b) {
    const auto is_any = [](const Address& address) {
        return address.host == "0.0.0.0" || address.host == "::";
    };
    return a.port != 0 && a.port == b.port && (a.host == b.host || is_any(a) || is_any(b));
}

}  // namespace

void SectionChecks::version(const ObjectReader& root) const {
    if (!root.has("version") || diagnostics.is_broken(root.span("version")) ||
        root.integer("version") == kVersionNow) {
        return;
    }
    diagnostics.add(
        {.code = kVersion,
         .at = root.span("version"),
         .message = fmt::format(
             "version {} of the configuration is not known here", root.integer("version")
         ),
         .hint = fmt::format("this program reads version {}", kVersionNow)}
    );
}

void SectionChecks::admin_path(const ObjectReader& root, const std::string& path) const {
    constexpr size_t kPathMax = sizeof(sockaddr_un::sun_path) - 1;
    if (path.size() <= kPathMax) {
        return;
    }
    const ObjectReader listen = root.nested("listen");
    diagnostics.add(
        {.code = kBadPath,
         .at = listen.node() != nullptr ? listen.span("admin") : Span{0, 1},
         .message = fmt::format("the admin socket's path is {} bytes long: {}", path.size(), path),
         .hint = fmt::format("the kernel allows {}; set `listen.admin` to a shorter one", kPathMax)}
    );
}

void SectionChecks::file_exists(const std::string& path, Span at) const {
    if (files == nullptr || path.empty() || diagnostics.is_broken(at)) {
        return;
    }
    auto file = files->open(path, io::OpenMode::kRead);
    if (!file) {
        diagnostics.add(
            {.code = kMissingFile,
             .at = at,
             .message = file.error().message,
             .hint = "this file must exist and be readable"}
        );
    }
}

void SectionChecks::pair(const ObjectReader& tls) const {
    if (tls.has("cert") != tls.has("key")) {
        const std::string_view given = tls.has("cert") ? "cert" : "key";
        const std::string_view other = tls.has("cert") ? "key" : "cert";
        diagnostics.add(
            {.code = kTlsIncomplete,
             .at = tls.key_span(given),
             .message = fmt::format("`{}` is given without `{}`", given, other),
             .hint = fmt::format("add `{}`", other)}
        );
    }
}

void SectionChecks::server_tls(const ObjectReader& r, std::string_view key) const {
    const ObjectReader tls = r.nested(key);
    for (const std::string_view name : {"cert", "key", "client_ca"}) {
        file_exists(tls.path(name), tls.span(name));
    }
}

void SectionChecks::client_tls(const ObjectReader& r, std::string_view key) const {
    const ObjectReader tls = r.nested(key);
    pair(tls);
    for (const std::string_view name : {"ca", "cert", "key"}) {
        file_exists(tls.path(name), tls.span(name));
    }
}

void SectionChecks::listeners(const std::vector<Listener>& listeners) const {
    for (size_t i = 0; i < listeners.size(); ++i) {
        const Listener& here = listeners[i];
        if (!here.address || diagnostics.is_broken(here.at)) {
            continue;
        }
        for (size_t j = 0; j < i; ++j) {
            if (listeners[j].address && overlaps(*listeners[j].address, *here.address)) {
                diagnostics.add(
                    {.code = kAddressTwice,
                     .at = here.at,
                     .message = fmt::format(
                         "{} and {} both listen on port {}",
                         here.what,
                         listeners[j].what,
                         here.address->port
                     ),
                     .hint = "give one of them another port"}
                );
            }
        }
        if (here.address->is_loopback()) {
            continue;
        }
        if (!here.has_tls && !here.allows_plaintext) {
            std::vector<std::string> notes = {
                "`allow_plaintext: true` permits it on a network you trust"
            };
            if (!here.has_tokens) {
                notes.push_back("it needs a token as well: " + here.token_hint);
            }
            diagnostics.add(
                {.code = kNeedsTls,
                 .at = here.at,
                 .message = fmt::format("{} is open to the network without TLS", here.what),
                 .hint = fmt::format(
                     "add `tls: {{ cert: ..., key: ... }}`, or listen on 127.0.0.1:{}",
                     here.address->port
                 ),
                 .notes = std::move(notes)}
            );
        } else if (!here.has_tokens) {
            diagnostics.add(
                {.code = kNeedsTokens,
                 .at = here.at,
                 .message = fmt::format("{} is open to the network without a token", here.what),
                 .hint = here.token_hint}
            );
        } else if (!here.has_tls) {
            diagnostics.add(
                {.code = kPlaintext,
                 .at = here.at,
                 .message = fmt::format(
                     "{} takes tokens and records in plain text from the network", here.what
                 ),
                 .hint = "add `tls` to keep them from listeners on the way"}
            );
        }
    }
}

std::vector<TokenOptions> SectionChecks::tokens(const ObjectReader& root) const {
    std::vector<TokenOptions> tokens;
    std::set<std::string> names;
    for (const ObjectReader& r : root.objects("tokens")) {
        TokenOptions token;
        token.name = r.string("name");
        token.token = r.string("token");
        token.tenant = static_cast<uint32_t>(r.integer("tenant"));
        token.expires = r.time("expires");
        for (const std::string& scope : r.strings("scopes")) {
            token.may_ingest |= scope == "ingest";
            token.may_read |= scope == "read";
            token.may_admin |= scope == "admin";
        }
        const std::string hash = r.string("hash");
        const auto is_hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
        if (hash.starts_with("sha256:") && hash.size() == 71 &&
            std::ranges::all_of(hash.substr(7), is_hex)) {
            token.sha256 = hash.substr(7);
        } else if (r.has("hash")) {
            diagnostics.add(
                {.code = kBadHash,
                 .at = r.span("hash"),
                 .message = "`hash` is not a SHA-256",
                 .hint = "write `sha256:` and 64 small hex digits",
                 .notes = {"printf %s SECRET | sha256sum prints them"}}
            );
        }
        if (r.has("token") == r.has("hash")) {
            diagnostics.add(
                {.code = kTokenForm,
                 .at = r.has("hash") ? r.key_span("hash") : r.span("name"),
                 .message = fmt::format(
                     "token `{}` needs either `token` or `hash`{}",
                     token.name,
                     r.has("hash") ? ", not both" : ""
                 )}
            );
        }
        if (!names.insert(token.name).second && !token.name.empty()) {
            diagnostics.add(
                {.code = kDuplicateName,
                 .at = r.span("name"),
                 .message = fmt::format("a second token is named `{}`", token.name),
                 .hint = "give each its own name"}
            );
        }
        tokens.push_back(std::move(token));
    }
    return tokens;
}

}  // namespace seyir::config
