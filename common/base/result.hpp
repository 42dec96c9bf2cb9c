// SPDX-License-Identifier: Apache-2.0
// Result<T>: a value or an Error. A class and not an alias, because only then does the compiler
// complain about a result dropped under `co_await` (measured with clang 19).
#pragma once

#include <expected>
#include <string>
#include <utility>

#include "common/base/error.hpp"

namespace seyir {

template <class T>
class [[nodiscard]] Result : public std::expected<T, Error> {
  public:
    using Base = std::expected<T, Error>;
    using Base::Base;

    Result(Error error) : Base(std::unexpected(std::move(error))) {}

    Result(Base base) : Base(std::move(base)) {}
};

/// `return fail(ErrorCode::kCorrupt, "frame 3: bad magic");`
inline Error fail(ErrorCode code, std::string message) {
    return Error{code, std::move(message)};
}

}  // namespace seyir

#define SEYIR_CONCAT_(a, b) a##b
#define SEYIR_CONCAT(a, b) SEYIR_CONCAT_(a, b)

/// `SEYIR_TRY(auto frame, decode(bytes));` declares `frame` or returns the error.
#define SEYIR_TRY(declaration, expression) \
    SEYIR_TRY_(SEYIR_CONCAT(try_result_, __LINE__), declaration, expression, return)
/// The same inside a coroutine.
#define SEYIR_CO_TRY(declaration, expression) \
    SEYIR_TRY_(SEYIR_CONCAT(try_result_, __LINE__), declaration, expression, co_return)
#define SEYIR_TRY_(name, declaration, expression, give_back) \
    auto name = (expression);                                \
    if (!name) {                                             \
        give_back std::move(name).error();                   \
    }                                                        \
    declaration = *std::move(name)

/// For Result<void>: `SEYIR_CHECK(file.sync());`
#define SEYIR_CHECK(expression) \
    SEYIR_CHECK_(SEYIR_CONCAT(check_result_, __LINE__), expression, return)
#define SEYIR_CO_CHECK(expression) \
    SEYIR_CHECK_(SEYIR_CONCAT(check_result_, __LINE__), expression, co_return)
#define SEYIR_CHECK_(name, expression, give_back) \
    if (auto name = (expression); !name) {        \
        give_back std::move(name).error();        \
    }
