// SPDX-License-Identifier: Apache-2.0
#include "collector/store/engine/sealer.hpp"

#include <algorithm>

#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <fmt/format.h>

#include "collector/store/engine/seal_job.hpp"
#include "common/base/log.hpp"

namespace seyir::store {
namespace {

constexpr int kSealerNice = 10;
/// Of the stage budget: from here on sealing no longer gives way.
constexpr double kUrgentFill = 0.5;
constexpr uint32_t kSmallPayloadBytes = 64 * 1024;
constexpr auto kThreadName = "store-seal";
constexpr auto kAfterFailure = std::chrono::seconds(1);
/// Late lines of yesterday still come in for a while.
constexpr Nanos kDayEndGrace = std::chrono::minutes(10);

}  // namespace

Sealer::Sealer(Core& core, Committer& committer) : core_(core), committer_(committer) {}

Sealer::~Sealer() {
    stop();
}

void Sealer::start() {
    if (core_.options.threads) {
        urgent_.start();
        thread_ = std::thread([this] { run(); });
        return;
    }
    remove_orphans();
}

void Sealer::stop() {
    is_stopping_ = true;
    {
        const std::lock_guard lock(mutex_);
        is_woken_ = true;
    }
    wake_.notify_all();
    if (thread_.joinable()) {
        thread_.join();
    }
    urgent_.stop();
}

void Sealer::wake() {
    {
        const std::lock_guard lock(mutex_);
        is_woken_ = true;
    }
    wake_.notify_one();
}

void Sealer::release(CatalogueViewPtr view) {
    if (!core_.options.threads) {
        return;  // its last reference goes here
    }
    {
        const std::lock_guard lock(mutex_);
        released_.push_back(std::move(view));
        is_woken_ = true;
    }
    wake_.notify_one();
}

void Sealer::remove_orphans() {
    // A segment that is being written has no catalogue row yet either.
    const std::lock_guard one_job(job_mutex_);
    if (auto removed = core_.remove_orphans(); !removed) {
        log::warn("store", "cannot look for leftover files", {{"error", removed.error().message}});
    }
}

void Sealer::run() {
    // Sealing gives way to everything that answers somebody.
    pthread_setname_np(pthread_self(), kThreadName);
    setpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)), kSealerNice);
    remove_orphans();
    bool has_failed = false;
    std::unique_lock lock(mutex_);
    is_woken_ = true;  // what the last run left may be due
    while (!is_stopping_) {
        if (has_failed) {
            wake_.wait_for(lock, kAfterFailure, [this] { return is_stopping_.load(); });
        }
        wake_.wait(lock, [this] { return is_woken_ || is_stopping_; });
        is_woken_ = false;
        auto released = std::move(released_);
        released_.clear();
        lock.unlock();
        released.clear();
        const auto sealed = is_stopping_ ? Result<void>() : seal(SealScope::kDue);
        has_failed = !sealed;
        if (sealed && !is_stopping_) {
            trim_log();
        }
        lock.lock();
    }
}

/// What was sealed is in the log still, and perhaps nothing comes that would push it out.
void Sealer::trim_log() {
    const auto database = core_.open_database();
    if (!database) {
        return;  // the committer opens it again
    }
    const auto live_bytes = static_cast<uint64_t>(core_.counters.stage_bytes.value());
    const UnixNanos before = core_.clock.wall_now();
    const auto cut = (*database)->trim_log(core_.options.seal_bytes, live_bytes);
    const auto noted = cut && *cut ? core_.remember_log(before) : Result<void>();
    if (!cut || !noted) {
        const Error& error = !cut ? cut.error() : noted.error();
        log::warn("store", "the log cannot be cut", {{"error", error.message}});
    }
}

bool Sealer::is_day_end_due() const {
    const UnixNanos now = core_.clock.wall_now();
    const Day today = day_of(now);
    const bool is_late = core_.sealed_day < today.number && now >= today.begin() + kDayEndGrace;
    return is_late && has_rows_before(today);
}

bool Sealer::has_rows_before(Day today) const {
    const auto view = core_.view();
    bool has_old_rows = false;
    if (view) {
        view->stage.for_each([&](const StageEntry& entry) {
            has_old_rows = has_old_rows || day_of(entry.min_ts) < today;
        });
    }
    return has_old_rows;
}

