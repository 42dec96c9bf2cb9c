// SPDX-License-Identifier: Apache-2.0
// Single values: text -> typed value, and the check of a value against its Field.
// Threads: pure functions.   Errors: kInvalidArgument with what would be right.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.hpp"
#include "common/base/time.hpp"
#include "common/config/schema/schema.hpp"

namespace seyir::config {

/// Host and port. IPv6 hosts are kept without their brackets.
struct Address {
    std::string host;
    uint16_t port = 0;

    bool operator==(const Address&) const = default;

    /// 127.0.0.0/8, ::1 and `localhost`.
    bool is_loopback() const;
    /// "127.0.0.1:7400", "[::1]:7400".
    std::string to_text() const;
};

/// `host:port` or `[v6]:port`. Listen addresses need an IP address or `localhost`; their port may
/// be 0 (any free one). Endpoints may be host names.
Result<Address> parse_address(std::string_view text, bool is_listen);

/// YAML 1.2: `true` and `false`, nothing else.
Result<bool> parse_bool(std::string_view text);
/// Decimal digits with an optional sign and single `_` between digits.
Result<int64_t> parse_int(std::string_view text);
/// "2027-01-31T12:00:00Z", with fraction and offset; "2027-01-31" is its midnight in UTC.
Result<UnixNanos> parse_time(std::string_view text);

/// What is wrong with a value, ready to become a Diagnostic.
struct ValueProblem {
    std::string_view code;
    std::string message;
    std::string hint;
};

/// Nothing when `text` is a good value for `field`. `shown` is how messages may quote it.
std::optional<ValueProblem> check_scalar(
    const Field& field, std::string_view text, std::string_view shown
);

}  // namespace seyir::config
