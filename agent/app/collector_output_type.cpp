// SPDX-License-Identifier: Apache-2.0
#include "agent/app/collector_output_type.hpp"

#include <utility>

#include "agent/input/agent_services.hpp"
#include "common/base/version.hpp"
#include "common/ship/agent_identity.hpp"
#include "common/ship/collector_output.hpp"
#include "common/ship/collector_output_schema.hpp"

namespace seyir::agent {
namespace {

PayloadCodec codec_of(ship::Compression compression) {
    switch (compression) {
        case ship::Compression::kNone:
            return PayloadCodec::kNone;
        case ship::Compression::kLz4:
            return PayloadCodec::kLz4;
        case ship::Compression::kZstd:
            return PayloadCodec::kZstd;
    }
    return PayloadCodec::kLz4;
}

}  // namespace

Result<std::unique_ptr<pipeline::Output>> CollectorPlan::instantiate(
    const component::RunContext& context
) {
    auto& services = static_cast<input::AgentServices&>(*context.program);
    ship::ShipSetup setup;
    setup.id = context.id;
    for (const config::Address& address : options_.endpoints) {
        setup.endpoints.push_back({.host = address.host, .port = address.port});
    }
    setup.token = options_.token;
    if (options_.tls.is_on) {
        SEYIR_TRY(
            setup.tls,
            net::TlsClientContext::load(
                {.ca = options_.tls.ca,
                 .cert = options_.tls.cert,
                 .key = options_.tls.key,
                 .server_name = options_.tls.server_name}
            )
        );
    }
    setup.state_dir = context.state_dir;
    SEYIR_TRY(
        setup.identity, ship::load_agent_identity(context.files, {.state_dir = context.state_dir})
    );
    if (!setup.identity.forked.empty()) {
        // The new id has no lanes yet: they start at the checkpoint, not at zero.
        services.checkpoints.note_fork();
        SEYIR_CHECK(services.checkpoints.write_now());
    }
    setup.hostname = context.host_name;
    setup.agent_version = kVersion;
    setup.codec = codec_of(options_.compression);
    setup.in_flight_bytes_max = options_.in_flight_bytes_max;
    setup.connect_timeout = options_.connect_timeout;
    setup.ack_timeout = options_.ack_timeout;
    setup.retry_initial = options_.retry_initial;
    setup.retry_max = options_.retry_max;
    return std::make_unique<ship::CollectorOutput>(
        std::move(setup), context.files, context.clock, context.registry
    );
}

component::OutputType collector_output_type() {
    return {
        std::make_shared<const config::Schema>(ship::collector_output_schema()),
        [](const config::ObjectReader& r,
           component::PlanContext& context) -> component::OutputPlanPtr {
            ship::check_collector_output(r, context.checks);
            return std::make_shared<CollectorPlan>(ship::read_collector_output(r));
        }
    };
}

}  // namespace seyir::agent
