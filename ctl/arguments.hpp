// SPDX-License-Identifier: Apache-2.0
// Arguments: the command line, read against the list of options each command takes.
// Threads: a value.   Errors: kInvalidArgument with what would be right (exit status 2).
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.hpp"
#include "common/base/time.hpp"

namespace seyir::ctl {

struct OptionSpec {
    std::string_view name;        ///< without the dashes
    std::string_view value_name;  ///< "" = a flag
    std::string_view help;
};

struct CommandSpec {
    std::string_view name;
    std::string_view arguments;  ///< "'LOGQL'", "FILE", ""
    size_t arguments_min = 0;
    size_t arguments_max = 0;
    std::string_view summary;
    std::string_view details;  ///< paragraphs and examples of its --help
    std::span<const OptionSpec> options;
};

struct Arguments {
    const CommandSpec* command = nullptr;
    std::vector<std::string> values;
    std::map<std::string, std::string, std::less<>> options;  ///< flags have ""

    bool has(std::string_view option) const { return options.contains(option); }

    /// "" when it was not given.
    std::string get(std::string_view option) const;
};

/// Options may stand anywhere, as `--name value` or `--name=value`; `--` ends them.
Result<Arguments> parse_arguments(
    std::span<const std::string> words,
    std::span<const CommandSpec> commands,
    std::span<const OptionSpec> global_options
);

/// A time as people write it: RFC 3339 ("2026-11-22T10:00:00Z"), "2026-11-22 10:00[:00]" or
/// "2026-11-22" in local time, nanoseconds since 1970, "now", or "15m" for 15 minutes ago.
Result<UnixNanos> parse_time(std::string_view text, UnixNanos now);

Result<uint64_t> parse_count(std::string_view option, std::string_view text, uint64_t max);

}  // namespace seyir::ctl
