// SPDX-License-Identifier: Apache-2.0
// RocksDB's files on our io::FileSystem, so that simulations can cut the power under the database
// too. Production uses RocksDB's own POSIX environment.
// Threads: thread-safe.   Errors: io::Error -> rocksdb::IOStatus, kNoSpace kept as such.
// Ownership: `fs` must outlive the environment.
#pragma once

#include <memory>

#include <rocksdb/env.h>

#include "common/io/file_system.hpp"

namespace seyir::store {

std::unique_ptr<rocksdb::Env> make_rocksdb_env(io::FileSystem& fs);

}  // namespace seyir::store
