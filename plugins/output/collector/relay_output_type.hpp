// SPDX-License-Identifier: Apache-2.0
// The output type `collector` as a collector has it: passes records on to a second collector. It
// stands behind a disk buffer, which is its source: the buffer's offsets are the positions, so the
// second collector stores each record once however often the first one, the second or the
// connection die (docs/format/buffer.md, "Positions"). Each such output is an agent of its own to
// the second collector; its id is in the buffer's folder.
// Threads: called while the catalogue is built.
#pragma once

#include "common/component/types.hpp"

namespace seyir::plugins {

component::OutputType relay_output_type();

}  // namespace seyir::plugins
