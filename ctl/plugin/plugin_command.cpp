// SPDX-License-Identifier: Apache-2.0
#include "ctl/plugin/plugin_command.hpp"

#include <cstdio>
#include <filesystem>
#include <memory>

#include <fmt/format.h>

#include "common/base/log.hpp"
#include "common/config/document.hpp"
#include "common/io/file_system.hpp"
#include "common/plugin/loader.hpp"
#include "ctl/plugin/check.hpp"
#include "ctl/plugin/child.hpp"
#include "ctl/plugin/scaffold.hpp"
#include "ctl/session.hpp"

namespace seyir::ctl {
namespace {

constexpr size_t kFileBytesMax = 4 * 1024 * 1024;
constexpr auto kLookTimeout = std::chrono::seconds(30);

int wrong_use(const std::string& message) {
    fputs(fmt::format("seyir: {} (seyir help plugin)\n", message).c_str(), stderr);
    return kExitUsage;
}

int new_project(const Arguments& arguments) {
    if (arguments.values.size() != 3 || arguments.values[1] != "filter") {
        return wrong_use("seyir plugin new filter NAME");
    }
    const std::string language = arguments.has("lang") ? arguments.get("lang") : "c++";
    const auto project = make_project(arguments.values[2], language, arguments.get("directory"));
    if (!project) {
        return report(project.error());
    }
    std::string text = fmt::format("made {}:\n", project->directory);
    for (const std::string& file : project->files) {
        text += fmt::format("  {}\n", file);
    }
    text += fmt::format("its README.md says how to go on\n");
    return print(text) ? kExitOk : kExitFailure;
}

int check(const Arguments& arguments) {
    CheckOptions options{.file = std::filesystem::absolute(arguments.values[1]).string()};
    if (arguments.has("settings")) {
        auto text =
            io::read_file(io::posix_file_system(), arguments.get("settings"), kFileBytesMax);
        if (!text) {
            return report(text.error());
        }
        options.settings_text = *std::move(text);
    }
    const auto count = [&](std::string_view option, uint64_t fallback, uint64_t max) {
        return arguments.has(option) ? parse_count(option, arguments.get(option), max)
                                     : Result<uint64_t>(fallback);
    };
    const auto seed = count("seed", options.seed, UINT32_MAX);
    const auto batches = count("batches", options.batches, 10'000'000);
    if (!seed || !batches) {
        return report((seed ? batches : seed).error());
    }
    options.seed = *seed;
    options.batches = *batches;
    options.timeout += std::chrono::seconds(options.batches / 100);
    const auto done = check_plugin(options);
    if (!done) {
        return report(done.error());
    }
    return print(done->text) && done->is_good ? kExitOk : kExitFailure;
}

/// Runs `work`, which opens libraries, in a child and prints what it reports.
int look(const std::function<int(ChildReport&)>& work) {
    const auto child = run_in_child(work, kLookTimeout);
    if (!child) {
        return report(child.error());
    }
    std::string text;
    for (const std::string& line : child->lines) {
        text += line + "\n";
    }
    if (!print(text)) {
        return kExitFailure;
    }
    if (!child->ended_well()) {
        return report(fail(ErrorCode::kInternal, child->how_it_died()));
    }
    return child->exit_status;
}

void report_lines(ChildReport& out, const std::string& text, const std::string& indent = "") {
    for (size_t at = 0; at < text.size();) {
        const size_t end = std::min(text.find('\n', at), text.size());
        out.line(indent + text.substr(at, end - at));
        at = end + 1;
    }
}

int doc(const Arguments& arguments) {
    const std::string path = std::filesystem::absolute(arguments.values[1]).string();
    return look([&](ChildReport& out) {
        log::set_level(log::Level::kError);
        out.step("opening " + path);
        const auto library = plugin::open_library(path);
        if (!library) {
            report_lines(out, library.error().message);
            return kExitFailure;
        }
        report_lines(out, plugin_page(**library));
        return kExitOk;
    });
}

int list_directory(const plugin::PluginDirectory& directory, ChildReport& out) {
    out.step("opening the plugins of " + directory.path);
    const auto found = plugin::scan_directory(directory.path);
    out.line(directory.path + (directory.at ? "" : " (the default)"));
    if (!found) {
        const bool is_missing = !directory.at && found.error().code == ErrorCode::kNotFound;
        report_lines(out, is_missing ? "there is none" : "REFUSED " + found.error().message, "  ");
        return is_missing ? kExitOk : kExitFailure;
    }
    int status = kExitOk;
    for (const plugin::FoundPlugin& one : *found) {
        if (one.library == nullptr) {
            report_lines(out, "REFUSED " + one.refusal, "  ");
            status = kExitFailure;
            continue;
        }
        out.line(fmt::format(
            "  {}  {} {}",
            one.path.substr(directory.path.size() + 1),
            one.library->vendor,
            one.library->version
        ));
        for (const plugin::FilterDescriptionPtr& filter : one.library->filters) {
            out.line(fmt::format("    filter {:<16} {}", filter->name, filter->schema->summary()));
        }
    }
    return status;
}

Result<std::vector<plugin::PluginDirectory>> directories_of(const Arguments& arguments) {
    if (arguments.values.size() < 2) {
        return plugin::read_plugin_directories(nullptr, "");
    }
    const std::string path = std::filesystem::absolute(arguments.values[1]).string();
    std::error_code error;
    if (std::filesystem::is_directory(path, error)) {
        return std::vector{plugin::PluginDirectory{path, config::Span{}}};
    }
    SEYIR_TRY(auto text, io::read_file(io::posix_file_system(), path, kFileBytesMax));
    auto source = std::make_shared<config::SourceFile>(path, std::move(text));
    config::Diagnostics diagnostics(source);
    const auto document = config::parse_document(source, diagnostics);
    if (diagnostics.has_errors()) {
        return fail(ErrorCode::kInvalidConfig, diagnostics.to_text());
    }
    return plugin::read_plugin_directories(
        document.root(), std::filesystem::path(path).parent_path().string()
    );
}

int list(const Arguments& arguments) {
    const auto directories = directories_of(arguments);
    if (!directories) {
        return report(directories.error());
    }
    return look([&](ChildReport& out) {
        log::set_level(log::Level::kError);
        int status = kExitOk;
        for (const plugin::PluginDirectory& directory : *directories) {
            status = std::max(status, list_directory(directory, out));
        }
        return status;
    });
}

}  // namespace

int plugin_command(const Arguments& arguments) {
    const std::string& what = arguments.values[0];
    const bool has_file = arguments.values.size() == 2;
    if (what == "new") {
        return new_project(arguments);
    }
    if (what == "check" || what == "doc") {
        return !has_file       ? wrong_use(fmt::format("seyir plugin {} FILE.so", what))
               : what == "doc" ? doc(arguments)
                               : check(arguments);
    }
    if (what == "ls" && arguments.values.size() <= 2) {
        return list(arguments);
    }
    return wrong_use("seyir plugin new, check, doc or ls");
}

}  // namespace seyir::ctl
