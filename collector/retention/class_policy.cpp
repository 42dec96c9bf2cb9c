// SPDX-License-Identifier: Apache-2.0
#include "collector/retention/class_policy.hpp"

#include <memory>
#include <utility>

#include "collector/retention/class_schema.hpp"

namespace seyir::collector::retention {

Result<store::RetentionPolicy> make_policy(Nanos all, const std::vector<ClassConfig>& classes) {
    std::vector<store::RetentionClass> compiled;
    for (const ClassConfig& one : classes) {
        SEYIR_TRY(auto matcher, compile_class(one));
        const auto shared = std::make_shared<const logql::StreamMatcher>(std::move(matcher));
        compiled.push_back(
            {[shared](const StreamLabels& labels) { return shared->matches(labels); }, one.retention
            }
        );
    }
    return store::RetentionPolicy(all, std::move(compiled));
}

}  // namespace seyir::collector::retention
