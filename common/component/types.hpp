// SPDX-License-Identifier: Apache-2.0
// What a type of input, filter or output is to the programs: its schema and how a configured one
// becomes a running one. In two steps, so that `validate`, `test`, `reload --plan` and the programs
// read a file the same way:
//   plan:         ObjectReader -> Plan; compiles regexes, LogQL, templates; every mistake becomes a
//                 diagnostic with its place. Touches neither network nor, without `files`, disk.
//   instantiate:  Plan -> component, with what a running program has (registry, clock, state).
// Room: configuration -> components.   Threads: plans are made on the loading thread and immutable
// afterwards, except for what their instances share, which guards itself.
// Ownership: plans are shared by the components made of them.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/config/schema/object_reader.hpp"
#include "common/config/sections/sections.hpp"
#include "common/io/clock.hpp"
#include "common/io/file_system.hpp"
#include "common/metrics/registry.hpp"
#include "common/net/http.hpp"
#include "common/pipeline/filter.hpp"
#include "common/pipeline/input.hpp"
#include "common/pipeline/output.hpp"
#include "common/record/stream_labels.hpp"

namespace seyir::alert {
class RefillSource;
}

namespace seyir::multiline {
struct Multiline;
}

namespace seyir::component {

/// While a file is read.
struct PlanContext {
    std::string id;
    config::Span id_span;
    config::Diagnostics& diagnostics;
    /// The sections' checks (TLS files, ...); checks.files is nullptr when the machine must not be
    /// looked at: then files named in the configuration are not opened.
    const config::SectionChecks& checks;
    config::ReadContext read;    ///< base directory of relative paths
    config::StringPairs labels;  ///< top-level `labels`, with `host`
    /// Of the program: for inputs that give none of their own.
    config::ServerTls tls;
    std::vector<config::TokenOptions> tokens;
    bool allows_plaintext = false;
    bool has_http = false;  ///< `listen.http` is on
};

/// Adds `error` (of RE2, LogQL, ...) at the place of the value under `key`; lines after the first
/// of its message become notes.
void add_value_error(
    PlanContext& context,
    const config::ObjectReader& r,
    std::string_view key,
    std::string_view code,
    const Error& error
);

/// What components of one program need besides a RunContext; the programs derive from it, and
/// components that exist in one program only downcast (agent: checkpoints; collector: the store).
class ProgramServices {
  public:
    virtual ~ProgramServices() = default;

    /// Where alert rules get the records of their window from at start; none: they begin empty.
    virtual alert::RefillSource* alert_refill() { return nullptr; }
};

/// In a running program.
struct RunContext {
    std::string id;
    metrics::Registry& registry;
    io::Clock& clock;
    io::FileSystem& files;
    std::string state_dir;  ///< the program's home; a component's own folder is state_dir/KIND/ID
    std::string host_name;
    ProgramServices* program = nullptr;  ///< set by the programs, not by `seyir test`
};

/// What all plans have in common.
class Plan {
  public:
    virtual ~Plan() = default;

    /// Content of files that the configuration names and that decide what the component does
    /// (a script, a pattern file), or a hash of it: a reload makes the component anew when it
    /// changes. The configuration itself need not be repeated here.
    virtual std::string fingerprint() const { return {}; }
};

// --- filters ---

using pipeline::OnError;

/// The key `on_error` every filter has, with its type's default ("keep", "drop", "dead_letter").
/// A sensitive filter does not offer `keep`.
config::Field on_error_field(std::string default_choice, bool is_sensitive = false);
OnError read_on_error(const config::ObjectReader& r);

class FilterPlan : public Plan {
  public:
    /// One for each worker and place of use. Errors: what is wrong with files, scripts, plugins.
    virtual Result<std::unique_ptr<pipeline::Filter>> instantiate(const RunContext& context) = 0;

    /// Its failures must not let a record through (redaction): `on_error: keep` is refused, and the
    /// dead letter gets no body and no attributes.
    virtual bool is_sensitive() const { return false; }

    /// Keeps rows across batches: refused after inputs with positions (DESIGN 6.6).
    virtual bool holds_rows() const { return false; }

    /// Wants Filter::flush(kTimer).
    virtual bool wants_timer() const { return false; }

    /// How it joins lines, for inputs that do it themselves (InputPlan::takes_over); nullptr: it
    /// does not.
    virtual const multiline::Multiline* line_rules() const { return nullptr; }

    /// Outputs that emit_event() feeds.
    virtual std::vector<config::NamedPlace> event_outputs() const { return {}; }

    /// What is wrong with its instances right now, for health; nothing when they are well.
    /// Thread-safe.
    virtual std::optional<std::string> trouble() const { return std::nullopt; }
};

using FilterPlanPtr = std::shared_ptr<FilterPlan>;

struct FilterType {
    std::shared_ptr<const config::Schema> schema;
    /// nullptr when diagnostics say why.
    std::function<FilterPlanPtr(const config::ObjectReader&, PlanContext&)> plan;
};

// --- outputs ---

enum class BufferDefault {
    kNone,    ///< durable itself, or local: store, file, stdout, null
    kMemory,  ///< rows wait in memory; the source is answered when the far side has them
    kDisk,    ///< rows are safe, and answered for, once they are in the disk buffer
    kSpool,   ///< kDisk for sources that cannot be read again; others are answered by the far side
};

class OutputPlan : public Plan {
  public:
    virtual Result<std::unique_ptr<pipeline::Output>> instantiate(const RunContext& context) = 0;

    virtual BufferDefault buffer_default() const { return BufferDefault::kNone; }
};

using OutputPlanPtr = std::shared_ptr<OutputPlan>;

struct OutputType {
    std::shared_ptr<const config::Schema> schema;
    std::function<OutputPlanPtr(const config::ObjectReader&, PlanContext&)> plan;
};

// --- inputs ---

struct InputContext {
    RunContext run;
    ProgramServices& program;
    /// The filter whose work this input does itself (InputPlan::takes_over), or nullptr.
    const FilterPlan* takes_over = nullptr;
};

/// Inputs that are paths on `listen.http`. The programs mount them after start().
class HttpMounted {
  public:
    virtual ~HttpMounted() = default;
    virtual std::vector<net::HttpRoute> http_routes() = 0;
};

class InputPlan : public Plan {
  public:
    virtual Result<std::unique_ptr<pipeline::Input>> instantiate(const InputContext& context) = 0;

    /// Sockets it will listen on, for the checks across components.
    virtual std::vector<config::SectionChecks::Listener> listeners() const { return {}; }

    /// Its batches carry source positions (tail, agents): what a frame yields must leave with the
    /// frame, so filters that hold rows are refused after it (DESIGN 6.6).
    virtual bool has_positions() const { return false; }

    /// Does the work of this filter itself, before it cuts batches, when the filter comes first in
    /// a route (a tail input and `multiline`): the graph then leaves the filter out for its rows.
    virtual bool takes_over(const FilterPlan& /*filter*/) const { return false; }
};

using InputPlanPtr = std::shared_ptr<InputPlan>;

struct InputType {
    std::shared_ptr<const config::Schema> schema;
    std::function<InputPlanPtr(const config::ObjectReader&, PlanContext&)> plan;
};

/// The stream labels of an input: `host`, `service_name` (default: the id), the program's and the
/// input's own `labels`, `input`. Errors become diagnostics; then empty labels are returned.
StreamLabelsPtr input_labels(const config::ObjectReader& r, PlanContext& context);

}  // namespace seyir::component
