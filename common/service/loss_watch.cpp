// SPDX-License-Identifier: Apache-2.0
#include "common/service/loss_watch.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "common/base/log.hpp"
#include "common/base/units.hpp"
#include "common/record/batch.hpp"

namespace seyir::service {
namespace {

constexpr std::string_view kLog = "loss";
constexpr uint64_t kFileBytesMax = 64 * 1024;
constexpr std::string_view kName = "collector_lost";

/// For people: nobody reads the nanoseconds of an outage.
std::string rounded(Nanos duration) {
    return format_duration(std::chrono::duration_cast<std::chrono::seconds>(duration));
}

/// Bytes of files and journals nobody has acknowledged.
uint64_t unread_bytes(const component::RunningGraph& graph) {
    uint64_t bytes = 0;
    for (const auto& [id, running] : graph.inputs) {
        const auto* reports = dynamic_cast<const pipeline::ReportsInput*>(running.component.get());
        bytes += reports == nullptr ? 0 : reports->report().lag_bytes.value_or(0);
    }
    return bytes;
}

std::string waiting_text(const pipeline::Contact& contact, uint64_t unread) {
    std::string text = fmt::format("{} of its inputs are not acknowledged", format_bytes(unread));
    if (contact.waiting_rows != 0) {
        text += fmt::format(
            ", {} records ({}) wait in its buffer",
            contact.waiting_rows,
            format_bytes(contact.waiting_bytes)
        );
    }
    return text;
}

class Attributes {
  public:
    explicit Attributes(RecordBatch& batch) : batch_(batch) {}

    void text(std::string_view name, std::string_view value) {
        attrs_.emplace_back(batch_.add_key(name), Value::string(batch_.arena().copy(value)));
    }

    void number(std::string_view name, uint64_t value) {
        attrs_.emplace_back(batch_.add_key(name), Value::integer(static_cast<int64_t>(value)));
    }

    AttrRange take() { return batch_.add_attrs(attrs_); }

