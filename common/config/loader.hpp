// SPDX-License-Identifier: Apache-2.0
// From a path to a checked document: read, parse, merge, expand, validate. Programs add their typed
// reading on top (agent/app/agent_config.hpp, collector/app/collector_config.hpp).
// Threads: one at a time.   Errors: in LoadedConfig::diagnostics; a bad file exits 78 (EX_CONFIG).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "common/config/environment.hpp"
#include "common/config/schema/object_reader.hpp"

namespace seyir::config {

/// sysexits.h EX_CONFIG: what every program exits with on a bad configuration.
inline constexpr int kExitBadConfig = 78;

struct LoadOptions {
    io::FileSystem* files = &io::posix_file_system();
    /// Looks at files that the configuration names (certificates). `seyir validate` leaves it off.
    bool check_machine = true;
    std::optional<Environment> environment;  ///< none: this process's
    std::string host_name;                   ///< "" = this machine's
    /// The directory `conf.d` beside the file; off for text that stands in no directory.
    bool reads_conf_d = true;
};

template <class Config>
struct LoadedConfig {
    std::optional<Config> config;  ///< set exactly when there are no errors
    Diagnostics diagnostics;       ///< also warnings
    std::string effective;         ///< the file with defaults, references and `***` for secrets

    bool ok() const { return config.has_value(); }
};

/// What is left to do after validate(): read and check across sections.
struct CheckedDocument {
    Document document;
    Diagnostics diagnostics;
    ReadContext context;
};

/// The schema to check a document against, once it is read: plugins named in the file add types to
/// it. It must stay alive as long as the document is used.
using ExtendSchema = std::function<
    const Schema&(const Document& document, const ReadContext& context, Diagnostics& diagnostics)>;

/// `text` instead of the file's content when given (tests, standard input).
CheckedDocument load_document(
    const std::string& path,
    const Schema& schema,
    const LoadOptions& options,
    std::optional<std::string> text = std::nullopt,
    const ExtendSchema& extend = {}
);

/// options.host_name, else gethostname().
std::string host_name(const LoadOptions& options);

}  // namespace seyir::config
