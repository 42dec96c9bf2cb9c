// SPDX-License-Identifier: Apache-2.0
#include "plugins/output/loki/loki_output.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "common/base/base64.hpp"
#include "common/base/log.hpp"

namespace seyir::plugins::loki {
namespace {

constexpr Nanos kPauseMax = std::chrono::seconds(5);
constexpr size_t kAnswerBytesMax = 64 * 1024;
constexpr size_t kMessageBytesMax = 512;  // of the server's words in ours
constexpr uint32_t kSecondsMax = 3600;

/// The two halves of a view's rows.
std::pair<BatchView, BatchView> halves(const BatchView& view) {
    std::vector<uint32_t> rows;
    for_each_row(view, [&](uint32_t row) { rows.push_back(row); });
    const auto middle = rows.begin() + static_cast<std::ptrdiff_t>(rows.size() / 2);
    return {
        {view.batch, Selection::of({rows.begin(), middle})},
        {view.batch, Selection::of({middle, rows.end()})},
    };
}

std::string first_words(std::string_view text) {
    std::string words(text.substr(0, kMessageBytesMax));
    std::ranges::replace_if(words, [](char c) { return c == '\n' || c == '\r'; }, ' ');
    while (words.ends_with(' ')) {
        words.pop_back();
    }
    return words;
}

/// How many entries of the push the server says it refused: Loki and our collector keep the others.
std::optional<uint32_t> refused_rows(std::string_view text) {
    constexpr std::string_view kLoki = "total ignored: ";
    constexpr std::string_view kOurs = " entries refused";
    uint32_t count = 0;
    if (const size_t at = text.find(kLoki); at != std::string_view::npos) {
        text.remove_prefix(at + kLoki.size());
    } else if (const size_t end = text.find(kOurs); end != std::string_view::npos) {
        const size_t before = text.substr(0, end).find_last_not_of("0123456789");
        text.remove_prefix(before == std::string_view::npos ? 0 : before + 1);
    }
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), count);
    return code == std::errc() && count > 0 ? std::optional(count) : std::nullopt;
}

Nanos retry_after(const net::HttpAnswerHead& head) {
    const std::string_view text = head.header("Retry-After").value_or("");
    uint32_t seconds = 0;
    std::from_chars(text.data(), text.data() + text.size(), seconds);
    return std::chrono::seconds(std::min(seconds, kSecondsMax));
}

}  // namespace

LokiOutput::LokiOutput(LokiOutputSetup setup, io::Clock& clock, metrics::Registry& registry)
    : setup_(std::move(setup)),
      encoder_(setup_.push),
      clock_(clock),
      pushes_(
          registry.counter("seyir_loki_output_pushes_total", "Pushes sent", {{"output", setup_.id}})
      ),
      bytes_(registry.counter(
          "seyir_loki_output_sent_bytes_total", "Bytes of pushes sent", {{"output", setup_.id}}
      )),
      failures_(registry.counter(
          "seyir_loki_output_failures_total",
          "Pushes without an answer, or with one that says later",
          {{"output", setup_.id}}
      )),
      rejected_(registry.counter(
          "seyir_loki_output_rejected_rows_total",
          "Records the server refused for good",
          {{"output", setup_.id}}
      )) {}

LokiOutput::~LokiOutput() {
    stop(SteadyTime::min());
}

Result<void> LokiOutput::start() {
    net::HttpClientOptions options;
    options.tls = setup_.tls;
    options.token = setup_.token;
    options.peer_hint = "Loki";
    options.connect_timeout = setup_.timeout;
    options.idle_timeout = setup_.timeout;
    SEYIR_TRY(net::HttpClient client, net::HttpClient::open(setup_.url, std::move(options)));
    client_ = std::move(client);
    thread_ = std::thread([this] { run(); });
    return {};
}

void LokiOutput::deliver(BatchView view, pipeline::DeliverDone done) {
    if (view.row_count() == 0) {
        done(DeliveryReport::delivered(0));
        return;
    }
    {
        const std::lock_guard lock(mutex_);
        if (!stopping_) {
            queue_.push_back({std::move(view), std::move(done)});
            wake_.notify_all();
            return;
        }
    }
    done(DeliveryReport::retry("the output is stopping"));
}

void LokiOutput::stop(SteadyTime deadline) {
    {
        const std::lock_guard lock(mutex_);
        if (std::exchange(stopping_, true)) {
            return;
        }
        deadline_ = deadline;
        wake_.notify_all();
    }
    if (thread_.joinable()) {
        thread_.join();
    }
}

pipeline::ComponentHealth LokiOutput::health() const {
    const std::lock_guard lock(mutex_);
    return {failure_.empty(), failure_};
}

void LokiOutput::run() {
    while (true) {
        {
            std::unique_lock lock(mutex_);
            wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
            if (queue_.empty()) {
                return;
            }
        }
        std::vector<Delivery> group = take_group();
        bool is_late = false;
        {
            const std::lock_guard lock(mutex_);
            is_late = stopping_ && clock_.steady_now() >= deadline_;
        }
        if (!is_late) {
            send(std::move(group));
            continue;
        }
        for (Delivery& delivery : group) {
            delivery.done(DeliveryReport::retry("the output is stopping"));
        }
    }
}

std::vector<LokiOutput::Delivery> LokiOutput::take_group() {
    const std::lock_guard lock(mutex_);
    std::vector<Delivery> group;
    uint64_t bytes = 0;
    while (!queue_.empty() && (group.empty() || bytes < setup_.batch_bytes_max)) {
        bytes += queue_.front().view.batch->raw_bytes();
        group.push_back(std::move(queue_.front()));
        queue_.pop_front();
    }
    return group;
}

