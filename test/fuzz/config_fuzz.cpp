// SPDX-License-Identifier: Apache-2.0
// Any bytes as the files of a configuration: never a crash, always either a configuration or
// errors, each at a place that exists. Lines `%%%` cut the input: the first part is the main file,
// the others are main.d/0.yaml, a.yaml, b.yaml, d/c.yaml and main.d/1.yaml, which it may include.
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "agent/app/agent_config.hpp"
#include "collector/app/collector_config.hpp"
#include "common/base/assert.hpp"
#include "common/io/faulty_file_system.hpp"

namespace {

using namespace seyir;

constexpr std::array<std::string_view, 6> kNames = {
    "/e/main.yaml", "/e/main.d/0.yaml", "/e/a.yaml", "/e/b.yaml", "/e/d/c.yaml", "/e/main.d/1.yaml"
};

void write(io::FileSystem& disk, std::string_view name, std::string_view text) {
    const std::string path(name);
    SEYIR_ASSERT(disk.make_directories(io::parent_directory(path)));
    auto file = disk.open(path, io::OpenMode::kWriteTruncate);
    SEYIR_ASSERT(file);
    SEYIR_ASSERT((*file)->append(text));
}

/// The parts of the input as files.
void write_files(io::FileSystem& disk, std::string_view text) {
    constexpr std::string_view kCut = "\n%%%\n";
    for (const std::string_view name : kNames) {
        const size_t end = std::min(text.find(kCut), text.size());
        write(disk, name, text.substr(0, end));
        if (end == text.size()) {
            return;
        }
        text.remove_prefix(end + kCut.size());
    }
}

config::LoadOptions sealed(io::FileSystem& disk) {
    config::LoadOptions options;
    options.files = &disk;
    options.check_machine = false;
    options.host_name = "h";
    options.environment =
        config::Environment{.variable = [](const std::string& name) -> std::optional<std::string> {
            return name == "A" ? std::optional<std::string>("value") : std::nullopt;
        }};
    return options;
}

template <class Loaded>
void check(const Loaded& loaded) {
    SEYIR_ASSERT(loaded.ok() != loaded.diagnostics.has_errors());
    const bool is_quiet =
        !loaded.diagnostics.has_errors() && loaded.diagnostics.warning_count() == 0;
    SEYIR_ASSERT(loaded.diagnostics.to_text(false).empty() == is_quiet);
    SEYIR_ASSERT(!loaded.diagnostics.to_json().empty());
    const config::SourceSet& sources = loaded.diagnostics.sources();
    for (const config::Diagnostic& diagnostic : loaded.diagnostics.sorted()) {
        if (diagnostic.at) {
            const auto local = sources.local(*diagnostic.at);
            SEYIR_ASSERT(local.span.begin <= local.file.text().size() + 1);
        }
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    io::FaultyFileSystem disk(1);
    write_files(disk, std::string_view(reinterpret_cast<const char*>(data), size));
    const std::string path(kNames[0]);
    const auto a = agent::load_agent_config(path, sealed(disk));
    check(a);
    const auto c = collector::load_collector_config(path, sealed(disk));
    check(c);
    if (a.ok()) {
        // What is printed of good files is one good file, which reads none of the others.
        write(disk, path, a.effective);
        const auto again = agent::load_agent_config(path, sealed(disk));
        SEYIR_ASSERT(again.ok());
        SEYIR_ASSERT(again.effective == a.effective);
    }
    return 0;
}
