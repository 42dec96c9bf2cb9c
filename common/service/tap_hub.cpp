// SPDX-License-Identifier: Apache-2.0
#include "common/service/tap_hub.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "common/base/text.hpp"
#include "common/record/record_json.hpp"

namespace seyir::service {
namespace {

using namespace std::chrono_literals;

constexpr size_t kWatchersMax = 8;
constexpr size_t kWaitingBytesMax = 1 << 20;
constexpr uint64_t kRateMax = 10'000;
constexpr uint64_t kRateDefault = 200;
constexpr auto kHeartbeat = 5s;
constexpr auto kLookInterval = 250ms;  // how soon a client that has gone is noticed

const char* word(pipeline::TapSide side) {
    switch (side) {
        case pipeline::TapSide::kIn:
            return "in";
        case pipeline::TapSide::kOut:
            return "out";
        case pipeline::TapSide::kFailed:
            return "failed";
    }
    return "";
}

std::optional<uint64_t> number(
    const net::HttpRequest& request, std::string_view name, uint64_t other
) {
    const auto text = request.parameter(name);
    if (!text) {
        return other;
    }
    uint64_t value = 0;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
    const bool is_whole = error == std::errc() && end == text->data() + text->size();
    return is_whole ? std::optional(value) : std::nullopt;
}

}  // namespace

TapHub::TapHub(metrics::Registry& registry)
    : watching_gauge_(registry.gauge("seyir_tap_watchers", "Connected watchers of seyir tap.")) {}

TapHub::~TapHub() {
    stop();
}

bool TapHub::wants_of(const Watcher& w, std::string_view component, pipeline::TapSide side) {
    const bool is_side = (side == pipeline::TapSide::kIn && w.in) ||
                         (side == pipeline::TapSide::kOut && w.out) ||
                         (side == pipeline::TapSide::kFailed && w.failed);
    return is_side && (w.component == "*" || w.component == component);
}

bool TapHub::wants(std::string_view component, pipeline::TapSide side) const noexcept {
    if (watching_.load(std::memory_order_relaxed) == 0) {
        return false;
    }
    const std::lock_guard lock(mutex_);
    return std::ranges::any_of(watchers_, [&](const auto& w) {
        return wants_of(*w, component, side);
    });
}

void TapHub::rows(
    std::string_view component, pipeline::TapSide side, const BatchView& view, std::string_view note
) {
    std::vector<std::shared_ptr<Watcher>> watchers;
    {
        const std::lock_guard lock(mutex_);
        std::ranges::copy_if(watchers_, std::back_inserter(watchers), [&](const auto& w) {
            return wants_of(*w, component, side);
        });
    }
    for (const auto& watcher : watchers) {
        for_each_row(view, [&](uint32_t i) {
            {
                const std::lock_guard lock(watcher->mutex);
                const int64_t second = std::chrono::duration_cast<std::chrono::seconds>(
                                           std::chrono::steady_clock::now().time_since_epoch()
                )
                                           .count();
                if (second != watcher->second) {
                    watcher->second = second;
                    watcher->taken_in_second = 0;
                }
                const bool is_over = watcher->limit != 0 && watcher->taken >= watcher->limit;
                const bool is_full = watcher->waiting_bytes >= kWaitingBytesMax;
                if (is_over || watcher->is_ended) {
                    return;
                }
                if (is_full || watcher->taken_in_second >= watcher->rate) {
                    ++watcher->lost;
                    return;
                }
                ++watcher->taken;
                ++watcher->taken_in_second;
            }
            std::string line =
                fmt::format(R"({{"component":{},"side":"{}",)", json_quote(component), word(side));
            if (!note.empty()) {
                line += "\"note\":" + json_quote(note) + ",";
            }
            line += "\"record\":";
            append_record_json(line, *view.batch, i);
            line += "}\n";
            add(*watcher, std::move(line));
        });
    }
}

void TapHub::add(Watcher& watcher, std::string line) {
    const std::lock_guard lock(watcher.mutex);
    watcher.waiting_bytes += line.size();
    watcher.lines.push_back(std::move(line));
    watcher.changed.notify_all();
}

net::HttpRoute TapHub::route() {
    return {
        .method = "GET",
        .path = "/api/v1/tap",
        .scope = net::Scope::kAdmin,
        .lane = net::Lane::kControl,
        .handler = [this](const net::HttpExchangePtr& exchange) { open(exchange); }
    };
}

void TapHub::open(const net::HttpExchangePtr& exchange) {
    const net::HttpRequest& request = exchange->request();
    auto watcher = std::make_shared<Watcher>();
    watcher->component = std::string(request.parameter("component").value_or("*"));
    const std::string side(request.parameter("side").value_or("out"));
    watcher->in = side == "in" || side == "all";
    watcher->out = side == "out" || side == "all";
    watcher->failed = side == "failed" || side == "all";
    const auto limit = number(request, "limit", 0);
    const auto rate = number(request, "rate", kRateDefault);
    if (!limit || !rate || !(watcher->in || watcher->out || watcher->failed)) {
        exchange->respond(net::HttpResponse::error(
            400,
            fail(
                ErrorCode::kInvalidArgument,
                "limit and rate are numbers; side is in, out, failed or all"
            )
        ));
        return;
    }
    watcher->limit = *limit;
    watcher->rate = std::clamp<uint64_t>(*rate, 1, kRateMax);
    const std::lock_guard lock(mutex_);
    if (is_stopping_ || watchers_.size() >= kWatchersMax) {
        exchange->respond(net::HttpResponse::error(
            429,
            fail(
                ErrorCode::kTooLarge,
                fmt::format("{} watchers are connected, limit {}", watchers_.size(), kWatchersMax)
            )
        ));
        return;
    }
    watchers_.push_back(watcher);
    watching_.fetch_add(1);
    watching_gauge_.add(1);
    std::thread([this, exchange, watcher] { serve(exchange, watcher); }).detach();
}

void TapHub::serve(const net::HttpExchangePtr& exchange, const std::shared_ptr<Watcher>& watcher) {
    exchange->begin_stream({.content_type = "application/x-ndjson"});
    uint64_t sent = 0;
    bool is_open = true;
    auto written = std::chrono::steady_clock::now();
    while (is_open && (watcher->limit == 0 || sent < watcher->limit)) {
        std::string piece;
        {
            std::unique_lock lock(watcher->mutex);
            watcher->changed.wait_for(lock, kLookInterval, [&] {
                return !watcher->lines.empty() || watcher->is_ended;
            });
            for (; !watcher->lines.empty(); watcher->lines.pop_front(), ++sent) {
                piece += watcher->lines.front();
            }
            watcher->waiting_bytes = 0;
            if (watcher->lost != 0) {
                piece += fmt::format("{{\"lost\":{}}}\n", std::exchange(watcher->lost, 0));
            }
            is_open = !watcher->is_ended && !exchange->cancelled();
        }
        const auto now = std::chrono::steady_clock::now();
        if (piece.empty() && now - written > kHeartbeat) {
            piece = "\n";
        }
        if (!piece.empty()) {
            written = now;
            is_open = exchange->write(piece).has_value() && is_open;
        }
    }
    exchange->end_stream();
    const std::lock_guard lock(mutex_);
    std::erase(watchers_, watcher);
    watching_.fetch_sub(1);
    watching_gauge_.add(-1);
    gone_.notify_all();
}

void TapHub::stop() {
    std::unique_lock lock(mutex_);
    is_stopping_ = true;
    for (const auto& watcher : watchers_) {
        const std::lock_guard inner(watcher->mutex);
        watcher->is_ended = true;
        watcher->changed.notify_all();
    }
    gone_.wait(lock, [&] { return watchers_.empty(); });
}

}  // namespace seyir::service