  private:
    RecordBatch& batch_;
    std::vector<Attr> attrs_;
};

}  // namespace

ContactJudge::Verdict ContactJudge::look(
    const pipeline::Contact& contact, Nanos after, SteadyTime now
) {
    const bool is_new = contact.connected_since && now - *contact.connected_since < kLasting;
    const bool has_stored = contact.connected_since && contact.stored_at &&
                            *contact.stored_at >= *contact.connected_since;
    const bool is_waiting = contact.connected_since && contact.under_way_bytes != 0;
    const bool is_good =
        contact.connected_since &&
        (is_waiting ? has_stored && now - *contact.stored_at < kLasting : !is_new || has_stored);
    good_at_ = std::max({
        good_at_,
        contact.stored_at.value_or(good_at_),
        contact.lasted_until.value_or(good_at_),
        is_good ? now : good_at_,
    });
    if (is_lost_ && is_good) {
        is_lost_ = false;
        return Verdict::kBack;
    }
    // One that came just now may be the one that lasts.
    if (!is_lost_ && now - good_at_ >= after &&
        (!contact.connected_since || (is_waiting && !is_new))) {
        is_lost_ = true;
        return Verdict::kLost;
    }
    return Verdict::kNothingNew;
}

LossWatch::LossWatch(
    Setup setup, io::FileSystem& files, io::Clock& clock, metrics::Registry& registry
)
    : setup_(std::move(setup)), files_(files), clock_(clock), registry_(registry) {
    read();
}

void LossWatch::look(const component::RunningGraph& graph) {
    std::vector<std::string> seen;
    for (const auto& [id, running] : graph.outputs) {
        const component::LossNotice* notice = component::loss_notice_of(running.plan.get());
        const auto* reports =
            dynamic_cast<const pipeline::ReportsContact*>(running.component.get());
        const auto contact = reports == nullptr ? std::nullopt : reports->contact();
        if (notice == nullptr || !contact) {
            continue;
        }
        seen.push_back(id);
        Watched& output = watched(id);
        const SteadyTime now = clock_.steady_now();
        const auto verdict = output.judge.look(*contact, notice->after, now);
        if (verdict == ContactJudge::Verdict::kLost) {
            output.since = clock_.wall_now() - (now - output.judge.good_at());
            output.is_untold = true;
        } else if (verdict == ContactJudge::Verdict::kBack) {
            output.is_untold = told_.contains(id);  // nobody wants the end of what was never told
        }
        output.lost.set(output.judge.is_lost() ? 1 : 0);
        if (!output.is_untold ||
            (verdict == ContactJudge::Verdict::kNothingNew && now < output.next_try)) {
            continue;
        }
        if (output.judge.is_lost() && contact->connected_since && contact->under_way_bytes == 0) {
            continue;  // it may be over before anybody heard of it
        }
        output.next_try = now + kAgain;
        if (!tell(id, *notice, *contact, output, unread_bytes(graph))) {
            continue;
        }
        output.is_untold = false;
        if (output.judge.is_lost()) {
            told_[id] = output.since;
        } else {
            told_.erase(id);
        }
        save();  // after it: told twice is better than never
    }
    // An output that left, or whose notice did, is forgotten.
    const auto is_gone = [&](const auto& entry) {
        return std::ranges::find(seen, entry.first) == seen.end();
    };
    for (const auto& [id, output] : watched_) {
        if (is_gone(std::pair(id, nullptr))) {
            output.lost.set(0);
        }
    }
    std::erase_if(watched_, is_gone);
    if (std::erase_if(told_, is_gone) != 0) {
        save();
    }
}

LossWatch::Watched& LossWatch::watched(const std::string& output) {
    const auto at = watched_.find(output);
    if (at != watched_.end()) {
        return at->second;
    }
    const auto told = told_.find(output);
    const bool is_lost = told != told_.end();
    metrics::Gauge& lost = registry_.gauge(
        "seyir_collector_lost",
        "1 while on_collector_lost has told that no collector is reached.",
        {{"output", output}}
    );
    lost.set(is_lost ? 1 : 0);
    const UnixNanos since = is_lost ? told->second : UnixNanos{};
    return watched_
        .emplace(
            output,
            Watched{
                .judge = ContactJudge(clock_.steady_now(), is_lost), .since = since, .lost = lost
            }
        )
        .first->second;
}

bool LossWatch::tell(
    const std::string& output,
    const component::LossNotice& notice,
    const pipeline::Contact& contact,
    const Watched& watched,
    uint64_t unread_bytes
) {
    const bool is_lost = watched.judge.is_lost();
    const UnixNanos now = clock_.wall_now();
    const std::string away = rounded(std::max(Nanos(0), now - watched.since));
    const std::string waiting = waiting_text(contact, unread_bytes);
    const std::string text = is_lost
                                 ? fmt::format(
                                       "{}: output {} has reached no collector ({}) for {}: {}; {}",
                                       setup_.host_name,
                                       output,
                                       contact.endpoints,
                                       away,
                                       contact.problem.empty() ? "no answer" : contact.problem,
                                       waiting
                                   )
                                 : fmt::format(
                                       "{}: output {} has a collector again ({}) after {}; {}",
                                       setup_.host_name,
                                       output,
                                       contact.endpoints,
                                       away,
                                       waiting
                                   );
    auto batch = std::make_shared<RecordBatch>();
    const auto labels = StreamLabels::make(
        {{"alert", std::string(kName)}, {"host", setup_.host_name}, {"service_name", "seyir"}}
    );
    const auto stream =
        batch->add_stream(labels ? *labels : *StreamLabels::make({{"service_name", "seyir"}}));
    const SeverityNumber severity = is_lost ? kSeverityError : kSeverityInfo;
    Attributes attributes(*batch);
    attributes.text("alert.name", kName);
    attributes.text("alert.state", is_lost ? "firing" : "resolved");
    attributes.text("alert.severity", level_name(severity));
    attributes.text("alert.since", to_rfc3339(watched.since));
    attributes.text("alert.labels.output", output);
    attributes.text("alert.problem", is_lost ? contact.problem : "");
    attributes.text("collector.endpoints", contact.endpoints);
    attributes.number("waiting.records", contact.waiting_rows);
    attributes.number("waiting.bytes", contact.waiting_bytes);
    attributes.number("unacknowledged.bytes", unread_bytes);
    batch->append_row(
        {.ts = now,
         .stream = stream,
         .severity = severity,
         .body = batch->arena().copy(text),
         .attrs = attributes.take()}
    );
    (is_lost ? log::error : log::info)(kLog, text, {});
    bool is_taken = false;
    for (const config::NamedPlace& to : notice.to) {
        if (setup_.send(to.name, {batch, {}})) {
            is_taken = true;
        } else {
            log::warn(kLog, "not told there: the output does not run", {{"output", to.name}});
        }
    }
    if (is_taken) {
        registry_
            .counter(
                "seyir_collector_lost_notices_total",
                "What on_collector_lost told.",
                {{"output", output}, {"state", is_lost ? "firing" : "resolved"}}
            )
            .add();
    }
    return is_taken;
}

/// Lines of `OUTPUT NANOSECONDS`.
void LossWatch::read() {
    const auto text = io::read_file(files_, setup_.file, kFileBytesMax);
    if (!text) {
        if (text.error().code != ErrorCode::kNotFound) {
            log::warn(kLog, "what was told before is not known", {{"why", text.error().message}});
        }
        return;
    }
    std::string_view rest = *text;
    while (!rest.empty()) {
        const size_t end = std::min(rest.find('\n'), rest.size());
        const std::string_view line = rest.substr(0, end);
        rest.remove_prefix(std::min(end + 1, rest.size()));
        const size_t space = line.find(' ');
        int64_t since = 0;
        if (space == std::string_view::npos) {
            continue;
        }
        const char* const last = line.data() + line.size();
        const auto parsed = std::from_chars(line.data() + space + 1, last, since);
        if (parsed.ec == std::errc{} && parsed.ptr == last) {
            told_.emplace(line.substr(0, space), UnixNanos{since});
        }
    }
}

void LossWatch::save() {
    std::string text;
    for (const auto& [output, since] : told_) {
        text += fmt::format("{} {}\n", output, since.value);
    }
    if (auto saved = io::write_file_atomically(files_, setup_.file, text); !saved) {
        log::warn(
            kLog,
            "a restart will tell this again: it cannot be kept",
            {{"why", saved.error().message}}
        );
    }
}

}  // namespace seyir::service
