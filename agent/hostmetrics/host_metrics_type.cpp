// SPDX-License-Identifier: Apache-2.0
#include "agent/hostmetrics/host_metrics_type.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "agent/hostmetrics/host_metrics_input.hpp"
#include "agent/hostmetrics/host_metrics_schema.hpp"
#include "common/config/sections/sections.hpp"

namespace seyir::agent::hostmetrics {
namespace {

/// Labels of the samples themselves.
constexpr std::array<std::string_view, 12> kOwnLabels = {
    "cpu",
    "mode",
    "device",
    "fstype",
    "mountpoint",
    "collector",
    "sysname",
    "release",
    "version",
    "machine",
    "nodename",
    "domainname",
};

std::shared_ptr<const config::Schema> make_schema() {
    config::Schema schema(
        "host_metrics",
        "CPU, memory, load, pressure, disks, file systems and network of this host, with "
        "node_exporter's names and labels, sent to the collector."
    );
    schema.example_id("host");
    add_sampling_fields(schema);
    schema.with(config::labels_field(
        "Labels of every series, besides the top-level ones, `job` (`node`) and `instance` (the "
        "host's name); these win."
    ));
    return std::make_shared<const config::Schema>(std::move(schema));
}

class HostMetricsPlan final : public component::InputPlan {
  public:
    explicit HostMetricsPlan(HostMetricsSetup setup) : setup_(std::move(setup)) {}

    Result<std::unique_ptr<pipeline::Input>> instantiate(const component::InputContext& context
    ) override {
        return std::make_unique<HostMetricsInput>(
            setup_, context.run.files, context.run.clock, context.run.registry
        );
    }

  private:
    const HostMetricsSetup setup_;
};

using Pairs = std::vector<std::pair<std::string, std::string>>;

void set(Pairs& labels, std::string name, std::string value) {
    // One of a sample stands for what it measures; ours steps aside.
    if (std::ranges::find(kOwnLabels, name) != kOwnLabels.end()) {
        name = "label_" + name;
    }
    const auto at = std::ranges::find(labels, name, &Pairs::value_type::first);
    if (at != labels.end()) {
        at->second = std::move(value);
        return;
    }
    labels.emplace_back(std::move(name), std::move(value));
}

Pairs series_labels(const config::ObjectReader& r, const component::PlanContext& context) {
    Pairs labels;
    std::string host;
    for (const auto& [name, value] : context.labels) {
        host = name == "host" ? value : host;
    }
    set(labels, "job", "node");
    set(labels, "instance", host);
    for (const auto& [name, value] : context.labels) {
        set(labels, name, value);
    }
    for (const auto& [name, value] : r.pairs("labels")) {
        set(labels, name, value);
    }
    std::ranges::sort(labels);
    return labels;
}

}  // namespace

component::InputType host_metrics_input_type() {
    return {
        make_schema(),
        [](const config::ObjectReader& r,
           component::PlanContext& context) -> component::InputPlanPtr {
            HostMetricsSetup setup;
            setup.id = context.id;
            setup.interval = r.duration("interval");
            setup.selection = read_selection(r);
            setup.labels = series_labels(r, context);
            return std::make_shared<HostMetricsPlan>(std::move(setup));
        }
    };
}

}  // namespace seyir::agent::hostmetrics
