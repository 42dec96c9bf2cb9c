// SPDX-License-Identifier: Apache-2.0
#include "common/ship/collector_output.hpp"

#include <condition_variable>
#include <mutex>
#include <utility>

#include <fmt/format.h>

#include "common/async/runtime.hpp"
#include "common/base/text.hpp"
#include "common/ship/frame_encoder.hpp"
#include "common/ship/shipper_io.hpp"

namespace seyir::ship {
namespace {

/// For the I/O thread's tasks to notice that they were cancelled.
constexpr auto kEndMax = std::chrono::seconds(10);

EncodeOptions encode_options(const ShipSetup& setup) {
    EncodeOptions options;
    options.codec = setup.codec;
    options.lz4_acceleration = setup.lz4_acceleration;
    options.zstd_level = setup.zstd_level;
    return options;
}

}  // namespace

struct CollectorOutput::Impl {
    Impl(ShipSetup setup, io::FileSystem& fs, io::Clock& clock_now, metrics::Registry& registry)
        : endpoints(setup.endpoints),
          clock(clock_now),
          encoder(encode_options(setup), setup.in_flight_bytes_max),
          shipper(
              std::move(setup),
              fs,
              clock_now,
              registry,
              runtime.executor(),
              {.answered = [this](uint64_t bytes) { encoder.release(bytes); },
               .forked = [this](const std::string& why) { encoder.flush(why); }}
          ) {}

    /// Counts deliveries without an answer, so that stop() can wait for them.
    pipeline::DeliverDone counted(pipeline::DeliverDone done) {
        {
            const std::lock_guard lock(mutex);
            ++unanswered;
        }
        return [this, done = std::move(done)](DeliveryReport report) mutable {
            done(std::move(report));
            const std::lock_guard lock(mutex);
            --unanswered;
            changed.notify_all();
        };
    }

    const std::vector<net::Endpoint> endpoints;
    io::Clock& clock;
    std::mutex mutex;
    std::condition_variable changed;
    size_t unanswered = 0;
    bool started = false;
    bool stopped = false;
    async::Runtime runtime{"ship-io", 1};
    FrameEncoder encoder;
    Shipper shipper;
};

CollectorOutput::CollectorOutput(
    ShipSetup setup, io::FileSystem& fs, io::Clock& clock, metrics::Registry& registry
)
    : impl_(std::make_unique<Impl>(std::move(setup), fs, clock, registry)) {}

CollectorOutput::~CollectorOutput() {
    stop(SteadyTime::min());
}

Result<void> CollectorOutput::start() {
    if (impl_->endpoints.empty()) {
        return fail(ErrorCode::kInvalidConfig, "a collector output needs at least one endpoint");
    }
    impl_->encoder.start([impl = impl_.get()](OutFrame frame) {
        impl->shipper.push(std::move(frame));
    });
    impl_->started = true;
    return impl_->shipper.start();
}

void CollectorOutput::deliver(BatchView view, pipeline::DeliverDone done) {
    impl_->encoder.deliver(std::move(view), impl_->counted(std::move(done)));
}

void CollectorOutput::stop(SteadyTime deadline) {
    if (std::exchange(impl_->stopped, true)) {
        return;
    }
    if (impl_->started) {
        std::unique_lock lock(impl_->mutex);
        impl_->changed.wait_until(lock, deadline, [this] { return impl_->unanswered == 0; });
    }
    impl_->encoder.stop();
    impl_->shipper.stop(impl_->clock.steady_now() + kEndMax);
    impl_->runtime.stop();
}

pipeline::ComponentHealth CollectorOutput::health() const {
    return impl_->shipper.health();
}

void CollectorOutput::ask_committed(std::vector<SourceKey> lanes, OnAnswer on_answer) {
    impl_->shipper.ask(std::move(lanes), std::move(on_answer));
}

void CollectorOutput::fork(std::string detail) {
    impl_->shipper.fork(std::move(detail));
}

void CollectorOutput::report_event(std::string kind, std::string detail) {
    impl_->shipper.report_event(std::move(kind), std::move(detail));
}

void CollectorOutput::on_store_changed(std::function<void()> listener) {
    impl_->shipper.on_store_changed(std::move(listener));
}

std::string CollectorOutput::report() const {
    const ShipStatus now = impl_->shipper.status();
    std::string out = fmt::format(
        R"("endpoint":{},"connected":{},"agent_id":"{}","credit_bytes":{},"under_way_bytes":{},)"
        R"("waiting_frames":{},"held_frames":{})",
        json_quote(now.endpoint),
        now.is_connected,
        agent_id().to_hex(),
        now.credit_bytes,
        now.under_way_bytes,
        now.waiting_frames,
        now.held_frames
    );
    if (now.acked_at) {
        const auto age = impl_->clock.steady_now() - *now.acked_at;
        out += fmt::format(
            R"(,"last_ack_age_seconds":{:.3f})", std::chrono::duration<double>(age).count()
        );
    }
    return out;
}

std::optional<pipeline::Contact> CollectorOutput::contact() const {
    ShipStatus now = impl_->shipper.status();
    pipeline::Contact contact{
        .connected_since = now.connected_since,
        .stored_at = now.acked_at,
        .lasted_until = now.lasted_until,
        .endpoints = {},
        .problem = std::move(now.problem),
        .under_way_bytes = now.under_way_bytes
    };
    for (const net::Endpoint& endpoint : impl_->endpoints) {
        contact.endpoints += (contact.endpoints.empty() ? "" : ", ") + endpoint.text();
    }
    return contact;
}

AgentId CollectorOutput::agent_id() const {
    return impl_->shipper.agent_id();
}

}  // namespace seyir::ship
