// SPDX-License-Identifier: Apache-2.0
#include "ctl/print/status_text.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "common/base/units.hpp"
#include "ctl/print/answer_fields.hpp"
#include "ctl/print/terminal.hpp"

namespace seyir::ctl {

namespace {

using json::View;

std::optional<double> number_of(const View& object, std::string_view name) {
    const auto field = object.get(name);
    return field ? field->number() : std::nullopt;
}

std::vector<View> list_of(const View& object, std::string_view name) {
    const auto field = object.get(name);
    return field ? field->elements() : std::vector<View>();
}

bool says_not_ok(const View& object) {
    const auto ok = object.get("ok");
    return ok && ok->boolean() == false;
}

class Text {
  public:
    explicit Text(bool color) : color_(color) {}

    void title(std::string_view text) {
        if (!out.empty()) {
            out += '\n';
        }
        append_colored(out, Color::kBold, text, color_);
        out += '\n';
    }

    void line(std::string_view name, std::string_view value) {
        if (!value.empty()) {
            out += fmt::format("  {:<12} {}\n", name, value);
        }
    }

    void mark(bool ok, std::string_view text, std::string_view otherwise = "FAIL") {
        out += "  ";
        append_colored(out, ok ? Color::kGreen : Color::kRed, ok ? "ok  " : otherwise, color_);
        out += fmt::format(" {}\n", text);
    }

    std::string out;

