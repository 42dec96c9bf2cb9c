// SPDX-License-Identifier: Apache-2.0
#include "collector/input/internal/internal_input.hpp"

#include <utility>

#include <pthread.h>

#include "collector/services/collector_services.hpp"

namespace seyir::collector::input {
namespace {

class InternalLogsPlan final : public component::InputPlan {
  public:
    explicit InternalLogsPlan(StreamLabelsPtr labels) : labels_(std::move(labels)) {}

    Result<std::unique_ptr<pipeline::Input>> instantiate(const component::InputContext& context
    ) override {
        auto& services = static_cast<CollectorServices&>(context.program);
        return std::make_unique<InternalLogsInput>(
            context.run.id, labels_, services.events, context.run.registry
        );
    }

  private:
    const StreamLabelsPtr labels_;
};

}  // namespace

InternalLogsInput::InternalLogsInput(
    std::string id, StreamLabelsPtr labels, InternalEvents& events, metrics::Registry& registry
)
    : id_(std::move(id)),
      labels_(std::move(labels)),
      events_(events),
      dropped_(registry.counter(
          "seyir_internal_logs_dropped_events_total",
          "Events of the collector itself that no output took in time",
          {{"input", id_}}
      )) {}

InternalLogsInput::~InternalLogsInput() {
    stop();
}

Result<void> InternalLogsInput::start(pipeline::Submit submit) {
    submit_ = std::move(submit);
    answers_->stopping = false;
    thread_ = std::thread([this] { run(); });
    listening_ = events_.listen([this](const InternalEvent& event) {
        const std::lock_guard lock(answers_->mutex);
        if (answers_->waiting.size() == kWaitingMax) {
            // The first one is with the outputs.
            answers_->waiting.erase(answers_->waiting.begin() + 1);
            dropped_.add();
        }
        answers_->waiting.push_back(event);
        answers_->changed.notify_all();
    });
    return {};
}

void InternalLogsInput::stop() {
    listening_.reset();
    {
        const std::lock_guard lock(answers_->mutex);
        answers_->stopping = true;
        answers_->changed.notify_all();
    }
    if (thread_.joinable()) {
        thread_.join();
    }
}

pipeline::ComponentHealth InternalLogsInput::health() const {
    return {};
}

void InternalLogsInput::run() {
    pthread_setname_np(pthread_self(), "internal-logs");
    Answers& answers = *answers_;
    std::unique_lock lock(answers.mutex);
    while (true) {
        answers.changed.wait(lock, [&] { return answers.stopping || !answers.waiting.empty(); });
        if (answers.stopping) {
            return;
        }
        answers.answer.reset();
        RecordBatchPtr batch = batch_of(answers.waiting.front());
        lock.unlock();
        submit_(std::move(batch));
        lock.lock();
        answers.changed.wait(lock, [&] { return answers.stopping || answers.answer.has_value(); });
        if (answers.stopping) {
            return;
        }
        if (*answers.answer == Outcome::kRetry || *answers.answer == Outcome::kRewind) {
            answers.changed.wait_for(lock, kSendAgain, [&] { return answers.stopping; });
        } else {
            answers.waiting.pop_front();
        }
    }
}

RecordBatchPtr InternalLogsInput::batch_of(const InternalEvent& event) {
    auto batch = std::make_shared<RecordBatch>();
    std::vector<Attr> attrs = {
        {batch->add_key("event"), Value::string(batch->arena().copy(event.kind))}
    };
    for (const auto& [name, value] : event.attributes) {
        attrs.push_back({batch->add_key(name), Value::string(batch->arena().copy(value))});
    }
    Row row;
    row.ts = event.at;
    row.severity = event.severity;
    row.stream = batch->add_stream(labels_);
    row.attrs = batch->add_attrs(attrs);
    row.body = batch->arena().copy(event.text);
    batch->append_row(row);
    batch->set_ack(AckToken([answers = answers_](const DeliveryReport& report) {
        const std::lock_guard lock(answers->mutex);
        answers->answer = report.outcome;
        answers->changed.notify_all();
    }));
    return batch;
}

component::InputType internal_logs_input_type() {
    config::Schema schema(
        "internal_logs",
        "What the collector itself did or found: clean-ups of the store. Records have the "
        "attribute "
        "`event`; a route with `match:` brings them to people."
    );
    schema.example_id("self")
        .elsewhere("Fluent Bit", {"fluentbit_logs", "fluentbit_metrics"})
        .elsewhere("Vector", {"internal_metrics"})
        .with(config::labels_field("Stream labels beside the top-level ones and `input`."))
        .with(config::field("service_name", config::Type::kString)
                  .between(1, 255)
                  .describe("The label `service_name`.")
                  .or_else_described("the input's name")
                  .show("seyir-collector"));
    return {
        std::make_shared<const config::Schema>(std::move(schema)),
        [](const config::ObjectReader& r,
           component::PlanContext& context) -> component::InputPlanPtr {
            return std::make_shared<InternalLogsPlan>(component::input_labels(r, context));
        }
    };
}

}  // namespace seyir::collector::input
