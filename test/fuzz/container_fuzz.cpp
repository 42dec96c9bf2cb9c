// SPDX-License-Identifier: Apache-2.0
// Any bytes as a line of a container runtime, as a path and as Docker's metadata: nothing crashes,
// and the body is a part of the line or shorter than it.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "agent/input/container/container_format.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace seyir::agent::input;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    std::string scratch;
    const FormattedLine docker = read_docker_record(text, scratch);
    const FormattedLine cri = read_cri_record(text);
    if (docker.body.size() > size || cri.body.size() > size) {
        std::abort();
    }
    const auto names = names_of_pod_path(text);
    if (names && names->container.size() > size) {
        std::abort();
    }
    (void)docker_id_of(text);
    (void)names_of_docker_config(text);
    return 0;
}
