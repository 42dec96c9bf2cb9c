// SPDX-License-Identifier: Apache-2.0
#include "plugins/input/syslog/syslog_rows.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <vector>

#include "common/config/schema/scalar.hpp"
#include "common/record/severity.hpp"

namespace seyir::plugins::syslog {
namespace {

constexpr std::string_view kOtherHost = "other";
constexpr size_t kHostBytesMax = 255;

parse::FieldRules rules() {
    parse::FieldRules rules;
    rules.promote_all = true;
    return rules;
}

std::string_view text_of(const Value* value) {
    return value == nullptr ? std::string_view() : std::string_view(value->as_text());
}

/// 0 and 1 (emergency, alert) are above critical in OpenTelemetry's mapping of syslog.
SeverityNumber severity_of(std::string_view word) {
    static constexpr std::array<std::pair<std::string_view, SeverityNumber>, 8> kSeverities = {{
        {"emerg", 24},
        {"alert", 23},
        {"crit", 22},
        {"err", 17},
        {"warning", 13},
        {"notice", 10},
        {"info", 9},
        {"debug", 5},
    }};
    for (const auto& [name, number] : kSeverities) {
        if (name == word) {
            return number;
        }
    }
    return severity_from_text(word);
}

int digits(std::string_view text) {
    int value = 0;
    for (const char c : text) {
        if (c != ' ') {
            if (c < '0' || c > '9') {
                return -1;
            }
            value = value * 10 + (c - '0');
        }
    }
    return value;
}

}  // namespace

std::optional<UnixNanos> bsd_time(std::string_view text, UnixNanos now) {
    static constexpr std::array<std::string_view, 12> kMonths = {
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"
    };
    if (text.size() < 15) {
        return std::nullopt;
    }
    const auto month = std::ranges::find(kMonths, text.substr(0, 3));
    const int day = digits(text.substr(4, 2));
    const int hour = digits(text.substr(7, 2));
    const int minute = digits(text.substr(10, 2));
    const int second = digits(text.substr(13, 2));
    if (month == kMonths.end() || day < 1 || day > 31 || hour < 0 || hour > 23 || minute < 0 ||
        minute > 59 || second < 0 || second > 60) {
        return std::nullopt;
    }
    using namespace std::chrono;
    const sys_days today = floor<days>(sys_time<nanoseconds>(nanoseconds(now.value)));
    const int this_year = static_cast<int>(year_month_day(today).year());
    std::optional<int64_t> nearest;
    for (const int y : {this_year - 1, this_year, this_year + 1}) {
        const year_month_day date(
            year(y),
            std::chrono::month(static_cast<unsigned>(month - kMonths.begin()) + 1),
            std::chrono::day(static_cast<unsigned>(day))
        );
        if (!date.ok()) {
            continue;  // 29 February
        }
        const auto at = sys_days(date) + hours(hour) + minutes(minute) + seconds(second);
        const int64_t ns = duration_cast<nanoseconds>(at.time_since_epoch()).count();
        if (!nearest || std::abs(ns - now.value) < std::abs(*nearest - now.value)) {
            nearest = ns;
        }
    }
    return nearest ? std::optional(UnixNanos{*nearest}) : std::nullopt;
}

SyslogRows::SyslogRows(RowOptions options) : options_(std::move(options)), fields_(rules()) {}

void SyslogRows::begin() {
    batch_ = std::make_shared<RecordBatch>();
    fields_.begin_batch(*batch_);
}

UnixNanos SyslogRows::time_of(std::string_view text, UnixNanos now) const {
    if (text.empty()) {
        return now;
    }
    if (const auto iso = config::parse_time(text)) {
        return *iso;
    }
    const UnixNanos local{now.value + options_.zone_offset.count()};
    const auto bsd = bsd_time(text, local);
    return bsd ? UnixNanos{bsd->value - options_.zone_offset.count()} : now;
}

StreamLabelsPtr SyslogRows::labels_of(std::string_view host) {
    if (const auto known = by_host_.find(host); known != by_host_.end()) {
        return known->second;
    }
    const bool is_other = by_host_.size() >= options_.hosts_max && host != kOtherHost;
    if (is_other || host.size() > kHostBytesMax) {
        return labels_of(kOtherHost);
    }
    std::map<std::string, std::string> labels;
    for (const auto& [name, value] : options_.labels->pairs()) {
        labels[std::string(name)] = value;
    }
    labels["host"] = host;
    auto made = StreamLabels::make({labels.begin(), labels.end()});
    StreamLabelsPtr result = made ? std::move(*made) : options_.labels;
    by_host_.emplace(host, result);
    return result;
}

void SyslogRows::add(std::string_view message, std::string_view peer, UnixNanos now) {
    Arena& arena = batch_->arena();
    const Slice text = arena.copy(message);
    fields_.begin_row({});
    const auto start = fields_.mark();
    Row row{.ts = now, .observed = now, .body = text};
    std::string_view host;
    if (const auto miss = parser_.parse(text, fields_)) {
        fields_.back_to(start);
        fields_.add_text("syslog_error", miss->message);
        ++bad_;
    } else {
        const Value* body = fields_.find("message");
        row.body = options_.keep_raw ? text : body == nullptr ? Slice() : body->as_text();
        row.ts = time_of(text_of(fields_.find("time")), now);
        row.severity = severity_of(text_of(fields_.find("severity")));
        host = text_of(fields_.find("host"));
    }
    if (options_.host_label == HostLabel::kPeer || host.empty()) {
        host = peer.substr(0, peer.rfind(':'));
    }
    const bool has_label = options_.host_label != HostLabel::kOff && !host.empty();
    row.stream = batch_->add_stream(has_label ? labels_of(host) : options_.labels);
    std::vector<Attr> attrs;
    for (const Attr& attr : fields_.attrs()) {
        const Slice name = batch_->keys()[attr.key];
        // The body and the row's own time say these already.
        if (name != "message" && name != "time") {
            attrs.push_back(attr);
        }
    }
    row.attrs = batch_->add_attrs(attrs);
    batch_->append_row(row);
}

}  // namespace seyir::plugins::syslog
