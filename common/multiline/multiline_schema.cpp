// SPDX-License-Identifier: Apache-2.0
#include "common/multiline/multiline_schema.hpp"

#include <utility>

#include <fmt/format.h>

namespace seyir::multiline {
namespace {

using config::field;
using config::Schema;
using config::Type;

constexpr uint64_t kSecond = 1'000'000'000;

config::Field rule_field() {
    Schema rule("rule", "One step: in a state of `from`, a line that matches leads to `to`.");
    rule.with(list_of("from", field("", Type::kString))
                  .required()
                  .between(1, 32)
                  .describe("States the rule applies in; `start` is where no group is open.")
                  .show("[start]"))
        .with(field("match", Type::kString)
                  .required()
                  .describe("Pattern (RE2) of the line.")
                  .show("'^Dec '"))
        .with(field("to", Type::kString)
                  .required()
                  .describe("The state after it; one without rules of its own ends the group.")
                  .show("cont"));
    return object("", std::move(rule));
}

Spec read_spec(const config::ObjectReader& r) {
    Spec spec;
    spec.preset = r.string("preset");
    spec.start = r.string("start");
    spec.cont = r.string("continue");
    spec.end = r.string("end");
    for (const config::ObjectReader& rule : r.objects("rules")) {
        spec.rules.push_back({rule.strings("from"), rule.string("match"), rule.string("to")});
    }
    return spec;
}

/// None or several of what excludes each other is another mistake than a rule that is wrong.
std::string_view code_of(const config::ObjectReader& r) {
    const bool has_pattern = r.has("start") || r.has("continue") || r.has("end");
    const int forms = (r.has("preset") ? 1 : 0) + (r.has("rules") ? 1 : 0) + (has_pattern ? 1 : 0);
    return forms == 0  ? config::kMissingKey
           : forms > 1 ? config::kNotAllowed
                       : config::kBadMultiline;
}

/// The key the message should stand at.
std::string_view key_of(const config::ObjectReader& r) {
    for (const char* key : {"rules", "start", "continue", "end", "preset"}) {
        if (r.has(key)) {
            return key;
        }
    }
    return "preset";
}

}  // namespace

void add_multiline_fields(Schema& schema) {
    config::Field preset =
        field("preset", Type::kEnum)
            .describe("Rules for well known formats. One of `preset`, patterns, `rules`.")
            .show("java")
            .elsewhere("Fluent Bit", {"multiline.parser"})
            .elsewhere("other programs", {"parser", "mode"});
    for (const Preset& one : Rules::presets()) {
        preset.choice(std::string(one.name), std::string(one.help));
    }
    schema.with(std::move(preset))
        .with(
            field("start", Type::kString)
                .describe("Pattern (RE2) of a record's first line. Alone: all lines up to the next "
                          "such line belong to it.")
                .show("'^\\d{4}-\\d{2}-\\d{2} '")
                .elsewhere("Vector", {"start_pattern"})
                .elsewhere("promtail", {"firstline"})
                .elsewhere("Filebeat", {"multiline.pattern"})
                .elsewhere("OpenTelemetry", {"line_start_pattern"})
        )
        .with(field("continue", Type::kString)
                  .describe("Pattern of lines that belong to the one before.")
                  .show("'^\\s'")
                  .elsewhere("Vector", {"condition_pattern"}))
        .with(field("end", Type::kString)
                  .describe("Pattern of a record's last line.")
                  .show("';$'")
                  .elsewhere("OpenTelemetry", {"line_end_pattern"}))
        .with(list_of("rules", rule_field())
                  .between(1, 64)
                  .describe("Named states, as in Fluent Bit's [MULTILINE_PARSER]."))
        .with(field("max_lines", Type::kInt)
                  .between(2, 1'000'000)
                  .describe("A longer group becomes several records, counted; nothing is lost.")
                  .or_else("1000")
                  .elsewhere("promtail", {"max_lines"}))
        .with(field("max_bytes", Type::kBytes)
                  .between(kKiB, kMiB)
                  .describe("A larger group becomes several records, counted; nothing is lost.")
                  .or_else("1MiB"))
        .with(field("flush_timeout", Type::kDuration)
                  .between(kSecond / 10, 600 * kSecond)
                  .describe("A group that may go on is sent after it was quiet for this long.")
                  .or_else("2s")
                  .elsewhere("Fluent Bit", {"flush_ms"})
                  .elsewhere("Vector", {"timeout_ms"})
                  .elsewhere("promtail", {"max_wait_time"}));
}

std::optional<Multiline> read_multiline(
    const config::ObjectReader& r, const std::string& owner, config::Diagnostics& diagnostics
) {
    Multiline made;
    made.bounds.lines_max = static_cast<size_t>(r.integer("max_lines"));
    made.bounds.bytes_max = r.bytes("max_bytes");
    made.bounds.flush_timeout = r.duration("flush_timeout");
    auto rules = Rules::compile(read_spec(r));
    if (!rules) {
        diagnostics.add(
            {.code = code_of(r),
             .at = r.span(key_of(r)),
             .message = fmt::format("multiline rules of `{}`: {}", owner, rules.error().message)}
        );
        return std::nullopt;
    }
    made.rules = std::move(*rules);
    return made;
}

}  // namespace seyir::multiline
