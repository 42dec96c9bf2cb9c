// SPDX-License-Identifier: Apache-2.0
// Random calls of the batch API against a model: what is changed is changed, what is not is not,
// every row ends once, and a batch that is given back is as it came.
#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "common/plugin/batch_session.hpp"
#include "common/plugin/layout.hpp"
#include "test/support/recording_sink.hpp"
#include "test/support/rows.hpp"

namespace seyir::plugin {
namespace {

/// A row as people see it.
struct Plain {
    std::string body;
    std::map<std::string, std::string> attrs;
    int64_t ts = 0;
    int severity = 0;

    bool operator==(const Plain&) const = default;
};

Plain plain(const RecordBatch& batch, uint32_t row) {
    Plain made{std::string(batch.body(row)), {}, batch.ts(row).value, batch.severity(row)};
    for (const Attr& attr : batch.attrs(row)) {
        made.attrs[std::string(batch.keys()[attr.key])] = attr.value.to_text();
    }
    return made;
}

std::vector<Plain> plain(const BatchView& view) {
    std::vector<Plain> rows;
    for_each_row(view, [&](uint32_t row) { rows.push_back(plain(*view.batch, row)); });
    return rows;
}

Plain seen(const seyir_batch& batch, uint32_t row) {
    Plain made{
        std::string(to_view(batch.body[row])), {}, batch.ts[row], seyir_severity(&batch, row)
    };
    const seyir_range range = batch.attr_ranges[row];
    for (uint32_t i = range.begin; i < range.begin + range.count; ++i) {
        const seyir_attr& attr = batch.attrs[i];
        made.attrs[std::string(to_view(batch.key_names[attr.key]))] =
            attr.value.kind == SEYIR_INT ? std::to_string(attr.value.as.integer)
                                         : std::string(to_view(seyir_value_text(&attr.value)));
    }
    return made;
}

class Fixture {
  public:
    explicit Fixture(uint64_t seed) : random(seed), host(context(), "test") {
        for (const char* name : {"level", "user", "status", "new_one"}) {
            keys.push_back(host.intern_key(name));
        }
        reason = host.abi()->drop_reason(host.abi(), seyir_text_of_string("noise"));
    }

    component::RunContext context() {
        return {
            .id = "test",
            .registry = registry,
            .clock = clock,
            .files = io::posix_file_system(),
            .state_dir = "",
            .host_name = "",
        };
    }

    size_t below(size_t limit) { return random() % limit; }

    BatchView make() {
        std::vector<test::PlainRow> rows(1 + below(40));
        for (size_t i = 0; i < rows.size(); ++i) {
            rows[i].labels = {{"host", "h" + std::to_string(below(3))}};
            rows[i].ts_ns = static_cast<int64_t>(1000 + i);
            rows[i].line = "line " + std::to_string(i);
            rows[i].severity = below(2) == 0 ? kSeverityUnset : kSeverityInfo;
            if (below(3) != 0) {
                rows[i].metadata = {{"level", "info"}, {"user", "u" + std::to_string(i)}};
            }
        }
        BatchView view{test::make_batch(rows), {}};
        if (below(2) == 0) {
            others.push_back(view.batch);
        }
        if (below(3) == 0) {
            std::vector<uint32_t> chosen;
            for (uint32_t row = 0; row < rows.size(); row += 1 + static_cast<uint32_t>(below(3))) {
                chosen.push_back(row);
            }
            view.rows = Selection::of(chosen);
        }
        return view;
    }

    std::mt19937_64 random;
    metrics::Registry registry;
    io::ManualClock clock;
    InstanceHost host;
    HeldTable held;
    SessionMemory memory;
    std::vector<uint32_t> keys;
    uint32_t reason = 0;
    std::vector<RecordBatchPtr> others;  ///< makes some batches shared
};

/// The model, and what each row became.
struct Model {
    enum class End { kLive, kDropped, kFailed };

    std::vector<Plain> came;
    std::vector<Plain> rows;
    std::vector<End> ends;

    std::vector<Plain> living() const {
        std::vector<Plain> all;
        for (size_t i = 0; i < rows.size(); ++i) {
            if (ends[i] == End::kLive) {
                all.push_back(rows[i]);
            }
        }
        return all;
    }

