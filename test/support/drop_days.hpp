// SPDX-License-Identifier: Apache-2.0
// drop_days_before(): a clean-up of all streams whose retention ends at the beginning of a day.
#pragma once

#include "collector/store/rocks_store.hpp"

namespace seyir::test {

inline Result<store::DropReport> drop_days_before(
    store::RocksStore& store, store::Day day, bool confirm = false
) {
    const store::DropRule rule{.now = day.begin() + Nanos(1), .retention = Nanos(1)};
    SEYIR_TRY(auto due, store.due(rule, confirm));
    SEYIR_CHECK(store.drop(due.dropped, day.begin(), confirm));
    return due;
}

}  // namespace seyir::test
