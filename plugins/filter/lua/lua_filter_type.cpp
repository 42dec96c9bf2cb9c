// SPDX-License-Identifier: Apache-2.0
#include "plugins/filter/lua/lua_filter_type.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <utility>

#include <fmt/format.h>

#include "plugins/filter/lua/record/batch_mode.hpp"
#include "plugins/filter/lua/record/record_mode.hpp"

namespace seyir::plugins {
namespace {

using component::FilterPlan;
using component::FilterPlanPtr;
using component::FilterType;
using component::PlanContext;
using component::RunContext;
using config::field;
using config::Schema;
using config::Type;
using lua::LuaOptions;
using lua::LuaWorker;

constexpr size_t kScriptBytesMax = 1 << 20;

void add_script(Schema& schema) {
    schema
        .with(field("script", Type::kPath)
                  .describe("File with the script. One of `script` and `code`.")
                  .show("/etc/seyir/lua/team.lua")
                  .elsewhere("Vector", {"file"}))
        .with(field("code", Type::kString)
                  .describe("The script itself.")
                  .show("'function process(batch) for row in batch:rows() do row.team = \"web\" "
                        "end end'")
                  .elsewhere("Vector", {"source", "hooks"})
                  .elsewhere("Filebeat", {"source"}))
        .with(field("call", Type::kString)
                  .between(1, 128)
                  .describe("Fluent Bit's callback: the function (tag, timestamp, record) that is "
                            "called for each record. Without it the script's `process(batch)` is "
                            "called for each batch.")
                  .show("cb_team"))
        .with(component::on_error_field("dead_letter"));
}

void add_records(Schema& schema) {
    schema
        .with(field("line_key", Type::kString)
                  .between(1, 256)
                  .describe("With `call`: the name of the line in the record.")
                  .or_else("log")
                  .elsewhere("Vector", {"message_key"}))
        .with(field("time_as_table", Type::kBool)
                  .describe("Times are {sec, nsec} instead of a number, which has no room for "
                            "nanoseconds. (A time that is not changed keeps them either way.)")
                  .or_else("false"))
        .with(list_of("type_int_key", field("", Type::kString))
                  .between(0, 256)
                  .describe("Numbers of these names become integers, cut off at the point.")
                  .or_else("[]")
                  .show("[status, bytes]"))
        .with(list_of("type_array_key", field("", Type::kString))
                  .between(0, 256)
                  .describe("Empty tables of these names are lists; others are maps, unless they "
                            "were a list before.")
                  .or_else("[]")
                  .show("[tags]"))
        .with(field("enable_flb_null", Type::kBool)
                  .describe("Nulls are `flb_null` instead of nil, which a Lua table cannot hold. "
                            "(Nulls that a script cannot see stay where they are.)")
                  .or_else("false"))
        .with(field("protected_mode", Type::kBool)
                  .describe("Known from Fluent Bit: scripts always run protected here, and "
                            "`on_error` says what becomes of the record. `false` is refused.")
                  .or_else("true"));
}

void add_fence(Schema& schema) {
    schema
        .with(field("max_memory", Type::kBytes)
                  .between(kMiB, kGiB)
                  .describe("Memory one worker's script may use.")
                  .or_else("64MiB"))
        .with(field("max_instructions", Type::kInt)
                  .between(10'000, 100'000'000'000)
                  .describe("Instructions a script may take for one batch; with `call`, a tenth of "
                            "it for one record. 100 million are about a second.")
                  .or_else("100000000"))
        .with(list_of("env", field("", Type::kString))
                  .between(0, 256)
                  .describe("Environment variables the script sees in FLB_ENV.")
                  .or_else("[]")
                  .show("[HOSTNAME, TEAM]"));
}

/// The place of line `line` (from 1) of an inline script; `whole` when it cannot be told.
config::Span place_in(const config::SourceFile& source, config::Span whole, uint32_t line) {
    const std::string_view text = source.slice(whole);
    if (!text.starts_with('|') || line == 0) {
        return whole;  // folded and quoted scalars do not keep their lines
    }
    const uint32_t at = source.position(whole.begin).line + line;
    if (at > source.line_count()) {
        return whole;
    }
    config::Span span = source.line_span(at);
    while (span.begin < span.end && source.text()[span.begin] == ' ') {
        ++span.begin;
    }
    return span.begin == span.end ? whole : span;
}

/// "name:12: what" -> 12; 0 when the message does not begin so.
uint32_t line_of(std::string_view message, std::string_view name) {
    uint32_t line = 0;
    if (message.starts_with(name) && message.substr(name.size()).starts_with(':')) {
        const char* at = message.data() + name.size() + 1;
        std::from_chars(at, message.data() + message.size(), line);
    }
    return line;
}

Result<std::unique_ptr<LuaWorker>> make_worker(
    const std::shared_ptr<const LuaOptions>& options, io::Clock& clock
) {
    auto worker = std::make_unique<LuaWorker>(options, clock);
    SEYIR_CHECK(worker->open());
    return worker;
}

class LuaPlan final : public FilterPlan {
  public:
    LuaPlan(LuaOptions options, std::string path)
        : options_(std::move(options)), path_(std::move(path)) {}

