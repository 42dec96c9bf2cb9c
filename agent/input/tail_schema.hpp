// SPDX-License-Identifier: Apache-2.0
// What a `tail` input accepts in a configuration file, and how it becomes TailOptions.
// Threads: the schema is immutable; the reader runs on the loading thread.
#pragma once

#include "agent/input/tail_options.hpp"
#include "common/config/schema/object_reader.hpp"

namespace seyir::agent::input {

const config::Schema& tail_schema();

/// All but `id` and `labels`, which need what stands outside the input.
TailOptions read_tail(const config::ObjectReader& r);

/// `multiline`, apart because wrong rules are diagnostics. False then. `owner` is the input's id.
bool read_tail_multiline(
    const config::ObjectReader& r,
    const std::string& owner,
    config::Diagnostics& diagnostics,
    TailOptions& options
);

}  // namespace seyir::agent::input
