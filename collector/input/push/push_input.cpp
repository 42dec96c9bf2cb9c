// SPDX-License-Identifier: Apache-2.0
#include "collector/input/push/push_input.hpp"

#include <algorithm>
#include <mutex>

#include <fmt/format.h>
#include <xxhash.h>

#include "common/samples/metric_samples.hpp"

namespace seyir::collector::input {
namespace {

PushHash hash_of(TenantId tenant, std::string_view body) {
    const auto seed = static_cast<XXH64_hash_t>(tenant);
    const XXH128_hash_t hash = XXH3_128bits_withSeed(body.data(), body.size(), seed);
    return {hash.high64, hash.low64};
}

/// Before a number of bytes, in the answer (409) to a request of an import whose beginning was
/// stored: the import goes on there (docs/format/export.md).
constexpr std::string_view kStoredUpTo = "this import is stored up to byte ";

/// No agent counts its files' rewrites so far: a push never moves a lane of an agent's.
constexpr uint32_t kImportGeneration = UINT32_MAX;

/// By its bytes, or by its place in an import, whose lane knows it for ever.
void identify(RecordBatch& batch, const PushBody& body, std::string_view bytes) {
    if (!body.place) {
        batch.set_provenance({.push_hash = hash_of(batch.tenant(), bytes)});
        return;
    }
    const PushHash lane = hash_of(batch.tenant(), "import " + body.place->id.to_hex());
    // Not both: what was told to resume elsewhere would be known as stored by its bytes.
    batch.set_provenance({.agent = {lane.hi, lane.lo}});
    // Every row is of it, so that filters that look for repeats know a request sent again.
    batch.replace_positions(
        {.key = {{lane.hi, lane.lo}, kImportGeneration},
         .begin = body.place->begin,
         .end = body.place->end,
         .tail_hash = body.place->end,
         .cursor = "",
         .lane_start = true}  // it may have begun at another collector
    );
}

/// How far an import is already, should the request begin before that and end behind it.
std::string overlap_text(const DeliveryReport& report) {
    uint64_t committed = 0;
    for (const LaneVerdict& lane : report.lanes) {
        committed = std::max(committed, lane.committed);
    }
    return fmt::format("{}{}", kStoredUpTo, committed);
}

std::string problem_text(const PushBody& body) {
    std::string text = fmt::format("{} entries refused:", body.rejected);
    for (const std::string& problem : body.problems) {
        text += "\n" + problem;
    }
    return text;
}

net::HttpResponse retry_later(
    int status, ErrorCode code, std::string message, Nanos after = std::chrono::seconds(1)
) {
    auto response = net::HttpResponse::error(status, fail(code, std::move(message)));
    const auto whole = std::chrono::ceil<std::chrono::seconds>(after).count();
    response.headers.emplace_back("Retry-After", fmt::format("{}", std::max<int64_t>(whole, 1)));
    return response;
}

/// Nothing is known to be stored: 507 when the disk has no room for it, else 503.
net::HttpResponse not_stored(const DeliveryReport& report) {
    const bool is_full = report.reason == to_string(ErrorCode::kNoSpace);
    return retry_later(
        is_full ? 507 : 503,
        is_full ? ErrorCode::kNoSpace : ErrorCode::kTimeout,
        report.message.empty() ? "not stored, send it again" : report.message,
        report.retry_after
    );
}

}  // namespace

/// One push between submit and answer.
class PushInput::Pending {
  public:
    Pending(
        std::shared_ptr<Shared> shared,
        net::HttpExchangePtr exchange,
        uint64_t bytes,
        const PushBody& body,
        net::HttpResponse taken
    )
        : shared_(std::move(shared)),
          exchange_(std::move(exchange)),
          bytes_(bytes),
          taken_(std::move(taken)) {
        if (body.rejected > 0 || !body.problems.empty()) {
            refusal_ = problem_text(body);
        }
    }

    void answer(const DeliveryReport& report) {
        shared_->in_flight_bytes -= bytes_;
        switch (report.outcome) {
            case Outcome::kDelivered:
            case Outcome::kDropped:
                shared_->accepted->add(report.accepted);
                break;
            case Outcome::kRejected:
                shared_->accepted->add(report.accepted);
                refusal_ += refusal_.empty() ? "" : "\n";
                refusal_ += fmt::format(
                    "{} entries rejected: {}",
                    report.dropped,
                    report.message.empty() ? report.reason : report.message
                );
                break;
            case Outcome::kRewind:
                shared_->refused->add();
                exchange_->respond(
                    net::HttpResponse::error(409, fail(ErrorCode::kConflict, overlap_text(report)))
                );
                return;
            default:
                shared_->refused->add();
                exchange_->respond(not_stored(report));
                return;
        }
        if (refusal_.empty()) {
            exchange_->respond(std::move(taken_));
            return;
        }
        exchange_->respond(
            net::HttpResponse::error(400, fail(ErrorCode::kInvalidArgument, refusal_))
        );
    }

