// SPDX-License-Identifier: Apache-2.0
#include "plugins/filter/parse/options.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace seyir::plugins::parse {
namespace {

using component::PlanContext;
using config::ObjectReader;

Format read_format(const ObjectReader& r) {
    return r.choice<Format>(
        "format",
        {{"auto", Format::kAuto},
         {"json", Format::kJson},
         {"logfmt", Format::kLogfmt},
         {"regex", Format::kRegex},
         {"grok", Format::kGrok},
         {"csv", Format::kCsv},
         {"clf", Format::kClf},
         {"syslog", Format::kSyslog},
         {"cri", Format::kCri},
         {"docker", Format::kDocker},
         {"python_logging", Format::kPythonLogging}}
    );
}

/// The field of a role as formats with one name it.
std::string_view default_time(Format format) {
    switch (format) {
        case Format::kClf:
        case Format::kSyslog:
        case Format::kCri:
        case Format::kDocker:
        case Format::kPythonLogging:
            return "time";
        default:
            return "";
    }
}

std::string_view default_level(Format format) {
    switch (format) {
        case Format::kSyslog:
            return "severity";
        case Format::kPythonLogging:
            return "level";
        default:
            return "";
    }
}

/// "off" = none; absent = the format's own.
std::string role_field(const ObjectReader& r, std::string_view key, std::string_view otherwise) {
    const std::string text = r.has(key) ? r.string(key) : std::string(otherwise);
    return text == "off" ? std::string() : text;
}

void read_time(const ObjectReader& r, PlanContext& context, Options& out) {
    const ObjectReader time = r.nested("time");
    const std::string key = role_field(time, "key", default_time(out.format));
    out.rules.roles[static_cast<size_t>(Role::kTime)] = key;
    auto format = TimeFormat::compile(time.string("format"));
    if (format) {
        out.time_format = *std::move(format);
    } else {
        component::add_value_error(context, time, "format", config::kNotAllowed, format.error());
    }
    out.timezone = time.string("timezone");
    if (!is_zone_name(out.timezone)) {
        component::add_value_error(
            context,
            time,
            "timezone",
            config::kNotAllowed,
            fail(
                ErrorCode::kInvalidArgument,
                "no time zone; write UTC, local, +03:00 or a name as Europe/Istanbul"
            )
        );
    } else if (context.checks.files != nullptr) {
        if (const auto zone = TimeZone::load(out.timezone, *context.checks.files); !zone) {
            component::add_value_error(
                context, time, "timezone", config::kMissingFile, zone.error()
            );
        }
    }
    out.ahead_max = time.duration("ahead_max");
    out.behind_max = time.duration("behind_max");
}

void read_csv(const ObjectReader& r, PlanContext& context, Options& out) {
    const ObjectReader csv = r.nested("csv");
    const auto character = [&](std::string_view key) {
        const std::string text = csv.string(key);
        constexpr std::pair<std::string_view, char> kNames[] = {
            {"comma", ','},
            {"tab", '\t'},
            {"space", ' '},
            {"semicolon", ';'},
            {"pipe", '|'},
            {"double", '"'},
            {"single", '\''},
            {"none", '\0'},
        };
        for (const auto& [name, c] : kNames) {
            if (text == name) {
                return c;
            }
        }
        if (text.size() != 1) {
            component::add_value_error(
                context,
                csv,
                key,
                config::kNotAllowed,
                fail(ErrorCode::kInvalidArgument, "must be one character of ASCII")
            );
            return ',';
        }
        return text[0];
    };
    out.csv.delimiter = character("delimiter");
    out.csv.quote = character("quote");
    out.csv.columns = csv.strings("columns");
    out.csv.header = csv.string("header");
    if (out.format == Format::kCsv && out.csv.columns.empty() && out.csv.header.empty()) {
        context.diagnostics.add(
            {.code = config::kMissingKey,
             .at = r.span("format"),
             .message = fmt::format("`{}` needs names for its columns", context.id),
             .hint = "add `csv: { columns: [...] }` or `csv: { header: \"...\" }`"}
        );
    }
}

void read_fields(const ObjectReader& r, Options& out) {
    out.rules.roles[static_cast<size_t>(Role::kLevel)] =
        role_field(r, "level", default_level(out.format));
    out.level_scale = r.choice<LevelScale>(
        "level_numbers",
        {{"auto", LevelScale::kAuto},
         {"otel", LevelScale::kOtel},
         {"syslog", LevelScale::kSyslog},
         {"pino", LevelScale::kPino},
         {"python", LevelScale::kPython}}
    );
    out.rules.roles[static_cast<size_t>(Role::kTraceId)] = r.string("trace_id");
    out.rules.roles[static_cast<size_t>(Role::kSpanId)] = r.string("span_id");
    for (const auto& [name, type] : r.pairs("types")) {
        out.rules.types.emplace_back(
            name,
            type == "int"     ? FieldType::kInt
            : type == "float" ? FieldType::kFloat
            : type == "bool"  ? FieldType::kBool
                              : FieldType::kString
        );
    }
    out.rules.promote = r.strings("promote");
    out.rules.promote_all = std::ranges::find(out.rules.promote, "all") != out.rules.promote.end();
    out.rules.prefix = r.string("prefix");
    out.nested = r.string("nested") == "map" ? Nested::kMap : Nested::kFlatten;
    const ObjectReader limits = r.nested("limits");
    out.rules.limits.attributes_max = static_cast<uint32_t>(limits.integer("attributes"));
    out.rules.limits.name_bytes_max = static_cast<uint32_t>(limits.bytes("name_bytes"));
    out.rules.limits.value_bytes_max = static_cast<uint32_t>(limits.bytes("value_bytes"));
    out.regex_steps_max = static_cast<uint64_t>(limits.integer("regex_steps"));
}

}  // namespace

std::optional<Options> read_options(const ObjectReader& r, PlanContext& context) {
    Options out;
    const size_t errors_before = context.diagnostics.error_count();
    out.format = read_format(r);
    out.from = r.string("from");
    out.patterns = r.strings("pattern");
    out.definitions = r.pairs("patterns");
    out.patterns_dirs = r.paths("patterns_dir");
    read_fields(r, out);
    read_time(r, context, out);
    read_csv(r, context, out);
    out.on_error = component::read_on_error(r);
    const bool needs_pattern = out.format == Format::kRegex || out.format == Format::kGrok;
    if (needs_pattern && out.patterns.empty()) {
        context.diagnostics.add(
            {.code = config::kMissingKey,
             .at = r.span("format"),
             .message = fmt::format("`{}` has no `pattern`", context.id),
             .hint = "add `pattern:` with an expression, or several of them"}
        );
    } else if (!needs_pattern && !out.patterns.empty()) {
        context.diagnostics.add(
            {.code = config::kNotAllowed,
             .at = r.key_span("pattern"),
             .message = fmt::format("`pattern` of `{}` is for regex and grok", context.id),
             .hint = "add `format: regex` or `format: grok`"}
        );
    }
    return context.diagnostics.error_count() == errors_before ? std::optional(std::move(out))
                                                              : std::nullopt;
}

}  // namespace seyir::plugins::parse
