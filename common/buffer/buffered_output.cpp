// SPDX-License-Identifier: Apache-2.0
#include "common/buffer/buffered_output.hpp"

#include <algorithm>
#include <utility>

namespace seyir::buffer {
namespace {

/// For closing what a failed start began.
const SteadyTime kAtOnce = SteadyTime::min();

constexpr Nanos kAwayPatience = std::chrono::seconds(1);

Sender::Setup sender_setup(const BufferedOutputSetup& setup) {
    return {
        .id = setup.id,
        .retry = setup.retry,
        .in_flight_max = std::max<uint32_t>(setup.buffer.in_flight_max, 1),
        .on_dead_letter = {},
        .may_take = [] { return true; }
    };
}

}  // namespace

// --- in memory ---

MemoryBufferedOutput::MemoryBufferedOutput(
    std::unique_ptr<pipeline::Output> inner,
    BufferedOutputSetup setup,
    io::Clock& clock,
    metrics::Registry& registry
)
    : setup_(std::move(setup)),
      inner_(std::move(inner)),
      queue_(setup_.buffer, setup_.id, clock, registry),
      sender_(sender_setup(setup_), queue_, *inner_, clock) {
    queue_.on_append(sender_.waker());
}

MemoryBufferedOutput::~MemoryBufferedOutput() {
    stop(kAtOnce);
}

Result<void> MemoryBufferedOutput::start() {
    SEYIR_CHECK(inner_->start());
    sender_.start();
    return {};
}

void MemoryBufferedOutput::deliver(BatchView view, pipeline::DeliverDone done) {
    queue_.append(setup_.required, std::move(view), std::move(done));
}

void MemoryBufferedOutput::stop(SteadyTime deadline) {
    if (std::exchange(stopped_, true)) {
        return;
    }
    sender_.stop(deadline, true);
    inner_->stop(deadline);
    sender_.finish();
    queue_.close();
}

pipeline::ComponentHealth MemoryBufferedOutput::health() const {
    const pipeline::ComponentHealth inner = inner_->health();
    return inner.ok ? sender_.health() : inner;
}

// --- on disk ---

class DiskBufferedOutput::Source final : public DeliverySource {
  public:
    Source(DiskBuffer& buffer, bool with_positions)
        : buffer_(buffer), with_positions_(with_positions) {}

    std::optional<Delivery> take() override { return buffer_.take(with_positions_); }

    void settle(uint64_t id, DeliveryReport report) override {
        buffer_.settle(id, std::move(report));
    }

    void give_back(uint64_t id) override { buffer_.give_back(id); }

    void count_retry(uint32_t rows) override { buffer_.count_retry(rows); }

  private:
    DiskBuffer& buffer_;
    const bool with_positions_;
};

DiskBufferedOutput::DiskBufferedOutput(
    BufferSet& set,
    std::unique_ptr<pipeline::Output> inner,
    BufferedOutputSetup setup,
    io::Clock& clock
)
    : set_(set), setup_(std::move(setup)), clock_(clock), inner_(std::move(inner)) {}

DiskBufferedOutput::~DiskBufferedOutput() {
    stop(kAtOnce);
}

Result<void> DiskBufferedOutput::start() {
    SEYIR_TRY(buffer_, set_.open(setup_.id, setup_.buffer));
    source_ = std::make_unique<Source>(*buffer_, inner_->keeps_positions());
    Sender::Setup sender = sender_setup(setup_);
    sender.on_dead_letter = setup_.on_dead_letter;
    sender.may_take = [this] { return buffer_->has_lease(ticket_); };
    if (inner_->keeps_positions()) {
        sender.positions = dynamic_cast<pipeline::PositionSource*>(inner_.get());
        sender.lane = [this] { return buffer_->lane(); };
        sender.resume = [this](const pipeline::CommittedLane& lane) {
            return buffer_->resume(lane);
        };
    }
    sender_ = std::make_unique<Sender>(std::move(sender), *source_, *inner_, clock_);
    SEYIR_CHECK(inner_->start());
    ticket_ = buffer_->request_lease(sender_->waker());
    sender_->start();
    return {};
}

void DiskBufferedOutput::deliver(BatchView view, pipeline::DeliverDone done) {
    if (buffer_ == nullptr) {
        done(DeliveryReport::retry("the output has not started"));
        return;
    }
    buffer_->append(this, setup_.required, std::move(view), std::move(done));
}

void DiskBufferedOutput::stop(SteadyTime deadline) {
    if (std::exchange(stopped_, true)) {
        return;
    }
    if (buffer_ != nullptr) {
        buffer_->answer_all(this, deadline);
    }
    if (sender_ != nullptr) {
        // What is under way is on disk: waiting only saves sending it twice, and is in vain while
        // the far side is away.
        const bool is_well = sender_->health().ok && inner_->health().ok;
        deadline = is_well ? deadline : std::min(deadline, clock_.steady_now() + kAwayPatience);
        sender_->stop(deadline, false);
    }
    inner_->stop(deadline);
    if (sender_ != nullptr) {
        sender_->finish();
        buffer_->release_lease(ticket_);
    }
}

pipeline::ComponentHealth DiskBufferedOutput::health() const {
    if (buffer_ == nullptr) {
        return inner_->health();
    }
    pipeline::ComponentHealth health = buffer_->health();
    if (!health.ok) {
        return health;
    }
    health = sender_->health();
    return health.ok ? inner_->health() : health;
}

std::optional<pipeline::Contact> DiskBufferedOutput::contact() const {
    const auto* inner = dynamic_cast<const pipeline::ReportsContact*>(inner_.get());
    auto contact = inner == nullptr ? std::nullopt : inner->contact();
    if (contact && buffer_ != nullptr) {
        contact->waiting_rows = buffer_->rows();
        contact->waiting_bytes = buffer_->waiting_bytes();
    }
    return contact;
}

Result<std::vector<pipeline::CommittedLane>> DiskBufferedOutput::committed(
    TenantId tenant, AgentId agent, const std::vector<SourceKey>& lanes
) const {
    if (buffer_ == nullptr) {
        return fail(ErrorCode::kBackpressure, "the output " + setup_.id + " has not started");
    }
    return buffer_->committed(tenant, agent, lanes);
}

}  // namespace seyir::buffer
