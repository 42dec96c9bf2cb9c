// SPDX-License-Identifier: Apache-2.0
// seyir: the command. Reads the command line, runs one command, gives its exit status.
#include <algorithm>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "ctl/commands_table.hpp"
#include "ctl/plugin/plugin_command.hpp"
#include "ctl/records/records_command.hpp"
#include "ctl/session.hpp"

namespace seyir::ctl {

namespace {

int show(const std::string& text) {
    return print(text) ? kExitOk : kExitFailure;
}

int wrong_use(const std::string& message) {
    const auto text = "seyir: " + message + "\n";
    fputs(text.c_str(), stderr);
    return kExitUsage;
}

int help_command(const Arguments& arguments) {
    if (arguments.values.empty()) {
        return show(help_text());
    }
    const auto commands = all_commands();
    const auto found = std::ranges::find(commands, arguments.values[0], &CommandSpec::name);
    return found != commands.end()
               ? show(help_text(*found))
               : wrong_use(
                     "there is no command \"" + arguments.values[0] + "\" (seyir help lists them)"
                 );
}

int completion_command(const Arguments& arguments) {
    return arguments.values[0] == "bash"
               ? show(bash_completion())
               : wrong_use("completion is there for bash: seyir completion bash");
}

int version_command(const Arguments&) {
    return show("seyir " SEYIR_VERSION "\n");
}

struct Entry {
    std::string_view name;
    int (*run)(const Arguments&);
};

constexpr Entry kEntries[] = {
    {"query", query_command},
    {"token", token_command},
    {"agent", agent_command},
    {"tail", tail_command},
    {"labels", labels_command},
    {"validate", validate_command},
    {"explain", explain_command},
    {"parse", parse_command},
    {"schema", schema_command},
    {"plugin", plugin_command},
    {"test", test_command},
    {"graph", graph_command},
    {"status", status_command},
    {"buffer", buffer_command},
    {"spool", spool_command},
    {"top", top_command},
    {"tap", tap_command},
    {"reload", reload_command},
    {"retention", retention_command},
    {"export", export_command},
    {"import", import_command},
    {"backup", backup_command},
    {"restore", restore_command},
    {"verify", verify_command},
    {"doctor", doctor_command},
    {"version", version_command},
    {"completion", completion_command},
    {"help", help_command},
};

int run(const std::vector<std::string>& words) {
    if (words == std::vector<std::string>{"--version"}) {
        return version_command({});
    }
    const auto arguments = parse_arguments(words, all_commands(), global_options());
    if (!arguments) {
        return wrong_use(arguments.error().message);
    }
    if (arguments->command == nullptr) {
        if (arguments->has("help")) {
            return show(help_text());
        }
        fputs(help_text().c_str(), stderr);
        return kExitUsage;
    }
    if (arguments->has("help")) {
        return show(help_text(*arguments->command));
    }
    const auto* entry = std::ranges::find(kEntries, arguments->command->name, &Entry::name);
    return entry->run(*arguments);
}

}  // namespace

}  // namespace seyir::ctl

int main(int argc, char** argv) {
    try {
        return seyir::ctl::run(std::vector<std::string>(argv + 1, argv + argc));
    } catch (const std::exception& e) {
        fprintf(stderr, "seyir: an unexpected failure, please report it: %s\n", e.what());
        return seyir::ctl::kExitFailure;
    }
}
