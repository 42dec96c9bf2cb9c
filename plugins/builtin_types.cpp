// SPDX-License-Identifier: Apache-2.0
#include "plugins/builtin_types.hpp"

#include "plugins/filter/alert/alert_type.hpp"
#include "plugins/filter/lua/lua_filter_type.hpp"
#include "plugins/filter/modify/modify_filter.hpp"
#include "plugins/filter/multiline/multiline_filter.hpp"
#include "plugins/filter/parse/parse_filter.hpp"
#include "plugins/filter/rate/dedupe_filter.hpp"
#include "plugins/filter/rate/sample_filter.hpp"
#include "plugins/filter/rate/throttle_filter.hpp"
#include "plugins/filter/redact/redact_type.hpp"
#include "plugins/filter/select/select_filters.hpp"
#include "plugins/output/email/email_type.hpp"
#include "plugins/output/forward/forward_output.hpp"
#include "plugins/output/http/http_type.hpp"
#include "plugins/output/local_output_types.hpp"
#include "plugins/output/loki/loki_output.hpp"
#include "plugins/output/slack/slack_type.hpp"

namespace seyir::plugins {

// Each type is declared beside its component, in the namespace of the contract or of the plugins.
using namespace component;

void add_builtin_filters(component::Catalogue& catalogue) {
    catalogue.add(parse_filter_type());
    catalogue.add(modify_filter_type());
    catalogue.add(drop_filter_type());
    catalogue.add(keep_filter_type());
    catalogue.add(throttle_filter_type());
    catalogue.add(dedupe_filter_type());
    catalogue.add(sample_filter_type());
    catalogue.add(redact_filter_type());
    catalogue.add(alert_filter_type());
    catalogue.add(lua_filter_type());
    catalogue.add(multiline_filter_type());
}

void add_builtin_outputs(component::Catalogue& catalogue) {
    catalogue.add(file_output_type());
    catalogue.add(stdout_output_type());
    catalogue.add(null_output_type());
    catalogue.add(http_output_type());
    catalogue.add(slack_output_type());
    catalogue.add(email_output_type());
    catalogue.add(forward_output_type());
    catalogue.add(loki_output_type());
}

}  // namespace seyir::plugins
