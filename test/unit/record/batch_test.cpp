// SPDX-License-Identifier: Apache-2.0
#include "common/record/batch.hpp"

#include <string>

#include <doctest/doctest.h>

using namespace seyir;

TEST_SUITE("common/record/batch") {
    TEST_CASE("columns that no row has used give their defaults") {
        RecordBatch batch;
        const auto stream = batch.add_stream(*StreamLabels::make({{"host", "a"}}));
        batch.append_row({.ts = {5}, .stream = stream, .body = batch.arena().copy("one")});
        CHECK(batch.row(0).origin == kNoOrigin);
        CHECK(batch.severity(0) == kSeverityUnset);
        CHECK(batch.raw_bytes() == 4);
    }

    TEST_CASE("a column that starts late has defaults before its first value") {
        RecordBatch batch;
        const auto stream = batch.add_stream(*StreamLabels::make({{"host", "a"}}));
        batch.append_row({.ts = {9}, .stream = stream, .body = "a"});
        batch.append_row({.ts = {5}, .observed = {7}, .stream = stream, .severity = 9, .body = "b"}
        );
        CHECK(batch.row(0).observed.value == 0);
        CHECK(batch.row(1).observed.value == 7);
        CHECK(batch.severity(0) == 0);
        CHECK(batch.severity(1) == 9);
        CHECK(batch.min_ts().value == 5);
        CHECK(batch.max_ts().value == 9);
    }

    TEST_CASE("cloned rows own their bytes and keep their attributes") {
        auto batch = std::make_shared<RecordBatch>();
        const auto stream = batch->add_stream(*StreamLabels::make({{"host", "a"}}));
        const Attr attr{batch->add_key("filename"), Value::string(batch->arena().copy("/x.log"))};
        const AttrRange attrs = batch->add_attrs({&attr, 1});
        for (const char* body : {"one", "two", "three"}) {
            batch->append_row(
                {.ts = {1}, .stream = stream, .body = batch->arena().copy(body), .attrs = attrs}
            );
        }
        const RecordBatch clone = clone_rows({batch, Selection::of({0, 2})});
        batch.reset();
        REQUIRE(clone.row_count() == 2);
        CHECK(clone.body(1) == "three");
        CHECK(clone.find_attr(1, *clone.find_key("filename"))->as_text() == "/x.log");
    }

    TEST_CASE("a token forgotten by one output makes the whole batch a retry") {
        Outcome seen = Outcome::kDelivered;
        int calls = 0;
        {
            AckToken root([&](const DeliveryReport& report) {
                seen = report.outcome;
                ++calls;
            });
            AckToken first = root.clone();
            AckToken forgotten = root.clone();
            root.resolve(DeliveryReport::delivered(3));
            first.resolve(DeliveryReport::delivered(3));
            CHECK(calls == 0);
        }
        CHECK(calls == 1);
        CHECK(seen == Outcome::kRetry);
    }

    TEST_CASE("labels are sorted, empty values vanish, equal sets share a fingerprint") {
        const auto a = *StreamLabels::make({{"b", "2"}, {"a", "1"}, {"c", ""}});
        const auto b = *StreamLabels::make({{"a", "1"}, {"b", "2"}});
        CHECK(a->to_text() == R"({a="1", b="2"})");
        CHECK(a->fingerprint() == b->fingerprint());
        CHECK(a->get("c").empty());
        CHECK(!StreamLabels::make({{"a", "1"}, {"a", "2"}}).has_value());
        CHECK(!StreamLabels::make({{"0bad", "1"}}).has_value());
    }
}
