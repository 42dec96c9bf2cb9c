// SPDX-License-Identifier: Apache-2.0
#include "collector/retention/class_schema.hpp"

#include "common/base/units.hpp"
#include "common/logql/parser.hpp"

namespace seyir::collector::retention {
namespace {

using config::field;
using config::Schema;
using config::Type;

constexpr uint64_t kDay = 86'400'000'000'000;

}  // namespace

config::Field classes_field() {
    Schema one("retention_class", "Streams that are kept for another time than the rest.");
    one.with(field("match", Type::kString)
                 .required()
                 .between(1, 4096)
                 .describe("Which streams: a LogQL selector of their labels.")
                 .show("'{app=\"audit\"}'"))
        .with(field("retention", Type::kDuration)
                  .required()
                  .between(kDay, 36'500 * kDay)
                  .describe("Days of theirs older than this are dropped.")
                  .show("365d"));
    return config::list_of("retention_classes", config::object("", std::move(one)))
        .between(0, kClassesMax)
        .describe(
            "Streams with a retention of their own; the first that matches decides. What is "
            "sealed already stays in files with the others of its time, and goes when all in "
            "a file may go."
        )
        .or_else_described("none: `retention` is for all")
        .elsewhere("Loki", {"retention_stream"});
}

config::Field max_size_field() {
    return field("max_size", Type::kBytes)
        .between(64 * kMiB, 1024 * 1024 * kGiB)
        .describe(
            "Sealed segments take at most this much of the disk; beyond it the oldest go, "
            "archived first as in `clean_up`. What is not sealed yet comes on top, up to "
            "`stage_bytes_max`."
        )
        .or_else_described("no limit but the disk")
        .show("200GiB")
        .elsewhere("VictoriaLogs", {"retention.maxDiskSpaceUsageBytes"})
        .elsewhere("journald", {"SystemMaxUse"});
}

std::vector<ClassConfig> read_classes(
    const config::ObjectReader& store, component::PlanContext& context
) {
    std::vector<ClassConfig> out;
    for (const config::ObjectReader& r : store.objects("retention_classes")) {
        out.push_back({r.string("match"), r.duration("retention")});
        if (const auto compiled = compile_class(out.back());
            !compiled && !context.diagnostics.is_broken(r.span("match"))) {
            component::add_value_error(context, r, "match", config::kBadMatch, compiled.error());
        }
    }
    return out;
}

Result<logql::StreamMatcher> compile_class(const ClassConfig& config) {
    SEYIR_TRY(const auto matchers, logql::parse_selector(config.match));
    return logql::StreamMatcher::compile(matchers);
}

}  // namespace seyir::collector::retention
