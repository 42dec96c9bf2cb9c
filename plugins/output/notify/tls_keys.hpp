// SPDX-License-Identifier: Apache-2.0
// Keys that http, slack and email share: `tls`, `timeout`, `connect_timeout`.
// Threads: called on the loading thread.
#pragma once

#include "common/component/types.hpp"
#include "plugins/output/notify/row_template.hpp"
#include "plugins/output/notify/transfer.hpp"

namespace seyir::plugins::notify {

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
