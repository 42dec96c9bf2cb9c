// SPDX-License-Identifier: Apache-2.0
#include "collector/input/agents/agents_input.hpp"

#include <utility>

#include "collector/input/agents/agents_server_io.hpp"

namespace seyir::collector::input {

struct AgentsInput::Impl {
    Impl(AgentsSetup setup, store::LogStore& store, io::Clock& clock, metrics::Registry& registry)
        : server(std::move(setup), store, clock, registry) {}

    AgentsServer server;
};

AgentsInput::AgentsInput(
    AgentsSetup setup, store::LogStore& store, io::Clock& clock, metrics::Registry& registry
)
    : impl_(std::make_unique<Impl>(std::move(setup), store, clock, registry)) {}

AgentsInput::~AgentsInput() = default;

Result<void> AgentsInput::start(pipeline::Submit submit) {
    return impl_->server.start(std::move(submit));
}

void AgentsInput::stop() {
    impl_->server.stop();
}

pipeline::ComponentHealth AgentsInput::health() const {
    return {};  // a listener that could not bind fails start(); a bad peer is not our illness
}

AgentsStatus AgentsInput::status() const {
    return impl_->server.status();
}

net::Endpoint AgentsInput::local() const {
    return impl_->server.local();
}

bool AgentsInput::may_join() const {
    return impl_->server.may_join();
}

}  // namespace seyir::collector::input
