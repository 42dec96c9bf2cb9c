// SPDX-License-Identifier: Apache-2.0
// Any bytes as a configuration file: never a crash, always either a configuration or errors, and a
// secret written under `token` never in what is printed.
#include <cstddef>
#include <cstdint>
#include <string>

#include "agent/app/agent_config.hpp"
#include "collector/app/collector_config.hpp"
#include "common/base/assert.hpp"

namespace {

using namespace seyir;

config::LoadOptions sealed() {
    config::LoadOptions options;
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
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string text(reinterpret_cast<const char*>(data), size);
    const auto a = agent::parse_agent_config("f", text, sealed());
    check(a);
    const auto c = collector::parse_collector_config("f", text, sealed());
    check(c);
    if (a.ok()) {
        // What is printed of a good file is a good file again.
        const auto again = agent::parse_agent_config("g", a.effective, sealed());
        SEYIR_ASSERT(again.ok());
        SEYIR_ASSERT(again.effective == a.effective);
    }
    return 0;
}