void LokiOutput::send(std::vector<Delivery> group) {
    std::vector<BatchView> views;
    views.reserve(group.size());
    for (const Delivery& delivery : group) {
        views.push_back(delivery.view);
    }
    const Answer answer = push(views);
    const bool is_for_some =
        answer.kind == Answer::Kind::kTooLarge || answer.kind == Answer::Kind::kRefused;
    for (Delivery& delivery : group) {
        if (answer.kind == Answer::Kind::kStored) {
            const auto rows = static_cast<uint32_t>(delivery.view.row_count());
            delivery.done(DeliveryReport::delivered(rows));
        } else if (is_for_some) {
            // To know whose rows they are. Loki has kept the good entries of a refused push, and
            // knows them when they come again.
            delivery.done(send_alone(delivery.view));
        } else {
            delivery.done(DeliveryReport::retry(answer.message));
        }
    }
}

DeliveryReport LokiOutput::rejected(const Answer& answer, uint32_t rows) {
    const uint32_t dropped = std::min(answer.refused_rows.value_or(rows), rows);
    rejected_.add(dropped);
    return {
        .outcome = Outcome::kRejected,
        .accepted = rows - dropped,
        .dropped = dropped,
        .reason = "refused_by_server",
        .message = answer.message
    };
}

/// What is too large for the server goes by halves.
DeliveryReport LokiOutput::send_alone(const BatchView& view) {
    const Answer answer = push({&view, 1});
    const auto rows = static_cast<uint32_t>(view.row_count());
    switch (answer.kind) {
        case Answer::Kind::kStored:
            return DeliveryReport::delivered(rows);
        case Answer::Kind::kLater:
            return DeliveryReport::retry(answer.message);
        case Answer::Kind::kRefused:
            return rejected(answer, rows);
        case Answer::Kind::kTooLarge:
            break;
    }
    if (rows == 1) {
        return rejected(answer, rows);
    }
    const auto [first, second] = halves(view);
    DeliveryReport report = send_alone(first);
    if (report.outcome == Outcome::kRetry) {
        return report;
    }
    const DeliveryReport rest = send_alone(second);
    if (rest.outcome == Outcome::kRetry) {
        return rest;
    }
    report.accepted += rest.accepted;
    report.dropped += rest.dropped;
    if (rest.outcome == Outcome::kRejected) {
        report.outcome = rest.outcome;
        report.reason = rest.reason;
        report.message = rest.message;
    }
    return report;
}

LokiOutput::Answer LokiOutput::push(std::span<const BatchView> views) {
    const std::string body = encoder_.encode(views);
    Nanos wait = setup_.retry_pause;
    Answer answer;
    for (int attempts = setup_.attempts; attempts > 0; --attempts) {
        answer = attempt(body);
        note(answer);
        if (answer.kind != Answer::Kind::kLater) {
            break;
        }
        failures_.add();
        // Also after the last attempt, so that nobody who tries again at once turns in circles.
        if (!pause(std::clamp(answer.wait, wait, kPauseMax))) {
            break;
        }
        wait *= 2;
    }
    return answer;
}

LokiOutput::Answer LokiOutput::attempt(const std::string& body) {
    net::HttpClient::Request request{
        .method = "POST", .target = setup_.target, .headers = {}, .body = body
    };
    request.headers.emplace_back("Content-Type", std::string(encoder_.content_type()));
    if (!setup_.tenant.empty()) {
        request.headers.emplace_back("X-Scope-OrgID", setup_.tenant);
    }
    if (!setup_.user.empty()) {
        std::string basic = "Basic ";
        append_base64(basic, setup_.user + ":" + setup_.password);
        request.headers.emplace_back("Authorization", std::move(basic));
    }
    pushes_.add();
    bytes_.add(body.size());
    auto answer = client_->fetch(request, kAnswerBytesMax);
    if (!answer && was_used_ && answer.error().code != ErrorCode::kTimeout) {
        client_->close();  // a kept connection that the server has closed meanwhile
        answer = client_->fetch(request, kAnswerBytesMax);
    }
    was_used_ = answer.has_value();
    if (!answer) {
        client_->close();
        return {.kind = Answer::Kind::kLater, .message = std::move(answer).error().message};
    }
    return read_answer(*answer);
}

LokiOutput::Answer LokiOutput::read_answer(const net::HttpAnswer& answer) {
    const int status = answer.head.status;
    if (status >= 200 && status < 300) {
        return {.kind = Answer::Kind::kStored};
    }
    Answer result;
    result.message =
        fmt::format("{} answered {}: {}", setup_.url, status, first_words(answer.body));
    if (status == 413) {
        result.kind = Answer::Kind::kTooLarge;
    } else if (status == 400 || status == 422) {
        result.kind = Answer::Kind::kRefused;
        result.refused_rows = refused_rows(answer.body);
    } else {
        result.wait = retry_after(answer.head);
    }
    return result;
}

bool LokiOutput::pause(Nanos wait) {
    std::unique_lock lock(mutex_);
    const SteadyTime until = clock_.steady_now() + wait;
    wake_.wait_until(lock, until, [this] { return stopping_; });
    return !stopping_ || clock_.steady_now() < deadline_;
}

void LokiOutput::note(const Answer& answer) {
    const std::string failure = answer.kind == Answer::Kind::kStored ? "" : answer.message;
    const std::lock_guard lock(mutex_);
    if (failure == failure_) {
        return;
    }
    failure_ = failure;
    if (failure.empty()) {
        log::info("loki", "pushes again", {{"output", setup_.id}});
    } else {
        log::warn("loki", "cannot push", {{"output", setup_.id}, {"why", failure}});
    }
}

}  // namespace seyir::plugins::loki
