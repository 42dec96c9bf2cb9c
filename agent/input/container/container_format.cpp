// SPDX-License-Identifier: Apache-2.0
#include "agent/input/container/container_format.hpp"

#include <utility>

#include "common/base/units.hpp"
#include "common/json/reader.hpp"
#include "common/multiline/partial_lines.hpp"
#include "common/time/time_zone.hpp"
#include "plugins/filter/parse/time/time_format.hpp"

namespace seyir::agent::input {
namespace {

constexpr uint64_t kMetadataBytesMax = kMiB;
constexpr Nanos kLookAgain = std::chrono::seconds(5);
constexpr size_t kWatchedMax = 4096;
constexpr size_t kShortIdDigits = 12;

constexpr size_t kTimeBytesMin = 20;  // 2016-10-06T00:17:09Z

std::optional<UnixNanos> time_of(std::string_view text) {
    if (text.size() < kTimeBytesMin || text[10] != 'T') {
        return std::nullopt;
    }
    static const TimeZone utc;
    return plugins::parse::parse_iso_time(text, utc);
}

/// The value of `"key":"..."` in the part behind the text, which never has escapes in it.
std::string_view value_of(std::string_view text, std::string_view key) {
    const size_t at = text.find(key);
    if (at == std::string_view::npos) {
        return {};
    }
    text.remove_prefix(at + key.size());
    return text.substr(0, text.find('"'));
}

}  // namespace

FormattedLine read_cri_record(std::string_view line) {
    const multiline::PartialLine part = multiline::read_cri_line(line);
    const auto ts =
        part.is_known ? time_of(line.substr(0, line.find(' '))) : std::optional<UnixNanos>();
    if (!ts) {
        return {.body = line};
    }
    return {part.text, ts, part.stream == 1 ? LineOrigin::kStderr : LineOrigin::kStdout};
}

FormattedLine read_docker_record(std::string_view line, std::string& scratch) {
    const multiline::PartialLine part = multiline::read_docker_line(line);
    if (!part.is_known) {
        return {.body = line};
    }
    FormattedLine out;
    out.body = part.text;
    out.ts = time_of(value_of(part.after, "\"time\":\""));
    const std::string_view stream = value_of(part.after, "\"stream\":\"");
    out.origin = stream == "stderr"   ? LineOrigin::kStderr
                 : stream == "stdout" ? LineOrigin::kStdout
                                      : LineOrigin::kNone;
    if (out.body.ends_with("\\n") && !part.is_partial) {
        out.body.remove_suffix(2);
    }
    if (out.body.find('\\') != std::string_view::npos) {
        json::Document document;
        scratch.assign(1, '"').append(out.body).append(1, '"');
        const auto value = document.parse(scratch);
        const auto text = value ? value->string() : std::nullopt;
        if (!text) {
            return {.body = line};
        }
        std::string unescaped(*text);
        scratch = std::move(unescaped);
        out.body = scratch;
        out.is_copy_needed = true;
    }
    return out;
}

ContainerFormat::ContainerFormat(
    ContainerKind kind, ContainerLabels labels, io::FileSystem& files, io::Clock& clock
)
    : kind_(kind), labels_(std::move(labels)), files_(files), clock_(clock) {}

FormattedLine ContainerFormat::read(std::string_view line) {
    return kind_ == ContainerKind::kCri ? read_cri_record(line)
                                        : read_docker_record(line, scratch_);
}

FileFormat::FileLabels ContainerFormat::labels_of(std::string_view path) {
    if (const auto names = names_of_pod_path(path)) {
        return {with(*names), true};
    }
    return docker_labels(path);
}

FileFormat::FileLabels ContainerFormat::docker_labels(std::string_view path) {
    const std::string_view id = docker_id_of(path);
    if (id.empty()) {
        return {labels_.base, true};
    }
    ContainerNames unnamed;
    unnamed.container = id.substr(0, kShortIdDigits);
    const SteadyTime now = clock_.steady_now();
    const auto again = look_again_.find(id);
    if (again != look_again_.end() && now < again->second) {
        return {with(unnamed), false};
    }
    const std::string metadata = std::string(path.substr(0, path.rfind('/'))) + "/config.v2.json";
    const auto text = io::read_file(files_, metadata, kMetadataBytesMax);
    const auto names = text ? names_of_docker_config(*text) : std::nullopt;
    if (names) {
        look_again_.erase(std::string(id));
        return {with(*names), true};
    }
    if (look_again_.size() >= kWatchedMax) {
        look_again_.clear();
    }
    look_again_[std::string(id)] = now + kLookAgain;
    return {with(unnamed), false};
}

StreamLabelsPtr ContainerFormat::with(const ContainerNames& names) const {
    std::vector<StreamLabels::Pair> pairs;
    const bool is_compose = !names.compose_service.empty();
    const std::string& service = is_compose ? names.compose_service : names.container;
    for (const auto& [name, value] : labels_.base->pairs()) {
        if (name != "service_name" || labels_.has_service_name || service.empty()) {
            pairs.emplace_back(name, value);
        } else {
            pairs.emplace_back(name, service);
        }
    }
    const auto add = [&](const char* name, const std::string& value) {
        // What was configured wins.
        if (!value.empty() && labels_.base->get(name).empty()) {
            pairs.emplace_back(name, value.substr(0, kLabelValueBytesMax));
        }
    };
    add("container", names.container);
    add("pod", names.pod);
    add("namespace", names.pod_namespace);
    add("compose_project", names.compose_project);
    add("compose_service", names.compose_service);
    auto made = StreamLabels::make(std::move(pairs));
    return made ? std::move(*made) : labels_.base;
}

}  // namespace seyir::agent::input
