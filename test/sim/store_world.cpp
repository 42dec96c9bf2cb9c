// SPDX-License-Identifier: Apache-2.0
#include "test/sim/store_world.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "collector/store/format/catalogue_rows.hpp"
#include "common/record/batch_codec.hpp"
#include "test/support/drop_days.hpp"

namespace seyir::sim {
namespace {

constexpr UnixNanos kStart{1'767'268'800'000'000'000};  // 2026-01-01T12:00:00Z
constexpr Nanos kDay = std::chrono::hours(24);
constexpr size_t kAgents = 3;
constexpr size_t kLanesPerAgent = 3;

}  // namespace

StoreWorld::StoreWorld(uint64_t seed, Totals& totals)
    : random_(seed), fs_(seed * 2 + 1), clock_(kStart), totals_(totals) {
    options_.data_dir = "/data";
    options_.fs = &fs_;
    options_.clock = &clock_;
    options_.threads = false;
    options_.memtable_bytes = kMiB;
    options_.block_raw_bytes = 1 * kKiB + pick(3 * kKiB);
    options_.seal_bytes = 2 * kKiB + pick(8 * kKiB);
    options_.seal_slice_raw_bytes = 4 * kKiB + pick(8 * kKiB);
    options_.seal_job_raw_bytes = 16 * kKiB;
    options_.group_bytes_max = 1 + pick(4 * kKiB);
    options_.open_segments_max = 3;
    options_.small_batches_max = chance(50) ? 10 : 8192;
    for (size_t a = 0; a < kAgents; ++a) {
        agents_.push_back({TenantId{static_cast<uint32_t>(a % 2)}, {1, a + 1}, 0});
        for (size_t l = 0; l < kLanesPerAgent; ++l) {
            Lane& lane = lanes_.emplace_back();
            lane.agent = a;
            lane.key = {{a + 1, l + 1}, static_cast<uint32_t>(pick(3))};
            // Some lanes share a stream.
            auto made = StreamLabels::make(
                {{"host", fmt::format("h{}", a)}, {"input", fmt::format("i{}", l % 2)}}
            );
            lane.stream = *made;
        }
    }
}

StoreWorld::~StoreWorld() = default;

void StoreWorld::broken(std::string what) {
    if (broken_.empty()) {
        broken_ = std::move(what);
    }
}

void StoreWorld::note(uint64_t value) {
    digest_ = (digest_ ^ value) * 0x9e3779b97f4a7c15ULL;
    digest_ ^= digest_ >> 29;
}

std::string StoreWorld::run(int lives) {
    for (int life = 0; life < lives && broken_.empty(); ++life) {
        open_until_alive();
        check_files();
        check();
        if (!broken_.empty()) {
            break;
        }
        plan_trouble();
        for (int step = 0; step < 60 && !fs_.crashed() && broken_.empty(); ++step) {
            one_step();
        }
        fs_.set_error_rate(0);
        if (broken_.empty() && !fs_.crashed() && chance(30)) {
            resync();
            check();
        }
        fs_.crash();
        store_.reset();
        ++totals_.crashes;
        note(fs_.changes());
        fs_.restart();
    }
    if (broken_.empty()) {
        open_until_alive();
        check();
    }
    return broken_;
}

void StoreWorld::plan_trouble() {
    // RocksDB sleeps a second after a failed background flush: few lives do it. Recovery flushes
    // too, without that.
    may_flush_ = chance(3);
    const uint64_t when = 1 + pick(chance(50) ? 60 : 300);
    const uint64_t dice = pick(100);
    if (dice < 75) {
        fs_.plan_fault(when, io::Fault::kPowerCut);
    } else if (dice < 85) {
        fs_.set_error_rate(0.01);
    } else {
        constexpr io::Fault kOther[] = {
            io::Fault::kIoError, io::Fault::kNoSpace, io::Fault::kShortWrite
        };
        fs_.plan_fault(when, kOther[pick(3)]);
    }
}

void StoreWorld::open_until_alive() {
    fs_.set_error_rate(0);
    // Recovery is cut off too, a few times at most.
    for (int attempt = 0; attempt < 3; ++attempt) {
        if (chance(30)) {
            fs_.plan_fault(1 + pick(40), chance(80) ? io::Fault::kPowerCut : io::Fault::kIoError);
        }
        const bool is_open = try_open();
        fs_.plan_fault(0, io::Fault::kPowerCut);
        if (is_open && !fs_.crashed()) {
            return;
        }
        store_.reset();
        ++totals_.recoveries_cut;
        fs_.crash();
        fs_.restart();
    }
    if (!try_open()) {
        broken("the store does not open after a power cut: " + open_error_);
    }
}

bool StoreWorld::try_open() {
    auto opened = store::RocksStore::open(options_);
    if (!opened) {
        open_error_ = opened.error().message;
        return false;
    }
    store_ = std::move(*opened);
    is_unsure_ = true;
    resync();
    return true;
}

void StoreWorld::one_step() {
    clock_.advance(std::chrono::seconds(pick(120)));
    if (chance(2)) {
        clock_.advance(std::chrono::hours(pick(12)));
    }
    if (is_unsure_) {
        resync();
    }
    const uint64_t dice = pick(100);
    if (dice < 70) {
        send_frames();
    } else if (dice < 80) {
        ++totals_.seals;
        constexpr store::SealScope kScopes[] = {
            store::SealScope::kDue, store::SealScope::kPastDays, store::SealScope::kAll
        };
        // A failed seal leaves the database to be opened again by the next write.
        is_unsure_ = !store_->seal(kScopes[pick(3)]) || is_unsure_;
    } else if (dice < 84) {
        is_unsure_ = !store_->maintain() || is_unsure_;
    } else if (dice < 86) {
        if (may_flush_) {
            (void)store_->flush();
        }
    } else if (dice < 88) {
        drop_days();
    } else if (dice < 91) {
        start_lane_later();
    } else if (dice < 93) {
        store_.reset();
        if (!try_open()) {
            fs_.crash();  // a fault hit: recover in the next life
        }
    } else if (dice < 96) {
        Agent& agent = agents_[pick(agents_.size())];
        if (auto epoch = store_->begin_epoch(agent.tenant, agent.id)) {
            if (*epoch <= agent.epoch) {
                broken("an epoch did not rise");
            }
            agent.epoch = *epoch;
        } else {
            is_unsure_ = true;
        }
    } else if (!is_unsure_ && chance(40)) {
        check_rows(TenantId{static_cast<uint32_t>(pick(2))});
        check_one_stream();
    }
}

UnixNanos StoreWorld::some_time() {
    const UnixNanos now = clock_.wall_now();
    if (chance(15)) {
        return now - kDay * static_cast<int>(pick(4)) - std::chrono::minutes(pick(600));
    }
    return now - std::chrono::milliseconds(pick(5000));
}

void StoreWorld::grow(Lane& lane, size_t lines) {
    const Agent& agent = agents_[lane.agent];
    UnixNanos ts = some_time();
    for (size_t i = 0; i < lines; ++i) {
        Line line;
        line.begin = lane.lines.empty() ? 0 : lane.lines.back().end;
        line.body = fmt::format(
            "{}/{}/{}@{} {}",
            static_cast<uint32_t>(agent.tenant),
            lane.agent,
            lane.key.source.lo,
            line.begin,
            std::string(pick(60), static_cast<char>('a' + pick(26)))
        );
        line.end = line.begin + line.body.size() + 1;
        line.ts = ts;
        line.is_routed = !chance(5);
        ts = ts + Nanos(static_cast<int64_t>(1 + pick(1'000'000)));
        lane.lines.push_back(std::move(line));
    }
}

void StoreWorld::add_stretch(
    RecordBatch& batch, Lane& lane, Sent& sent, std::vector<uint32_t>& routed
) {
    // Mostly where the store is; sometimes before it (duplicate, overlap) or beyond it (gap).
    size_t first = 0;
    while (first < lane.lines.size() && lane.lines[first].begin < lane.committed) {
        ++first;
    }
    const uint64_t dice = pick(100);
    if (dice < 15) {
        first -= std::min<size_t>(first, pick(6));
    } else if (dice < 20) {
        first += pick(3);
    }
    const size_t count = 1 + pick(chance(10) ? 60 : 12);
    if (first + count > lane.lines.size()) {
        grow(lane, first + count - lane.lines.size());
    }
    const Line& last = lane.lines[first + count - 1];
    const uint16_t origin = batch.add_position(
        {.key = lane.key,
         .begin = lane.lines[first].begin,
         .end = last.end,
         .tail_hash = last.end + 7}
    );
    const uint16_t stream = batch.add_stream(lane.stream);
    for (size_t i = first; i < first + count; ++i) {
        Row row;
        row.ts = lane.lines[i].ts;
        row.stream = stream;
        row.origin = origin;
        row.body = batch.arena().copy(lane.lines[i].body);
        if (lane.lines[i].is_routed) {
            routed.push_back(static_cast<uint32_t>(batch.row_count()));
        }
        batch.append_row(row);
    }
    sent.ends.push_back(last.end);
}

void StoreWorld::append(
    RecordBatch batch, std::vector<uint32_t> routed, std::shared_ptr<Sent> sent
) {
    auto shared = std::make_shared<RecordBatch>(std::move(batch));
    BatchView view{shared, {}};
    if (routed.size() != shared->row_count()) {
        view.rows = Selection::of(std::move(routed));
    } else if (chance(70)) {
        auto encoded = encode_batch(view, PayloadCodec::kLz4);
        if (!encoded) {
            broken(encoded.error().message);
            return;
        }
        shared->set_encoded(std::move(*encoded));
    }
    ++totals_.appends;
    store_->append({0, std::move(view)}, [this, sent](Result<store::Durable> durable) {
        sent->is_answered = true;
        if (!durable) {
            ++totals_.failed_appends;
            is_unsure_ = true;
            note(static_cast<uint64_t>(durable.error().code));
            return;
        }
        sent->is_stored = true;
        totals_.acked_rows += durable->accepted;
        note(durable->accepted * 1000 + durable->duplicate);
        for (size_t i = 0; i < sent->lanes.size(); ++i) {
            Lane& lane = lanes_[sent->lanes[i]];
            const auto refused = std::ranges::find(durable->lanes, lane.key, &LaneVerdict::key);
            if (refused != durable->lanes.end()) {
                if (refused->kind == LaneVerdict::Kind::kDuplicate &&
                    refused->committed < sent->ends[i]) {
                    broken("called duplicate what is not committed");
                }
                if (refused->committed < lane.acked) {
                    broken("a lane went back");
                }
                continue;
            }
            lane.acked = std::max(lane.acked, sent->ends[i]);
            lane.committed = std::max(lane.committed, sent->ends[i]);
        }
        if (sent->push != SIZE_MAX) {
            pushes_[sent->push].is_acked = true;
        }
    });
}

void StoreWorld::send_frame(std::vector<std::shared_ptr<Sent>>& sent) {
    const size_t a = pick(agents_.size());
    auto record = std::make_shared<Sent>();
    RecordBatch batch(agents_[a].tenant);
    std::vector<uint32_t> routed;
    for (size_t l = 0; l < lanes_.size(); ++l) {
        if (lanes_[l].agent == a &&
            (chance(50) || (record->lanes.empty() && l % kLanesPerAgent == 2))) {
            record->lanes.push_back(l);
            add_stretch(batch, lanes_[l], *record, routed);
        }
    }
    batch.set_provenance({.agent = agents_[a].id, .epoch = agents_[a].epoch, .push_hash = {}});
    sent.push_back(record);
    append(std::move(batch), std::move(routed), record);
}

void StoreWorld::send_push(std::vector<std::shared_ptr<Sent>>& sent) {
    size_t index = pushes_.size();
    if (!pushes_.empty() && chance(40)) {
        index = pushes_.size() - 1 - pick(std::min<size_t>(pushes_.size(), 3));
        // Past ten minutes a retry is a new push: only recent ones are tried again.
        if (clock_.wall_now() - pushes_[index].ts > std::chrono::minutes(5)) {
            index = pushes_.size();
        }
    }
    if (index == pushes_.size()) {
        const uint64_t n = pushes_.size() + 1;
        pushes_.push_back(
            {TenantId{static_cast<uint32_t>(pick(2))},
             {n, n * 77},
             fmt::format("push {}", n),
             clock_.wall_now()}
        );
    }
    const Push& push = pushes_[index];
    auto made = StreamLabels::make({{"job", "push"}});
    RecordBatch batch(push.tenant);
    Row row;
    row.stream = batch.add_stream(*made);
    row.ts = push.ts;
    row.body = batch.arena().copy(push.body);
    batch.append_row(row);
    batch.set_provenance({.agent = {}, .epoch = 0, .push_hash = push.hash});
    auto record = std::make_shared<Sent>();
    record->push = index;
    sent.push_back(record);
    append(std::move(batch), {0}, record);
}

void StoreWorld::send_frames() {
    std::vector<std::shared_ptr<Sent>> sent;
    const size_t count = 1 + pick(4);
    for (size_t i = 0; i < count; ++i) {
        if (chance(20)) {
            send_push(sent);
        } else {
            send_frame(sent);
        }
    }
    store_->run_queued();
    for (const auto& one : sent) {
        if (!one->is_answered) {
            broken("an append was never answered");
        }
    }
}

/// A lane that begins beyond what the store has, on purpose.
void StoreWorld::start_lane_later() {
    Lane& lane = lanes_[pick(lanes_.size())];
    if (is_unsure_) {
        return;
    }
    size_t first = 0;
    while (first < lane.lines.size() && lane.lines[first].begin < lane.committed) {
        ++first;
    }
    const size_t skipped = 1 + pick(3);
    if (first + skipped + 2 > lane.lines.size()) {
        grow(lane, first + skipped + 2 - lane.lines.size());
    }
    const Line& start = lane.lines[first + skipped];
    const Agent& agent = agents_[lane.agent];
    RecordBatch batch(agent.tenant);
    Row row;
    row.stream = batch.add_stream(lane.stream);
    row.origin = batch.add_position(
        {.key = lane.key,
         .begin = start.begin,
         .end = start.end,
         .tail_hash = start.end + 7,
         .cursor = "",
         .lane_start = true}
    );
    row.ts = start.ts;
    row.body = batch.arena().copy(start.body);
    batch.append_row(row);
    batch.set_provenance({.agent = agent.id, .epoch = agent.epoch, .push_hash = {}});
    auto record = std::make_shared<Sent>();
    record->lanes.push_back(static_cast<size_t>(&lane - lanes_.data()));
    record->ends.push_back(start.end);
    // Should the answer be lost, the position tells after recovery whether it was stored: nothing
    // else of this lane ends there.
    std::vector<uint32_t> routed;
    if (start.is_routed) {
        routed.push_back(0);
    }
    append(std::move(batch), std::move(routed), record);
    store_->run_queued();
    const auto now = store_->committed(agent.tenant, agent.id, 0, {lane.key});
    const bool is_stored =
        record->is_stored || (now && !now->empty() && now->front().committed >= start.end);
    if (!is_stored) {
        // The write may still surface when the store is opened again: settle it now.
        fs_.crash();
        store_.reset();
        fs_.restart();
        ++totals_.crashes;
        open_until_alive();
        if (store_ == nullptr) {
            return;
        }
        const auto then = store_->committed(agent.tenant, agent.id, 0, {lane.key});
        if (!then || then->empty() || then->front().committed < start.end) {
            return;
        }
    }
    for (size_t i = first; i < first + skipped; ++i) {
        lane.lines[i].is_skipped = true;
    }
}

/// Asks the store where every lane is, as agents do after a lost answer.
void StoreWorld::resync() {
    // A write first: a failed database is resumed or reopened by the next write.
    Agent& first = agents_.front();
    const auto epoch = store_->begin_epoch(first.tenant, first.id);
    if (!epoch) {
        return;
    }
    first.epoch = *epoch;
    for (Lane& lane : lanes_) {
        const Agent& agent = agents_[lane.agent];
        const auto known = store_->committed(agent.tenant, agent.id, 0, {lane.key});
        if (!known) {
            return;
        }
        lane.committed = known->empty() ? 0 : known->front().committed;
    }
    is_unsure_ = false;
}

void StoreWorld::drop_days() {
    ++totals_.drops;
    const store::Day day = store::day_of(clock_.wall_now() - kDay * static_cast<int>(2 + pick(3)));
    const auto dropped = test::drop_days_before(*store_, day, true);
    if (dropped) {
        floor_ = std::max(floor_, day.begin());
    } else {
        floor_maybe_ = std::max(floor_maybe_, day.begin());
        is_unsure_ = true;
    }
}

void StoreWorld::check() {
    if (!broken_.empty()) {
        return;
    }
    for (int attempt = 0; attempt < 10 && is_unsure_; ++attempt) {
        resync();
    }
    if (is_unsure_) {
        broken("the store does not take writes after recovery");
        return;
    }
    check_positions();
    rows_found_ = 0;
    check_rows(TenantId{0});
    check_rows(TenantId{1});
    check_row_count();
    check_one_stream();
}

/// Rows staged and rows of segments are all there is: none in both, none in neither.
void StoreWorld::check_row_count() {
    if (fs_.crashed() || !broken_.empty()) {
        return;
    }
    const uint64_t records = store_->stats().records;
    // Rows before the floor may be staged still, where no query sees them.
    const bool may_have_expired = floor_ != UnixNanos::min() || floor_maybe_ != UnixNanos::min();
    if (records < rows_found_ || (records > rows_found_ && !may_have_expired)) {
        broken(fmt::format("stage and segments count {} rows, {} are found", records, rows_found_));
    }
}

/// After an opening: a file for each segment of the catalogue, and no other.
void StoreWorld::check_files() {
    if (store_ == nullptr || fs_.crashed() || !broken_.empty()) {
        return;
    }
    const std::string segments = options_.data_dir + "/segments";
    uint64_t files = 0;
    for (const std::string& day : fs_.list(segments).value_or(std::vector<std::string>())) {
        const auto names = fs_.list(segments + "/" + day);
        for (const std::string& name : names.value_or(std::vector<std::string>())) {
            ++files;
            if (!store::segment_id_from_name(name)) {
                broken("an opening left " + name);
            }
        }
    }
    const uint64_t known = store_->stats().segments;
    if (files != known) {
        broken(fmt::format("{} segment files, the catalogue knows {}", files, known));
    }
    totals_.files_checked += files;
}

void StoreWorld::check_positions() {
    for (const Lane& lane : lanes_) {
        if (lane.committed < lane.acked) {
            broken(fmt::format(
                "lane {} of agent {}: acknowledged up to {}, the store says {}",
                lane.key.source.lo,
                lane.agent,
                lane.acked,
                lane.committed
            ));
        }
        const bool is_boundary =
            lane.committed == 0 || std::ranges::any_of(lane.lines, [&](const Line& line) {
                return line.end == lane.committed;
            });
        if (!is_boundary) {
            broken(fmt::format("position {} is in the middle of a line", lane.committed));
        }
    }
}

std::map<std::string, UnixNanos> StoreWorld::read(TenantId tenant, store::SelectQuery query) {
    query.tenant = tenant;
    query.direction = chance(50) ? store::Direction::kForward : store::Direction::kBackward;
    std::map<std::string, UnixNanos> rows;
    auto cursor = store_->select(std::move(query));
    if (!cursor) {
        broken("select failed: " + cursor.error().message);
        return rows;
    }
    while (true) {
        auto page = (*cursor)->next();
        if (!page) {
            broken("reading failed: " + page.error().message);
            return rows;
        }
        if (!page->has_value()) {
            break;
        }
        const RecordBatch& batch = *(*page)->batch;
        for_each_row({(*page)->batch, (*page)->rows}, [&](uint32_t i) {
            std::string body(batch.body(i));
            if (rows.contains(body)) {
                broken("stored twice: " + body);
            }
            rows.emplace(std::move(body), batch.ts(i));
        });
    }
    // A second power cut while the log of the first is read leaves what may be damage or not: the
    // store then says that records may be missing. None are, as the rows show.
    const bool says_maybe = store_->health().message.contains("records may be missing");
    if ((*cursor)->stats().blocks_corrupt > 0 && !says_maybe && !fs_.crashed()) {
        broken("a block cannot be read");
    }
    totals_.rows_checked += rows.size();
    return rows;
}

void StoreWorld::check_rows(TenantId tenant) {
    if (fs_.crashed()) {
        return;
    }
    auto rows = read(tenant, {});
    rows_found_ += rows.size();
    if (fs_.crashed() || !broken_.empty()) {
        return;
    }
    // A drop that was cut off happened or did not: rows between the floors are all there or none.
    uint64_t between = 0;
    uint64_t between_found = 0;
    const auto expect = [&](const std::string& body, UnixNanos ts, bool must) {
        const auto found = rows.find(body);
        const bool is_there = found != rows.end();
        if (ts < floor_) {
            must = false;
        } else if (ts < floor_maybe_) {
            between += must ? 1 : 0;
            between_found += must && is_there ? 1 : 0;
            must = false;
        }
        if (must && !is_there) {
            broken("acknowledged or committed, but lost: " + body);
        }
        if (is_there) {
            if (found->second != ts) {
                broken("another time than sent: " + body);
            }
            rows.erase(found);
        }
    };
    for (const Lane& lane : lanes_) {
        if (agents_[lane.agent].tenant != tenant) {
            continue;
        }
        for (const Line& line : lane.lines) {
            if (line.end <= lane.committed && line.is_routed && !line.is_skipped) {
                expect(line.body, line.ts, true);
            }
        }
    }
    for (const Push& push : pushes_) {
        if (push.tenant == tenant) {
            expect(push.body, push.ts, push.is_acked);
        }
    }
    if (!rows.empty()) {
        broken("invented, or stored beyond its position: " + rows.begin()->first);
    }
    if (between_found != 0 && between_found != between) {
        broken("half of a dropped day is still there");
    }
    if (between > 0 && between_found == 0) {
        floor_ = std::max(floor_, floor_maybe_);
    }
}

void StoreWorld::check_one_stream() {
    const Lane& lane = lanes_[pick(lanes_.size())];
    const TenantId tenant = agents_[lane.agent].tenant;
    const auto all = read(tenant, {});
    const StreamLabelsPtr wanted = lane.stream;
    store::SelectQuery query;
    query.stream_matches = [wanted](const StreamLabels& labels) { return labels == *wanted; };
    const auto some = read(tenant, std::move(query));
    if (fs_.crashed()) {
        return;
    }
    const std::string prefix = fmt::format("{}/{}/", static_cast<uint32_t>(tenant), lane.agent);
    size_t expected = 0;
    for (const auto& [body, ts] : all) {
        for (const Lane& other : lanes_) {
            const std::string of_lane = fmt::format("{}{}@", prefix, other.key.source.lo);
            expected +=
                other.agent == lane.agent && *other.stream == *wanted && body.starts_with(of_lane)
                    ? 1
                    : 0;
        }
    }
    if (some.size() != expected) {
        broken(fmt::format("a stream has {} rows, {} were found", expected, some.size()));
    }
}

}  // namespace seyir::sim
