// SPDX-License-Identifier: Apache-2.0
// ScalarValues: the numbers of a column of scalars, and the texts that did not fit their form.
// Threads: immutable once made.   Format: docs/format/columns.md, "scalar forms".
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "collector/store/columns/slot/scalar_text.hpp"

namespace seyir::store::columns {

/// Values that did not fit the form, ascending by place.
struct Exceptions {
    std::vector<std::pair<uint32_t, std::string>> at;

    const std::string* find(size_t i) const {
        if (at.empty()) {
            return nullptr;
        }
        const auto found =
            std::ranges::lower_bound(at, i, {}, [](const auto& e) { return e.first; });
        return found != at.end() && found->first == i ? &found->second : nullptr;
    }
};

struct ScalarValues {
    ScalarForm form;
    std::vector<int64_t> numbers;
    Exceptions exceptions;

    void append(std::string& out, size_t i) const {
        if (const std::string* text = exceptions.find(i)) {
            out += *text;
        } else {
            form.append(out, numbers[i]);
        }
    }
};

}  // namespace seyir::store::columns
