// SPDX-License-Identifier: Apache-2.0
// What a `parse` filter was told to do.
// Room: plugins/filter/parse.   Threads: values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/component/types.hpp"
#include "plugins/filter/parse/field_writer.hpp"
#include "plugins/filter/parse/format/json_parser.hpp"
#include "plugins/filter/parse/time/time_format.hpp"

namespace seyir::plugins::parse {

enum class Format : uint8_t {
    kAuto,
    kJson,
    kLogfmt,
    kRegex,
    kGrok,
    kCsv,
    kClf,
    kSyslog,
    kCri,
    kDocker,
    kPythonLogging,
};

/// What numbers in the level's field mean.
enum class LevelScale : uint8_t { kAuto, kOtel, kSyslog, kPino, kPython };

struct CsvOptions {
    std::vector<std::string> columns;
    std::string header;  ///< a line equal to it has no fields
    char delimiter = ',';
    char quote = '"';
};

struct Options {
    Format format = Format::kAuto;
    std::string from;                   ///< attribute; "" = the body
    std::vector<std::string> patterns;  ///< of regex and grok, tried in order
    config::StringPairs definitions;    ///< grok: NAME -> pattern
    std::vector<std::string> patterns_dirs;
    CsvOptions csv;
    FieldRules rules;
    Nested nested = Nested::kFlatten;
    TimeFormat time_format;
    std::string timezone = "UTC";
    Nanos ahead_max{};
    Nanos behind_max{};     ///< 0 = any
    bool sets_time = true;  ///< where the format itself says which field it is
    bool sets_level = true;
    LevelScale level_scale = LevelScale::kAuto;
    uint64_t regex_steps_max = 1'000'000;
    component::OnError on_error = component::OnError::kKeep;
};

/// The schema of type `parse`.
std::shared_ptr<const config::Schema> parse_schema();

/// Nothing when a diagnostic says why.
std::optional<Options> read_options(const config::ObjectReader& r, component::PlanContext& context);

}  // namespace seyir::plugins::parse
