// SPDX-License-Identifier: Apache-2.0
#include "common/buffer/spooled_output.hpp"

#include <utility>

namespace seyir::buffer {

class SpooledOutput::Behind final : public pipeline::Output, public pipeline::PositionSource {
  public:
    Behind(pipeline::Output& output, pipeline::PositionSource& positions)
        : output_(output), positions_(positions) {}

    Result<void> start() override { return {}; }

    void deliver(BatchView view, pipeline::DeliverDone done) override {
        output_.deliver(std::move(view), std::move(done));
    }

    void stop(SteadyTime deadline) override { output_.stop(deadline); }

    pipeline::ComponentHealth health() const override { return output_.health(); }

    bool keeps_positions() const override { return true; }

    bool takes_metrics() const override { return output_.takes_metrics(); }

    void ask_committed(std::vector<SourceKey> lanes, OnAnswer on_answer) override {
        positions_.ask_committed(std::move(lanes), std::move(on_answer));
    }

    void fork(std::string detail) override { positions_.fork(std::move(detail)); }

    void report_event(std::string kind, std::string detail) override {
        positions_.report_event(std::move(kind), std::move(detail));
    }

    void on_store_changed(std::function<void()> listener) override {
        positions_.on_store_changed(std::move(listener));
    }

  private:
    pipeline::Output& output_;
    pipeline::PositionSource& positions_;
};

SpooledOutput::SpooledOutput(
    BufferSet& set,
    std::unique_ptr<pipeline::Output> inner,
    BufferedOutputSetup setup,
    io::FileSystem& fs,
    io::Clock& clock
)
    : set_(set),
      setup_(std::move(setup)),
      fs_(fs),
      clock_(clock),
      inner_(std::move(inner)),
      positions_(dynamic_cast<pipeline::PositionSource&>(*inner_)) {}

SpooledOutput::~SpooledOutput() {
    stop(SteadyTime::min());
}

Result<void> SpooledOutput::start() {
    SEYIR_CHECK(inner_->start());
    if (setup_.expects_spooled || has_left_over()) {
        SEYIR_CHECK(spool());
    }
    return {};
}

/// Rows of an earlier run must go out even when no input makes new ones.
bool SpooledOutput::has_left_over() const {
    return fs_.stat(set_.directory_of(setup_.id, setup_.buffer) + "/cursor").has_value();
}

Result<std::shared_ptr<DiskBufferedOutput>> SpooledOutput::spool() {
    const std::lock_guard lock(mutex_);
    if (stopped_) {
        return fail(ErrorCode::kCancelled, "the output is stopping");
    }
    if (spool_ == nullptr) {
        auto made = std::make_shared<DiskBufferedOutput>(
            set_, std::make_unique<Behind>(*inner_, positions_), setup_, clock_
        );
        SEYIR_CHECK(made->start());
        spool_ = std::move(made);
    }
    return spool_;
}

void SpooledOutput::deliver(BatchView view, pipeline::DeliverDone done) {
    if (!view.batch->positions().empty()) {
        inner_->deliver(std::move(view), std::move(done));
        return;
    }
    const auto opened = spool();
    if (!opened) {
        done(DeliveryReport::retry(opened.error().message));
        return;
    }
    (*opened)->deliver(std::move(view), std::move(done));
}

void SpooledOutput::stop(SteadyTime deadline) {
    std::shared_ptr<DiskBufferedOutput> spool;
    {
        const std::lock_guard lock(mutex_);
        if (std::exchange(stopped_, true)) {
            return;
        }
        spool = spool_;
    }
    if (spool != nullptr) {
        spool->stop(deadline);  // and the inner output with it
    }
    inner_->stop(deadline);
}

pipeline::ComponentHealth SpooledOutput::health() const {
    std::shared_ptr<DiskBufferedOutput> spool;
    {
        const std::lock_guard lock(mutex_);
        spool = spool_;
    }
    return spool == nullptr ? inner_->health() : spool->health();
}

std::string SpooledOutput::spool_report() const {
    std::shared_ptr<DiskBufferedOutput> spool;
    {
        const std::lock_guard lock(mutex_);
        spool = spool_;
    }
    return spool == nullptr ? "" : spool->buffer().report();
}

std::string SpooledOutput::report() const {
    const auto* inner = dynamic_cast<const pipeline::ReportsOutput*>(inner_.get());
    std::string out = inner == nullptr ? "" : inner->report();
    if (const std::string spool = spool_report(); !spool.empty()) {
        out += (out.empty() ? "" : ",") + ("\"spool\":{" + spool + "}");
    }
    return out;
}

std::optional<pipeline::Contact> SpooledOutput::contact() const {
    std::shared_ptr<DiskBufferedOutput> spool;
    {
        const std::lock_guard lock(mutex_);
        spool = spool_;
    }
    const auto* inner = dynamic_cast<const pipeline::ReportsContact*>(inner_.get());
    auto contact = inner == nullptr ? std::nullopt : inner->contact();
    if (contact && spool != nullptr) {
        const DiskBuffer& buffer = spool->buffer();
        contact->waiting_rows = buffer.rows();
        contact->waiting_bytes = buffer.waiting_bytes();
    }
    return contact;
}

void SpooledOutput::ask_committed(std::vector<SourceKey> lanes, OnAnswer on_answer) {
    positions_.ask_committed(std::move(lanes), std::move(on_answer));
}

void SpooledOutput::fork(std::string detail) {
    positions_.fork(std::move(detail));
}

void SpooledOutput::report_event(std::string kind, std::string detail) {
    positions_.report_event(std::move(kind), std::move(detail));
}

void SpooledOutput::on_store_changed(std::function<void()> listener) {
    positions_.on_store_changed(std::move(listener));
}

}  // namespace seyir::buffer
