// SPDX-License-Identifier: Apache-2.0
#include "plugins/filter/parse/parser_factory.hpp"

#include <algorithm>

#include "plugins/filter/parse/format/auto_parser.hpp"
#include "plugins/filter/parse/format/csv_parser.hpp"

namespace seyir::plugins::parse {
namespace {

constexpr size_t kPatternFileBytesMax = 1U << 20U;

}  // namespace

Result<Library> grok_library(const Options& options, io::FileSystem& files) {
    Library library;
    for (const std::string& directory : options.patterns_dirs) {
        SEYIR_TRY(auto names, files.list(directory));
        std::ranges::sort(names);
        for (const std::string& name : names) {
            const std::string path = directory + "/" + name;
            if (name.starts_with('.') || name.ends_with('~')) {
                continue;
            }
            SEYIR_TRY(const auto text, io::read_file(files, path, kPatternFileBytesMax));
            if (auto added = library.add_file(text); !added) {
                return added.error().context(path);
            }
        }
    }
    for (const auto& [name, pattern] : options.definitions) {
        library.define(name, pattern);
    }
    return library;
}

Result<ParserFactory> ParserFactory::make(const Options& options, io::FileSystem& files) {
    ParserFactory factory(options);
    if (options.format == Format::kRegex) {
        SEYIR_TRY(factory.regex_, RegexSet::compile(options.patterns));
    } else if (options.format == Format::kGrok) {
        SEYIR_TRY(const auto library, grok_library(options, files));
        SEYIR_TRY(factory.grok_, GrokSet::compile(options.patterns, library));
    }
    return factory;
}

std::unique_ptr<LineParser> ParserFactory::parser() const {
    switch (options_.format) {
        case Format::kAuto:
            return std::make_unique<AutoParser>(options_.nested);
        case Format::kJson:
        case Format::kDocker:
            return std::make_unique<JsonParser>(options_.nested);
        case Format::kLogfmt:
            return std::make_unique<LogfmtParser>();
        case Format::kRegex:
            return std::make_unique<RegexParser>(regex_);
        case Format::kGrok:
            return std::make_unique<GrokParser>(grok_, options_.regex_steps_max);
        case Format::kCsv:
            return std::make_unique<CsvParser>(options_.csv);
        case Format::kClf:
            return std::make_unique<ClfParser>();
        case Format::kSyslog:
            return std::make_unique<SyslogParser>();
        case Format::kCri:
            return std::make_unique<CriParser>();
        case Format::kPythonLogging:
            return std::make_unique<PythonParser>(options_.nested);
    }
    return nullptr;
}

}  // namespace seyir::plugins::parse
