// SPDX-License-Identifier: Apache-2.0
#include "plugins/filter/parse/parser_factory.hpp"

#include "plugins/filter/parse/format/clf_parser.hpp"
#include "plugins/filter/parse/format/json_parser.hpp"

namespace seyir::plugins::parse {

Result<ParserFactory> ParserFactory::make(const Options& options, io::FileSystem& /*files*/) {
    ParserFactory factory(options);
    if (options.format == Format::kRegex) {
        SEYIR_TRY(factory.regex_, RegexSet::compile(options.patterns));
    }
    return factory;
}

std::unique_ptr<LineParser> ParserFactory::parser() const {
    switch (options_.format) {
        case Format::kRegex:
            return std::make_unique<RegexParser>(regex_);
        case Format::kClf:
            return std::make_unique<ClfParser>();
        default:
            return std::make_unique<JsonParser>(options_.nested);
    }
}

}  // namespace seyir::plugins::parse
