// SPDX-License-Identifier: Apache-2.0
// Relayed requests as rows: a program on an agent's host posts a body, the agent keeps it as one
// row and hands it on unchanged, the collector reads it as if it had been posted there.
// One row a batch, in a stream with the label below, which no other input makes.
// Spec: docs/format/wire.md, "Relayed requests".
#pragma once

#include "common/record/batch.hpp"

namespace seyir::relay {

inline constexpr const char* kLabel = "__relay__";
inline constexpr const char* kPath = "path";                 ///< attribute: where it was posted to
inline constexpr const char* kContentType = "content_type";  ///< attribute: may be missing

inline bool is_relayed(const RecordBatch& batch) {
    return batch.streams().size() == 1 && !batch.streams()[0]->get(kLabel).empty();
}

}  // namespace seyir::relay
