// SPDX-License-Identifier: Apache-2.0
// Runs one file of public LogQL cases. The formats are in the READMEs of the corpora.
// Threads: one.   Errors: a file that cannot be read as such a file is one failure of its report.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>

#include "collector/store/log_store.hpp"
#include "test/conformance/report.hpp"

namespace seyir::test {

/// The store a case runs on: rows in memory, or, once sealed_stores() is set, columns.
std::unique_ptr<store::LogStore> new_store();
bool& sealed_stores();

/// logql/*.jsonl: one case a line, told apart by `kind`.
FileReport run_json_cases(const std::filesystem::path& path);

/// logqltest/*.logqltest: load, eval, expected series.
FileReport run_script(const std::filesystem::path& path);

/// Why a case is believed to be wrong; nothing for all others. They are run and listed apart.
std::optional<std::string_view> known_wrong(std::string_view id);

}  // namespace seyir::test
