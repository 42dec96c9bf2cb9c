// SPDX-License-Identifier: Apache-2.0
// The configuration keys of multiline rules: of the `multiline` filter, and of the map `multiline`
// of a `tail` input.
// Threads: one at a time.   Errors: diagnostics at the key that is wrong, E0431 for rules that
// cannot work.
#pragma once

#include <optional>

#include "common/config/schema/object_reader.hpp"
#include "common/multiline/rules.hpp"

namespace seyir::multiline {

void add_multiline_fields(config::Schema& schema);

/// Nothing when the rules are wrong; `diagnostics` then says why. `owner` is the component's id.
std::optional<Multiline> read_multiline(
    const config::ObjectReader& r, const std::string& owner, config::Diagnostics& diagnostics
);

}  // namespace seyir::multiline
