// SPDX-License-Identifier: Apache-2.0
// What a filter over a block's lines has to index: texts between which every line of the block is
// cut, runs (columns/text/runs.hpp) always whole. So whatever run a line has, it stands as a run in
// one of them:
//   PieceSink sink = [&](std::string_view piece) { collector.add(piece); };
//   SEYIR_TRY(const EncodedBlock block, encoder.encode(batch, &sink));
// A line in which a run goes across the edge of a slot (its time is followed by other bytes than
// those of the shape, say) comes whole as well. test/unit/store_columns/piece_test.cpp has the
// property. A text comes at least once for all lines that have it: values of dictionaries and texts
// of shapes come once a block. Valid only during the call. Threads: the encoder's.
#pragma once

#include <functional>
#include <string_view>

namespace seyir::store::columns {

using PieceSink = std::function<void(std::string_view)>;

}  // namespace seyir::store::columns