    Result<std::unique_ptr<pipeline::Filter>> instantiate(const RunContext& context) override {
        LuaOptions options = options_;
        if (!path_.empty()) {
            SEYIR_TRY(options.script.text, io::read_file(context.files, path_, kScriptBytesMax));
        }
        for (auto& [name, value] : options.script.environment) {
            const char* found = std::getenv(name.c_str());
            value = found == nullptr ? "" : found;
        }
        const bool is_native = options.call.empty();
        SEYIR_TRY(
            auto worker,
            make_worker(std::make_shared<const LuaOptions>(std::move(options)), context.clock)
        );
        if (is_native) {
            return std::unique_ptr<pipeline::Filter>(
                std::make_unique<lua::BatchFilter>(std::move(worker))
            );
        }
        return std::unique_ptr<pipeline::Filter>(
            std::make_unique<lua::RecordFilter>(std::move(worker))
        );
    }

  private:
    LuaOptions options_;
    std::string path_;  ///< "": inline code
};

LuaOptions read_options(const config::ObjectReader& r) {
    LuaOptions options;
    options.call = r.string("call");
    options.line_key = r.string("line_key");
    options.time_as_table = r.boolean("time_as_table");
    options.rules.int_keys = r.strings("type_int_key");
    options.rules.array_keys = r.strings("type_array_key");
    options.rules.keep_nulls = r.boolean("enable_flb_null");
    options.limits.memory_bytes_max = r.bytes("max_memory");
    options.limits.instructions_max = static_cast<uint64_t>(r.integer("max_instructions"));
    for (std::string& name : r.strings("env")) {
        options.script.environment.emplace_back(std::move(name), "");
    }
    return options;
}

/// Runs the script's top level, in its fence, so that mistakes show before a program starts.
void try_script(const LuaOptions& options, const config::ObjectReader& r, PlanContext& context) {
    const bool is_inline = r.has("code");
    const auto worker =
        make_worker(std::make_shared<const LuaOptions>(options), io::system_clock());
    if (worker) {
        return;
    }
    const std::string& message = worker.error().message;
    config::Span at = r.span(is_inline ? "code" : "script");
    if (is_inline) {
        at = place_in(context.diagnostics.source(), at, line_of(message, options.script.name));
    }
    context.diagnostics.add(
        {.code = config::kBadScript,
         .at = at,
         .message = fmt::format("script of `{}`: {}", context.id, message)}
    );
}

FilterPlanPtr plan(const config::ObjectReader& r, PlanContext& context) {
    const bool has_file = r.has("script");
    if (has_file == r.has("code")) {
        context.diagnostics.add(
            {.code = has_file ? config::kNotAllowed : config::kMissingKey,
             .at = has_file ? r.key_span("code") : context.id_span,
             .message = fmt::format(
                 "`{}` has {} of `script` and `code`", context.id, has_file ? "both" : "none"
             ),
             .hint = "a file, or the script itself"}
        );
        return nullptr;
    }
    if (!r.boolean("protected_mode")) {
        context.diagnostics.add(
            {.code = config::kNotAllowed,
             .at = r.span("protected_mode"),
             .message = fmt::format("`protected_mode` of `{}` cannot be off", context.id),
             .hint = "`on_error` says what becomes of records a script fails on"}
        );
        return nullptr;
    }
    LuaOptions options = read_options(r);
    std::string path;
    if (has_file) {
        path = r.path("script");
        options.script.name = path.substr(path.rfind('/') + 1);
    } else {
        options.script.name = context.id;
        options.script.text = r.string("code");
    }
    if (has_file && context.checks.files == nullptr) {
        return std::make_shared<LuaPlan>(std::move(options), std::move(path));
    }
    if (has_file) {
        auto text = io::read_file(*context.checks.files, path, kScriptBytesMax);
        if (!text) {
            component::add_value_error(context, r, "script", config::kMissingFile, text.error());
            return nullptr;
        }
        options.script.text = std::move(*text);
    }
    const size_t errors = context.diagnostics.error_count();
    try_script(options, r, context);
    if (context.diagnostics.error_count() != errors) {
        return nullptr;
    }
    return std::make_shared<LuaPlan>(std::move(options), std::move(path));
}

}  // namespace

FilterType lua_filter_type() {
    static const auto schema = [] {
        Schema lua(
            "lua", "Runs records through a Lua script, which may change, drop and add them."
        );
        lua.example_id("team").elsewhere("Filebeat", {"script"});
        add_script(lua);
        add_records(lua);
        add_fence(lua);
        return std::make_shared<const Schema>(std::move(lua));
    }();
    return {.schema = schema, .plan = plan};
}

}  // namespace seyir::plugins
