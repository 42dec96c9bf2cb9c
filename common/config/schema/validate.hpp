// SPDX-License-Identifier: Apache-2.0
// The check of a whole document against its schema: shapes, unknown and missing keys, values.
// Room: Document (references expanded) -> Diagnostics; object_reader.hpp reads what passed.
// Threads: one at a time.   Errors: E02xx and E04xx. Parts of a value that is wrong as a whole are
// not looked at, so one mistake is one diagnostic.
#pragma once

#include <string>

#include "common/config/document.hpp"
#include "common/config/schema/schema.hpp"

namespace seyir::config {

void validate(Document& document, const Schema& schema, Diagnostics& diagnostics);

/// What a message may quote of a scalar: never the value of a ${...} reference.
std::string shown_text(const SourceSet& sources, const Node& node);

}  // namespace seyir::config
