// SPDX-License-Identifier: Apache-2.0
// ProgramConfig: what the files of both programs say, read and checked in one place; the programs
// add what is their own (agent: host_metrics; collector: nothing yet).
// Room: path -> types (with plugins) -> Document -> ProgramConfig, or diagnostics.
// Threads: the loading thread; the result is immutable and shared.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/component/pipeline_config.hpp"
#include "common/config/loader.hpp"

namespace seyir::component {

/// A program's component types and the schema of its file. Neither moves once made: schemas point
/// into the catalogue.
struct ProgramTypes {
    Catalogue catalogue;
    config::Schema schema{"", ""};
};

using ProgramTypesPtr = std::shared_ptr<const ProgramTypes>;

struct ProgramConfig {
    std::string home;  ///< state_dir or data_dir
    config::ListenOptions listen;
    config::ServerTls tls;                     ///< of listen.http
    std::vector<config::TokenOptions> tokens;  ///< of listen.http; empty: none are needed
    config::LogOptions log;
    config::StringPairs labels;  ///< top-level ones, as written
    std::string host_name;
    PipelineConfig pipeline;
    ProgramTypesPtr types;
};

/// What tells the programs apart while their files are read.
struct ProgramTraits {
    std::string home_key;     ///< "state_dir" or "data_dir"
    bool has_labels = false;  ///< top-level `labels`, and the label `host`
};

/// The keys that stand before the pipeline in both files: version, home, listen, tls, tokens,
/// allow_plaintext. `home` is that key with its own help and default.
void add_program_sections(
    config::Schema& program,
    config::Field home,
    const std::string& home_key,
    std::string default_http
);

/// Reads everything but the program's own sections.
ProgramConfig read_program(
    const config::ObjectReader& root,
    const config::SectionChecks& checks,
    const config::ReadContext& read,
    ProgramTypesPtr types,
    const ProgramTraits& traits,
    std::string host_name
);

/// SectionChecks::check_match of both programs.
std::optional<Error> check_route_match(std::string_view text);

}  // namespace seyir::component
