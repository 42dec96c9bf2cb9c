// SPDX-License-Identifier: Apache-2.0
// Plans an output from YAML as the programs do.
#pragma once

#include <string>
#include <vector>

#include "common/component/types.hpp"
#include "common/config/loader.hpp"

namespace seyir::test {

struct PlannedOutput {
    component::OutputPlanPtr plan;
    std::vector<std::string> problems;  ///< "E0403 message"
};

/// `yaml`: the keys of one output. `files`: the machine is looked at.
inline PlannedOutput plan_output(
    const component::OutputType& type, const std::string& yaml, io::FileSystem* files = nullptr
) {
    config::CheckedDocument checked = config::load_document("t.yaml", *type.schema, {}, yaml);
    PlannedOutput out;
    if (!checked.diagnostics.has_errors()) {
        const config::SectionChecks checks{.files = files, .diagnostics = checked.diagnostics};
        component::PlanContext context{
            .id = "out",
            .id_span = {},
            .diagnostics = checked.diagnostics,
            .checks = checks,
            .read = checked.context
        };
        const config::ObjectReader r(checked.document.root(), *type.schema, checked.context);
        out.plan = type.plan(r, context);
    }
    for (const config::Diagnostic& d : checked.diagnostics.sorted()) {
        out.problems.push_back(std::string(d.code) + " " + d.message);
    }
    return out;
}

}  // namespace seyir::test