  private:
    std::shared_ptr<Shared> shared_;
    net::HttpExchangePtr exchange_;
    uint64_t bytes_;
    net::HttpResponse taken_;
    std::string refusal_;
};

namespace {

/// What stands in a stream of samples is believed to be samples.
Result<void> check_labels(const RecordBatch& batch) {
    for (const StreamLabelsPtr& labels : batch.streams()) {
        if (!labels->get(samples::kStreamLabel).empty()) {
            return fail(
                ErrorCode::kInvalidArgument,
                fmt::format(
                    "the label `{}` is of host metrics, no push may set it", samples::kStreamLabel
                )
            );
        }
    }
    return {};
}

}  // namespace

PushInput::PushInput(
    std::string id, metrics::Registry& registry, io::Clock& clock, uint64_t in_flight_bytes_max
)
    : clock_(clock), id_(std::move(id)), in_flight_bytes_max_(in_flight_bytes_max) {
    const metrics::Labels labels{{"input", id_}};
    shared_->accepted = &registry.counter(
        "seyir_collector_push_records_total", "Records of pushes that were stored", labels
    );
    shared_->rejected = &registry.counter(
        "seyir_collector_push_rejected_records_total",
        "Records of pushes that break a rule (labels, length)",
        labels
    );
    shared_->altered = &registry.counter(
        "seyir_collector_push_altered_characters_total",
        "Halves of surrogate pairs in fields that became U+FFFD; the record's text keeps them",
        labels
    );
    shared_->refused = &registry.counter(
        "seyir_collector_push_refused_total", "Pushes answered with 429, 503 or 507", labels
    );
}

Result<void> PushInput::start(pipeline::Submit submit) {
    const std::unique_lock lock(mutex_);
    submit_ = std::move(submit);
    return {};
}

void PushInput::stop() {
    const std::unique_lock lock(mutex_);
    submit_ = nullptr;
}

pipeline::ComponentHealth PushInput::health() const {
    const uint64_t in_flight = shared_->in_flight_bytes.load();
    if (in_flight < in_flight_bytes_max_) {
        return {};
    }
    return {
        false,
        fmt::format("{} of pushes wait for the outputs; new ones get 429", format_bytes(in_flight))
    };
}

std::vector<net::HttpRoute> PushInput::http_routes() {
    return {{
        .method = "POST",
        .path = path(),
        .scope = net::Scope::kIngest,
        .lane = net::Lane::kIngest,
        .handler = [this](const net::HttpExchangePtr& exchange) { push(exchange); },
    }};
}

net::HttpResponse PushInput::taken(uint64_t /*records*/) const {
    return {.status = 204, .content_type = ""};
}

bool PushInput::take_budget(uint64_t bytes) {
    const uint64_t before = shared_->in_flight_bytes.fetch_add(bytes);
    // One push always fits, however large: the server limits the body.
    if (before != 0 && before + bytes > in_flight_bytes_max_) {
        shared_->in_flight_bytes -= bytes;
        return false;
    }
    return true;
}

Result<std::shared_ptr<RecordBatch>> PushInput::read_relayed(RelayedRequest relayed) const {
    net::HttpRequest request;
    request.method = "POST";
    request.path = std::move(relayed.path);
    request.body = std::move(relayed.body);
    request.peer = std::move(relayed.peer);
    if (!relayed.content_type.empty()) {
        request.headers.emplace_back("Content-Type", std::move(relayed.content_type));
    }
    SEYIR_TRY(PushBody body, read(request));
    SEYIR_CHECK(check_labels(*body.batch));
    shared_->rejected->add(body.rejected);
    return std::move(body.batch);
}

void PushInput::submit_relayed(std::shared_ptr<RecordBatch> batch) {
    const std::shared_lock lock(mutex_);
    if (submit_) {
        submit_(std::move(batch));
    }
}

void PushInput::push(const net::HttpExchangePtr& exchange) {
    const net::HttpRequest& request = exchange->request();
    const uint64_t bytes = request.body.size();
    if (const Nanos wait = brake_ ? brake_->wait() : Nanos(0); wait.count() > 0) {
        shared_->refused->add();
        exchange->respond(retry_later(
            429,
            ErrorCode::kBackpressure,
            "the collector's disk is below its soft mark (min_free.soft) and takes records slowly; "
            "send it again after the pause, free space there or lower `retention`",
            wait
        ));
        return;
    }
    if (!take_budget(bytes)) {
        shared_->refused->add();
        exchange->respond(retry_later(
            429,
            ErrorCode::kBackpressure,
            fmt::format(
                "{} of pushes wait to be stored, the limit is {}; send it again",
                format_bytes(shared_->in_flight_bytes.load()),
                format_bytes(in_flight_bytes_max_)
            )
        ));
        return;
    }
    auto body = read(request);
    if (body) {
        if (const auto checked = check_labels(*body->batch); !checked) {
            body = checked.error();
        }
    }
    if (!body) {
        shared_->in_flight_bytes -= bytes;
        exchange->respond(net::HttpResponse::error(400, body.error()));
        return;
    }
    if (brake_) {
        brake_->charge(body->batch->raw_bytes());
    }
    shared_->rejected->add(body->rejected);
    shared_->altered->add(body->altered);
    auto pending =
        std::make_shared<Pending>(shared_, exchange, bytes, *body, taken(body->batch->row_count()));
    identify(*body->batch, *body, request.body);
    if (body->batch->row_count() == 0) {
        pending->answer(DeliveryReport::delivered(0));
        return;
    }
    body->batch->set_ack(AckToken([pending](const DeliveryReport& report) {
        pending->answer(report);
    }));
    const std::shared_lock lock(mutex_);
    if (!submit_) {
        // The batch dies here; its token answers with "send it again".
        return;
    }
    submit_(std::move(body->batch));
}

}  // namespace seyir::collector::input
