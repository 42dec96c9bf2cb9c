// SPDX-License-Identifier: Apache-2.0
#include "agent/hostmetrics/host_metrics_input.hpp"

#include <algorithm>
#include <deque>

#include <pthread.h>

#include "common/base/log.hpp"
#include "common/samples/metric_samples.hpp"

namespace seyir::agent::hostmetrics {

/// Shared with tokens, which may resolve after the input is gone.
struct HostMetricsInput::Shared {
    struct Sample {
        uint64_t number = 0;
        UnixNanos ts;
        std::string body;
        bool is_out = false;
    };

    std::mutex mutex;
    std::deque<Sample> waiting;
    uint64_t next = 1;
    metrics::Counter* taken = nullptr;
    metrics::Counter* samples = nullptr;
    metrics::Counter* dropped = nullptr;
    metrics::Counter* unsound = nullptr;

    void add(UnixNanos ts, std::string_view body) {
        const std::lock_guard lock(mutex);
        if (waiting.size() >= kWaitingMax) {
            const auto idle = std::ranges::find(waiting, false, &Sample::is_out);
            dropped->add();
            if (idle == waiting.end()) {
                return;  // all are under way: this one is left out
            }
            waiting.erase(idle);
        }
        waiting.push_back({next++, ts, std::string(body), false});
    }

    void answer(uint64_t number, const DeliveryReport& report) {
        const std::lock_guard lock(mutex);
        const auto at = std::ranges::find(waiting, number, &Sample::number);
        if (at == waiting.end()) {
            return;
        }
        at->is_out = false;
        if (report.outcome == Outcome::kRetry || report.outcome == Outcome::kRewind) {
            return;  // the next turn sends it again
        }
        taken->add(report.outcome == Outcome::kDelivered ? 1 : 0);
        waiting.erase(at);
    }
};

HostMetricsInput::HostMetricsInput(
    HostMetricsSetup setup, io::FileSystem& fs, io::Clock& clock, metrics::Registry& registry
)
    : setup_(std::move(setup)),
      clock_(clock),
      sampler_(
          fs,
          clock,
          {.root = setup_.root,
           .selection = setup_.selection,
           .common_labels = setup_.labels,
           .is_text = false}
      ),
      shared_(std::make_shared<Shared>()) {
    const auto counter = [&](const char* name, const char* help, metrics::Labels more = {}) {
        more.emplace_back("input", setup_.id);
        return &registry.counter(std::string("seyir_host_metrics_") + name, help, more);
    };
    shared_->taken = counter("taken_total", "Samples of the host an output has, or its buffer.");
    shared_->samples = counter("series_total", "Values in the samples taken of the host.");
    const char* const dropped = "Samples of the host that were given up.";
    shared_->dropped = counter("dropped_total", dropped, {{"reason", "not_taken"}});
    shared_->unsound = counter("dropped_total", dropped, {{"reason", "unsound"}});
}

HostMetricsInput::~HostMetricsInput() {
    stop();
}

Result<void> HostMetricsInput::start(pipeline::Submit submit) {
    SEYIR_TRY(stream_, StreamLabels::make({{samples::kStreamLabel, "1"}, {"input", setup_.id}}));
    submit_ = std::move(submit);
    thread_ = std::thread([this] {
        pthread_setname_np(pthread_self(), "host-metrics");
        run();
    });
    return {};
}

void HostMetricsInput::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    if (thread_.joinable()) {
        thread_.join();
    }
}

pipeline::ComponentHealth HostMetricsInput::health() const {
    const std::lock_guard lock(shared_->mutex);
    if (shared_->waiting.size() < kWaitingMax) {
        return {};
    }
    return {false, "no output takes the samples of the host; the oldest are dropped"};
}

pipeline::InputReport HostMetricsInput::report() const {
    const std::lock_guard lock(shared_->mutex);
    uint64_t bytes = 0;
    for (const Shared::Sample& sample : shared_->waiting) {
        bytes += sample.body.size();
    }
    double behind = 0;
    if (!shared_->waiting.empty()) {
        const Nanos age = clock_.wall_now() - shared_->waiting.front().ts;
        behind = std::max(0.0, std::chrono::duration<double>(age).count());
    }
    return {
        .lag_bytes = bytes,
        .lag_seconds = behind,
        .in_flight_bytes = bytes,
        .is_at_end = true,
        .busy_for = std::nullopt,
        .details = "",
    };
}

void HostMetricsInput::run() {
    SteadyTime next = clock_.steady_now();
    while (true) {
        sample_now();
        next = std::max(next + setup_.interval, clock_.steady_now());
        std::unique_lock lock(mutex_);
        const Nanos pause = next - clock_.steady_now();
        if (wake_.wait_for(lock, pause, [this] { return stopping_; })) {
            return;
        }
    }
}

bool HostMetricsInput::is_sound(std::string_view body) {
    const auto decoded = samples::decode_samples(body);
    if (decoded) {
        checked_table_.assign(decoded->table);
        return true;
    }
    shared_->unsound->add();
    log::error(
        "host_metrics",
        "a sample cannot be sent",
        {{"input", setup_.id}, {"why", decoded.error().message}}
    );
    return false;
}

void HostMetricsInput::sample_now() {
    sampler_.sample();
    const UnixNanos now = clock_.wall_now();
    const std::string_view body = sampler_.samples_body(now);
    // The table begins behind the head of 8 bytes; it seldom changes.
    if (body.substr(8).starts_with(checked_table_) && !checked_table_.empty()) {
        shared_->add(now, body);
        shared_->samples->add(sampler_.series_count());
    } else if (is_sound(body)) {
        shared_->add(now, body);
        shared_->samples->add(sampler_.series_count());
    }
    submit_waiting();
}

void HostMetricsInput::submit_waiting() {
    std::vector<std::pair<uint64_t, std::shared_ptr<RecordBatch>>> ready;
    {
        const std::lock_guard lock(shared_->mutex);
        for (Shared::Sample& sample : shared_->waiting) {
            if (sample.is_out) {
                continue;
            }
            sample.is_out = true;
            auto batch = std::make_shared<RecordBatch>();
            Row row;
            row.ts = sample.ts;
            row.stream = batch->add_stream(stream_);
            row.body = batch->arena().copy(sample.body);
            batch->append_row(row);
            ready.emplace_back(sample.number, std::move(batch));
        }
    }
    for (auto& [number, batch] : ready) {
        batch->set_ack(AckToken([shared = shared_, number](const DeliveryReport& report) {
            shared->answer(number, report);
        }));
        submit_(std::move(batch));
    }
}

}  // namespace seyir::agent::hostmetrics