SealJob::Pace Sealer::pace() {
    // Another thread that asked for a seal has a priority of its own.
    const bool is_slow = core_.options.threads && std::this_thread::get_id() == thread_.get_id();
    return {
        .run =
            [this, is_slow](const std::function<Result<void>()>& piece) {
                const double urgent_from =
                    static_cast<double>(core_.options.stage_budget_bytes) * kUrgentFill;
                const bool is_urgent = core_.counters.stage_bytes.value() >= urgent_from;
                return is_slow && is_urgent ? urgent_.run(piece) : piece();
            },
        .on_progress = [this](uint64_t bytes) { committer_.set_sealed_ahead(bytes); },
    };
}

Result<void> Sealer::run_job(SealJob& job, bool is_day_end) {
    auto done = job.run(unreadable_);
    for (const StageEntry& entry : job.newly_unreadable) {
        unreadable_.insert(entry.number);
        unreadable_bytes_ += entry.payload_bytes;
    }
    core_.corrupt_entries = unreadable_.size();
    if (done) {
        done = committer_.run_exclusive([&] {
            auto committed = commit(job, is_day_end);
            committer_.set_sealed_ahead(0);
            return committed;
        });
    }
    committer_.set_sealed_ahead(0);
    return done;
}

Result<void> Sealer::seal(SealScope scope) {
    const std::lock_guard one_job(job_mutex_);
    while (!is_stopping_) {
        SEYIR_TRY(View view, core_.view());
        uint64_t staged = 0;
        uint64_t small = 0;
        view.stage.for_each([&](const StageEntry& entry) {
            staged += entry.payload_bytes;
            small += entry.payload_bytes < kSmallPayloadBytes ? 1 : 0;
        });
        const bool is_asked = scope == SealScope::kPastDays;
        const bool is_day_end = is_asked ? has_rows_before(day_of(core_.clock.wall_now()))
                                         : scope == SealScope::kDue && is_day_end_due();
        const bool is_full =
            staged - std::min(staged, unreadable_bytes_.load()) >= core_.options.seal_bytes;
        const bool has_rows = view.stage.size() > unreadable_.size();
        const bool is_littered = !is_day_end && !is_full && scope == SealScope::kDue &&
                                 small >= core_.options.small_batches_max + small_left_;
        const bool is_due = is_day_end || (!is_asked && (is_full || is_littered));
        if (!has_rows || (scope != SealScope::kAll && !is_due)) {
            if (scope == SealScope::kDue) {
                // Full though nothing is due: of batches that cannot be read, so nobody shall wait.
                committer_.set_sealer_failing(staged >= core_.options.stage_budget_bytes);
            }
            return {};
        }
        SealJob::Plan plan{.carries = scope != SealScope::kAll};
        plan.carries_from = is_day_end ? day_of(core_.clock.wall_now()) : Day{INT32_MIN};
        plan.raw_bytes_max = is_day_end ? UINT64_MAX : core_.options.seal_job_raw_bytes;
        if (is_littered) {
            plan.merges_below = kSmallPayloadBytes;
        }
        SealJob job(core_, encoder_, std::move(view), plan, pace(), is_stopping_);
        const auto done = run_job(job, is_day_end);
        if (!done) {
            committer_.set_sealer_failing(true);
            core_.set_trouble("sealing failed: " + done.error().message);
            if (done.error().code != ErrorCode::kCancelled &&
                done.error().code != ErrorCode::kClosed) {
                log::error("store", "sealing failed", {{"error", done.error().message}});
            }
            core_.streams.take_back(job.new_streams);
            return done;
        }
        committer_.set_sealer_failing(false);
        if (is_littered) {
            // Those of many days stay small: they are not joined again and again.
            const auto is_small = [](const CarriedRows& rows) {
                return rows.payload.bytes->size() < kSmallPayloadBytes;
            };
            small_left_ = static_cast<uint64_t>(std::ranges::count_if(job.carried, is_small)) +
                          unreadable_.size();
        }
        if (core_.options.threads) {
            SEYIR_TRY(const auto database, core_.open_database());
            const double live_bytes = core_.counters.stage_bytes.value();
            SEYIR_CHECK(database->compact_stage(static_cast<uint64_t>(live_bytes)));
        }
        if (is_asked) {
            return {};  // one job takes them all, but for those that cannot be read
        }
    }
    return {};
}

