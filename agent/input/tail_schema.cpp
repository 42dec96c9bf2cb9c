// SPDX-License-Identifier: Apache-2.0
#include "agent/input/tail_schema.hpp"

#include <algorithm>
#include <initializer_list>

#include "common/base/units.hpp"
#include "common/config/sections/sections.hpp"
#include "common/multiline/multiline_schema.hpp"

namespace seyir::agent::input {
namespace {

using config::field;
using config::Schema;
using config::Type;

constexpr uint64_t kSecond = 1'000'000'000;

void add_include(Schema& schema) {
    schema.with(list_of("include", field("", Type::kGlob))
                    .required()
                    .between(1, 1000)
                    .describe("Files to read: paths with `*`, `?`, `[a-z]` and `**` (any folders).")
                    .show("['/var/log/*.log']")
                    .elsewhere("Filebeat", {"paths"})
                    .elsewhere("Fluent Bit", {"Path"})
                    .elsewhere("promtail", {"__path__"})
                    .elsewhere("other programs", {"files", "glob", "file"}));
}

void add_where_to_begin(Schema& schema) {
    schema
        .with(list_of("exclude", field("", Type::kGlob).may_be_name())
                  .between(0, 1000)
                  .describe("Files of `include` that are not read: paths like there, or a name "
                            "alone, like `*.gz`, in any folder.")
                  .or_else("[]")
                  .show("['*.gz', '/var/log/lastlog']")
                  .elsewhere("Filebeat", {"exclude_files"})
                  .elsewhere("Fluent Bit", {"Exclude_Path"})
                  .elsewhere("promtail", {"__path_exclude__"}))
        .with(field("start_at", Type::kEnum)
                  .choice("beginning", "read it whole")
                  .choice(
                      "end", "only what comes from now on; files that appear later are read whole"
                  )
                  .describe("Where to begin in a file that was never seen before.")
                  .or_else("beginning")
                  .elsewhere("Vector", {"read_from"})
                  .elsewhere("Fluent Bit", {"Read_from_Head"})
                  .elsewhere("Filebeat", {"tail_files"}))
        .with(field("ignore_older", Type::kDuration)
                  .between(0, 10ULL * 365 * 86'400 * kSecond)
                  .describe("A file not changed for longer than this is not begun. 0: all are.")
                  .or_else("0")
                  .show("72h")
                  .elsewhere("Vector", {"ignore_older_secs"}));
}

void add_lines(Schema& schema, const char* service_name) {
    schema
        .with(
            field("max_line", Type::kBytes)
                .between(kKiB, kMiB)  // a record is at most 1 MiB everywhere (docs/format/batch.md)
                .describe("The longest line, without its line break.")
                .or_else("1MiB")
                .elsewhere("Vector", {"max_line_bytes"})
                .elsewhere("Fluent Bit", {"Buffer_Max_Size"})
                .elsewhere("Filebeat", {"message_max_bytes", "max_bytes"})
                .elsewhere("promtail", {"max_line_size"})
        )
        .with(field("over", Type::kEnum)
                  .choice("split", "several records; nothing is lost")
                  .choice("truncate", "the first part is kept; the rest is counted")
                  .choice("drop", "the line is left out and counted")
                  .describe("What happens to a longer line.")
                  .or_else("split")
                  .elsewhere("Fluent Bit", {"Skip_Long_Lines"})
                  .elsewhere("promtail", {"max_line_size_truncate"}))
        .with(config::labels_field(
            "Stream labels of these lines, besides the top-level ones; these win."
        ))
        .with(field("service_name", Type::kString)
                  .between(1, 2048)
                  .describe("The label `service_name`.")
                  .or_else_described(service_name)
                  .show("shop")
                  .elsewhere("other programs", {"service", "job", "app"}));
}

Schema deleted_files_schema() {
    Schema deleted(
        "deleted_files", "Files that were removed or rotated away before all of them was delivered."
    );
    deleted
        .with(
            field("hold", Type::kDuration)
                .between(0, 365 * 86'400 * kSecond)
                .describe("A removed file is let go after this time, and what was not delivered is "
                          "counted. 0: it is kept open until it is delivered.")
                .or_else("0")
                .show("1h")
                .elsewhere("Filebeat", {"close_removed"})
        )
        .with(field("max_bytes", Type::kBytes)
                  .between(0, 1024 * kGiB)
                  .describe(
                      "Disk they may occupy together; beyond, the oldest is let go and counted."
                  )
                  .or_else("1GiB")
                  .elsewhere("other programs", {"max_size"}));
    return deleted;
}

void add_files_and_memory(Schema& schema) {
    schema
        .with(field("rescan_interval", Type::kDuration)
                  .between(kSecond / 10, 3600 * kSecond)
                  .describe("How often folders are listed again, besides the kernel's notices.")
                  .or_else("1s")
                  .elsewhere("Vector", {"glob_minimum_cooldown_ms"})
                  .elsewhere("Filebeat", {"scan_frequency", "prospector.scanner.check_interval"})
                  .elsewhere("Fluent Bit", {"Refresh_Interval"}))
        .with(field("partial_line_wait", Type::kDuration)
                  .describe("A last line without a line break is sent after the file was quiet for "
                            "this long; 0 waits for ever.")
                  .or_else("5s")
                  .elsewhere("Fluent Bit", {"multiline_flush"})
                  .elsewhere("OpenTelemetry", {"force_flush_period"}))
        .with(field("rotated_quiet", Type::kDuration)
                  .between(0, 86'400 * kSecond)
                  .describe(
                      "A rotated file is let go once it is delivered and was quiet for this long."
                  )
                  .or_else("30s")
                  .elsewhere("Vector", {"rotate_wait_secs"})
                  .elsewhere("Fluent Bit", {"Rotate_Wait"})
                  .elsewhere("Filebeat", {"close_inactive"}))
        .with(object("deleted_files", deleted_files_schema()))
        .with(field("on_ambiguity", Type::kEnum)
                  .choice("resend", "read it whole: lines may be stored twice, none is lost")
                  .choice("skip", "take it for the copy: its beginning is not read again")
                  .describe(
                      "What to do with a new file that begins with the little (less than 1 KiB) "
                      "that was read of a file that vanished: a copy of it, or another one "
                      "that begins alike. Counted, and said in `seyir agent status`."
                  )
                  .or_else("resend"))
        .with(field("max_in_flight", Type::kBytes)
                  .between(kMiB, 4 * kGiB)
                  .describe("Memory for lines that no output has taken yet; then reading waits.")
                  .or_else("32MiB")
                  .elsewhere("Fluent Bit", {"Mem_Buf_Limit"}))
        .with(field("rate_limit", Type::kBytes)
                  .between(0, 1024 * kGiB)
                  .describe("Bytes a second that are read from all of its files together; what is "
                            "beyond stays in the files. 0: no limit.")
                  .or_else("0")
                  .show("10MiB")
                  .elsewhere("Vector", {"max_read_bytes"}))
        .with(
            field("max_open_files", Type::kInt)
                .between(8, 1'000'000)
                .describe("Beyond this, or beyond half of the process's limit of open files, idle "
                          "files are closed until they change.")
                .or_else("4096")
        )
        .with(field("max_files", Type::kInt)
                  .between(1, 10'000'000)
                  .describe("Files beyond this are not read, and counted.")
                  .or_else("100000"));
}

void add_multiline(Schema& schema) {
    Schema multiline("multiline", "Lines that are one record: stack traces, cut container lines.");
    multiline::add_multiline_fields(multiline);
    schema.with(object("multiline", std::move(multiline))
                    .show("{ preset: java }")
                    .elsewhere("Fluent Bit", {"multiline.parser", "Multiline"})
                    .elsewhere("Filebeat", {"parsers"}));
}

}  // namespace

void add_file_fields(Schema& schema, const char* service_name) {
    add_where_to_begin(schema);
    add_lines(schema, service_name);
    add_files_and_memory(schema);
}

const config::Schema& tail_schema() {
    static const Schema schema = [] {
        Schema tail(
            "tail", "Reads log files as they grow, through rotation, truncation and restarts."
        );
        tail.example_id("app")
            .elsewhere("Vector", {"file"})
            .elsewhere("Filebeat", {"log", "filestream"})
            .elsewhere("OpenTelemetry", {"filelog"});
        add_include(tail);
        add_where_to_begin(tail);
        add_lines(tail, "the input's name");
        add_multiline(tail);
        add_files_and_memory(tail);
        return tail;
    }();
    return schema;
}

TailOptions read_tail(const config::ObjectReader& r) {
    TailOptions options;
    options.include = r.paths("include");
    // A name alone is excluded wherever it is.
    options.exclude = r.strings("exclude");
    for (std::string& pattern : options.exclude) {
        pattern = pattern.find('/') == std::string::npos ? "/**/" + pattern : pattern;
    }
    options.exclude = r.absolute(std::move(options.exclude));
    options.start_at = r.string("start_at") == "end" ? StartAt::kEnd : StartAt::kBeginning;
    options.ignore_older = r.duration("ignore_older");
    options.max_line_bytes = r.bytes("max_line");
    options.over_long = r.choice<OverLong>(
        "over",
        {{"split", OverLong::kSplit}, {"truncate", OverLong::kTruncate}, {"drop", OverLong::kDrop}}
    );
    options.rescan_interval = r.duration("rescan_interval");
    options.partial_line_wait = r.duration("partial_line_wait");
    options.rotated_quiet = r.duration("rotated_quiet");
    const config::ObjectReader deleted = r.nested("deleted_files");
    options.deleted_files_hold = deleted.duration("hold");
    options.deleted_files_bytes_max = deleted.bytes("max_bytes");
    options.on_ambiguity = r.choice<OnAmbiguity>(
        "on_ambiguity", {{"resend", OnAmbiguity::kResend}, {"skip", OnAmbiguity::kSkip}}
    );
    options.rate_bytes_max = r.bytes("rate_limit");
    options.in_flight_bytes_max = r.bytes("max_in_flight");
    options.open_files_max = static_cast<size_t>(r.integer("max_open_files"));
    options.files_max = static_cast<size_t>(r.integer("max_files"));
    return options;
}

bool read_tail_multiline(
    const config::ObjectReader& r,
    const std::string& owner,
    config::Diagnostics& diagnostics,
    TailOptions& options
) {
    const config::ObjectReader keys = r.nested("multiline");
    // Bounds alone join nothing: so does what `validate` prints of an input without rules.
    const auto is_given = [&](const char* key) { return keys.has(key); };
    if (std::ranges::none_of(
            std::initializer_list<const char*>{"preset", "start", "continue", "end", "rules"},
            is_given
        )) {
        return true;
    }
    auto made = multiline::read_multiline(keys, owner, diagnostics);
    if (!made) {
        return false;
    }
    options.multiline = std::move(*made);
    return true;
}

}  // namespace seyir::agent::input