    size_t count(End end) const { return static_cast<size_t>(std::ranges::count(ends, end)); }
};

constexpr const char* kKeyNames[] = {"level", "user", "status", "new_one"};

void change_attr(Fixture& f, seyir_batch* batch, Model& model, uint32_t row) {
    const size_t key = f.below(4);
    if (f.below(3) == 0) {
        REQUIRE(batch->api->remove(batch, row, f.keys[key]) == SEYIR_OK);
        model.rows[row].attrs.erase(kKeyNames[key]);
        return;
    }
    const bool is_number = f.below(2) == 0;
    const std::string text = std::to_string(f.below(1000));
    const seyir_value value = is_number ? seyir_value_of_int(std::stoll(text))
                                        : seyir_value_of_text(to_abi(std::string_view(text)));
    REQUIRE(batch->api->set(batch, row, f.keys[key], &value, SEYIR_COPY) == SEYIR_OK);
    model.rows[row].attrs[kKeyNames[key]] = text;
}

void change_body(Fixture& f, seyir_batch* batch, Model& model, uint32_t row) {
    const std::string body = "body " + std::to_string(f.below(1000));
    if (f.below(2) == 0) {
        REQUIRE(
            batch->api->set_body(batch, row, to_abi(std::string_view(body)), SEYIR_COPY) == SEYIR_OK
        );
    } else {
        auto* memory = static_cast<char*>(batch->api->alloc(batch, body.size()));
        REQUIRE(memory != nullptr);
        body.copy(memory, body.size());
        REQUIRE(batch->api->set_body(batch, row, {body.size(), memory}, SEYIR_KEEP) == SEYIR_OK);
    }
    model.rows[row].body = body;
}

void end_row(Fixture& f, seyir_batch* batch, Model& model, uint32_t row) {
    if (f.below(2) == 0 || row >= model.came.size()) {
        REQUIRE(batch->api->drop(batch, row, f.reason) == SEYIR_OK);
        model.ends[row] = Model::End::kDropped;
        return;
    }
    const seyir_text code = seyir_text_of_string(f.below(2) == 0 ? "bad_one" : "bad_two");
    REQUIRE(batch->api->fail(batch, row, code, seyir_text_of_string("no"), f.keys[0]) == SEYIR_OK);
    model.ends[row] = Model::End::kFailed;
}

void random_step(Fixture& f, seyir_batch* batch, Model& model) {
    const auto row = static_cast<uint32_t>(f.below(model.rows.size()));
    if (model.ends[row] != Model::End::kLive) {
        return;
    }
    switch (f.below(8)) {
        case 0:
        case 1:
        case 2:
            return change_attr(f, batch, model, row);
        case 3:
        case 4:
            return change_body(f, batch, model, row);
        case 5:
            if (f.below(2) == 0) {
                return end_row(f, batch, model, row);
            }
            REQUIRE(batch->api->set_severity(batch, row, 17) == SEYIR_OK);
            model.rows[row].severity = 17;
            return;
        case 6:
            REQUIRE(batch->api->set_ts(batch, row, 42) == SEYIR_OK);
            model.rows[row].ts = 42;
            return;
        default:
            if (model.rows.size() < 100 && f.below(3) == 0) {
                REQUIRE(batch->api->emit(batch, row) == model.rows.size());
                model.rows.push_back(Plain(model.rows[row]));
                model.ends.push_back(Model::End::kLive);
            }
    }
}

void check_finished(const test::RecordingSink& sink, const Model& model) {
    std::vector<Plain> emitted;
    for (const BatchView& view : sink.emitted) {
        const auto rows = plain(view);
        emitted.insert(emitted.end(), rows.begin(), rows.end());
    }
    CHECK(emitted == model.living());
    std::vector<Plain> failed;
    size_t failed_of_model = 0;
    for (const auto& failure : sink.failed) {
        for (const Plain& row : plain(failure.rows)) {
            CHECK(std::ranges::count(model.came, row) > 0);
            ++failed_of_model;
        }
    }
    CHECK(failed_of_model == model.count(Model::End::kFailed));
    uint32_t dropped = 0;
    for (const auto& [reason, rows] : sink.dropped) {
        CHECK(reason == "noise");
        dropped += rows;
    }
    const auto first_new = model.ends.begin() + static_cast<ptrdiff_t>(model.came.size());
    CHECK(dropped == std::count(model.ends.begin(), first_new, Model::End::kDropped));
}

TEST_SUITE("common/plugin") {
    TEST_CASE("random changes end as a model says, in place, shared or chosen") {
        const uint64_t seed = std::random_device{}();
        MESSAGE("seed: " << seed);
        Fixture f(seed);
        for (int round = 0; round < 400; ++round) {
            BatchView view = f.make();
            Model model;
            model.came = plain(view);
            model.rows = model.came;
            model.ends.assign(model.came.size(), Model::End::kLive);
            const std::vector<RecordBatchPtr> shared = f.others;
            const std::vector<Plain> shared_before =
                shared.empty() ? std::vector<Plain>{} : plain({shared.back(), {}});
            BatchSession session({.host = f.host, .held = f.held}, f.memory, std::move(view));
            seyir_batch* batch = session.abi();
            REQUIRE(batch->row_count == model.came.size());
            for (size_t step = f.below(60); step > 0; --step) {
                random_step(f, batch, model);
            }
            for (uint32_t row = 0; row < model.rows.size(); ++row) {
                CHECK(seen(*batch, row) == model.rows[row]);
            }
            REQUIRE(session.misuse() == "");
            if (f.below(4) == 0) {
                CHECK(plain(session.give_back()) == model.came);
            } else {
                test::RecordingSink sink;
                session.finish(sink);
                check_finished(sink, model);
            }
            if (!shared.empty()) {
                CHECK(plain({shared.back(), {}}) == shared_before);
            }
            f.others.clear();
        }
    }
}

}  // namespace
}  // namespace seyir::plugin
