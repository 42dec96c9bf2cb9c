// SPDX-License-Identifier: Apache-2.0
// What the built-in local outputs accept in a configuration file, and how it becomes options.
// Threads: schemas are immutable; readers run on the loading thread.
#pragma once

#include "common/config/schema/object_reader.hpp"
#include "plugins/output/output_options.hpp"

namespace seyir::plugins {

const config::Schema& file_output_schema();
const config::Schema& stdout_output_schema();
const config::Schema& null_output_schema();

FileOutputOptions read_file_output(const config::ObjectReader& r);
StdoutOutputOptions read_stdout_output(const config::ObjectReader& r);

}  // namespace seyir::plugins
