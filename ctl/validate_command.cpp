// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdio>
#include <memory>

#include <unistd.h>

#include <fmt/format.h>

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
    const size_t warnings = verdict.diagnostics->warning_count();
    const bool is_denied = verdict.ok && warnings > 0 && arguments.has("deny-warnings");
    const int status = !verdict.ok ? config::kExitBadConfig : is_denied ? kExitFailure : kExitOk;
    if (arguments.get("output") == "json") {
        const auto printed = print(verdict.diagnostics->to_json() + "\n");
        return printed ? status : std::max(status, static_cast<int>(kExitFailure));
    }
    const auto text =
        verdict.diagnostics->to_text(wants_color(arguments.get("color"), STDERR_FILENO));
    fputs(text.c_str(), stderr);
    if (is_denied) {
        const auto line = fmt::format(
            "{}: {} warning{}, and --deny-warnings is given\n",
            path,
            warnings,
            warnings == 1 ? "" : "s"
        );
        fputs(line.c_str(), stderr);
    }
    if (status != kExitOk) {
        return status;
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

namespace {

int show_unreadable(const std::string& path, const Error& error, const Arguments& arguments) {
    config::Diagnostics diagnostics(std::make_shared<config::SourceFile>(path, ""));
    diagnostics.add({.code = config::kUnreadableFile, .message = error.message});
    return show({.ok = false, .diagnostics = &diagnostics}, path, "", arguments);
}

int validate_file(const std::string& path, const Arguments& arguments) {
    auto text = read_input(path);
    const std::string name = path == "-" ? "standard input" : path;
    if (!text) {
        return show_unreadable(name, text.error(), arguments);
    }
    auto program = arguments.get("as");
    if (program.empty()) {
        program = guess_program(path, *text);
    }
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

}  // namespace

int validate_command(const Arguments& arguments) {
    if (arguments.has("online") && arguments.has("offline")) {
        return report(fail(ErrorCode::kInvalidArgument, "--online or --offline, not both"));
    }
    int status = kExitOk;
    for (const std::string& path : arguments.values) {
        status = std::max(status, validate_file(path, arguments));  // 78 is the worst
    }
    return status;
}

}  // namespace seyir::ctl
