// SPDX-License-Identifier: Apache-2.0
#include "ctl/pipeline/load_program.hpp"

#include <cstdio>
#include <utility>

#include <unistd.h>

#include "agent/app/agent_config.hpp"
#include "collector/app/collector_config.hpp"
#include "common/io/file_system.hpp"
#include "ctl/print/terminal.hpp"
#include "ctl/program_guess.hpp"

namespace seyir::ctl {
namespace {

template <class Config>
std::optional<ProgramFile> finish(std::string program, config::LoadedConfig<Config> loaded) {
    const std::string text = loaded.diagnostics.to_text(wants_color("auto", STDERR_FILENO));
    fputs(text.c_str(), stderr);
    if (!loaded.ok()) {
        return std::nullopt;
    }
    return ProgramFile{
        std::move(program),
        std::make_shared<const Config>(std::move(*loaded.config)),
        std::make_shared<const config::Diagnostics>(std::move(loaded.diagnostics))
    };
}

}  // namespace

std::optional<ProgramFile> load_program(
    const std::string& path, const Arguments& arguments, bool check_machine
) {
    std::string program = arguments.get("as");
    if (program.empty()) {
        const auto text = io::read_file(io::posix_file_system(), path, config::kFileBytesMax);
        program = text ? guess_program(path, *text) : "collector";
    }
    config::LoadOptions options;
    options.check_machine = check_machine;
    if (program == "agent") {
        return finish("agent", agent::load_agent_config(path, options));
    }
    return finish("collector", collector::load_collector_config(path, options));
}

}  // namespace seyir::ctl
