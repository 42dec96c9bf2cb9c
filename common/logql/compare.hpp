// SPDX-License-Identifier: Apache-2.0
// What `>`, `==` and the like say of two values of one kind.
// Threads: pure function.
#pragma once

#include "common/logql/ast.hpp"

namespace seyir::logql {

template <class T>
bool compare(T left, CompareOp op, T right) {
    switch (op) {
        case CompareOp::kEqual:
            return left == right;
        case CompareOp::kNotEqual:
            return left != right;
        case CompareOp::kGreater:
            return left > right;
        case CompareOp::kGreaterEqual:
            return left >= right;
        case CompareOp::kLess:
            return left < right;
        case CompareOp::kLessEqual:
            return left <= right;
    }
    return false;
}

}  // namespace seyir::logql
