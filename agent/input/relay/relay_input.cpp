// SPDX-License-Identifier: Apache-2.0
#include "agent/input/relay/relay_input.hpp"

#include <mutex>
#include <utility>

#include <fmt/format.h>

#include "common/base/log.hpp"
#include "common/wire/relay.hpp"

namespace seyir::agent::input {
namespace {

constexpr auto kStopTime = std::chrono::seconds(5);

net::HttpResponse retry_later(const std::string& why) {
    auto response = net::HttpResponse::error(503, fail(ErrorCode::kBackpressure, why));
    response.headers.emplace_back("Retry-After", "1");
    return response;
}

}  // namespace

/// Shared with tokens, which may resolve after the input is gone.
struct RelayInput::Shared {
    std::atomic<uint64_t> in_flight_bytes{0};
    pipeline::OldestUnanswered oldest;
    metrics::Counter* taken = nullptr;
    metrics::Counter* bytes = nullptr;
    metrics::Counter* forbidden = nullptr;
    metrics::Counter* put_off = nullptr;

    void answer(const net::HttpExchangePtr& exchange, uint64_t size, const DeliveryReport& report) {
        in_flight_bytes -= size;
        switch (report.outcome) {
            case Outcome::kDelivered:
                taken->add();
                bytes->add(size);
                exchange->respond({.status = 204, .content_type = ""});
                return;
            case Outcome::kRejected:
                exchange->respond(net::HttpResponse::error(
                    413, fail(ErrorCode::kTooLarge, report.message + " (" + report.reason + ")")
                ));
                return;
            default:
                // Dropped by the spool's policy, too: the client still has it.
                put_off->add();
                exchange->respond(retry_later(
                    report.message.empty() ? "not kept (" + report.reason + "), send it again"
                                           : report.message
                ));
        }
    }
};

RelayInput::RelayInput(RelaySetup setup, io::Clock& clock, metrics::Registry& registry)
    : setup_(std::move(setup)),
      clock_(clock),
      registry_(registry),
      shared_(std::make_shared<Shared>()) {
    const auto counter = [&](const char* name, const char* help) {
        return &registry.counter(
            std::string("seyir_http_relay_") + name, help, {{"input", setup_.id}}
        );
    };
    shared_->taken = counter("requests_total", "Requests that are safe in the spool.");
    shared_->bytes = counter("bytes_total", "Bytes of their bodies.");
    shared_->forbidden =
        counter("forbidden_requests_total", "Requests refused because of Host or Origin.");
    shared_->put_off = counter("put_off_requests_total", "Requests answered with 503.");
}

RelayInput::~RelayInput() {
    stop();
}

Result<void> RelayInput::start(pipeline::Submit submit) {
    {
        const std::unique_lock lock(mutex_);
        submit_ = std::move(submit);
    }
    runtime_ = std::make_unique<async::Runtime>("relay-io", 1);
    lanes_ = std::make_unique<net::HttpLanes>();
    net::HttpServerOptions options;
    options.name = "relay-" + setup_.id;
    options.listen = setup_.listen;
    options.unix_mode = 0666;
    options.limits.body_bytes_max = setup_.body_bytes_max;
    options.limits.inflated_bytes_max = setup_.body_bytes_max;
    server_ = std::make_unique<net::HttpServer>(*runtime_, *lanes_, registry_, std::move(options));
    for (const std::string& path : setup_.paths) {
        server_->add_route(
            {.method = "POST",
             .path = path,
             .scope = net::Scope::kNone,
             .lane = net::Lane::kIngest,
             .handler = [this](const net::HttpExchangePtr& exchange) { take(exchange); }}
        );
    }
    SEYIR_CHECK(server_->start());
    log::info("relay", "listening", {{"input", setup_.id}, {"address", server_->local().text()}});
    return {};
}

void RelayInput::take(const net::HttpExchangePtr& exchange) {
    const net::HttpRequest& request = exchange->request();
    if (const auto allowed = setup_.guard.check(request); !allowed) {
        shared_->forbidden->add();
        exchange->respond(net::HttpResponse::error(403, allowed.error()));
        return;
    }
    const uint64_t size = request.body.size();
    if (size == 0) {
        exchange->respond({.status = 204, .content_type = ""});
        return;
    }
    const uint64_t before = shared_->in_flight_bytes.fetch_add(size);
    if (before != 0 && before + size > setup_.in_flight_bytes_max) {
        shared_->in_flight_bytes -= size;
        shared_->put_off->add();
        exchange->respond(retry_later(
            fmt::format("{} wait for the spool, the limit; send it again", format_bytes(before))
        ));
        return;
    }
    auto batch = batch_of(request);
    const uint64_t number = shared_->oldest.begin(clock_.steady_now());
    batch->set_ack(AckToken([shared = shared_, exchange, size, number](const DeliveryReport& report
                            ) {
        shared->oldest.end(number);
        shared->answer(exchange, size, report);
    }));
    const std::shared_lock lock(mutex_);
    if (submit_) {
        submit_(std::move(batch));
    }
}

std::shared_ptr<RecordBatch> RelayInput::batch_of(const net::HttpRequest& request) const {
    auto batch = std::make_shared<RecordBatch>();
    std::vector<Attr> attrs;
    const auto add = [&](const char* name, std::string_view value) {
        const Slice kept = batch->arena().copy(value);
        attrs.emplace_back(batch->add_key(name), Value::string(kept));
    };
    add(relay::kPath, request.path);
    if (const auto type = request.header("Content-Type")) {
        add(relay::kContentType, *type);
    }
    Row row;
    row.ts = clock_.wall_now();
    row.stream = batch->add_stream(setup_.labels);
    row.body = batch->arena().copy(request.body);
    row.attrs = batch->add_attrs(attrs);
    batch->append_row(row);
    return batch;
}

void RelayInput::stop() {
    {
        const std::unique_lock lock(mutex_);
        submit_ = nullptr;
    }
    if (server_ != nullptr) {
        server_->stop(clock_.steady_now() + kStopTime);
        lanes_->stop();
        runtime_->stop();
        server_.reset();
    }
}

pipeline::ComponentHealth RelayInput::health() const {
    const uint64_t waiting = shared_->in_flight_bytes.load();
    if (waiting < setup_.in_flight_bytes_max) {
        return {};
    }
    return {false, format_bytes(waiting) + " wait for the spool, the limit: clients get 503"};
}

pipeline::InputReport RelayInput::report() const {
    const uint64_t waiting = shared_->in_flight_bytes.load();
    return {
        .lag_bytes = waiting,
        .lag_seconds = shared_->oldest.age_seconds(clock_.steady_now()),
        .in_flight_bytes = waiting,
        .is_at_end = false,
        .busy_for = std::nullopt,
        .details = "",
    };
}

net::Endpoint RelayInput::local() const {
    return server_->local();
}

}  // namespace seyir::agent::input
