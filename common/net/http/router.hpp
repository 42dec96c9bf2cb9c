// SPDX-License-Identifier: Apache-2.0
// Router: finds the route of a method and path.
// Threads: immutable once built.   Requires: at most one {wildcard} segment per path.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/net/http.hpp"

namespace seyir::net {

class Router {
  public:
    /// An exact path goes before one with a wildcard. HEAD is answered by GET's route.
    void add(HttpRoute route);

    struct Match {
        const HttpRoute* route = nullptr;  ///< null: `refusal` says why
        std::string wildcard;
        HttpResponse refusal;  ///< 404 with the nearest path, 405 with Allow
    };

    Match find(std::string_view method, std::string_view path) const;

    const std::vector<HttpRoute>& routes() const { return routes_; }

  private:
    std::vector<HttpRoute> routes_;
};

}  // namespace seyir::net
