// SPDX-License-Identifier: Apache-2.0
// ServiceManager: what a program tells systemd (sd_notify(3), one datagram each, no library). Does
// nothing when NOTIFY_SOCKET is not set.
#pragma once

#include <string>
#include <string_view>

#include "common/base/time.hpp"

namespace seyir::process {

/// "READY=1", "STOPPING=1", "STATUS=...", "WATCHDOG=1"; several lines in one call are fine.
void notify_service_manager(std::string_view state);

/// "RELOADING=1" with the monotonic time systemd wants beside it (sd_notify(3)); READY=1 ends it.
std::string reloading_message();

/// Half of WATCHDOG_USEC: how often to send WATCHDOG=1; 0 = no watchdog is set.
Nanos watchdog_interval();

}  // namespace seyir::process
