// SPDX-License-Identifier: Apache-2.0
// Reads JSON as a stream of events, piece by piece, in memory that does not grow with the text: an
// answer of a million rows is printed while it arrives.
// Threads: one caller; blocks in the source.
// Errors: the source's; kInvalidArgument with the byte offset; kTooLarge beyond depth 64 or a
// string beyond 64 MiB; kCancelled when the handler says stop.   Spec: RFC 8259.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "common/base/result.hpp"

namespace seyir::json {

/// Each returns false to stop. Numbers come as text, exactly as written.
class EventHandler {
  public:
    virtual ~EventHandler() = default;
    virtual bool begin_object() = 0;
    virtual bool key(std::string_view name) = 0;
    virtual bool end_object() = 0;
    virtual bool begin_array() = 0;
    virtual bool end_array() = 0;
    virtual bool string(std::string_view text) = 0;
    virtual bool number(std::string_view text) = 0;
    virtual bool boolean(bool value) = 0;
    virtual bool null() = 0;
};

/// The next piece of text; empty = the end. The piece stays valid until the next call.
using Source = std::function<Result<std::string_view>()>;

/// Reads exactly one JSON value; only white space may follow.
Result<void> read_events(const Source& source, EventHandler& handler);

}  // namespace seyir::json
