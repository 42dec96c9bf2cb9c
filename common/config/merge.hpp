// SPDX-License-Identifier: Apache-2.0
// Merges the tree of one more file into a configuration. Maps merge key by key, lists append,
// components and labels join; what can stand once only and stands in both files is an error that
// shows both places.
// Room: files.cpp -> Document.   Threads: one at a time.   Errors: E0131.
#pragma once

#include "common/config/document.hpp"
#include "common/config/schema/schema.hpp"

namespace seyir::config {

/// Adds the entries of `from` to `into`, both maps that `schema` describes. Nodes of `into` that
/// aliases may share are copied before they change.
void merge_maps(
    Document& document, Node& into, const Node& from, const Schema& schema, Diagnostics& diagnostics
);

}  // namespace seyir::config
