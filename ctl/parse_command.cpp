// SPDX-License-Identifier: Apache-2.0
// seyir parse try FILE: lines through a parse filter, without a program that runs: the fields of
// each, what is missed and where, and a count.
#include <map>

#include <unistd.h>

#include <fmt/format.h>

#include "common/base/text.hpp"
#include "common/component/types.hpp"
#include "common/config/loader.hpp"
#include "common/io/clock.hpp"
#include "ctl/session.hpp"
#include "plugins/filter/parse/explain.hpp"
#include "plugins/filter/parse/parse_filter.hpp"

namespace seyir::ctl {

namespace {

using plugins::parse::Miss;
using plugins::parse::Options;
using plugins::parse::Stop;

constexpr size_t kFileBytesMax = 256U << 20U;
constexpr size_t kLinesPerBatch = 1000;
constexpr std::string_view kFilterId = "try";

Result<std::string> read_lines(const std::string& path) {
    if (path != "-") {
        return io::read_file(io::posix_file_system(), path, kFileBytesMax);
    }
    std::string text;
    char piece[65536];
    while (true) {
        const auto count = read(STDIN_FILENO, piece, sizeof piece);
        if (count < 0) {
            return errno_error(errno, "reading standard input");
        }
        if (count == 0) {
            return text;
        }
        text.append(piece, static_cast<size_t>(count));
        if (text.size() > kFileBytesMax) {
            return fail(ErrorCode::kTooLarge, "standard input is larger than 256 MiB");
        }
    }
}

/// The filter as YAML, from the command's options.
std::string yaml_of(const Arguments& arguments) {
    const auto format = arguments.get("format");
    std::string yaml = "filters:\n  try:\n    type: parse\n    format: " +
                       json_quote(format.empty() ? "auto" : format) + "\n";
    if (arguments.has("pattern")) {
        yaml += "    pattern: " + json_quote(arguments.get("pattern")) + "\n";
    }
    if (arguments.has("patterns-dir")) {
        yaml += "    patterns_dir: " + json_quote(arguments.get("patterns-dir")) + "\n";
    }
    if (arguments.has("columns")) {
        yaml += "    csv: { header: " + json_quote(arguments.get("columns")) + " }\n";
    }
    std::string time;
    for (const auto& [option, key] : {std::pair("time-key", "key"), {"time-format", "format"}}) {
        if (arguments.has(option)) {
            time += fmt::format(
                "{}{}: {}", time.empty() ? "" : ", ", key, json_quote(arguments.get(option))
            );
        }
    }
    return yaml + (time.empty() ? "" : "    time: { " + time + " }\n");
}

/// The named filter of a configuration file, alone, at the same lines.
Result<std::string> yaml_from_file(const std::string& path, const std::string& id) {
    SEYIR_TRY(auto text, io::read_file(io::posix_file_system(), path, config::kFileBytesMax));
    auto source = std::make_shared<config::SourceFile>(path, std::move(text));
    config::Diagnostics diagnostics(source);
    const auto document = config::parse_document(source, diagnostics);
    if (diagnostics.has_errors() || document.root() == nullptr) {
        return diagnostics.to_error();
    }
    const auto* filters = document.root()->is_map() ? document.root()->find("filters") : nullptr;
    const auto* filter =
        filters != nullptr && filters->value->is_map() ? filters->value->find(id) : nullptr;
    if (filter == nullptr) {
        std::string known;
        for (const auto& entry :
             filters != nullptr ? filters->value->entries : std::vector<config::Entry>{}) {
            known += (known.empty() ? "" : ", ") + entry.key->text;
        }
        return fail(
            ErrorCode::kNotFound,
            fmt::format(
                "{} has no filter \"{}\"{}", path, id, known.empty() ? "" : "; there are: " + known
            )
        );
    }
    const std::string& all = source->text();
    const config::Span span = filter->value->span;
    const size_t line_begin = span.begin == 0 ? 0 : all.rfind('\n', span.begin - 1) + 1;
    std::string yaml;
    for (size_t line = static_cast<size_t>(
             std::count(all.begin(), all.begin() + static_cast<ptrdiff_t>(line_begin), '\n')
         );
         line > 2;
         --line) {
        yaml += '\n';
    }
    yaml += "filters:\n  try:\n" + std::string(std::max<size_t>(span.begin - line_begin, 4), ' ');
    return yaml + all.substr(span.begin, span.end - span.begin) + "\n";
}

/// Nothing when the mistakes were shown.
std::optional<Options> load(const std::string& name, std::string yaml, const Arguments& arguments) {
    const auto type = plugins::parse_filter_type();
    config::Schema schema("try", "One filter.");
    schema.with(config::components("filters", {type.schema.get()}).required());
    auto checked = config::load_document(
        name,
        schema,
        {.check_machine = false, .environment = {}, .host_name = "localhost", .reads_conf_d = false
        },
        std::move(yaml)
    );
    config::Diagnostics& diagnostics = checked.diagnostics;
    std::optional<Options> options;
    if (!diagnostics.has_errors()) {
        const config::SectionChecks checks{
            .files = &io::posix_file_system(), .diagnostics = diagnostics
        };
        const config::ObjectReader root(checked.document.root(), schema, checked.context);
        const auto components = root.components("filters");
        component::PlanContext context{
            .id = std::string(kFilterId),
            .id_span = components.front().id_span,
            .diagnostics = diagnostics,
            .checks = checks,
            .read = checked.context,
        };
        if (type.plan(components.front().reader, context) != nullptr) {
            options = plugins::parse::read_options(components.front().reader, context);
        }
    }
    if (!options) {
        const bool color = wants_color(arguments.get("color"), STDERR_FILENO);
        const auto text = diagnostics.to_text(color);
        fputs(text.c_str(), stderr);
    }
    return options;
}

std::string_view type_name(const Value& value) {
    switch (value.kind()) {
        case ValueKind::kNull:
            return "null";
        case ValueKind::kBool:
            return "bool";
        case ValueKind::kInt:
            return "int";
        case ValueKind::kDouble:
            return "float";
        case ValueKind::kArray:
            return "array";
        case ValueKind::kMap:
            return "map";
        case ValueKind::kNumberText:
            return "number";
        default:
            return "";
    }
}

/// Prints as lines pass.
class Report {
  public:
    Report(const Options& options, bool json, bool color)
        : options_(options), json_(json), color_(color), clean_(is_terminal(STDOUT_FILENO)) {}

