// SPDX-License-Identifier: Apache-2.0
#include "collector/input/loki/push_builder.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace seyir::collector::input {
namespace {

// Where senders put the level; Loki's discover_log_levels looks at the same names.
constexpr std::array<std::string_view, 8> kLevelNames{
    "level",
    "detected_level",
    "severity",
    "severity_text",
    "lvl",
    "Level",
    "LEVEL",
    "log_level",
};

}  // namespace

PushBuilder::PushBuilder(const PushSettings& settings) : settings_(settings) {
    body_.batch = std::make_shared<RecordBatch>(settings.tenant);
}

std::string PushBuilder::place() const {
    return fmt::format("streams[{}]", streams_seen_ - 1);
}

bool PushBuilder::begin_stream(std::vector<StreamLabels::Pair> labels) {
    ++streams_seen_;
    if (body_.batch->streams().size() >= settings_.limits.streams_max) {
        body_.reject(
            fmt::format(
                "{}: more than {} streams in one push", place(), settings_.limits.streams_max
            ),
            0
        );
        return false;
    }
    for (const auto& [name, value] : settings_.labels) {
        const bool has =
            std::ranges::any_of(labels, [&](const auto& pair) { return pair.first == name; });
        if (!has) {
            labels.emplace_back(name, value);
        }
    }
    auto made = StreamLabels::make(std::move(labels));
    if (!made) {
        body_.reject(fmt::format("{}: {}", place(), made.error().message), 0);
        return false;
    }
    if ((*made)->pairs().empty()) {
        body_.reject(fmt::format("{}: at least one label is required per stream", place()), 0);
        return false;
    }
    stream_severity_ = kSeverityUnset;
    for (const std::string_view name : kLevelNames) {
        if (const std::string_view level = (*made)->get(name); !level.empty()) {
            stream_severity_ = severity_from_text(level);
            break;
        }
    }
    stream_ = body_.batch->add_stream(*made);
    return true;
}

void PushBuilder::skip_entries(uint64_t entries) {
    body_.rejected += entries;
}

SeverityNumber PushBuilder::severity_of(const std::vector<Pair>& metadata) const {
    for (const auto& [name, value] : metadata) {
        if (std::ranges::find(kLevelNames, name) != kLevelNames.end()) {
            return severity_from_text(value);
        }
    }
    return stream_severity_;
}

void PushBuilder::add_entry(
    int64_t ts_ns, std::string_view line, const std::vector<Pair>& metadata
) {
    const PushLimits& limits = settings_.limits;
    if (line.size() > limits.line_bytes_max) {
        body_.reject(fmt::format(
            "{}: line of {}, {} are allowed",
            place(),
            format_bytes(line.size()),
            format_bytes(limits.line_bytes_max)
        ));
        return;
    }
    if (metadata.size() > limits.metadata_max) {
        body_.reject(fmt::format(
            "{}: {} pairs of structured metadata, {} are allowed",
            place(),
            metadata.size(),
            limits.metadata_max
        ));
        return;
    }
    RecordBatch& batch = *body_.batch;
    attrs_.clear();
    for (const auto& [name, value] : metadata) {
        if (!name.empty() && !value.empty()) {
            attrs_.push_back({batch.add_key(name), Value::string(batch.arena().copy(value))});
        }
    }
    batch.append_row({
        .ts = {ts_ns},
        .observed = settings_.now,
        .stream = stream_,
        .severity = severity_of(metadata),
        .body = batch.arena().copy(line),
        .attrs = attrs_.empty() ? AttrRange{} : batch.add_attrs(attrs_),
    });
}

}  // namespace seyir::collector::input
