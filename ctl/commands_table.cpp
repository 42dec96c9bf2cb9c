// SPDX-License-Identifier: Apache-2.0
#include "ctl/commands_table.hpp"

#include <array>

#include <fmt/format.h>

namespace seyir::ctl {

namespace {

constexpr std::array kGlobalOptions{
    OptionSpec{
        "server",
        "URL",
        "http://HOST:PORT, https://HOST or unix:/path (SEYIR_SERVER; http://127.0.0.1:7400)"
    },
    OptionSpec{
        "token", "TOKEN", "better: SEYIR_TOKEN or --token-file, which other users cannot see"
    },
    OptionSpec{"token-file", "FILE", "a file that holds the token"},
    OptionSpec{"ca", "FILE", "certificate authority of an https server (SEYIR_CA; the system's)"},
    OptionSpec{
        "output", "FORM", "human, json (an object a line) or raw (the bytes as received); -o"
    },
    OptionSpec{"color", "WHEN", "auto, always or never (NO_COLOR is respected)"},
    OptionSpec{"utc", "", "times in UTC instead of local time"},
    OptionSpec{"timeout", "TIME", "give up after so long without a byte (60s)"},
    OptionSpec{"help", "", "about the command; -h"},
};

constexpr std::array kQueryOptions{
    OptionSpec{"since", "TIME", "how far back, as 15m, 1h, 7d (1h)"},
    OptionSpec{
        "start", "WHEN", "2026-11-22T10:00:00Z, '2026-11-22 10:00', 15m (ago) or nanoseconds"
    },
    OptionSpec{"end", "WHEN", "likewise, not included (now)"},
    OptionSpec{"limit", "N", "so many lines at most, up to 1,000,000 (100)"},
    OptionSpec{
        "direction",
        "WAY",
        "which lines when there are more: backward = the newest, forward = the oldest"
    },
    OptionSpec{"newest-first", "", "print the newest line first"},
    OptionSpec{"labels", "HOW", "short (service@host), all or none"},
    OptionSpec{"step", "TIME", "for numbers: a value each TIME of the range instead of one"},
    OptionSpec{"explain", "", "then say what was read, and what was left out and why"},
    OptionSpec{"no-progress", "", "no progress line"},
};

constexpr std::array kTailOptions{
    OptionSpec{"limit", "N", "first show the last N lines (10)"},
    OptionSpec{"labels", "HOW", "short (service@host), all or none"},
};

constexpr std::array kLabelsOptions{
    OptionSpec{"since", "TIME", "of streams that wrote within TIME (6h)"},
};

constexpr std::array kTestOptions{
    OptionSpec{"name", "TEXT", "only tests with TEXT in their name"},
    OptionSpec{"update", "", "write the golden files"},
    OptionSpec{"coverage", "", "list the components that no test reaches"},
    OptionSpec{"as", "PROGRAM", "agent or collector, where the file does not tell"},
};

constexpr std::array kGraphOptions{
    OptionSpec{"dot", "", "for Graphviz"},
    OptionSpec{"as", "PROGRAM", "agent or collector, where the file does not tell"},
};

constexpr std::array kTopOptions{
    OptionSpec{"interval", "TIME", "time between two looks (1s)"},
    OptionSpec{"once", "", "print one page and end"},
};

constexpr std::array kTapOptions{
    OptionSpec{"in", "", "what the component gets"},
    OptionSpec{"out", "", "what it gives (the default)"},
    OptionSpec{"failed", "", "what it could not handle, with the reason"},
    OptionSpec{"all", "", "all three"},
    OptionSpec{"limit", "N", "end after N records"},
    OptionSpec{"rate", "N", "at most N records a second (200)"},
};

constexpr std::array kReloadOptions{
    OptionSpec{"plan", "", "tell what would change, and change nothing"},
};

constexpr std::array kValidateOptions{
    OptionSpec{"as", "PROGRAM", "agent or collector, where the file does not tell"},
    OptionSpec{"offline", "", "look at nothing but the configuration itself (the default)"},
    OptionSpec{"online", "", "also look at the files it names on this machine"},
    OptionSpec{"deny-warnings", "", "exit with 1 when there are warnings"},
    OptionSpec{"effective", "", "print it with every default filled in, secrets hidden"},
};

constexpr std::array kParseOptions{
    OptionSpec{"config", "FILE", "a configuration; with --filter"},
    OptionSpec{"filter", "ID", "the parse filter of that configuration"},
    OptionSpec{
        "format",
        "NAME",
        "without --config: auto, json, logfmt, regex, grok, csv, clf, syslog, cri, docker, "
        "python_logging"
    },
    OptionSpec{"pattern", "EXPRESSION", "of regex and grok"},
    OptionSpec{"patterns-dir", "DIR", "of grok: pattern files"},
    OptionSpec{"columns", "A,B,C", "of csv: names of the columns"},
    OptionSpec{"time-key", "FIELD", "the field that is the time"},
    OptionSpec{"time-format", "FORMAT", "how it is written (auto)"},
};

constexpr std::array kPluginOptions{
    OptionSpec{"lang", "LANGUAGE", "new: c++, c or lua (c++)"},
    OptionSpec{"directory", "DIR", "new: where to, an empty directory (the name)"},
    OptionSpec{"settings", "FILE", "check: YAML of the filter's keys, instead of its defaults"},
    OptionSpec{"batches", "N", "check: so many random batches (1000)"},
    OptionSpec{"seed", "N", "check: of the random batches (1)"},
};

constexpr std::array kTokenOptions{
    OptionSpec{"one-time", "", "create: it is used up by the first agent that joins with it"},
    OptionSpec{"name", "NAME", "create: what the agent will be called (its host's name)"},
    OptionSpec{"ttl", "TIME", "create: valid for so long, up to 30d (1h)"},
};

constexpr std::array kAgentOptions{
    OptionSpec{
        "ca-pin", "PIN", "sha256:... of the collector's certificate, as token create prints"
    },
    OptionSpec{"endpoint", "ADDRESS", "the collector's agents input (the URL's host, its port)"},
    OptionSpec{"state-dir", "DIR", "state_dir of the agent (/var/lib/seyir-agent)"},
    OptionSpec{"config-dir", "DIR", "conf_d of the agent (/etc/seyir/agent.d)"},
    OptionSpec{"force", "", "replace what an earlier join wrote"},
};

constexpr std::array kRetentionOptions{
    OptionSpec{"dry-run", "", "run: tell what it would drop, and change nothing"},
    OptionSpec{
        "confirm", "", "run: also what is held back: more than two days, or after a clock step"
    },
};

constexpr std::array kExportOptions{
    OptionSpec{
        "from", "WHEN", "2026-11-22T10:00:00Z, '2026-11-22 10:00' or 15m (ago) (all; metrics: 1h)"
    },
    OptionSpec{"to", "WHEN", "likewise, not included (all; metrics: now)"},
    OptionSpec{"out", "FILE", "records: write to FILE; .gz and .zst are packed"},
    OptionSpec{"resume", "", "records: go on with an export to FILE that was interrupted"},
    OptionSpec{"no-progress", "", "records: no progress line"},
    OptionSpec{"match", "SELECTOR", "metrics: name{label=\"value\"}, or either part of it"},
    OptionSpec{"format", "HOW", "metrics: openmetrics (default) or jsonl"},
};

constexpr std::array kImportOptions{
    OptionSpec{"path", "PATH", "of the collector's input of type http (/ingest)"},
    OptionSpec{"on-error", "HOW", "a line that is no record: stop (default) or skip"},
    OptionSpec{"anew", "", "from the start, also what FILE.import says was imported"},
    OptionSpec{"no-progress", "", "no progress line"},
};

constexpr std::array kBackupOptions{
    OptionSpec{
        "recheck", "", "run: read everything again, and mend files of the folder that are damaged"
    },
};

constexpr std::array kRestoreOptions{
    OptionSpec{"to", "DATA_DIR", "data_dir of the collector: missing or empty"},
    OptionSpec{"at", "WHEN", "the newest backup begun by then (the newest of all)"},
};

constexpr std::array kDoctorOptions{
    OptionSpec{"repair", "", "put aside what is damaged, and mend the database"},
    OptionSpec{"from", "FOLDER", "with --repair: replace damaged files by those of a backup there"},
};

constexpr std::array kBufferOptions{
    OptionSpec{"all", "", "export: also records that were delivered and not deleted yet"},
};

constexpr std::string_view kQueryDetails =
    "Prints the lines that match, oldest first, or the numbers a metric query gives.\n\n"
    "  seyir query '{input=\"app\"} |= \"timeout\"' --since 1h --limit 20\n"
    "  seyir query '{service_name=\"web\"} | json | status >= 500' --labels all\n"
    "  seyir query 'sum by (level) (count_over_time({input=\"app\"} | json | __error__=\"\" "
    "[1h]))'\n"
    "  seyir query 'rate({input=\"app\"}[5m])' --since 1d --step 1h\n"
    "  seyir query '{input=\"app\"}' --since 1d --limit 1000000 --output raw > app.log\n";
constexpr std::string_view kTailDetails =
    "Prints lines as they are stored, until interrupted.\n\n"
    "  seyir tail '{input=\"app\"}'\n"
    "  seyir tail '{service_name=\"web\"} | json | level=\"error\"' --limit 0\n";
constexpr std::string_view kLabelsDetails =
    "Without a name: each stream label and its values. With one: its values, one a line.\n\n"
    "  seyir labels\n"
    "  seyir labels host --since 7d\n";
constexpr std::string_view kValidateDetails =
    "Checks configurations without starting anything, with the files they include and their\n"
    "directory of fragments. Each mistake is shown with file, line and column, a caret and a hint. "
    "Exits 0 when\n"
    "all are good, 78 when one is not, 1 for warnings with --deny-warnings. --output json prints\n"
    "an object a line for each FILE, with ranges as editors count them.\n\n"
    "  seyir validate /etc/seyir/agent.yaml\n"
    "  seyir validate collector.yaml --output json\n"
    "  generate-config | seyir validate - --as agent\n";
constexpr std::string_view kPluginDetails =
    "Filters built outside of Seyir (docs/guide/write-a-filter.md).\n\n"
    "  seyir plugin new filter mask_pan      a project that builds, tests and checks\n"
    "  seyir plugin check build/mask_pan.so  may it run? In a process of its own\n"
    "  seyir plugin doc build/mask_pan.so    its reference page, in Markdown\n"
    "  seyir plugin ls                       what the default directory holds\n"
    "  seyir plugin ls collector.yaml        what a configuration loads; or a directory\n\n"
    "Exits 1 when something is wrong with a plugin, 0 when all is well.\n";
constexpr std::string_view kExplainDetails =
    "More about a message of validate, or about a type of input, filter or output: its keys with\n"
    "their defaults, and an example. Without an argument, all of both.\n\n"
    "  seyir explain E0203\n"
    "  seyir explain tail\n"
    "  seyir explain outputs.file\n";
constexpr std::string_view kSchemaDetails =
    "Prints the JSON Schema of a program's configuration, for editors that complete and check\n"
    "YAML.\n\n"
    "  seyir schema agent > agent.schema.json\n"
    "  # first line of agent.yaml: # yaml-language-server: $schema=agent.schema.json\n";
constexpr std::string_view kParseDetails =
    "Lines of a file (- for standard input) through a parse filter: the fields of each, what is\n"
    "missed and where the expression stopped fitting. Exits 1 when a line was missed.\n\n"
    "  seyir parse try access.log --format clf\n"
    "  seyir parse try - --format grok --pattern '%{IP:client} %{NUMBER:took:float}'\n"
    "  seyir parse try app.log --config /etc/seyir/agent.yaml --filter fields --output json\n";
constexpr std::string_view kStatusDetails =
    "What the collector has stored, its components, the agents that ship to it, and what happened\n"
    "to them. Also of an agent: --server is then its listen.http.\n\n"
    "  seyir status\n"
    "  seyir status --server unix:/var/lib/seyir-collector/admin.sock\n"
    "  seyir status --server http://127.0.0.1:7420 --output json\n";
constexpr std::string_view kTestDetails =
    "Runs the `tests:` of a configuration through its filters and routes. Nothing is sent and no\n"
    "input is opened; the clock moves as the tests say. Exits 0 when all pass, 1 when one fails,\n"
    "78 for a configuration with mistakes.\n\n"
    "  seyir test /etc/seyir/collector.yaml\n"
    "  seyir test collector.yaml --name card --output json\n"
    "  seyir test collector.yaml --update    # accept what arrives as the golden files\n"
    "  seyir test collector.yaml --coverage  # which components no test reaches\n";
constexpr std::string_view kGraphDetails =
    "Prints the routes of a configuration: from, match, through, to. --dot for Graphviz.\n\n"
    "  seyir graph /etc/seyir/collector.yaml\n"
    "  seyir graph collector.yaml --dot | dot -Tsvg > graph.svg\n";
constexpr std::string_view kTopDetails =
    "A page of the components of a running program: records in, out, dropped and failed a second,\n"
    "records waiting, health. It renews itself; q ends it.\n\n"
    "  seyir top\n"
    "  seyir top --server unix:/var/lib/seyir-agent/admin.sock --interval 5s\n"
    "  seyir top --once    # one page, for scripts\n";
constexpr std::string_view kTapDetails =
    "Prints records as they leave a component of a running program (an input, filter or output\n"
    "by its id; all without one), one JSON object a line, until interrupted. It stays connected\n"
    "through reloads and waits for a program that restarts. --server is its admin socket or\n"
    "listen.http; it needs scope admin. At most 200 records a second are shown unless --rate says\n"
    "otherwise; `lost` counts the others.\n\n"
    "  seyir tap redact --server unix:/var/lib/seyir-collector/admin.sock\n"
    "  seyir tap redact --in --limit 5\n"
    "  seyir tap --failed\n";
constexpr std::string_view kReloadDetails =
    "The program reads its configuration again and changes over to it; what stays the same runs\n"
    "on. A configuration with mistakes changes nothing. --plan only tells what would change.\n\n"
    "  seyir reload --plan --server unix:/var/lib/seyir-agent/admin.sock\n"
    "  seyir reload --server unix:/var/lib/seyir-agent/admin.sock\n";
constexpr std::string_view kBufferDetails =
    "Looks into the folder of an output's disk buffer (buffer/ID in state_dir or data_dir).\n"
    "ls: segments and what waits; of the state_dir or data_dir itself: all of its buffers, and "
    "those\n"
    "that no output sends any more. fsck: the same, exit status 1 when something is damaged.\n"
    "export: the records that wait, one JSON object a line. replay: at the next start everything\n"
    "that is still held is sent again; the program must be stopped. The others change nothing and\n"
    "work while it runs.\n\n"
    "  seyir buffer ls /var/lib/seyir-collector\n"
    "  seyir buffer ls /var/lib/seyir-collector/buffer/far\n"
    "  seyir buffer fsck /var/lib/seyir-collector/buffer/far --output json\n"
    "  seyir buffer export /var/lib/seyir-collector/buffer/far > waiting.jsonl\n";
constexpr std::string_view kRetentionDetails =
    "When the collector drops days past `retention`, what it did last and what is due. `run` does\n"
    "it now: each day is archived (if an archive is configured), then dropped. Exits 1 when a run\n"
    "failed. What was done stands in audit/retention.jsonl of data_dir.\n\n"
    "  seyir retention\n"
    "  seyir retention run --dry-run --server unix:/var/lib/seyir-collector/admin.sock\n"
    "  seyir retention run --confirm --server unix:/var/lib/seyir-collector/admin.sock\n";
constexpr std::string_view kExportDetails =
    "Records of a running collector, whole, in order of time, one JSON object a line:\n"
    "all of them, or those of a selector and a stretch of time. FILE is FILE.partial until all is\n"
    "there; after an interruption --resume goes on where it stopped. Exits 1 when some could not\n"
    "be read.\n\n"
    "  seyir export --out all.jsonl.zst\n"
    "  seyir export '{app=\"shop\"}' --from 2026-11-01 --to 2026-11-08 --out shop.jsonl.gz\n"
    "  seyir export '{app=\"shop\"}' --from 1h | jq -r .body\n\n"
    "`metrics`: samples that agents with an input `host_metrics` sent, for other programs, as\n"
    "OpenMetrics text with times (for `promtool tsdb create-blocks-from openmetrics`) or as JSON\n"
    "lines (for VictoriaMetrics' import).\n\n"
    "  seyir export metrics --from 24h > day.om\n"
    "  seyir export metrics --match 'node_load1{instance=\"web1\"}' --format jsonl\n";
constexpr std::string_view kImportDetails =
    "Records of files as `seyir export`, archives of retention and outputs with format json write\n"
    "them (.gz and .zst, too) into a running collector with an input of type http. What was\n"
    "acknowledged stands in FILE.import: called again, it goes on there. A bad line is named with\n"
    "line and column.\n\n"
    "  seyir import all.jsonl.zst\n"
    "  seyir import /var/backups/archive/2026*.json.gz --on-error skip\n";
constexpr std::string_view kBackupDetails =
    "The backups of a running collector (`backup` of its store output), and when the next is due.\n"
    "`run` makes one now and waits for it. A backup holds every record acknowledged before it was\n"
    "begun; only what changed since the last one is copied. Exits 1 when it failed.\n\n"
    "  seyir backup\n"
    "  seyir backup run --server unix:/var/lib/seyir-collector/admin.sock\n"
    "  seyir backup run --recheck --server unix:/var/lib/seyir-collector/admin.sock\n";
constexpr std::string_view kRestoreDetails =
    "Puts a backup back as the data directory of a collector that does not run. Every checksum is\n"
    "compared before it says done, with the time it took. Interrupted, it goes on when it is\n"
    "called again. Agents then send what the backup lacks and their files still hold.\n\n"
    "  seyir restore /var/backups/seyir/store --to /var/lib/seyir-collector\n"
    "  seyir restore /var/backups/seyir/store --at '2026-11-21 12:00' --to /srv/restored\n";
constexpr std::string_view kVerifyDetails =
    "Reads all of a folder of backups, or all a collector stored (its data_dir; it may be "
    "running),\n"
    "and compares every checksum. Of a store it also unpacks every block, and compares the "
    "records\n"
    "of blocks, segments, days and stage with what the catalogue promises. Changes nothing. Exits "
    "1\n"
    "when something is damaged, which it names.\n\n"
    "  seyir verify /var/backups/seyir/store\n"
    "  seyir verify /var/lib/seyir-collector --output json\n";
constexpr std::string_view kDoctorDetails =
    "What is damaged in a data directory, which records and times that costs, and the command "
    "that\n"
    "mends it. Without --repair nothing is changed. --repair needs the collector stopped: blocks\n"
    "and files that cannot be read go out of the catalogue and, as files, to data_dir/quarantine;\n"
    "a damaged database is put aside and rebuilt from what its files still hold. Exits 1 when\n"
    "something is damaged (still).\n\n"
    "  seyir doctor /var/lib/seyir-collector\n"
    "  seyir doctor /var/lib/seyir-collector --repair --from /var/backups/seyir/store\n";
constexpr std::string_view kSpoolDetails =
    "Looks into the spools of an agent: where the records of inputs that cannot be read again "
    "wait\n"
    "for the collector. DIR is the agent's state_dir, or one spool (state_dir/buffer/OUTPUT).\n"
    "Without it: that of /etc/seyir/agent.yaml. A spool is a disk buffer; see `seyir help "
    "buffer`.\n\n"
    "  seyir spool ls\n"
    "  seyir spool export /var/lib/seyir-agent/buffer/central > waiting.jsonl\n";
constexpr std::string_view kTokenDetails =
    "Tokens that agents join a collector with. create prints the command for the agent's host;\n"
    "the token is shown once, kept as a hash, valid once and not for long. ls lists what joined\n"
    "and what may; revoke ends the tokens of an agent. They need scope admin: the collector's\n"
    "admin socket has it.\n\n"
    "  seyir token create --one-time --server unix:/var/lib/seyir-collector/admin.sock\n"
    "  seyir token create --one-time --name web1 --ttl 15m\n"
    "  seyir token ls\n"
    "  seyir token revoke web1\n";
constexpr std::string_view kAgentDetails =
    "Joins this host's agent to a collector: exchanges the one-time token of SEYIR_TOKEN (or\n"
    "--token-file) for one of its own, which goes into the agent's state directory with the\n"
    "collector's certificate authority, and writes an output to the directory the agent's\n"
    "configuration reads. Over TLS: --ca-pin, --ca, or an authority the system trusts.\n"
    "status: where the agent's outputs stand (endpoint, connection, credit, last acknowledgement,\n"
    "spool), how far its inputs are behind, and what was dropped (of http://127.0.0.1:7420 unless\n"
    "--server says otherwise).\n\n"
    "  SEYIR_TOKEN=... seyir agent join https://logs.example.org:7400 --ca-pin sha256:...\n"
    "  systemctl enable --now seyir-agent\n"
    "  seyir agent status\n";
constexpr std::string_view kCompletionDetails =
    "Completion of commands and options; put it into ~/.bashrc:\n\n"
    "  eval \"$(seyir completion bash)\"\n";

constexpr std::array kCommands{
    CommandSpec{
        "query",
        "'LOGQL'",
        1,
        1,
        "lines or numbers that answer a query",
        kQueryDetails,
        kQueryOptions
    },
    CommandSpec{"tail", "'LOGQL'", 1, 1, "lines as they are stored", kTailDetails, kTailOptions},
    CommandSpec{
        "labels", "[NAME]", 0, 1, "stream labels and their values", kLabelsDetails, kLabelsOptions
    },
    CommandSpec{
        "validate", "FILE...", 1, 1000, "check configurations", kValidateDetails, kValidateOptions
    },
    CommandSpec{
        "explain", "[CODE|TYPE]", 0, 1, "more about a message or a component", kExplainDetails, {}
    },
    CommandSpec{
        "schema", "agent|collector", 1, 1, "JSON Schema of a configuration", kSchemaDetails, {}
    },
    CommandSpec{
        "parse", "try FILE", 2, 2, "lines through a parse filter", kParseDetails, kParseOptions
    },
    CommandSpec{
        "plugin",
        "new|check|doc|ls ...",
        1,
        3,
        "filters built outside of Seyir",
        kPluginDetails,
        kPluginOptions
    },
    CommandSpec{
        "test", "FILE", 1, 1, "run the tests in a configuration", kTestDetails, kTestOptions
    },
    CommandSpec{
        "graph",
        "FILE",
        1,
        1,
        "how records go through a configuration",
        kGraphDetails,
        kGraphOptions
    },
    CommandSpec{"status", "", 0, 0, "how the collector or an agent is", kStatusDetails, {}},
    CommandSpec{
        "top", "", 0, 0, "components of a program and their rates", kTopDetails, kTopOptions
    },
    CommandSpec{
        "tap", "[COMPONENT]", 0, 1, "records as they pass a component", kTapDetails, kTapOptions
    },
    CommandSpec{
        "reload",
        "",
        0,
        0,
        "have a program read its configuration again",
        kReloadDetails,
        kReloadOptions
    },
    CommandSpec{
        "retention",
        "[run]",
        0,
        1,
        "days the collector drops, and dropping them",
        kRetentionDetails,
        kRetentionOptions
    },
    CommandSpec{
        "export",
        "[SELECTOR|metrics]",
        0,
        1,
        "records as JSON lines; samples of hosts",
        kExportDetails,
        kExportOptions
    },
    CommandSpec{
        "import",
        "FILE...",
        1,
        1000,
        "files of records into a collector",
        kImportDetails,
        kImportOptions
    },
    CommandSpec{
        "backup", "[run]", 0, 1, "backups of the collector's store", kBackupDetails, kBackupOptions
    },
    CommandSpec{
        "restore", "FOLDER", 1, 1, "a backup as a data directory", kRestoreDetails, kRestoreOptions
    },
    CommandSpec{
        "verify", "PATH", 1, 1, "checksums of backups or of a data directory", kVerifyDetails, {}
    },
    CommandSpec{
        "doctor",
        "DATA_DIR",
        1,
        1,
        "what is damaged in a data directory, and mending it",
        kDoctorDetails,
        kDoctorOptions
    },
    CommandSpec{
        "buffer",
        "ls|fsck|export|replay DIR",
        2,
        2,
        "disk buffers of outputs",
        kBufferDetails,
        kBufferOptions
    },
    CommandSpec{
        "spool",
        "ls|fsck|export [DIR]",
        1,
        2,
        "what an agent holds on disk for its collector",
        kSpoolDetails,
        kBufferOptions
    },
    CommandSpec{
        "token",
        "create|ls|revoke [NAME]",
        1,
        2,
        "tokens that agents join with",
        kTokenDetails,
        kTokenOptions
    },
    CommandSpec{
        "agent",
        "join URL|status",
        1,
        2,
        "join this host to a collector; how its agent is",
        kAgentDetails,
        kAgentOptions
    },
    CommandSpec{"version", "", 0, 0, "print the version", "", {}},
    CommandSpec{"completion", "bash", 1, 1, "completion for the shell", kCompletionDetails, {}},
    CommandSpec{"help", "[COMMAND]", 0, 1, "this, or about a command", "", {}},
};

std::string option_lines(std::span<const OptionSpec> options) {
    std::string text;
    for (const auto& option : options) {
        const auto form = fmt::format(
            "--{}{}{}", option.name, option.value_name.empty() ? "" : " ", option.value_name
        );
        text += fmt::format("  {:<20} {}\n", form, option.help);
    }
    return text;
}

}  // namespace

std::span<const CommandSpec> all_commands() {
    return kCommands;
}

std::span<const OptionSpec> global_options() {
    return kGlobalOptions;
}

std::string help_text() {
    std::string text =
        "seyir asks a Seyir collector.\n\n"
        "usage: seyir [OPTIONS] COMMAND [ARGUMENTS]\n\ncommands:\n";
    for (const auto& command : kCommands) {
        const auto form = fmt::format("{} {}", command.name, command.arguments);
        text += fmt::format("  {:<20} {}\n", form, command.summary);
    }
    text += "\noptions of every command:\n" + option_lines(kGlobalOptions);
    text +=
        "\nexit status: 0 done, 1 failed, 2 wrong use, 78 wrong configuration (validate)\n"
        "`seyir help COMMAND` shows its options and examples.\n";
    return text;
}

std::string help_text(const CommandSpec& command) {
    std::string text = fmt::format(
        "usage: seyir {}{}{}\n\n",
        command.name,
        command.arguments.empty() ? "" : " ",
        command.arguments
    );
    text += command.details.empty() ? fmt::format("{}\n", command.summary)
                                    : std::string(command.details);
    if (!command.options.empty()) {
        text += "\noptions:\n" + option_lines(command.options);
    }
    text += "\noptions of every command:\n" + option_lines(kGlobalOptions);
    return text;
}

std::string bash_completion() {
    std::string commands;
    std::string cases;
    std::string global;
    for (const auto& option : kGlobalOptions) {
        global += fmt::format(" --{}", option.name);
    }
    for (const auto& command : kCommands) {
        commands += fmt::format("{}{}", commands.empty() ? "" : " ", command.name);
        std::string options;
        for (const auto& option : command.options) {
            options += fmt::format(" --{}", option.name);
        }
        if (!options.empty()) {
            cases += fmt::format("        {}) options=\"$options{}\" ;;\n", command.name, options);
        }
    }
    return fmt::format(
        "_seyir() {{\n"
        "    local word=\"${{COMP_WORDS[COMP_CWORD]}}\" options=\"{}\" command=\"\" w\n"
        "    local commands=\"{}\"\n"
        "    for w in \"${{COMP_WORDS[@]:1:COMP_CWORD-1}}\"; do\n"
        "        case \" $commands \" in *\" $w \"*) command=\"$w\"; break ;; esac\n"
        "    done\n"
        "    case \"$command\" in\n{}    esac\n"
        "    case \"$command:$word\" in\n"
        "        *:-*) COMPREPLY=($(compgen -W \"$options\" -- \"$word\")) ;;\n"
        "        :*|help:*) COMPREPLY=($(compgen -W \"$commands\" -- \"$word\")) ;;\n"
        "        *) COMPREPLY=($(compgen -f -- \"$word\")) ;;\n"
        "    esac\n"
        "}}\n"
        "complete -F _seyir seyir\n",
        global.substr(1),
        commands,
        cases
    );
}

}  // namespace seyir::ctl
