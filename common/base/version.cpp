// SPDX-License-Identifier: Apache-2.0
#include "common/base/version.hpp"

namespace seyir {

const std::string_view kVersion = SEYIR_VERSION;

}  // namespace seyir
