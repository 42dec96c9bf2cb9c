// SPDX-License-Identifier: Apache-2.0
// The filter `sample`: one record in N, chosen in turn or by the hash of a key, so that all records
// of a trace pass or none, on every host alike. What `always_keep` selects passes uncounted.
// Sampled records tell their rate in an attribute, so that counts can be scaled.
// Room: BatchView -> a smaller BatchView; of the same batch when no attribute is asked for.
// Threads: instances count in turn together, without a lock.
#pragma once

#include "common/component/types.hpp"

namespace seyir::plugins {

component::FilterType sample_filter_type();

}  // namespace seyir::plugins
