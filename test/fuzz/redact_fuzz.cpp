// SPDX-License-Identifier: Apache-2.0
// Redaction of any bytes: it ends, twice is the same as once, and nothing verifiable is left.
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>

#include "plugins/filter/redact/redactor.hpp"

using namespace seyir::plugins::redact;

namespace {

void require(bool condition) {
    if (!condition) {
        std::abort();
    }
}

Redactor make(Action action) {
    auto options = std::make_shared<RedactOptions>();
    options->rules = RuleSet::all();
    options->actions.fill(action);
    options->actions[static_cast<size_t>(Rule::kIp)] = Action::kTruncate;
    options->key = "0123456789abcdef";
    return *Redactor::create(options);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    for (const Action action : {Action::kMask, Action::kHash, Action::kRemove}) {
        Redactor redactor = make(action);
        const auto changed = redactor.redact(text);
        if (!changed) {
            continue;  // refused: the record does not pass
        }
        const std::string once = *changed ? std::string(redactor.text()) : std::string(text);
        Redactor again = make(action);
        const auto more = again.redact(once);
        require(more.has_value() && !*more);
        std::vector<Match> left;
        RuleSet rules = RuleSet::all();
        rules.ip = false;
        require(!Scanner(rules).find(once, left));
    }
    return 0;
}