    void hit(const RecordBatch& batch, size_t row, UnixNanos read_at) {
        ++lines_;
        json_ ? hit_json(batch, row, read_at) : hit_text(batch, row, read_at);
    }

    void missed(Slice line, const Miss& miss) {
        ++lines_;
        ++missed_;
        ++reasons_[std::string(miss.code)];
        const auto stop = plugins::parse::explain_stop(options_, io::posix_file_system(), line);
        json_ ? missed_json(line, miss, stop) : missed_text(line, miss, stop);
    }

    void summary() {
        if (json_) {
            out_ += fmt::format(
                R"({{"summary":{{"lines":{},"read":{},"missed":{},"reasons":{{)",
                lines_,
                lines_ - missed_,
                missed_
            );
            for (bool first = true; const auto& [reason, count] : reasons_) {
                out_ += fmt::format("{}{}:{}", first ? "" : ",", json_quote(reason), count);
                first = false;
            }
            out_ += "}}}\n";
            return;
        }
        out_ += out_.empty() ? "" : "\n";
        append_colored(
            out_,
            missed_ == 0 ? Color::kGreen : Color::kYellow,
            fmt::format(
                "{} lines: {} read, {} missed",
                grouped(lines_),
                grouped(lines_ - missed_),
                grouped(missed_)
            ),
            color_
        );
        for (const auto& [reason, count] : reasons_) {
            out_ += fmt::format("\n  {:<16} {}", reason, grouped(count));
        }
        out_ += '\n';
    }

    bool flush() {
        const bool ok = print(out_).has_value();
        out_.clear();
        return ok;
    }

    uint64_t missed_count() const { return missed_; }

  private:
    std::string shown(std::string_view text) const {
        return clean_ ? clean_text(text) : std::string(text);
    }

    void hit_text(const RecordBatch& batch, size_t row, UnixNanos read_at) {
        append_colored(out_, Color::kGreen, fmt::format("line {}", lines_), color_);
        out_ += '\n';
        for (const Attr& attr : batch.attrs(row)) {
            out_ += "  ";
            append_colored(
                out_, Color::kBlue, fmt::format("{:<20}", shown(batch.keys()[attr.key])), color_
            );
            out_ += ' ' + shown(attr.value.to_text());
            if (const auto type = type_name(attr.value); !type.empty()) {
                append_colored(out_, Color::kDim, fmt::format("  {}", type), color_);
            }
            if (!attr.is_parsed) {
                append_colored(out_, Color::kDim, "  kept", color_);
            }
            out_ += '\n';
        }
        if (batch.ts(row) != read_at) {
            append_colored(
                out_,
                Color::kDim,
                fmt::format("  → time     {}\n", to_rfc3339(batch.ts(row))),
                color_
            );
        }
        if (batch.severity(row) != kSeverityUnset) {
            append_colored(
                out_,
                Color::kDim,
                fmt::format("  → severity {}\n", level_name(batch.severity(row))),
                color_
            );
        }
    }

