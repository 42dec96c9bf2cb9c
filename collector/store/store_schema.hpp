// SPDX-License-Identifier: Apache-2.0
// What the `store` output accepts in a configuration file, and how it becomes StoreOptions.
// Threads: the schema is immutable; the reader runs on the loading thread.
#pragma once

#include "collector/store/store_options.hpp"
#include "common/config/schema/object_reader.hpp"

namespace seyir::store {

const config::Schema& store_schema();

StoreOptions read_store(const config::ObjectReader& r);

/// The disk marks in order.
void check_store(const config::ObjectReader& r, config::Diagnostics& diagnostics);

}  // namespace seyir::store
