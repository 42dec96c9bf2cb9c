// SPDX-License-Identifier: Apache-2.0
// The dead letter file of a program: where records go that a filter or output could not handle and
// for which no route names another output.
// Limits: 4 files of 64 MiB; the oldest is deleted.
#pragma once

#include <memory>
#include <string>

#include "common/base/result.hpp"
#include "common/pipeline/output.hpp"

namespace seyir::plugins {

/// HOME/dead_letter/records.jsonl; the directory is made. kIo.
Result<std::unique_ptr<pipeline::Output>> make_dead_letter_file(const std::string& home);

}  // namespace seyir::plugins
