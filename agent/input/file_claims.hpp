// SPDX-License-Identifier: Apache-2.0
// FileClaims: which input of this agent reads a file. Inputs that read the same file would send the
// same lane (agent, source id) twice, and a collector takes the second for a duplicate: the rows of
// one of them would be dropped. So one input reads it; the others complain and wait.
// Threads: any.   Limits: one entry a file read, bounded by the inputs' files_max.
// Ownership: an input gives its claims back when it stops or lets a file go.
#pragma once

#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>

#include "agent/input/tail/identity.hpp"

namespace seyir::agent::input {

class FileClaims {
  public:
    /// Who asks: an input as it runs now (one made anew by a reload is another owner).
    struct Owner {
        const void* instance = nullptr;
        std::string input;  ///< its name in the configuration
    };

    /// "" when `owner` has the file from now on or had it before; else the input that reads it.
    std::string claim(const FileIdentity& file, const Owner& owner);
    void give_back(const FileIdentity& file, const Owner& owner);
    void give_back_all(const Owner& owner);

  private:
    std::mutex mutex_;
    std::unordered_map<FileIdentity, Owner> owners_;
};

/// The claims of one owner. Without a table it gets every file: other inputs may read the same.
class FileClaimant {
  public:
    FileClaimant(FileClaims* claims, FileClaims::Owner owner)
        : claims_(claims), owner_(std::move(owner)) {}

    /// "" when the file is the owner's; else the input that reads it.
    std::string claim(const FileIdentity& file) const {
        return claims_ == nullptr ? std::string() : claims_->claim(file, owner_);
    }

    void give_back(const FileIdentity& file) const {
        if (claims_ != nullptr) {
            claims_->give_back(file, owner_);
        }
    }

    void give_back_all() const {
        if (claims_ != nullptr) {
            claims_->give_back_all(owner_);
        }
    }

  private:
    FileClaims* const claims_;
    const FileClaims::Owner owner_;
};

}  // namespace seyir::agent::input
