// SPDX-License-Identifier: Apache-2.0
// From a byte of a value to its place in the file, through quotes, escapes, folded lines, block
// scalars and ${references}: so that an error inside an expression gets its own caret.
// Room: Node + offset -> Span.   Threads: pure functions.
// Errors: none; where the way back is not certain the whole value is the answer. Certain means:
// decoding the source again gives exactly the text that the YAML reader gave.
#pragma once

#include <cstddef>

#include "common/config/document.hpp"

namespace seyir::config {

/// The place of `length` bytes at `offset` of the scalar's text. What a reference stands for is
/// the place of the reference.
Span inner_span(const SourceSet& sources, const Node& node, size_t offset, size_t length);

}  // namespace seyir::config
