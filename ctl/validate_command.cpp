// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <memory>

#include <unistd.h>

#include "agent/app/agent_config.hpp"
#include "collector/app/collector_config.hpp"
#include "common/config/document.hpp"
#include "common/io/file_system.hpp"
#include "ctl/program_guess.hpp"
#include "ctl/session.hpp"

namespace seyir::ctl {

namespace {

constexpr size_t kFileBytesMax = 4 * 1024 * 1024;

struct Verdict {
    bool ok = false;
    const config::Diagnostics* diagnostics = nullptr;
    const std::string* effective = nullptr;
};

int show(
    const Verdict& verdict,
    const std::string& path,
    std::string_view program,
    const Arguments& arguments
) {
    if (arguments.get("output") == "json") {
        const auto printed = print(verdict.diagnostics->to_json() + "\n");
        return verdict.ok && printed ? kExitOk : config::kExitBadConfig;
    }
    const auto text =
        verdict.diagnostics->to_text(wants_color(arguments.get("color"), STDERR_FILENO));
    fputs(text.c_str(), stderr);
    if (!verdict.ok) {
        return config::kExitBadConfig;
    }
    const auto answer = arguments.has("effective") ? *verdict.effective
                                                   : path + ": a valid configuration of seyir-" +
                                                         std::string(program) + "\n";
    return print(answer) ? kExitOk : kExitFailure;
}

Result<std::string> read_input(const std::string& path) {
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
            return fail(ErrorCode::kTooLarge, "standard input is larger than 4 MiB");
        }
    }
}

/// Neither program's file, as far as one sees: broken YAML is the likelier trouble and shown first.
int show_unknown(const std::string& name, std::string text, const Arguments& arguments) {
    auto source = std::make_shared<config::SourceFile>(name, std::move(text));
    config::Diagnostics diagnostics(source);
    config::parse_document(source, diagnostics);
    if (!diagnostics.has_errors()) {
        diagnostics.add(
            {.code = config::kMissingKey,
             .message = "neither `state_dir:` (an agent's) nor `data_dir:` (a "
                        "collector's) is in it",
             .hint = "add it, or say which with --as agent or --as collector"}
        );
    }
    return show({.ok = false, .diagnostics = &diagnostics}, name, "", arguments);
}

}  // namespace

int validate_command(const Arguments& arguments) {
    const auto& path = arguments.values[0];
    auto text = read_input(path);
    if (!text) {
        return report(text.error());
    }
    auto program = arguments.get("as");
    if (program.empty()) {
        program = guess_program(path, *text);
    }
    const std::string name = path == "-" ? "standard input" : path;
    if (program != "agent" && program != "collector") {
        return show_unknown(name, *std::move(text), arguments);
    }
    config::LoadOptions options;
    options.check_machine = arguments.has("online");
    options.reads_conf_d = path != "-";
    if (program == "agent") {
        const auto loaded = agent::parse_agent_config(name, *std::move(text), options);
        return show(
            {loaded.ok(), &loaded.diagnostics, &loaded.effective}, name, program, arguments
        );
    }
    const auto loaded = collector::parse_collector_config(name, *std::move(text), options);
    return show({loaded.ok(), &loaded.diagnostics, &loaded.effective}, name, program, arguments);
}

int explain_command(const Arguments& arguments) {
    std::string text;
    if (arguments.values.empty()) {
        for (const auto& info : config::all_codes()) {
            text += std::string(info.code) + "  " + std::string(info.title) + "\n";
        }
        return print(text) ? kExitOk : kExitFailure;
    }
    const auto* info = config::find_code(arguments.values[0]);
    if (info == nullptr) {
        return report(fail(
            ErrorCode::kNotFound,
            "there is no message " + arguments.values[0] + ": `seyir explain` lists them"
        ));
    }
    text = std::string(info->code) + ": " + std::string(info->title) + "\n\n" +
           std::string(info->explanation);
    if (!text.ends_with('\n')) {
        text += '\n';
    }
    return print(text) ? kExitOk : kExitFailure;
}

}  // namespace seyir::ctl
