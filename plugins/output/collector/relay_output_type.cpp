// SPDX-License-Identifier: Apache-2.0
#include "plugins/output/collector/relay_output_type.hpp"

#include <utility>

#include <fmt/format.h>

#include "common/buffer/options.hpp"
#include "common/component/tells_loss.hpp"
#include "common/config/diagnostics/codes.hpp"
#include "common/ship/collector_output.hpp"
#include "common/ship/collector_output_schema.hpp"
#include "common/ship/make_setup.hpp"

namespace seyir::plugins {
namespace {

using buffer::BufferOptions;
using component::OutputPlanPtr;
using component::PlanContext;
using component::RunContext;
using config::ObjectReader;

class RelayPlan final : public component::OutputPlan, public component::TellsLoss {
  public:
    RelayPlan(ship::CollectorOutputOptions options, std::string buffer_path)
        : options_(std::move(options)),
          notice_{options_.lost_after, options_.lost_to},
          buffer_path_(std::move(buffer_path)) {}

    Result<std::unique_ptr<pipeline::Output>> instantiate(const RunContext& context) override {
        const std::string folder =
            buffer_path_.empty() ? context.state_dir + "/buffer/" + context.id : buffer_path_;
        SEYIR_TRY(
            ship::ShipSetup setup,
            ship::make_ship_setup(options_, context.id, folder, context.host_name, context.files)
        );
        return std::make_unique<ship::CollectorOutput>(
            std::move(setup), context.files, context.clock, context.registry
        );
    }

    component::BufferDefault buffer_default() const override {
        return component::BufferDefault::kDisk;
    }

    const component::LossNotice* loss_notice() const override {
        return notice_.to.empty() ? nullptr : &notice_;
    }

  private:
    ship::CollectorOutputOptions options_;
    component::LossNotice notice_;
    std::string buffer_path_;
};

OutputPlanPtr plan_relay(const ObjectReader& r, PlanContext& context) {
    ship::check_collector_output(r, context.checks);
    const BufferOptions buffer = buffer::read_buffer(r, BufferOptions::Kind::kDisk);
    if (buffer.kind != BufferOptions::Kind::kDisk) {
        context.diagnostics.add(
            {.code = config::kNotAllowed,
             .at = r.nested("buffer").span("type"),
             .message = fmt::format(
                 "`{}` needs a disk buffer: its offsets tell the second collector what it has",
                 context.id
             ),
             .hint = "leave `type` out"}
        );
        return nullptr;
    }
    return std::make_shared<RelayPlan>(ship::read_collector_output(r), buffer.path);
}

}  // namespace

component::OutputType relay_output_type() {
    config::Schema schema = ship::collector_output_schema();
    config::Field buffer = buffer::buffer_field(BufferOptions::Kind::kDisk);
    buffer.describe(
        "On a collector only, and always on disk: its offsets tell the second collector what it "
        "has."
    );
    schema.with(std::move(buffer));
    return {std::make_shared<const config::Schema>(std::move(schema)), plan_relay};
}

}  // namespace seyir::plugins