    void hit_json(const RecordBatch& batch, size_t row, UnixNanos read_at) {
        out_ += fmt::format(R"({{"line":{},"ok":true,"fields":{{)", lines_);
        for (bool first = true; const Attr& attr : batch.attrs(row)) {
            out_ += first ? "" : ",";
            append_json_quoted(out_, batch.keys()[attr.key]);
            out_ += ':';
            attr.value.append_json(out_);
            first = false;
        }
        out_ += '}';
        if (batch.ts(row) != read_at) {
            out_ += ",\"time\":" + json_quote(to_rfc3339(batch.ts(row)));
        }
        if (batch.severity(row) != kSeverityUnset) {
            out_ += ",\"severity\":" + json_quote(level_name(batch.severity(row)));
        }
        out_ += "}\n";
    }

    void missed_text(Slice line, const Miss& miss, const std::optional<Stop>& stop) {
        append_colored(out_, Color::kRed, fmt::format("line {}: {}", lines_, miss.message), color_);
        const size_t at = std::min(stop ? stop->at : miss.at, line.size());
        // The caret stands under the byte; a long line is cut around it.
        constexpr size_t kBefore = 60, kAfter = 60;
        const size_t begin = at > kBefore ? at - kBefore : 0;
        const std::string before = shown(line.substr(begin, at - begin));
        const std::string after = shown(line.substr(at, kAfter));
        size_t columns = 0;
        for (const char c : before) {
            columns += (static_cast<unsigned char>(c) & 0xc0U) != 0x80 ? 1 : 0;
        }
        out_ += "\n  | " + before + after + "\n  | " + std::string(columns, ' ');
        std::string said = "^";
        if (stop) {
            said += stop->missing.empty()
                        ? " matched up to here"
                        : fmt::format(" matched up to here; `{}` does not fit", stop->missing);
        }
        append_colored(out_, Color::kYellow, shown(said), color_);
        out_ += '\n';
    }

    void missed_json(Slice line, const Miss& miss, const std::optional<Stop>& stop) {
        out_ += fmt::format(
            R"({{"line":{},"ok":false,"reason":{},"message":{},"at":{})",
            lines_,
            json_quote(miss.code),
            json_quote(miss.message),
            stop ? stop->at : miss.at
        );
        if (stop && !stop->missing.empty()) {
            out_ += ",\"expected\":" + json_quote(stop->missing);
        }
        out_ += ",\"text\":" + json_quote(line) + "}\n";
    }

    const Options& options_;
    bool json_;
    bool color_;
    bool clean_;
    uint64_t lines_ = 0;
    uint64_t missed_ = 0;
    std::map<std::string, uint64_t> reasons_;
    std::string out_;
};

/// Takes the next lines off `text`.
BatchView next_batch(std::string_view& text, UnixNanos now) {
    auto batch = std::make_shared<RecordBatch>();
    const uint16_t stream = batch->add_stream(*StreamLabels::make({{"input", "try"}}));
    while (!text.empty() && batch->row_count() < kLinesPerBatch) {
        std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(text.size(), line.size() + 1));
        if (line.ends_with('\r')) {
            line.remove_suffix(1);
        }
        batch->append_row({.ts = now, .stream = stream, .body = line});
    }
    return {std::move(batch), {}};
}

int try_lines(const Options& options, std::string_view text, const Arguments& arguments) {
    auto parser = plugins::parse::make_row_parser(options, io::posix_file_system());
    if (!parser) {
        return report(parser.error());
    }
    const bool json = arguments.get("output") == "json";
    Report shown(options, json, !json && wants_color(arguments.get("color"), STDOUT_FILENO));
    const UnixNanos now = io::system_clock().wall_now();
    while (!text.empty()) {
        BatchEditor edit(next_batch(text, now));
        parser->begin_batch(edit);
        for (size_t row = 0; row < edit.row_count(); ++row) {
            if (const auto miss = parser->parse(edit, row)) {
                shown.missed(edit.batch().body(row), *miss);
            } else {
                shown.hit(edit.batch(), row, now);
            }
        }
        if (!shown.flush()) {
            return kExitFailure;
        }
    }
    shown.summary();
    return shown.flush() && shown.missed_count() == 0 ? kExitOk : kExitFailure;
}

}  // namespace

int parse_command(const Arguments& arguments) {
    if (arguments.values[0] != "try") {
        const auto text = "seyir: parse knows one thing: seyir parse try FILE\n";
        fputs(text, stderr);
        return kExitUsage;
    }
    std::string name = "the command line";
    std::string yaml;
    if (arguments.has("config")) {
        name = arguments.get("config");
        auto read = yaml_from_file(name, arguments.get("filter"));
        if (!read) {
            report(read.error());
            return config::kExitBadConfig;
        }
        yaml = *std::move(read);
    } else {
        yaml = yaml_of(arguments);
    }
    const auto options = load(name, std::move(yaml), arguments);
    if (!options) {
        return config::kExitBadConfig;
    }
    const auto text = read_lines(arguments.values[1]);
    return text ? try_lines(*options, *text, arguments) : report(text.error());
}

}  // namespace seyir::ctl
