// SPDX-License-Identifier: Apache-2.0
// Contact: whether an output has a far side that takes its records. Found by dynamic_cast, for not
// every output has a connection.   Threads: contact() from any.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/base/time.hpp"

namespace seyir::pipeline {

/// Whether an output has somebody who takes its records.
struct Contact {
    std::optional<SteadyTime> connected_since;  ///< of the connection there is now
    /// The last answer that records are stored.
    std::optional<SteadyTime> stored_at;
    /// The end of the last connection that lasted (one that is let in and thrown out did not).
    std::optional<SteadyTime> lasted_until;
    std::string endpoints;      ///< all it may connect to, for people
    std::string problem;        ///< why there is no connection
    uint64_t waiting_rows = 0;  ///< in the spool or disk buffer before it
    uint64_t waiting_bytes = 0;
};

class ReportsContact {
  public:
    virtual ~ReportsContact() = default;
    /// Nothing: the output has no connection to speak of.
    virtual std::optional<Contact> contact() const = 0;
};

}  // namespace seyir::pipeline
