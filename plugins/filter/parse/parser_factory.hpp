// SPDX-License-Identifier: Apache-2.0
// Makes the LineParser of a configuration. What is dear to make (compiled expressions) is made once
// and shared by all parsers of a plan.
// Room: plugins/filter/parse.   Threads: the factory is immutable.
// Errors: kInvalidArgument of expressions; those of pattern files, naming the file.
#pragma once

#include <memory>

#include "common/io/file_system.hpp"
#include "plugins/filter/parse/format/regex_parser.hpp"
#include "plugins/filter/parse/grok/grok_set.hpp"
#include "plugins/filter/parse/line_parser.hpp"
#include "plugins/filter/parse/options.hpp"

namespace seyir::plugins::parse {

/// The built-in patterns, those of `patterns_dir`, and the configuration's own.
Result<Library> grok_library(const Options& options, io::FileSystem& files);

class ParserFactory {
  public:
    /// `files` is for pattern files; nothing else is read.
    static Result<ParserFactory> make(const Options& options, io::FileSystem& files);

    std::unique_ptr<LineParser> parser() const;

  private:
    explicit ParserFactory(const Options& options) : options_(options) {}

    Options options_;
    std::shared_ptr<const RegexSet> regex_;
    std::shared_ptr<const GrokSet> grok_;
};

}  // namespace seyir::plugins::parse
