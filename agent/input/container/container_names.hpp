// SPDX-License-Identifier: Apache-2.0
// What a container is called: from the path of its log, or from Docker's metadata beside it.
//   /var/log/pods/NAMESPACE_POD_UID/CONTAINER/N.log        (kubelet)
//   /var/log/containers/POD_NAMESPACE_CONTAINER-ID.log     (links to them)
//   /var/lib/docker/containers/ID/ID-json.log, config.v2.json beside it
// Threads: pure functions.   Limits: metadata is parsed up to json::kDepthMax levels.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace seyir::agent::input {

struct ContainerNames {
    std::string container;
    std::string pod;              ///< Kubernetes
    std::string pod_namespace;    ///< Kubernetes
    std::string compose_project;  ///< docker compose
    std::string compose_service;
};

/// Nothing when the path is of no known kind.
std::optional<ContainerNames> names_of_pod_path(std::string_view path);

/// "ID" of .../ID/ID-json.log; "" when the path looks otherwise.
std::string_view docker_id_of(std::string_view path);

/// From the text of config.v2.json.
std::optional<ContainerNames> names_of_docker_config(std::string_view json);

}  // namespace seyir::agent::input
