// SPDX-License-Identifier: Apache-2.0
// ContainerFormat: lines of container runtimes for the tail input.
// Threads: the reader's thread.
// Limits: metadata files up to 1 MiB; a container whose file cannot be read is asked for again at
// most every 5 s.
// Format: CRI "TIME STREAM P|F TEXT"; Docker {"log":"TEXT\n","stream":"stdout","time":"..."}.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "agent/input/container/container_names.hpp"
#include "agent/input/tail/file_format.hpp"
#include "common/io/clock.hpp"
#include "common/io/file_system.hpp"

namespace seyir::agent::input {

enum class ContainerKind : uint8_t { kCri, kDocker };

struct ContainerLabels {
    StreamLabelsPtr base;  ///< what all files of the input have
    /// `service_name` was configured: else it is the compose service, or the container's name.
    bool has_service_name = false;
};

/// "2024-01-02T03:04:05.678Z stdout F text"
FormattedLine read_cri_record(std::string_view line);
/// `scratch` holds the body when it had escapes.
FormattedLine read_docker_record(std::string_view line, std::string& scratch);

class ContainerFormat final : public FileFormat {
  public:
    ContainerFormat(
        ContainerKind kind, ContainerLabels labels, io::FileSystem& files, io::Clock& clock
    );

    FileLabels labels_of(std::string_view path) override;
    FormattedLine read(std::string_view line) override;

  private:
    FileLabels docker_labels(std::string_view path);
    StreamLabelsPtr with(const ContainerNames& names) const;

    const ContainerKind kind_;
    const ContainerLabels labels_;
    io::FileSystem& files_;
    io::Clock& clock_;
    std::map<std::string, SteadyTime, std::less<>> look_again_;  ///< by container id
    std::string scratch_;
};

}  // namespace seyir::agent::input
