// SPDX-License-Identifier: Apache-2.0
#include "agent/input/journald/journal_rows.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "common/base/units.hpp"

namespace seyir::agent::input {
namespace {

constexpr size_t kAttrsMax = 64;
constexpr size_t kAttrBytesMax = 32 * kKiB;
constexpr size_t kMessageBytesMax = kMiB;
constexpr size_t kUnitsMax = 1000;
constexpr size_t kKeyBytesMax = 64;

/// Fields the journal itself adds and what they are called here; others with a `_` are left out.
constexpr std::array<std::pair<std::string_view, std::string_view>, 10> kTrusted{{
    {"SYSLOG_IDENTIFIER", "identifier"},
    {"_COMM", "comm"},
    {"_EXE", "exe"},
    {"_HOSTNAME", "hostname"},
    {"_PID", "pid"},
    {"_SYSTEMD_UNIT", "unit"},
    {"_SYSTEMD_USER_UNIT", "user_unit"},
    {"_TRANSPORT", "transport"},
    {"_UID", "uid"},
    {"_BOOT_ID", "boot_id"},
}};

std::string to_lower(std::string_view name) {
    std::string out(name);
    for (char& c : out) {
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    return out;
}

/// Of syslog(3).
SeverityNumber severity_of(std::string_view priority) {
    constexpr std::array<SeverityNumber, 8> kByPriority{
        kSeverityFatal + 3,  // emerg
        kSeverityFatal + 1,  // alert
        kSeverityFatal,      // crit
        kSeverityError,      // err
        kSeverityWarn,       // warning
        kSeverityInfo + 1,   // notice
        kSeverityInfo,       // info
        kSeverityDebug,      // debug
    };
    const bool is_known = priority.size() == 1 && priority[0] >= '0' && priority[0] <= '7';
    return is_known ? kByPriority.at(static_cast<size_t>(priority[0] - '0')) : kSeverityUnset;
}

}  // namespace

struct JournalRows::Entry {
    Row row;
    std::string_view unit;
    std::string_view identifier;
};

JournalRows::JournalRows(StreamLabelsPtr labels, bool has_service_name)
    : labels_(std::move(labels)), has_service_name_(has_service_name) {}

void JournalRows::take(
    Entry& entry, RecordBatch& batch, std::string_view name, std::string_view value
) {
    if (name == "MESSAGE") {
        cut_ += value.size() > kMessageBytesMax ? 1 : 0;
        entry.row.body = batch.arena().copy(value.substr(0, kMessageBytesMax));
        return;
    }
    if (name == "PRIORITY") {
        entry.row.severity = severity_of(value);
        return;
    }
    const auto* const trusted =
        std::ranges::find(kTrusted, name, &std::pair<std::string_view, std::string_view>::first);
    const bool is_trusted = trusted != kTrusted.end();
    const bool is_left_out = name.starts_with('_') || name.starts_with("SYSLOG_");
    if ((is_left_out && !is_trusted) || attrs_.size() == kAttrsMax || name.size() > kKeyBytesMax) {
        return;
    }
    const Slice kept = batch.arena().copy(value.substr(0, kAttrBytesMax));
    const KeyIndex key = batch.add_key(is_trusted ? std::string(trusted->second) : to_lower(name));
    attrs_.emplace_back(key, Value::string(kept));
    if (name == "_SYSTEMD_UNIT" || (name == "_SYSTEMD_USER_UNIT" && entry.unit.empty())) {
        entry.unit = kept;
    } else if (name == "SYSLOG_IDENTIFIER") {
        entry.identifier = kept;
    }
}

const StreamLabelsPtr& JournalRows::labels_for(std::string_view unit, std::string_view identifier) {
    const std::string_view name = unit.empty() ? identifier : unit;
    if (name.empty()) {
        return labels_;
    }
    const std::string key = (unit.empty() ? "i" : "u") + std::string(name);
    const auto known = by_unit_.find(key);
    if (known != by_unit_.end()) {
        return known->second;
    }
    if (by_unit_.size() >= kUnitsMax) {
        return labels_;
    }
    std::vector<StreamLabels::Pair> pairs = labels_->pairs();
    std::string service(name);
    if (service.ends_with(".service")) {
        service.resize(service.size() - std::string_view(".service").size());
    }
    for (auto& [label, value] : pairs) {
        if (label == "service_name" && !has_service_name_) {
            value = service.substr(0, kLabelValueBytesMax);
        }
    }
    if (!unit.empty() && labels_->get("unit").empty()) {
        pairs.emplace_back("unit", unit.substr(0, kLabelValueBytesMax));
    }
    auto made = StreamLabels::make(std::move(pairs));
    return by_unit_.emplace(key, made ? std::move(*made) : labels_).first->second;
}

Result<void> JournalRows::append(Journal& journal, RecordBatch& batch, uint16_t origin) {
    SEYIR_TRY(const uint64_t realtime_us, journal.realtime_us());
    Entry entry;
    attrs_.clear();
    SEYIR_CHECK(journal.for_each_field([&](std::string_view name, std::string_view value) {
        take(entry, batch, name, value);
    }));
    entry.row.ts = UnixNanos{static_cast<int64_t>(realtime_us) * 1000};
    entry.row.origin = origin;
    entry.row.stream = batch.add_stream(labels_for(entry.unit, entry.identifier));
    entry.row.attrs = batch.add_attrs(attrs_);
    batch.append_row(entry.row);
    return {};
}

}  // namespace seyir::agent::input
