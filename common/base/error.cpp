// SPDX-License-Identifier: Apache-2.0
#include "common/base/error.hpp"

#include <cerrno>
#include <system_error>

namespace seyir {

std::string_view to_string(ErrorCode code) {
    switch (code) {
        case ErrorCode::kIo:
            return "io";
        case ErrorCode::kCorrupt:
            return "corrupt";
        case ErrorCode::kTooLarge:
            return "too_large";
        case ErrorCode::kTimeout:
            return "timeout";
        case ErrorCode::kRefused:
            return "refused";
        case ErrorCode::kUnauthorized:
            return "unauthorized";
        case ErrorCode::kInvalidConfig:
            return "invalid_config";
        case ErrorCode::kInvalidArgument:
            return "invalid_argument";
        case ErrorCode::kBackpressure:
            return "backpressure";
        case ErrorCode::kCancelled:
            return "cancelled";
        case ErrorCode::kNotFound:
            return "not_found";
        case ErrorCode::kNoSpace:
            return "no_space";
        case ErrorCode::kClosed:
            return "closed";
        case ErrorCode::kUnsupported:
            return "unsupported";
        case ErrorCode::kConflict:
            return "conflict";
        case ErrorCode::kInternal:
            return "internal";
    }
    return "unknown";
}

bool is_retryable(ErrorCode code) {
    switch (code) {
        case ErrorCode::kIo:
        case ErrorCode::kTimeout:
        case ErrorCode::kBackpressure:
        case ErrorCode::kNoSpace:
        case ErrorCode::kClosed:
            return true;
        default:
            return false;
    }
}

Error Error::context(std::string_view doing) const {
    std::string text;
    text.reserve(doing.size() + 2 + message.size());
    text.append(doing).append(": ").append(message);
    return Error{code, std::move(text)};
}

Error errno_error(int errno_value, std::string_view doing) {
    ErrorCode code = ErrorCode::kIo;
    if (errno_value == ENOSPC || errno_value == EDQUOT) {
        code = ErrorCode::kNoSpace;
    } else if (errno_value == ENOENT) {
        code = ErrorCode::kNotFound;
    }
    return Error{code, std::generic_category().message(errno_value)}.context(doing);
}

}  // namespace seyir
