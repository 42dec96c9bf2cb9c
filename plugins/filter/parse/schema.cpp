// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "common/base/units.hpp"
#include "plugins/filter/parse/options.hpp"

namespace seyir::plugins::parse {
namespace {

using config::Field;
using config::Schema;
using config::Type;

Field format_field() {
    return config::field("format", Type::kEnum)
        .describe("What the records look like.")
        .choice("auto", "json, logfmt, clf, syslog, cri or python_logging, decided for each record")
        .choice("json", "a JSON object")
        .choice("logfmt", "key=value pairs")
        .choice("regex", "named groups of an RE2 expression")
        .choice("grok", "patterns of patterns, as %{IP:client} %{WORD:method}")
        .choice("csv", "columns with a delimiter")
        .choice("clf", "web server access logs: common, combined, with a virtual host in front")
        .choice("syslog", "RFC 3164 and RFC 5424")
        .choice("cri", "container runtimes: time, stream, tag, message")
        .choice("docker", "Docker's json-file: log, stream, time")
        .choice("python_logging", "Python's usual formats, with JSON inside the message")
        .or_else("auto")
        .elsewhere("Fluent Bit", {"parser"})
        .elsewhere("Fluentd", {"parse"});
}

Schema time_schema() {
    return Schema("time", "Which field is the record's time.")
        .with(config::field("key", Type::kString)
                  .describe("The field; `off`: the record keeps the time it was read at.")
                  .or_else_described("the time of clf, syslog, cri, docker and python_logging; "
                                     "none of other formats")
                  .show("ts")
                  .elsewhere("Fluent Bit", {"time_key"})
                  .elsewhere("promtail", {"source"}))
        .with(config::field("format", Type::kString)
                  .describe("auto, rfc3339, unix, unix_ms, unix_us, unix_ns, or a pattern as of "
                            "strptime with %L for fractions.")
                  .or_else("auto")
                  .show("\"%d/%b/%Y:%H:%M:%S %z\"")
                  .elsewhere("Fluent Bit", {"time_format"}))
        .with(config::field("timezone", Type::kString)
                  .describe("Of times without a zone: UTC, local, +03:00 or a name.")
                  .or_else("UTC")
                  .show("Europe/Istanbul")
                  .elsewhere("Fluent Bit", {"time_offset", "time_system_timezone"})
                  .elsewhere("promtail", {"location"}))
        .with(config::field("ahead_max", Type::kDuration)
                  .describe("A time later than the record was read by more than this is a wrong "
                            "clock: the record keeps the time it was read at, and "
                            "`timestamp_original` what it said.")
                  .or_else("1h"))
        .with(config::field("behind_max", Type::kDuration)
                  .describe("Likewise for times earlier than that. 0s: any.")
                  .or_else("0s"));
}

Schema csv_schema() {
    return Schema("csv", "Of format csv.")
        .with(config::list_of("columns", config::field("column", Type::kString).may_be_empty())
                  .describe("Names of the columns; an empty one leaves its column out.")
                  .or_else("[]")
                  .elsewhere("Filebeat", {"headers"}))
        .with(config::field("header", Type::kString)
                  .describe("The header line of the file, instead of columns; a record equal to it "
                            "gets no fields.")
                  .show("'id,name,price'"))
        .with(config::field("delimiter", Type::kString)
                  .describe("One character, or its name: comma, tab, space, semicolon, pipe.")
                  .or_else("comma")
                  .elsewhere("Filebeat", {"separator"}))
        .with(config::field("quote", Type::kString)
                  .describe("One character, or its name: double, single, none.")
                  .or_else("double"));
}

Schema limits_schema() {
    return Schema(
               "limits",
               "Beyond these fields are left out, counted; nesting deeper than 64 is "
               "not parsed."
    )
        .with(config::field("attributes", Type::kInt)
                  .between(1, 4096)
                  .describe("Of a record, with those it had before.")
                  .or_else("512"))
        .with(config::field("name_bytes", Type::kBytes)
                  .between(1, 1024)
                  .describe("Of a field's name, with its prefix.")
                  .or_else("128B"))
        .with(config::field("value_bytes", Type::kBytes)
                  .between(1, 16 * kMiB)
                  .describe("Of a field's value.")
                  .or_else("1MiB"))
        .with(config::field("regex_steps", Type::kInt)
                  .between(1000, 100'000'000)
                  .describe("Of grok for one record; one that needs more is a miss.")
                  .or_else("1000000"));
}

void add_field_options(Schema& schema) {
    schema
        .with(config::field("level", Type::kString)
                  .describe("The field that is the severity: a word or a number. `off`: none.")
                  .or_else_described("the level of syslog and python_logging; none of other formats"
                  )
                  .show("level")
                  .elsewhere("Fluent Bit", {"level_key"}))
        .with(config::field("level_numbers", Type::kEnum)
                  .describe("What a number in that field means.")
                  .choice("auto", "0 to 7 as syslog, 10 and more as pino")
                  .choice("otel", "1 to 24")
                  .choice("syslog", "0 emergency to 7 debug")
                  .choice("pino", "10 trace, 20 debug, 30 info, 40 warn, 50 error, 60 fatal")
                  .choice("python", "10 debug, 20 info, 30 warning, 40 error, 50 critical")
                  .or_else("auto"))
        .with(config::field("trace_id", Type::kString)
                  .describe("The field that is the trace id: 32 hexadecimal digits.")
                  .show("trace_id"))
        .with(config::field("span_id", Type::kString)
                  .describe("The field that is the span id: 16 hexadecimal digits.")
                  .show("span_id"))
        .with(config::map_of(
                  "types",
                  config::KeyRule::kLabel,
                  config::field("type", Type::kEnum)
                      .choice("int", "")
                      .choice("float", "")
                      .choice("bool", "")
                      .choice("string", "")
        )
                  .describe("Fields turned into another type; what cannot be stays as it was, "
                            "counted.")
                  .or_else("{}")
                  .show("{ status: int, duration: float }")
                  .elsewhere("Fluent Bit", {"types"}))
        .with(config::list_of("promote", config::field("field", Type::kString))
                  .describe("Fields kept as attributes of the stored record; `all` means each. "
                            "Others serve this program's conditions and outputs only: the body "
                            "says them already.")
                  .or_else("[]")
                  .elsewhere("promtail", {"structured_metadata"}))
        .with(config::field("prefix", Type::kString)
                  .describe("Before the name of each field.")
                  .show("app_"))
        .with(config::field("nested", Type::kEnum)
                  .describe("JSON objects inside the object.")
                  .choice("flatten", "names joined with `_`, as LogQL's json stage names them")
                  .choice("map", "one attribute that is a map")
                  .or_else("flatten"));
}

std::shared_ptr<const Schema> make_schema() {
    Schema schema("parse", "Reads fields out of records; never changes their body.");
    schema.example_id("fields")
        .elsewhere("Fluent Bit", {"parser"})
        .elsewhere("Vector", {"remap"})
        .with(format_field())
        .with(config::field("from", Type::kString)
                  .describe("The attribute that is parsed.")
                  .or_else_described("the body")
                  .show("message")
                  .elsewhere("Fluent Bit", {"key_name"})
                  .elsewhere("Fluentd", {"key_name"})
                  .elsewhere("Filebeat", {"field"}))
        .with(config::list_of("pattern", config::field("expression", Type::kString))
                  .between(0, 64)
                  .describe("Of regex and grok; of several the first that fits counts.")
                  .or_else("[]")
                  .elsewhere("Fluent Bit", {"regex"})
                  .elsewhere("promtail", {"expression"})
                  .elsewhere("Vector", {"parse_regex"}))
        .with(config::map_of(
                  "patterns", config::KeyRule::kLabel, config::field("pattern", Type::kString)
        )
                  .between(0, 1000)
                  .describe("grok: patterns of your own, by name.")
                  .or_else("{}")
                  .elsewhere("Filebeat", {"pattern_definitions"}))
        .with(config::list_of("patterns_dir", config::field("directory", Type::kPath))
                  .between(0, 16)
                  .describe("grok: directories of pattern files, a line each: NAME PATTERN.")
                  .or_else("[]"))
        .with(config::object("csv", csv_schema()).describe("Of format csv."))
        .with(config::object("time", time_schema()).describe("The record's time."));
    add_field_options(schema);
    schema.with(config::object("limits", limits_schema()).describe("Bounds."))
        .with(component::on_error_field("keep"));
    return std::make_shared<const Schema>(std::move(schema));
}

}  // namespace

std::shared_ptr<const config::Schema> parse_schema() {
    static const auto schema = make_schema();
    return schema;
}

}  // namespace seyir::plugins::parse
