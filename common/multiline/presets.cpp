// SPDX-License-Identifier: Apache-2.0
// The presets: what stack traces of well known runtimes and partial lines of container runtimes
// look like. Patterns begin with ^ where they can, so that the first byte decides most lines.
#include <utility>

#include <fmt/format.h>
#include <re2/re2.h>

#include "common/multiline/rules.hpp"

namespace seyir::multiline {
namespace {

struct PresetRule {
    const char* from;  ///< one state, or two with a comma
    const char* match;
    const char* to;
    const char* needle = "";
};

// --- lines that continue any line before them ---

const std::vector<const char*> kJava{
    R"(^[\t ]+(?:eval )?at )",
    R"(^[\t ]+\.\.\. \d+ (?:more|common frames omitted))",
    R"(^\.\.\. \d+ (?:more|common frames omitted))",
    R"(^[\t ]+(?:Caused by|Suppressed|Wrapped by|nested exception is):)",
    R"(^Caused by: )",
    R"(^Suppressed: )",
    R"(^Wrapped by: )",
    R"(^nested exception is:)",
    R"(^[\t ]+--- End of )",
    R"(^--- End of )",
};

const std::vector<const char*> kDotnet{
    R"(^[\t ]+at )",
    R"(^[\t ]+--- End of )",
    R"(^--- End of )",
    R"(^[\t ]+---> )",
    R"(^---> )",
    R"(^[\t ]+--->\()",
};

const std::vector<const char*> kRuby{
    R"(^[\t ]+from .+:\d+)",
    R"(^[\t ]+\d+: from .+:\d+)",
    R"(^[\t ]+.+:\d+:in )",
};

// --- states ---

const std::vector<PresetRule> kGo{
    {"start", R"(^panic: )", "after_panic"},
    {"start", R"(^fatal error: )", "after_panic"},
    {"start", R"(http: panic serving )", "after_panic", "http: panic serving "},
    {"after_panic", R"(^$)", "after_panic"},
    {"after_panic", R"(^\[signal )", "after_panic"},
    {"after_panic,frames", R"(^[\t ])", "frames"},
    {"after_panic,frames", R"(^goroutine \d+ )", "frames"},
    {"after_panic", R"(^runtime: )", "after_panic"},
    {"frames", R"(^$)", "frames"},
    {"frames", R"(^created by )", "frames"},
    {"frames", R"(^[^\s:]+\(.*\)$)", "frames"},
    {"frames", R"(^exit status \d+$)", "done"},
};

const std::vector<PresetRule> kPython{
    {"start", R"(Traceback \(most recent call last\):$)", "frames", "Traceback (most recent"},
    {"frames", R"(^[\t ])", "frames"},
    {"frames", R"(^(?:[A-Za-z_]\w*\.)*[A-Za-z_]\w*(?::|$))", "raised"},
    {"raised,between", R"(^$)", "between"},
    {"raised,between", R"(^During handling of the above exception, )", "between"},
    {"raised,between", R"(^The above exception was the direct cause )", "between"},
    {"between", R"(^Traceback \(most recent call last\):$)", "frames"},
};

std::vector<std::string> split_names(std::string_view names) {
    const size_t comma = names.find(',');
    if (comma == std::string_view::npos) {
        return {std::string(names)};
    }
    return {std::string(names.substr(0, comma)), std::string(names.substr(comma + 1))};
}

}  // namespace

const std::vector<Preset>& Rules::presets() {
    static const std::vector<Preset> kPresets{
        {"java", "stack traces of the JVM: `at`, `Caused by:`, `... 12 more`"},
        {"python", "tracebacks, chained ones too"},
        {"go", "panics and goroutine dumps"},
        {"ruby", "backtraces: `from file:1:in`"},
        {"dotnet", "stack traces of .NET: `at`, `--->`, `--- End of`"},
        {"cri", "partial lines of container logs on Kubernetes (P and F), each stream by itself"},
        {"docker", "partial lines of Docker's json-file logs, each stream by itself"},
    };
    return kPresets;
}

Result<void> Rules::add_preset(std::string_view name) {
    if (name == "cri" || name == "docker") {
        kind_ = name == "cri" ? Kind::kCri : Kind::kDocker;
        return {};
    }
    if (name == "go" || name == "python") {
        for (const PresetRule& rule : name == "go" ? kGo : kPython) {
            SEYIR_CHECK(add({split_names(rule.from), rule.match, rule.to}, rule.needle));
        }
        return {};
    }
    const auto* lines = name == "java"     ? &kJava
                        : name == "dotnet" ? &kDotnet
                        : name == "ruby"   ? &kRuby
                                           : nullptr;
    if (lines == nullptr) {
        return fail(ErrorCode::kInvalidArgument, fmt::format("there is no preset `{}`", name));
    }
    kind_ = Kind::kContinue;
    for (const char* line : *lines) {
        SEYIR_CHECK(add({{"start"}, line, "group"}));
    }
    return {};
}

}  // namespace seyir::multiline
