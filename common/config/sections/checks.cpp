// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>
#include <utility>

#include <sys/un.h>

#include <fmt/format.h>

#include "common/base/text.hpp"
#include "common/config/sections/sections.hpp"

namespace seyir::config {
namespace {

constexpr int64_t kVersionNow = 1;

const NamedPlace* find_named(const std::vector<NamedPlace>& places, std::string_view name) {
    const auto it = std::ranges::find(places, name, &NamedPlace::name);
    return it == places.end() ? nullptr : &*it;
}

/// A route's list of names against what is defined.
void check_names(
    Diagnostics& diagnostics,
    const Node* list,
    const std::vector<NamedPlace>& known,
    std::string_view code,
    std::string_view verb,
    std::string_view kind
) {
    if (list == nullptr) {
        return;
    }
    std::vector<const Node*> items(list->items.begin(), list->items.end());
    if (list->is_scalar()) {
        items.push_back(list);
    }
    std::set<std::string> seen;
    for (const Node* item : items) {
        const std::string& name = item->text;
        if (!item->is_scalar() || diagnostics.is_broken(item->span)) {
            continue;
        }
        if (!seen.insert(name).second) {
            diagnostics.add(
                {.code = kDuplicateName,
                 .at = item->span,
                 .message = fmt::format("`{}` is listed twice", name),
                 .hint = "remove one"}
            );
        }
        if ((name == "*" && code == kUnknownInput) || find_named(known, name) != nullptr) {
            continue;
        }
        std::vector<std::string_view> names;
        for (const NamedPlace& place : known) {
            names.push_back(place.name);
        }
        Diagnostic diagnostic{
            .code = code,
            .at = item->span,
            .message = fmt::format("route {} `{}`, which is not an {}", verb, name, kind)
        };
        if (const auto near = did_you_mean(name, names)) {
            const Position at = diagnostics.source().position(find_named(known, *near)->at.begin);
            const std::string& path = diagnostics.source().path();
            diagnostic.hint = fmt::format(
                "did you mean `{}`, defined at {}:{}:{}?",
                *near,
                path.substr(path.rfind('/') + 1),
                at.line,
                at.column
            );
        } else if (names.empty()) {
            diagnostic.hint = fmt::format("there is no {} at all", kind);
        }
        if (!names.empty()) {
            diagnostic.notes.push_back(fmt::format("{}s here: {}", kind, fmt::join(names, ", ")));
        }
        diagnostics.add(std::move(diagnostic));
    }
}

std::vector<NamedPlace> named_places(const ObjectReader& root, std::string_view key) {
    std::vector<NamedPlace> places;
    for (auto& [name, at] : root.component_names(key)) {
        places.push_back({std::move(name), at});
    }
    return places;
}

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

void SectionChecks::check_coverage(
    const std::vector<RouteOptions>& routes,
    const std::vector<NamedPlace>& inputs,
    const std::vector<NamedPlace>& outputs,
    Span routes_span
) const {
    if (routes.empty() && outputs.size() > 1 && !diagnostics.is_broken(routes_span)) {
        diagnostics.add(
            {.code = kRoutesNeeded,
             .at = outputs[1].at,
             .message = fmt::format("there are {} outputs and no routes", outputs.size()),
             .hint = fmt::format("add `routes: [{{ name: all, to: [{}] }}]`", outputs[0].name)}
        );
    }
    const bool are_names_good = !diagnostics.is_broken(routes_span) && !routes.empty();
    for (const NamedPlace& input : inputs) {
        const bool is_read = std::ranges::any_of(routes, [&](const RouteOptions& route) {
            return std::ranges::find(route.from, input.name) != route.from.end();
        });
        if (are_names_good && !is_read) {
            diagnostics.add(
                {.code = kUnroutedInput,
                 .at = input.at,
                 .message = fmt::format("no route reads from input `{}`", input.name),
                 .hint = "add it to a route's `from`, or remove it"}
            );
        }
    }
    for (const NamedPlace& output : outputs) {
        const bool is_fed = std::ranges::any_of(routes, [&](const RouteOptions& route) {
            return std::ranges::find(route.to, output.name) != route.to.end();
        });
        if (are_names_good && !is_fed) {
            diagnostics.add(
                {.code = kUnusedOutput,
                 .at = output.at,
                 .message = fmt::format("no route sends to output `{}`", output.name),
                 .hint = "add it to a route's `to`, or remove it"}
            );
        }
    }
}

void SectionChecks::match(const RouteOptions& route) const {
    if (route.match.empty() || !check_match || diagnostics.is_broken(route.match_span)) {
        return;
    }
    const std::optional<Error> wrong = check_match(route.match);
    if (!wrong) {
        return;
    }
    Diagnostic diagnostic{.code = kBadMatch, .at = route.match_span};
    const std::string& text = wrong->message;
    for (size_t at = 0; at < text.size();) {
        const size_t end = std::min(text.find('\n', at), text.size());
        if (at == 0) {
            diagnostic.message =
                fmt::format("`match` of route `{}`: {}", route.name, text.substr(0, end));
        } else if (end > at) {
            diagnostic.notes.push_back(text.substr(at, end - at));
        }
        at = end + 1;
    }
    diagnostics.add(std::move(diagnostic));
}

std::vector<RouteOptions> SectionChecks::routes(const ObjectReader& root) const {
    const std::vector<NamedPlace> inputs = named_places(root, "inputs");
    const std::vector<NamedPlace> outputs = named_places(root, "outputs");
    std::vector<RouteOptions> routes;
    std::vector<std::string> all_inputs;
    for (const NamedPlace& input : inputs) {
        all_inputs.push_back(input.name);
    }
    std::set<std::string> names;
    for (const ObjectReader& r : root.objects("routes")) {
        RouteOptions route;
        route.name = r.string("name");
        route.match = r.string("match");
        route.match_span = r.span("match");
        route.is_required = r.boolean("required");
        route.to = r.strings("to");
        route.from = r.strings("from");
        if (std::ranges::find(route.from, "*") != route.from.end()) {
            route.from = all_inputs;
        }
        if (!names.insert(route.name).second && !route.name.empty()) {
            diagnostics.add(
                {.code = kDuplicateName,
                 .at = r.span("name"),
                 .message = fmt::format("a second route is named `{}`", route.name),
                 .hint = "give each its own name"}
            );
        }
        const Entry* from = r.node() == nullptr ? nullptr : r.node()->find("from");
        const Entry* to = r.node() == nullptr ? nullptr : r.node()->find("to");
        check_names(
            diagnostics,
            from == nullptr ? nullptr : from->value,
            inputs,
            kUnknownInput,
            "reads from",
            "input"
        );
        check_names(
            diagnostics,
            to == nullptr ? nullptr : to->value,
            outputs,
            kUnknownOutput,
            "sends to",
            "output"
        );
        match(route);
        routes.push_back(std::move(route));
    }
    if (routes.empty() && outputs.size() == 1) {
        routes.push_back({.name = "default", .from = all_inputs, .to = {outputs[0].name}});
    }
    check_coverage(routes, inputs, outputs, root.span("routes"));
    return routes;
}

}  // namespace seyir::config
