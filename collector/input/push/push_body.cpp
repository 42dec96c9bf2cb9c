// SPDX-License-Identifier: Apache-2.0
#include "collector/input/push/push_body.hpp"

#include <utility>

namespace seyir::collector::input {
namespace {

constexpr size_t kProblemsShown = 10;

}  // namespace

void PushBody::reject(std::string problem, uint64_t entries) {
    rejected += entries;
    if (problems.size() < kProblemsShown) {
        problems.push_back(std::move(problem));
    }
}

}  // namespace seyir::collector::input
