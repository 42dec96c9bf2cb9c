// SPDX-License-Identifier: Apache-2.0
#include "collector/store/engine/committer.hpp"

#include <algorithm>
#include <future>
#include <utility>

#include <pthread.h>

#include <fmt/format.h>

#include "common/base/log.hpp"
#include "common/base/units.hpp"
#include "common/record/batch_editor.hpp"

namespace seyir::store {
namespace {

constexpr Nanos kRetryAfter = std::chrono::milliseconds(200);
constexpr Nanos kRetryAfterMax = std::chrono::seconds(10);

}  // namespace

struct Committer::Subscribers {
    std::mutex mutex;
    uint64_t next = 1;
    std::map<uint64_t, LogStore::OnCommitted> callbacks;
};

Committer::Committer(Core& core)
    : core_(core),
      judge_(std::make_unique<Judge>(core, lanes_, pushes_)),
      subscribers_(std::make_shared<Subscribers>()) {}

Committer::~Committer() {
    stop();
}

Result<void> Committer::start() {
    SEYIR_TRY(const auto db, core_.open_database());
    SEYIR_CHECK(pushes_.load(*db, core_.clock.wall_now()));
    if (core_.options.threads) {
        thread_ = std::thread([this] { run(); });
    }
    return {};
}

void Committer::stop() {
    {
        const std::lock_guard lock(mutex_);
        is_stopping_ = true;
    }
    work_.notify_all();
    if (thread_.joinable()) {
        thread_.join();
    }
    run_queued();
    std::vector<Append> left;
    {
        const std::lock_guard lock(mutex_);
        std::ranges::move(appends_, std::back_inserter(left));
        appends_.clear();
    }
    fail_all(left, fail(ErrorCode::kClosed, "the store is closing"));
}

void Committer::enqueue(Commit commit, AppendDone done) {
    Append append{.commit = std::move(commit), .done = std::move(done), .encoded = {}};
    const RecordBatch& batch = *append.commit.view.batch;
    if (!append.commit.view.rows.all || !batch.encoded()) {
        // On the caller's thread, so that the one committer does not compress for everybody.
        auto encoded = encode_batch(append.commit.view, PayloadCodec::kLz4);
        if (encoded) {
            append.encoded = std::move(*encoded);
        } else if (encoded.error().code != ErrorCode::kTooLarge) {
            append.done(encoded.error());
            return;
        }
    }
    // What exceeds a limit of one payload is cut into several when it is judged.
    const auto& payload = append.encoded ? append.encoded : batch.encoded();
    append.bytes = payload ? payload->bytes->size() : batch.raw_bytes();
    {
        const std::lock_guard lock(mutex_);
        if (!is_stopping_) {
            appends_.push_back(std::move(append));
            work_.notify_one();
            return;
        }
    }
    append.done(fail(ErrorCode::kClosed, "the store is closing"));
}

bool Committer::has_work() const {
    return !controls_.empty() || (!appends_.empty() && (!is_full_ || is_sealer_failing_));
}

void Committer::run() {
    pthread_setname_np(pthread_self(), "store-commit");
    std::unique_lock lock(mutex_);
    while (true) {
        work_.wait(lock, [this] { return is_stopping_ || has_work(); });
        if (is_stopping_ && !has_work()) {
            return;
        }
        lock.unlock();
        run_one();
        lock.lock();
    }
}

size_t Committer::run_queued() {
    size_t answered = 0;
    while (true) {
        size_t before = 0;
        {
            const std::lock_guard lock(mutex_);
            before = appends_.size();
        }
        if (!run_one()) {
            return answered;
        }
        const std::lock_guard lock(mutex_);
        answered += before > appends_.size() ? before - appends_.size() : 0;
    }
}

bool Committer::run_one() {
    Control control;
    {
        const std::lock_guard lock(mutex_);
        if (!controls_.empty()) {
            control = std::move(controls_.front());
            controls_.pop_front();
        }
    }
    if (control.work) {
        control.done(control.work());
        return true;
    }
    auto group = take_group();
    if (group.empty()) {
        return false;
    }
    commit_group(group);
    return true;
}

std::vector<Committer::Append> Committer::take_group() {
    const std::lock_guard lock(mutex_);
    std::vector<Append> group;
    size_t bytes = 0;
    while (!appends_.empty() && (group.empty() || bytes < core_.options.group_bytes_max)) {
        bytes += appends_.front().bytes;
        group.push_back(std::move(appends_.front()));
        appends_.pop_front();
    }
    return group;
}

void Committer::fail_all(std::vector<Append>& group, const Error& error) {
    for (Append& append : group) {
        append.done(error);
    }
}

Result<void> Committer::check_disk() const {
    const DiskRoom room = core_.disk_room();
    if (room.state == DiskState::kHardMark) {
        return fail(ErrorCode::kNoSpace, core_.no_room_text(room));
    }
    return {};
}

bool Committer::is_over_budget(uint64_t staged_bytes) const {
    return staged_bytes - std::min(staged_bytes, sealed_ahead_.load()) >=
           core_.options.stage_budget_bytes;
}

Result<void> Committer::check_room() {
    SEYIR_CHECK(check_disk());
    // Only this thread changes the stage, so no lock is needed to read its size.
    if (is_over_budget(core_.stage.payload_bytes())) {
        if (wake_sealer_) {
            wake_sealer_();
        }
        return fail(
            ErrorCode::kBackpressure,
            fmt::format(
                "{} are staged and could not be sealed yet",
                format_bytes(core_.stage.payload_bytes())
            )
        );
    }
    return {};
}

std::vector<Result<Judgement>> Committer::judge_group(
    const Database& database, const std::vector<Append>& group, WriteSet& set
) {
    const UnixNanos now = core_.clock.wall_now();
    std::vector<Result<Judgement>> results;
    for (const Append& append : group) {
        auto judged = judge_->judge(database, append.commit, append.encoded, now, set);
        for (size_t i = 0; judged && i < judged->metrics.rows.size(); ++i) {
            set.put(Family::kMetric, judged->metrics.rows[i].key, judged->metrics.rows[i].value);
        }
        if (judged && !judged->pieces.empty()) {
            for (auto& [entry, stored] : judged->pieces) {
                entry.number = core_.next_commit++;
                set.put(Family::kStage, key::stage_entry(entry.number), encode(entry));
                set.put(Family::kStage, key::stage_payload(entry.number), *stored.bytes);
            }
            for (const auto& [tenant, id, labels] : judged->new_streams) {
                set.put(Family::kStream, key::stream(tenant, id), encode_labels(*labels));
            }
        }
        results.push_back(std::move(judged));
    }
    lanes_.put_pending(set);
    if (!set.empty()) {
        pushes_.expire(now, set);
    }
    return results;
}

/// Commit numbers of a failed write stay used: its rows may surface when the database is reopened.
Result<void> Committer::write_group(
    Database& database, WriteSet set, const std::vector<Result<Judgement>>& judged
) {
    if (set.empty()) {
        return {};
    }
    const SteadyTime begun = core_.clock.steady_now();
    auto written = database.write(std::move(set));
    if (!written) {
        core_.counters.failed_writes.add();
        core_.set_trouble(written.error().message);
        lanes_.forget();
        pushes_.take_back_pending();
        for (const auto& result : judged) {
            if (result) {
                core_.streams.take_back(result->new_streams);
            }
        }
        return written;
    }
    const std::chrono::duration<double> took = core_.clock.steady_now() - begun;
    core_.counters.write_seconds.observe(took.count());
    core_.counters.groups.add();
    core_.set_trouble("");
    lanes_.keep_pending();
    pushes_.keep_pending();
    return {};
}

void Committer::commit_group(std::vector<Append>& group) {
    auto database = writable_database();
    if (!database) {
        fail_all(group, database.error());
        return;
    }
    if (auto room = check_room(); !room) {
        fail_all(group, room.error());
        return;
    }
    size_t bytes = 0;
    for (const Append& append : group) {
        bytes += append.bytes + 512;
    }
    WriteSet set = (*database)->new_write(bytes);
    auto judged = judge_group(**database, group, set);
    if (auto written = write_group(**database, std::move(set), judged); !written) {
        fail_all(group, written.error());
        return;
    }
    {
        const std::lock_guard lock(core_.view_mutex);
        for (auto& result : judged) {
            for (size_t i = 0; result && i < result->pieces.size(); ++i) {
                core_.stage.append(std::move(result->pieces[i].entry));
            }
        }
    }
    answer(group, judged);
}

void Committer::answer(std::vector<Append>& group, std::vector<Result<Judgement>>& judged) {
    std::vector<BatchView> stored;
    for (size_t i = 0; i < group.size(); ++i) {
        if (!judged[i]) {
            group[i].done(judged[i].error());
            continue;
        }
        const bool is_metrics = judged[i]->accepted.batch == nullptr;
        core_.counters.rows.add(is_metrics ? 0 : judged[i]->answer.accepted);
        core_.counters.metric_samples.add(judged[i]->metrics.samples);
        core_.counters.duplicates.add(judged[i]->answer.duplicate);
        if (judged[i]->answer.accepted > 0 && !is_metrics) {
            stored.push_back(std::move(judged[i]->accepted));
        }
        group[i].done(std::move(judged[i]->answer));
    }
    const uint64_t staged = core_.stage.payload_bytes();
    core_.counters.stage_bytes.set(static_cast<double>(staged));
    const bool is_littered = core_.stage.size() >= core_.options.small_batches_max;
    if ((staged >= core_.options.seal_bytes || is_littered) && wake_sealer_) {
        wake_sealer_();
    }
    {
        const std::lock_guard lock(mutex_);
        is_full_ = is_over_budget(staged);
    }
    notify(stored);
}

void Committer::notify(const std::vector<BatchView>& stored) {
    // Held while they run: once a subscription is released its callback cannot be running.
    const std::lock_guard lock(subscribers_->mutex);
    if (subscribers_->callbacks.empty()) {
        return;
    }
    for (const BatchView& accepted : stored) {
        const BatchView view = without_parsed_attrs(accepted);
        for (const auto& [id, callback] : subscribers_->callbacks) {
            callback(view);
        }
    }
}

Result<std::shared_ptr<Database>> Committer::writable_database() {
    std::shared_ptr<Database> database;
    {
        const std::lock_guard lock(core_.view_mutex);
        database = core_.database;
    }
    if (database != nullptr && !database->is_failed()) {
        retry_at_.reset();
        return database;
    }
    const SteadyTime now = core_.clock.steady_now();
    if (core_.options.threads && retry_at_ && now < *retry_at_) {
        return last_failure_;
    }
    retry_after_ = retry_at_ ? std::min(retry_after_ * 2, kRetryAfterMax) : kRetryAfter;
    retry_at_ = now + retry_after_;
    lanes_.forget();
    // On a full disk it stays open for queries: opening it again would fail.
    if (auto room = check_disk(); !room) {
        last_failure_ = room.error();
        return last_failure_;
    }
    if (database != nullptr) {
        closing_ = database;
        core_.is_reopening = true;
        const std::lock_guard lock(core_.view_mutex);
        core_.database = nullptr;
    }
    database.reset();
    if (auto reopened = reopen(); !reopened) {
        last_failure_ = reopened.error();
        core_.set_trouble(last_failure_.message);
        return last_failure_;
    }
    return core_.open_database();
}

Result<void> Committer::reopen() {
    if (!closing_.expired()) {
        return fail(
            ErrorCode::kIo, "the database failed and is opened again once running queries end"
        );
    }
    SEYIR_CHECK(core_.load());
    core_.is_reopening = false;
    SEYIR_TRY(const auto database, core_.open_database());
    SEYIR_CHECK(pushes_.load(*database, core_.clock.wall_now()));
    log::info("store", "the database was opened again after a failure", {});
    core_.set_trouble("");
    return {};
}

Result<void> Committer::run_exclusive(std::function<Result<void>()> work) {
    if (!core_.options.threads || std::this_thread::get_id() == thread_.get_id()) {
        return work();
    }
    std::promise<Result<void>> promise;
    auto future = promise.get_future();
    {
        const std::lock_guard lock(mutex_);
        if (is_stopping_) {
            return fail(ErrorCode::kClosed, "the store is closing");
        }
        controls_.push_back({std::move(work), [&promise](Result<void> result) {
                                 promise.set_value(std::move(result));
                             }});
    }
    work_.notify_one();
    return future.get();
}

Result<uint32_t> Committer::begin_epoch(TenantId tenant, AgentId agent) {
    uint32_t given = 0;
    SEYIR_CHECK(run_exclusive([&]() -> Result<void> {
        SEYIR_TRY(const auto database, writable_database());
        const std::string key = key::epoch(tenant, agent);
        SEYIR_TRY(const uint32_t before, lanes_.epoch(*database, key));
        WriteSet set = database->new_write();
        set.put(Family::kMeta, key, encode_u64(before + 1));
        if (auto written = database->write(std::move(set)); !written) {
            lanes_.forget();
            return written.error();
        }
        lanes_.set_epoch(key, before + 1);
        given = before + 1;
        return {};
    }));
    return given;
}

std::shared_ptr<void> Committer::subscribe(LogStore::OnCommitted on_committed) {
    const std::shared_ptr<Subscribers> subscribers = subscribers_;
    const std::lock_guard lock(subscribers->mutex);
    const uint64_t id = subscribers->next++;
    subscribers->callbacks[id] = std::move(on_committed);
    return {new uint64_t(id), [subscribers](uint64_t* handle) {
                const std::lock_guard inner(subscribers->mutex);
                subscribers->callbacks.erase(*handle);
                delete handle;
            }};
}

void Committer::set_sealed_ahead(uint64_t payload_bytes) {
    {
        const std::lock_guard lock(mutex_);
        sealed_ahead_ = payload_bytes;
        // As of the last commit: the committer looks again before it writes.
        is_full_ = is_over_budget(static_cast<uint64_t>(core_.counters.stage_bytes.value()));
    }
    work_.notify_all();
}

void Committer::set_sealer_failing(bool failing) {
    {
        const std::lock_guard lock(mutex_);
        is_sealer_failing_ = failing;
        is_full_ = is_over_budget(static_cast<uint64_t>(core_.counters.stage_bytes.value()));
    }
    work_.notify_all();
}

}  // namespace seyir::store
