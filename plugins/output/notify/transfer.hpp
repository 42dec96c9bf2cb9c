// SPDX-License-Identifier: Apache-2.0
// Transfer: one exchange through libcurl: an HTTP request or a mail. Connections are kept between
// exchanges of one Transfer.
// Threads: one owner; `stop` of TransferOptions may be set from any thread and ends an exchange
// within about a second. No signals are used.
// Errors: as an Attempt, never thrown. Messages hold the server's words (bounded, made printable)
// and never one of `secrets`.
// Limits: kResponseBytesMax of an answer are kept.   Safety: certificates are always verified; only
// the given schemes; redirects are not followed (a secret must not go elsewhere).
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/result.hpp"
#include "common/base/time.hpp"
#include "common/record/ack_token.hpp"

namespace seyir::plugins::notify {

inline constexpr size_t kResponseBytesMax = 512;

struct TransferTls {
    std::string ca;  ///< "" = the system's
    std::string cert;
    std::string key;
};

/// What became of an exchange.
struct Attempt {
    Outcome outcome = Outcome::kRetry;  ///< kDelivered, kRejected or kRetry
    std::string message;                ///< "" when delivered
    std::optional<Nanos> wait;          ///< the server asked for a pause
    uint32_t left_out = 0;              ///< rows a digest only counted

    static Attempt delivered() { return {.outcome = Outcome::kDelivered}; }
};

struct TransferOptions {
    Nanos timeout = std::chrono::seconds(30);
    Nanos connect_timeout = std::chrono::seconds(10);
    TransferTls tls;
    std::vector<std::string> secrets;  ///< never shown
};

struct HttpCall {
    std::string url;
    std::string method = "POST";
    std::vector<std::string> headers;  ///< "Name: value"
    std::string_view body;
    std::string user, password;  ///< basic authentication when `user` is set
};

enum class StartTls { kRequired, kOptional, kOff };

struct MailCall {
    std::string url;  ///< smtp://host:port/helo-name or smtps://
    std::string from;
    std::vector<std::string> to;
    std::string_view message;  ///< headers and body, CRLF; dots are doubled by libcurl
    std::string user, password;
    StartTls start_tls = StartTls::kRequired;
};

class Transfer {
  public:
    /// `stop`: gives true when the exchange should be given up.
    Transfer(TransferOptions options, std::function<bool()> stop);
    ~Transfer();
    Transfer(const Transfer&) = delete;
    Transfer& operator=(const Transfer&) = delete;

    Attempt http(const HttpCall& call);
    Attempt mail(const MailCall& call);

  private:
    struct State;

    std::unique_ptr<State> state_;
};

/// 2xx delivered; 408, 425, 429 and 5xx worth another try; the rest refused for good.
Outcome classify_http(long status);
/// Seconds, or an HTTP date (RFC 9110, 10.2.3), at most kPauseMax; nothing when it is neither.
std::optional<Nanos> parse_retry_after(std::string_view text, UnixNanos now);

inline constexpr Nanos kPauseMax = std::chrono::minutes(10);

/// Without line breaks and other control characters, at most `bytes_max`, each secret as ***.
std::string printable(
    std::string_view text, const std::vector<std::string>& secrets, size_t bytes_max
);

/// scheme://host:port of a URL: what messages may show of it.
std::string shown_url(std::string_view url);

}  // namespace seyir::plugins::notify