namespace {

/// Ranges of numbers that hold sealed batches and none that stay.
void cut_stage(
    WriteSet& set, const std::vector<CommitNumber>& sealed, const std::set<CommitNumber>& stay
) {
    size_t begin = 0;
    for (size_t i = 0; i < sealed.size(); ++i) {
        const bool is_last = i + 1 == sealed.size();
        const auto between = stay.upper_bound(sealed[i]);
        if (is_last || (between != stay.end() && *between < sealed[i + 1])) {
            const CommitNumber end = sealed[i] + 1;
            set.erase_range(Family::kStage, key::stage_entry(sealed[begin]), key::stage_entry(end));
            set.erase_range(
                Family::kStage, key::stage_payload(sealed[begin]), key::stage_payload(end)
            );
            begin = i + 1;
        }
    }
}

/// Catalogue rows of the job's segments. Those of a day dropped meanwhile are left out.
std::vector<SegmentSummary> put_segments(Core& core, SealJob& job, WriteSet& set) {
    std::vector<SegmentSummary> added;
    std::map<Day, DayTotals> totals;
    const CatalogueViewPtr catalogue = core.catalogue.view();
    for (const FinishedSegment& segment : job.segments) {
        const SegmentSummary& summary = segment.summary;
        if (summary.day.end() <= core.floor) {
            job.expired_rows += summary.rows;
            (void)core.fs.remove(segment_path(core.files.path, summary.day, summary.id));
            continue;
        }
        set.put(Family::kCatalogue, key::segment(summary.day, summary.id), encode(summary));
        for (uint32_t block = 0; block < segment.block_rows.size(); ++block) {
            const std::string at = key::block(summary.day, summary.id, block);
            set.put(Family::kCatalogue, at, segment.block_rows[block]);
        }
        const auto known = catalogue->find(summary.day);
        auto [at, is_new] = totals.try_emplace(summary.day);
        if (is_new && known != catalogue->end()) {
            at->second = known->second.totals;
        }
        add(at->second, summary);
        added.push_back(summary);
    }
    for (const auto& [day, sums] : totals) {
        set.put(Family::kCatalogue, key::day_totals(day), encode(sums));
    }
    return added;
}

}  // namespace

/// On the committer.
Result<void> Sealer::commit(SealJob& job, bool is_day_end) {
    SEYIR_TRY(const auto database, committer_.writable_database());
    WriteSet set = database->new_write();
    const std::vector<SegmentSummary> added = put_segments(core_, job, set);
    for (const auto& [tenant, id, labels] : job.new_streams) {
        set.put(Family::kStream, key::stream(tenant, id), encode_labels(*labels));
    }
    std::set<CommitNumber> stay;
    const std::set<CommitNumber> gone(job.sealed.begin(), job.sealed.end());
    core_.stage.snapshot().for_each([&](const StageEntry& entry) {
        if (!gone.contains(entry.number)) {
            stay.insert(entry.number);
        }
    });
    cut_stage(set, job.sealed, stay);
    for (CarriedRows& rows : job.carried) {
        rows.entry.number = core_.next_commit++;
        set.put(Family::kStage, key::stage_entry(rows.entry.number), encode(rows.entry));
        set.put(Family::kStage, key::stage_payload(rows.entry.number), *rows.payload.bytes);
    }
    const Day today = day_of(core_.clock.wall_now());
    if (is_day_end) {
        set.put(
            Family::kMeta, key::kSealedDay, encode_u64(static_cast<uint64_t>(int64_t{today.number}))
        );
    }
    set.put(Family::kMeta, key::kNextCommit, encode_u64(core_.next_commit));
    set.put(Family::kMeta, key::kNextSegment, encode_u64(core_.next_segment));
    {
        // The stage is cut in the database and in the index under one lock, so that no query sees
        // one without the other.
        const std::lock_guard lock(core_.view_mutex);
        SEYIR_CHECK(database->write(std::move(set)));
        core_.stage.remove_if([&](const StageEntry& entry) { return gone.contains(entry.number); });
        for (CarriedRows& rows : job.carried) {
            core_.stage.append(std::move(rows.entry));
        }
        core_.catalogue.add(added);
    }
    if (is_day_end) {
        core_.sealed_day = today.number;
    }
    for (const SegmentSummary& summary : added) {
        core_.counters.sealed_rows.add(summary.rows);
    }
    core_.counters.sealed_segments.add(added.size());
    core_.counters.expired_rows.add(job.expired_rows);
    core_.counters.stage_bytes.set(static_cast<double>(core_.stage.payload_bytes()));
    return {};
}

}  // namespace seyir::store
