// SPDX-License-Identifier: Apache-2.0
// What became of each case of a corpus file: passed, failed (with expected and got), skipped.
// Threads: plain values.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace seyir::test {

struct Failure {
    std::string id;
    std::string query;
    std::string expected;
    std::string got;
};

struct FileReport {
    std::string name;
    size_t passed = 0;
    std::vector<Failure> other_words;  ///< passed, but the error was told in other words
    std::vector<Failure> failures;
    std::vector<std::pair<std::string, std::string>> skipped;  ///< id, reason

    void skip(std::string id, std::string reason) {
        skipped.emplace_back(std::move(id), std::move(reason));
    }
};

}  // namespace seyir::test
