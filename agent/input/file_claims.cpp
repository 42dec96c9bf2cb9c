// SPDX-License-Identifier: Apache-2.0
#include "agent/input/file_claims.hpp"

namespace seyir::agent::input {

std::string FileClaims::claim(const FileIdentity& file, const Owner& owner) {
    const std::lock_guard lock(mutex_);
    const auto [at, is_new] = owners_.try_emplace(file, owner);
    return is_new || at->second.instance == owner.instance ? std::string() : at->second.input;
}

void FileClaims::give_back(const FileIdentity& file, const Owner& owner) {
    const std::lock_guard lock(mutex_);
    if (const auto at = owners_.find(file);
        at != owners_.end() && at->second.instance == owner.instance) {
        owners_.erase(at);
    }
}

void FileClaims::give_back_all(const Owner& owner) {
    const std::lock_guard lock(mutex_);
    std::erase_if(owners_, [&](const auto& entry) {
        return entry.second.instance == owner.instance;
    });
}

}  // namespace seyir::agent::input