  private:
    bool color_;
};

std::string count_text(const View& object, std::string_view name) {
    const auto number = number_of(object, name);
    return number ? grouped(static_cast<uint64_t>(std::max(*number, 0.0))) : "";
}

std::string bytes_text(const View& object, std::string_view name) {
    const auto number = number_of(object, name);
    return number ? format_bytes(static_cast<uint64_t>(std::max(*number, 0.0))) : "";
}

void disk_lines(Text& text, const View& store) {
    std::string free = bytes_text(store, "free_bytes");
    if (const auto days = number_of(store, "days_left"); days && !free.empty()) {
        free += fmt::format("  (about {:.0f} days until nothing is taken)", *days);
    }
    text.line("free", free);
    if (text_of(store, "disk") == "soft_mark") {
        text.mark(
            false,
            fmt::format(
                "the disk is below its soft mark of {}: clients are slowed down; at {} free "
                "nothing is taken",
                bytes_text(store, "soft_mark_bytes"),
                bytes_text(store, "hard_mark_bytes")
            ),
            "warn"
        );
    }
    if (const auto choice = text_of(store, "on_archive_failure"); !choice.empty()) {
        text.line(
            "no archive",
            choice == "keep" ? "keep: no day goes whose archive cannot be written"
                             : "delete_oldest: below the hard mark the oldest day that is due goes "
                               "without one"
        );
    }
    if (const auto stepped = store.get("clock_stepped"); stepped && stepped->boolean() == true) {
        text.line(
            "clock", "was stepped: no day goes for its age until `seyir retention run --confirm`"
        );
    }
}

void store_lines(Text& text, const View& store) {
    text.title("Store");
    if (says_not_ok(store)) {
        text.mark(false, text_of(store, "message"));
    }
    text.line("records", count_text(store, "records"));
    auto disk = bytes_text(store, "disk_bytes");
    const auto raw_bytes = number_of(store, "raw_bytes");
    const auto disk_bytes = number_of(store, "disk_bytes");
    if (!disk.empty() && raw_bytes && disk_bytes && *disk_bytes > 0 && *raw_bytes > *disk_bytes) {
        disk += fmt::format("  ({:.1f} times smaller)", *raw_bytes / *disk_bytes);
    }
    text.line("raw", bytes_text(store, "raw_bytes"));
    text.line("on disk", disk);
    disk_lines(text, store);
    const auto segments = count_text(store, "segments");
    const auto days = count_text(store, "partitions");
    text.line("segments", segments.empty() ? "" : segments + " in " + days + " days");
    text.line("oldest", text_of(store, "oldest"));
    text.line("newest", text_of(store, "newest"));
    if (const auto retention = number_of(store, "retention_days"); retention && *retention > 0) {
        text.line("retention", fmt::format("{:g} days", *retention));
    }
    if (const auto held = number_of(store, "days_held_back"); held && *held > 0) {
        text.line(
            "held back", fmt::format("{:g} days wait for the retention run's --confirm", *held)
        );
    }
    auto id = text_of(store, "store_id");
    const auto generation = number_of(store, "restore_generation");
    if (generation && *generation > 0) {
        id += fmt::format("  (restored {:g} times)", *generation);
    }
    text.line("store id", id);
}

void component_lines(Text& text, const std::vector<View>& components) {
    if (components.empty()) {
        return;
    }
    text.title("Components");
    for (const auto& component : components) {
        const auto message = text_of(component, "message");
        const auto id = text_of(component, "id");
        const auto name = id.empty() ? text_of(component, "name") : id;
        text.mark(
            !says_not_ok(component),
            fmt::format(
                "{} ({}){}{}",
                name,
                text_of(component, "kind"),
                message.empty() ? "" : ": ",
                message
            )
        );
    }
}

void agent_lines(Text& text, const View& status) {
    const auto agents = list_of(status, "agents");
    if (!status.get("agents")) {
        return;
    }
    text.title(fmt::format("Agents ({})", agents.size()));
    for (const auto& agent : agents) {
        const auto connected = agent.get("connected");
        const bool is_here = !connected || connected->boolean() != false;
        auto about = fmt::format(
            "{:<20} {:<22} {:<8}",
            text_of(agent, "hostname"),
            text_of(agent, "peer"),
            text_of(agent, "version")
        );
        if (const auto age = number_of(agent, "last_frame_age_seconds")) {
            about += " last frame " + span_text(*age) + " ago";
        }
        if (const auto rows = count_text(agent, "rows"); !rows.empty()) {
            about += ", " + rows + " records";
        }
        text.mark(is_here, about, "away");
        const auto is_wrong = agent.get("clock_is_wrong");
        if (const auto skew = number_of(agent, "clock_skew_seconds");
            skew && is_wrong && is_wrong->boolean() == true) {
            text.out += fmt::format(
                "       its clock is {} {} the collector's\n",
                span_text(std::abs(*skew)),
                *skew > 0 ? "ahead of" : "behind"
            );
        }
        text.out += "       id " + text_of(agent, "id") + "\n";
    }
    const auto refused = status.get("refused_connections");
    for (const auto& [reason, count] :
         refused ? refused->members() : decltype(refused->members())()) {
        text.line(
            "refused",
            fmt::format("{} connections: {}", count.uint64().value_or(0), clean_text(reason))
        );
    }
}

void event_lines(Text& text, const View& status) {
    const auto events = list_of(status, "events");
    if (events.empty()) {
        return;
    }
    text.title("Events");
    for (const auto& event : events) {
        const auto host = text_of(event, "hostname");
        text.out += fmt::format(
            "  {}  {:<16} {}{}{}\n",
            text_of(event, "time"),
            text_of(event, "kind"),
            host.empty() ? text_of(event, "agent") : host,
            text_of(event, "detail").empty() ? "" : ": ",
            text_of(event, "detail")
        );
    }
}

}  // namespace

std::string span_text(double seconds) {
    if (seconds < 10) {
        return fmt::format("{:.1f}s", std::max(seconds, 0.0));
    }
    const auto whole = static_cast<uint64_t>(std::min(seconds, 1e15));
    if (whole < 60) {
        return fmt::format("{}s", whole);
    }
    if (whole < 3600) {
        return fmt::format("{}m{:02}s", whole / 60, whole % 60);
    }
    if (whole < 86400) {
        return fmt::format("{}h{:02}m", whole / 3600, whole / 60 % 60);
    }
    return fmt::format("{}d{:02}h", whole / 86400, whole / 3600 % 24);
}

std::string status_text(const View& status, bool color, bool) {
    Text text(color);
    text.title(is_well(status) ? "Well" : "Not well");
    text.line("version", text_of(status, "version"));
    if (const auto uptime = number_of(status, "uptime_seconds")) {
        text.line("up for", span_text(*uptime));
    }
    text.line("status", text_of(status, "status"));
    if (const auto store = status.get("store"); store && store->is_object()) {
        store_lines(text, *store);
    }
    component_lines(text, list_of(status, "components"));
    agent_lines(text, status);
    event_lines(text, status);
    return std::move(text.out);
}

bool is_well(const View& status) {
    const auto components = list_of(status, "components");
    const auto store = status.get("store");
    return std::ranges::none_of(components, says_not_ok) && !(store && says_not_ok(*store)) &&
           !says_not_ok(status);
}

}  // namespace seyir::ctl
