// SPDX-License-Identifier: Apache-2.0
// Accounts inside URLs (`https://user:password@host`) are hidden wherever a text is shown: in
// diagnostics, in the effective configuration, in the programs' logs.
// Threads: pure.   Limits: linear in the text.   Spec: RFC 3986 3.2.1 (userinfo), and what people
// write instead: `user:password@host` without a scheme, passwords with a `/` or `@` in them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace seyir {

struct TextRange {
    size_t begin = 0;
    size_t end = 0;
};

/// What stands before the `@` of such addresses in `text`, in order.
std::vector<TextRange> find_userinfo(std::string_view text);

/// `text` with `***` in their place.
std::string mask_userinfo(std::string text);

}  // namespace seyir
