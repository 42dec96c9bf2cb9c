// SPDX-License-Identifier: Apache-2.0
#include "common/net/http/router.hpp"

#include <algorithm>
#include <optional>

#include "common/base/text.hpp"

namespace seyir::net {

namespace {

/// What `{x}` of the pattern stands for; "" when the pattern has none and is equal.
std::optional<std::string_view> match_path(std::string_view pattern, std::string_view path) {
    const size_t open = pattern.find('{');
    if (open == std::string_view::npos) {
        return pattern == path ? std::optional<std::string_view>("") : std::nullopt;
    }
    const size_t close = pattern.find('}', open);
    const auto before = pattern.substr(0, open);
    const auto after = pattern.substr(close + 1);
    if (path.size() <= before.size() + after.size() || !path.starts_with(before) ||
        !path.ends_with(after)) {
        return std::nullopt;
    }
    const auto middle = path.substr(before.size(), path.size() - before.size() - after.size());
    return middle.find('/') == std::string_view::npos ? std::optional(middle) : std::nullopt;
}

bool has_wildcard(const HttpRoute& route) {
    return route.path.find('{') != std::string::npos;
}

bool takes(const HttpRoute& route, std::string_view method) {
    return route.method == "*" || route.method == method ||
           (method == "HEAD" && route.method == "GET");
}

HttpResponse not_found(std::string_view path, const std::vector<HttpRoute>& routes) {
    std::vector<std::string_view> known;
    known.reserve(routes.size());
    for (const auto& route : routes) {
        known.push_back(route.path);
    }
    std::string message = "nothing is at " + std::string(path.substr(0, 200));
    const auto near = path.size() <= 200 ? did_you_mean(path, known) : std::nullopt;
    if (near) {
        message += ": did you mean " + std::string(*near) + "?";
    }
    return HttpResponse::error(404, fail(ErrorCode::kNotFound, message));
}

}  // namespace

void Router::add(HttpRoute route) {
    const auto where =
        has_wildcard(route) ? routes_.end() : std::ranges::find_if(routes_, has_wildcard);
    routes_.insert(where, std::move(route));
}

Router::Match Router::find(std::string_view method, std::string_view path) const {
    std::string allowed;
    for (const auto& route : routes_) {
        const auto wildcard = match_path(route.path, path);
        if (!wildcard) {
            continue;
        }
        if (takes(route, method)) {
            return {.route = &route, .wildcard = std::string(*wildcard), .refusal = {}};
        }
        allowed += (allowed.empty() ? "" : ", ") + route.method;
    }
    if (allowed.empty()) {
        return {.route = nullptr, .wildcard = {}, .refusal = not_found(path, routes_)};
    }
    auto refusal = HttpResponse::error(
        405,
        fail(ErrorCode::kUnsupported, std::string(method) + " is not offered here, use " + allowed)
    );
    refusal.headers.emplace_back("Allow", allowed);
    return {.route = nullptr, .wildcard = {}, .refusal = std::move(refusal)};
}

}  // namespace seyir::net
