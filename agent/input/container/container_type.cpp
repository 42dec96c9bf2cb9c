// SPDX-License-Identifier: Apache-2.0
#include "agent/input/container/container_type.hpp"

#include <utility>

#include "agent/input/container/container_format.hpp"
#include "agent/input/tail_schema.hpp"
#include "agent/input/tail_type.hpp"
#include "common/multiline/rules.hpp"

namespace seyir::agent::input {
namespace {

using config::field;
using config::Schema;
using config::Type;

std::shared_ptr<const Schema> make_schema() {
    Schema schema(
        "container", "Logs that container runtimes write to files: Kubernetes (CRI) and Docker."
    );
    schema.example_id("containers")
        .elsewhere("Vector", {"kubernetes_logs", "docker_logs"})
        .elsewhere("Filebeat", {"container", "docker"})
        .elsewhere("promtail", {"kubernetes_sd_configs", "docker_sd_configs"})
        .with(field("format", Type::kEnum)
                  .choice("cri", "containerd and CRI-O, as Kubernetes has them")
                  .choice("docker", "Docker's json-file driver")
                  .describe("Who writes the files.")
                  .or_else("cri"))
        .with(list_of("include", field("", Type::kGlob))
                  .between(1, 1000)
                  .describe("Files to read.")
                  .or_else_described("cri: `/var/log/pods/*/*/*.log*`; docker: "
                                     "`/var/lib/docker/containers/*/*-json.log*`")
                  .show("['/var/log/pods/shop_*/*/*.log*']")
                  .elsewhere("Filebeat", {"paths"})
                  .elsewhere("Fluent Bit", {"Path"}));
    add_file_fields(schema, "the compose service, else the container's name");
    return std::make_shared<const Schema>(std::move(schema));
}

class ContainerPlan final : public TailPlan {
  public:
    ContainerPlan(TailOptions options, ContainerKind kind, ContainerLabels labels)
        : TailPlan(std::move(options)), kind_(kind), labels_(std::move(labels)) {}

    Result<std::unique_ptr<pipeline::Input>> instantiate(const component::InputContext& context
    ) override {
        TailOptions with_format = options();
        with_format.format =
            std::make_shared<ContainerFormat>(kind_, labels_, context.run.files, context.run.clock);
        return make(std::move(with_format), context);
    }

    bool takes_over(const component::FilterPlan& /*filter*/) const override { return false; }

  private:
    const ContainerKind kind_;
    const ContainerLabels labels_;
};

}  // namespace

component::InputType container_input_type() {
    return {
        make_schema(),
        [](const config::ObjectReader& r,
           component::PlanContext& context) -> component::InputPlanPtr {
            TailOptions options = read_tail(r);
            options.id = context.id;
            check_file_globs(r, context);
            options.labels = component::input_labels(r, context);
            const bool is_docker = r.string("format") == "docker";
            if (options.include.empty()) {
                options.include = {
                    is_docker ? "/var/lib/docker/containers/*/*-json.log*"
                              : "/var/log/pods/*/*/*.log*"
                };
            }
            auto rules = multiline::Rules::compile({.preset = is_docker ? "docker" : "cri"});
            if (!rules || options.labels == nullptr) {
                return nullptr;
            }
            options.multiline.rules = std::move(*rules);
            const ContainerLabels labels{options.labels, r.has("service_name")};
            return std::make_shared<ContainerPlan>(
                std::move(options), is_docker ? ContainerKind::kDocker : ContainerKind::kCri, labels
            );
        }
    };
}

}  // namespace seyir::agent::input
