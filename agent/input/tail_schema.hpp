// SPDX-License-Identifier: Apache-2.0
// What a `tail` input accepts in a configuration file, and how it becomes TailOptions.
// Threads: the schema is immutable; the reader runs on the loading thread.
#pragma once

#include "agent/input/tail_options.hpp"
#include "common/config/schema/object_reader.hpp"

namespace seyir::agent::input {

const config::Schema& tail_schema();

/// All keys of `tail` but `include` and `multiline`, for inputs built on it. `service_name`: what
/// that label is by default.
void add_file_fields(config::Schema& schema, const char* service_name);

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
