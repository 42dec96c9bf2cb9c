// SPDX-License-Identifier: Apache-2.0
// conformance FOLDER [--sealed]: runs the public LogQL cases below FOLDER (a corpora folder, or one
// of its folders logql and logqltest) and prints what became of them. Exit 0: all pass but the ones
// listed as wrong; 1: some fail; 77: the folder is not there, nothing was run.
#include <algorithm>
#include <cstdio>

#include <fmt/format.h>

#include "test/conformance/case_files.hpp"

namespace {

using namespace seyir::test;

constexpr int kSkipped = 77;
constexpr size_t kShownBytesMax = 2000;

std::string shortened(const std::string& text) {
    return text.size() <= kShownBytesMax ? text : text.substr(0, kShownBytesMax) + "...";
}

std::vector<std::filesystem::path> case_files(const std::filesystem::path& folder) {
    std::vector<std::filesystem::path> files;
    for (const std::filesystem::path& place : {folder, folder / "logql", folder / "logqltest"}) {
        if (!std::filesystem::is_directory(place)) {
            continue;
        }
        for (const auto& entry : std::filesystem::directory_iterator(place)) {
            const auto extension = entry.path().extension();
            if (extension == ".logqltest" || extension == ".jsonl") {
                files.push_back(entry.path());
            }
        }
    }
    std::ranges::sort(files);
    return files;
}

struct Totals {
    size_t passed = 0, failed = 0, skipped = 0, listed = 0, other_words = 0;
};

void print_failure(const Failure& failure) {
    fmt::print("  FAILED {}\n", failure.id);
    fmt::print("    query    {}\n", shortened(failure.query));
    fmt::print("    expected {}\n", shortened(failure.expected));
    fmt::print("    got      {}\n", shortened(failure.got));
}

void print_report(const FileReport& report, Totals& totals) {
    const auto is_listed = [](const Failure& failure) {
        return known_wrong(failure.id).has_value();
    };
    const auto listed = static_cast<size_t>(std::ranges::count_if(report.failures, is_listed));
    const size_t failed = report.failures.size() - listed;
    fmt::print(
        "{}: {} passed, {} failed, {} skipped, {} believed wrong, {} errors in other words\n",
        report.name,
        report.passed,
        failed,
        report.skipped.size(),
        listed,
        report.other_words.size()
    );
    for (const auto& [id, reason] : report.skipped) {
        fmt::print("  SKIPPED {}: {}\n", id, reason);
    }
    for (const Failure& words : report.other_words) {
        fmt::print(
            "  OTHER WORDS {}: \"{}\" is not in \"{}\"\n",
            words.id,
            words.expected,
            words.got.substr(0, words.got.find('\n'))
        );
    }
    for (const Failure& failure : report.failures) {
        if (is_listed(failure)) {
            fmt::print("  BELIEVED WRONG {}: {}\n", failure.id, *known_wrong(failure.id));
        } else {
            print_failure(failure);
        }
    }
    totals.passed += report.passed;
    totals.failed += failed;
    totals.skipped += report.skipped.size();
    totals.listed += listed;
    totals.other_words += report.other_words.size();
}

}  // namespace

int main(int argc, char** argv) {
    const bool is_sealed = argc == 3 && std::string_view(argv[2]) == "--sealed";
    if (argc != 2 && !is_sealed) {
        fmt::print(stderr, "usage: conformance FOLDER [--sealed]\n");
        return 2;
    }
    sealed_stores() = is_sealed;
    const auto files = case_files(argv[1]);
    if (files.empty()) {
        fmt::print("skipped: no LogQL cases in {}\n", argv[1]);
        return kSkipped;
    }
    Totals totals;
    for (const std::filesystem::path& file : files) {
        const bool is_script = file.extension() == ".logqltest";
        print_report(is_script ? run_script(file) : run_json_cases(file), totals);
    }
    fmt::print(
        "conformance: {} passed, {} failed, {} skipped, {} believed wrong, {} errors in other "
        "words\n",
        totals.passed,
        totals.failed,
        totals.skipped,
        totals.listed,
        totals.other_words
    );
    return totals.failed == 0 ? 0 : 1;
}
