// SPDX-License-Identifier: Apache-2.0
// Error: what went wrong, as a value. The message reads outside-in once contexts are prepended.
// Threads: immutable after build.   Why: docs/adr/0003-errors-are-values.md
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace seyir {

/// The kind of failure, for the code that must decide what to do next. Values are stable: they
/// appear in metrics labels and in JSON answers.
enum class ErrorCode : uint16_t {
    kIo = 1,               ///< the operating system refused; message holds path and errno text
    kCorrupt = 2,          ///< bytes that were ours fail their checksum or their format
    kTooLarge = 3,         ///< a stated limit was reached; message names limit and value
    kTimeout = 4,          ///< a deadline passed; trying again may succeed
    kRefused = 5,          ///< the peer or the policy said no; trying again will not help
    kUnauthorized = 6,     ///< no or wrong credential
    kInvalidConfig = 7,    ///< the operator's configuration; exit status 78
    kInvalidArgument = 8,  ///< the caller's input (query text, request field)
    kBackpressure = 9,     ///< a budget is used up; try again later
    kCancelled = 10,       ///< the work was told to stop
    kNotFound = 11,        ///< the named thing does not exist
    kNoSpace = 12,         ///< the disk is full or its hard mark is reached
    kClosed = 13,          ///< the peer or the queue is gone
    kUnsupported = 14,     ///< valid, but not offered here (version, feature)
    kConflict = 15,        ///< another owner holds it (fenced epoch, second live agent)
    kInternal = 16,        ///< a bug on our side that was contained
};

/// snake_case name for metrics and JSON ("invalid_config").
std::string_view to_string(ErrorCode code);

/// True where the same request may succeed later without anyone changing anything.
bool is_retryable(ErrorCode code);

struct Error {
    ErrorCode code = ErrorCode::kInternal;
    std::string message;

    /// Prepends what was being done: `error.context("opening /x")` -> "opening /x: permission
    /// denied".
    [[nodiscard]] Error context(std::string_view doing) const;
};

/// kNoSpace for ENOSPC/EDQUOT, kNotFound for ENOENT, else kIo; the message is `doing` + strerror.
Error errno_error(int errno_value, std::string_view doing);

}  // namespace seyir
