// SPDX-License-Identifier: Apache-2.0
#include "common/service/run_program.hpp"

#include <memory>

#include "common/base/log.hpp"
#include "common/config/loader.hpp"
#include "common/io/clock.hpp"
#include "common/service/program.hpp"
#include "common/service/tap_hub.hpp"

namespace seyir::service {

int could_not_start(std::string_view log, const Error& error) {
    log::error(log, "could not start", {{"error", error.message}});
    return error.code == ErrorCode::kInvalidConfig ? config::kExitBadConfig : 1;
}

int run_program(const ProgramParts& parts, const component::ProgramConfig& config) {
    const auto drained_by = [&] { return io::system_clock().steady_now() + parts.drain_time; };
    parts.servers.add_routes(self_routes(parts.host.engine(), parts.registry, parts.health));
    parts.servers.add_routes(parts.reloader.routes());
    const auto tap = std::make_shared<TapHub>(parts.registry);
    parts.host.engine().set_tap(tap);
    parts.servers.add_routes({tap->route()});
    if (auto started = parts.host.start(config); !started) {
        return could_not_start(parts.log, started.error());
    }
    if (auto listening = parts.servers.start(); !listening) {
        parts.host.stop(drained_by());
        return could_not_start(parts.log, listening.error());
    }
    log::info(parts.log, "ready");
    run_until_told_to_stop(
        parts.signals,
        {.tick =
             [&] {
                 if (parts.tick) {
                     parts.tick();
                 }
                 parts.host.tick();
                 parts.reloader.serve();
                 return true;
             },
         .on_hangup = [&] { parts.reloader.on_hangup(); }}
    );
    parts.reloader.stop();
    tap->stop();
    parts.host.stop(drained_by());
    parts.servers.stop(drained_by());
    log::info(parts.log, "stopped");
    return 0;
}

}  // namespace seyir::service
