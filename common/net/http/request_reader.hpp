// SPDX-License-Identifier: Apache-2.0
// RequestReader: HTTP requests out of bytes, without sockets.
// Room: bytes -> HttpRequest (body still in its content-encoding).
// Threads: one owner.
// Errors: a refusal with the HTTP status that fits; the connection is then unusable.
// Limits: HttpLimits, each refusal names limit and value.   Spec: RFC 9112.
#pragma once

#include <memory>
#include <string_view>

#include "common/base/result.hpp"
#include "common/net/http.hpp"

namespace seyir::net {

struct HttpLimits {
    size_t header_bytes_max = 16 * 1024;
    size_t body_bytes_max = 16 * 1024 * 1024;      ///< as sent
    size_t inflated_bytes_max = 64 * 1024 * 1024;  ///< after gzip or deflate
    size_t inflate_ratio_max = 200;                ///< inflated : sent, above 1 MiB inflated
};

class RequestReader {
  public:
    explicit RequestReader(HttpLimits limits);
    ~RequestReader();
    RequestReader(RequestReader&&) noexcept;
    RequestReader& operator=(RequestReader&&) noexcept;

    enum class Progress {
        kNeedMore,  ///< give the bytes not used again, and more
        kHead,      ///< head() is complete, the body is not; given once per request with a body
        kComplete,  ///< take() the request
    };

    struct Fed {
        Progress progress = Progress::kNeedMore;
        size_t used = 0;
    };

    /// Never looks beyond the request's end: what follows stays unused.
    Result<Fed> feed(std::string_view bytes);
    /// After feed() failed: 400, 413, 414, 431, 501 or 505.
    int error_status() const;

    /// From kHead on.
    const HttpRequest& head() const;
    bool keep_alive() const;
    bool expects_continue() const;
    bool is_http_1_0() const;

    /// True once a byte of the current request has come.
    bool has_begun() const;

    /// After kComplete; ready for the next request.
    HttpRequest take();

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace seyir::net
