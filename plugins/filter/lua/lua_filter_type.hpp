// SPDX-License-Identifier: Apache-2.0
// The filter `lua`: a script sees, changes, drops, splits and adds records.
// Room: configuration -> RecordFilter (Fluent Bit's callback) or BatchFilter (process(batch)).
// Threads: a plan is immutable; every instance has an interpreter of its own.
// Errors: a script that does not compile, or lacks its function, is a diagnostic with the line: in
// the YAML for inline `code`, of the file for `script` (read only when files may be looked at).
// Spec: docs/guide/lua.md.
#pragma once

#include "common/component/types.hpp"

namespace seyir::plugins {

component::FilterType lua_filter_type();

}  // namespace seyir::plugins
