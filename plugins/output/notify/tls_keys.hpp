// SPDX-License-Identifier: Apache-2.0
// What http, slack and email share of their configuration: the keys `tls`, `timeout`,
// `connect_timeout`, and the plan.
// Threads: called on the loading thread.
#pragma once

#include "common/component/types.hpp"
#include "plugins/output/notify/row_template.hpp"
#include "plugins/output/notify/transfer.hpp"

namespace seyir::plugins::notify {

/// A plan of an output behind a network, which has a disk buffer in front unless configured
/// otherwise. `make(run_context)` gives a unique_ptr to the output.
template <class Make>
class BufferedPlan final : public component::OutputPlan {
  public:
    explicit BufferedPlan(Make make) : make_(std::move(make)) {}

    Result<std::unique_ptr<pipeline::Output>> instantiate(const component::RunContext& context
    ) override {
        return make_(context);
    }

    component::BufferDefault buffer_default() const override {
        return component::BufferDefault::kDisk;
    }

  private:
    Make make_;
};

template <class Make>
component::OutputPlanPtr buffered_plan(Make make) {
    return std::make_shared<BufferedPlan<Make>>(std::move(make));
}

config::Field tls_field();
config::Field timeout_field();
config::Field connect_timeout_field();

/// Missing files and a certificate without its key become diagnostics.
TransferOptions read_transfer(const config::ObjectReader& r, component::PlanContext& context);

/// The template under `key`, or `absent`; a diagnostic when it does not compile.
std::optional<RowTemplate> read_template(
    const config::ObjectReader& r,
    std::string_view key,
    const std::string& absent,
    component::PlanContext& context
);

/// One of `schemes`, a host, nothing that is no character of a URL; else a diagnostic at `key`.
void check_url(
    const config::ObjectReader& r,
    std::string_view key,
    std::initializer_list<std::string_view> schemes,
    component::PlanContext& context
);

void complain(
    const config::ObjectReader& r,
    std::string_view key,
    std::string_view code,
    std::string message,
    component::PlanContext& context,
    std::string hint = ""
);

}  // namespace seyir::plugins::notify
