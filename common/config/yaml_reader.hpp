// SPDX-License-Identifier: Apache-2.0
// From YAML text to the nodes of a Document, on libyaml's event parser. Used by document.cpp only.
// Errors: the first syntax error ends the reading (libyaml cannot go on); it is one diagnostic.
#pragma once

#include "common/config/document.hpp"

namespace seyir::config {

/// False when the text is not acceptable YAML; the reason is in `diagnostics`. A file without any
/// value is fine and leaves the root at nullptr. Requires: text is valid UTF-8 (checked before).
bool read_yaml(Document& document, Diagnostics& diagnostics);

}  // namespace seyir::config
