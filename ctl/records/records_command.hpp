// SPDX-License-Identifier: Apache-2.0
// Records of a collector as files: out of it and into it.
// Threads: one owner; block until done.   Errors: on stderr, told by the exit status.
#pragma once

#include "ctl/arguments.hpp"

namespace seyir::ctl {

int export_records_command(const Arguments& arguments);
int import_command(const Arguments& arguments);

}  // namespace seyir::ctl
