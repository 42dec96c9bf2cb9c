// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <cstdlib>

#include "test/conformance/case_files.hpp"
#include "test/support/memory_log_store.hpp"
#include "test/support/sealing_store.hpp"

namespace seyir::test {

bool& sealed_stores() {
    static bool sealed = false;
    return sealed;
}

std::unique_ptr<store::LogStore> new_store() {
    if (!sealed_stores()) {
        return std::make_unique<store::MemoryLogStore>();
    }
    auto store = std::make_unique<SealingStore>();
    if (!store->is_open()) {
        (void)std::fputs("the store cannot be opened\n", stderr);
        std::exit(1);
    }
    return store;
}

}  // namespace seyir::test
