// SPDX-License-Identifier: Apache-2.0
// IpMatcher: ip("10.0.0.1"), ip("10.0.0.0/8"), ip("10.0.0.1-10.0.0.9"), IPv4 and IPv6.
// Threads: immutable.   Errors: kInvalidArgument.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "common/base/result.hpp"

namespace seyir::logql {

class IpMatcher {
  public:
    static Result<IpMatcher> compile(std::string_view pattern);

    /// The text is one address and lies in the range.
    bool matches_address(std::string_view text) const;
    /// Some address in the line lies in the range.
    bool found_in(std::string_view line) const;

  private:
    struct Address {
        bool is_v4 = true;
        std::array<uint8_t, 16> bytes{};

        auto operator<=>(const Address&) const = default;
    };

    static std::optional<Address> parse(std::string_view text);

    Address low_, high_;
};

}  // namespace seyir::logql
