// SPDX-License-Identifier: Apache-2.0
#include "common/service/program.hpp"

#include <charconv>
#include <csignal>
#include <cstdio>

#include <fmt/format.h>

#include "common/base/log.hpp"
#include "common/base/version.hpp"
#include "common/io/clock.hpp"
#include "common/process/service_manager.hpp"

namespace seyir::service {
namespace {

using namespace std::chrono_literals;

constexpr int kExitUsage = 64;  // sysexits.h EX_USAGE

void print_help(std::string_view program, std::string_view purpose, bool has_dry_run) {
    fmt::print(
        "{0} {1}: {2}\n\n"
        "Usage: {0} --config FILE [--check]{3}\n\n"
        "  --config FILE  the YAML configuration (see docs/reference/config.md)\n"
        "  --check        read and check the configuration, print what is wrong, exit\n"
        "{4}"
        "  --version      print the version\n"
        "  --help         this text\n\n"
        "Signals: SIGTERM and SIGINT drain and exit 0; SIGHUP reads the configuration again.\n"
        "Exit status: 0 stopped as told, 1 could not start, 64 wrong usage, 78 bad "
        "configuration.\n",
        program,
        kVersion,
        purpose,
        has_dry_run ? " [--dry-run [--limit N]]" : "",
        has_dry_run ? "  --dry-run      read what the inputs have and print each record before and "
                      "after every\n"
                      "                 filter; send nothing, write nothing, then exit\n"
                      "  --limit N      of a dry run: after N records (100; 0: all)\n"
                    : ""
    );
}

int usage_error(std::string_view program, std::string_view what) {
    fmt::print(stderr, "{}: {}\nTry `{} --help`.\n", program, what, program);
    return kExitUsage;
}

}  // namespace

std::optional<int> parse_arguments(
    int argc,
    char** argv,
    std::string_view program,
    std::string_view purpose,
    ProgramArguments& arguments
) {
    for (int i = 1; i < argc; ++i) {
        const std::string_view argument = argv[i];
        if (argument == "--help" || argument == "-h") {
            print_help(program, purpose, arguments.has_dry_run);
            return 0;
        }
        if (argument == "--version") {
            fmt::print("{} {}\n", program, kVersion);
            return 0;
        }
        if (argument == "--check") {
            arguments.check_only = true;
        } else if (argument == "--dry-run" && arguments.has_dry_run) {
            arguments.dry_run = true;
        } else if (argument == "--limit" && arguments.has_dry_run && i + 1 < argc) {
            const std::string_view text = argv[++i];
            uint64_t& records = arguments.dry_run_records;
            const auto [end, error] =
                std::from_chars(text.data(), text.data() + text.size(), records);
            if (error != std::errc() || end != text.data() + text.size()) {
                return usage_error(program, "--limit is a number of records");
            }
        } else if (argument.starts_with("--config=")) {
            arguments.config_path = argument.substr(9);
        } else if (argument == "--config" && i + 1 < argc) {
            arguments.config_path = argv[++i];
        } else if (argument == "--config") {
            return usage_error(program, "--config needs a file");
        } else {
            return usage_error(program, fmt::format("unknown argument `{}`", argument));
        }
    }
    if (arguments.config_path.empty()) {
        return usage_error(program, "--config FILE is needed");
    }
    return std::nullopt;
}

process::Signals block_program_signals() {
    return process::Signals({SIGTERM, SIGINT, SIGHUP, SIGURG});
}

void run_until_told_to_stop(process::Signals& signals, const Loop& loop) {
    const Nanos watchdog = process::watchdog_interval();
    process::notify_service_manager("READY=1");
    SteadyTime fed = io::system_clock().steady_now();
    while (true) {
        const std::optional<int> signal = signals.wait(1s);
        if (signal == SIGHUP) {
            process::notify_service_manager(process::reloading_message());
            loop.on_hangup();
            process::notify_service_manager("READY=1");
        } else if (signal && *signal != SIGURG) {  // SIGURG only wakes this loop
            log::info("program", "stopping", {{"signal", *signal == SIGTERM ? "TERM" : "INT"}});
            break;
        }
        const bool alive = loop.tick();
        const SteadyTime now = io::system_clock().steady_now();
        if (alive && watchdog.count() != 0 && now - fed >= watchdog / 2) {
            process::notify_service_manager("WATCHDOG=1");
            fed = now;
        }
    }
    process::notify_service_manager("STOPPING=1");
}

}  // namespace seyir::service
