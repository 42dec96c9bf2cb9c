// SPDX-License-Identifier: Apache-2.0
#include "agent/input/container/container_names.hpp"

#include <algorithm>
#include <vector>

#include "common/json/reader.hpp"

namespace seyir::agent::input {
namespace {

constexpr size_t kIdDigits = 64;

std::vector<std::string_view> split(std::string_view text, char by) {
    std::vector<std::string_view> parts;
    while (true) {
        const size_t at = text.find(by);
        parts.push_back(text.substr(0, at));
        if (at == std::string_view::npos) {
            return parts;
        }
        text.remove_prefix(at + 1);
    }
}

bool is_hex(std::string_view text) {
    return std::ranges::all_of(text, [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
    });
}

/// POD_NAMESPACE_CONTAINER-ID.log; no part holds an underscore.
std::optional<ContainerNames> names_of_link(std::string_view name) {
    if (!name.ends_with(".log")) {
        return std::nullopt;
    }
    name.remove_suffix(4);
    const auto parts = split(name, '_');
    if (parts.size() != 3) {
        return std::nullopt;
    }
    std::string_view container = parts[2];
    const size_t dash = container.rfind('-');
    if (dash == std::string_view::npos || container.size() - dash - 1 != kIdDigits ||
        !is_hex(container.substr(dash + 1))) {
        return std::nullopt;
    }
    ContainerNames names;
    names.container = container.substr(0, dash);
    names.pod = parts[0];
    names.pod_namespace = parts[1];
    return names;
}

std::string text_of(const json::View& object, std::string_view key) {
    const auto value = object.get(key);
    const auto text = value ? value->string() : std::nullopt;
    return text ? std::string(*text) : std::string();
}

}  // namespace

std::optional<ContainerNames> names_of_pod_path(std::string_view path) {
    const auto parts = split(path, '/');
    if (parts.size() < 4) {
        return std::nullopt;
    }
    const std::string_view file = parts[parts.size() - 1];
    const std::string_view container = parts[parts.size() - 2];
    const auto pod = split(parts[parts.size() - 3], '_');
    const bool has_number = !file.empty() && file[0] >= '0' && file[0] <= '9';
    if (pod.size() == 3 && has_number && !container.empty()) {
        ContainerNames names;
        names.container = container;
        names.pod = pod[1];
        names.pod_namespace = pod[0];
        return names;
    }
    return names_of_link(file);
}

std::string_view docker_id_of(std::string_view path) {
    const auto parts = split(path, '/');
    if (parts.size() < 3) {
        return {};
    }
    // Rotated: ID-json.log.1
    const std::string_view id = parts[parts.size() - 2];
    const std::string_view file = parts[parts.size() - 1];
    const bool is_log = file.starts_with(id) && file.substr(id.size()).starts_with("-json.log");
    return id.size() >= 12 && is_hex(id) && is_log ? id : std::string_view();
}

std::optional<ContainerNames> names_of_docker_config(std::string_view text) {
    json::Document document;
    const auto root = document.parse(text);
    if (!root || !root->is_object()) {
        return std::nullopt;
    }
    ContainerNames names;
    names.container = text_of(*root, "Name");
    if (names.container.starts_with('/')) {
        names.container.erase(0, 1);
    }
    const auto config = root->get("Config");
    const auto labels = config ? config->get("Labels") : std::nullopt;
    if (labels) {
        names.compose_project = text_of(*labels, "com.docker.compose.project");
        names.compose_service = text_of(*labels, "com.docker.compose.service");
    }
    return names.container.empty() ? std::nullopt : std::optional(std::move(names));
}

}  // namespace seyir::agent::input
