// SPDX-License-Identifier: Apache-2.0
#include "plugins/builtin_types.hpp"

#include "plugins/filter/select/select_filters.hpp"
#include "plugins/output/local_output_types.hpp"

namespace seyir::plugins {

void add_builtin_filters(component::Catalogue& catalogue) {
    catalogue.add(drop_filter_type());
    catalogue.add(keep_filter_type());
}

void add_builtin_outputs(component::Catalogue& catalogue) {
    catalogue.add(file_output_type());
    catalogue.add(stdout_output_type());
    catalogue.add(null_output_type());
}

}  // namespace seyir::plugins
