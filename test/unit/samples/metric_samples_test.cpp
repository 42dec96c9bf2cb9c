// SPDX-License-Identifier: Apache-2.0
#include "common/samples/metric_samples.hpp"

#include <bit>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <random>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "common/codec/bytes.hpp"
#include "common/io/file_system.hpp"
#include "test/support/replay_corpus.hpp"

using namespace seyir;
using namespace seyir::samples;

namespace {

const std::string kRoot = SEYIR_SOURCE_ROOT;
constexpr UnixNanos kWhen{1'767'225'600'000'000'000};

/// As docs/format/metrics.md shows it.
std::string example_body() {
    SampleWriter writer({{"host", "web1"}});
    writer.family("node_load1", MetricType::kGauge);
    writer.sample({}, 0.5);
    writer.family("node_disk_io_now", MetricType::kGauge);
    writer.family("node_cpu_seconds_total", MetricType::kCounter);
    const Label idle[] = {{"cpu", "0"}, {"mode", "idle"}};
    writer.sample(idle, 999.99);
    const Label user[] = {{"cpu", "0"}, {"mode", "user"}};
    writer.sample(user, 12);
    return std::string(writer.finish(kWhen));
}

std::string all_of(const MetricSamples& samples) {
    const auto table = decode_table(samples.table);
    REQUIRE(table);
    std::string out;
    for (const SampleRow& row : samples.rows) {
        for (size_t i = 0; i < table->series.size(); ++i) {
            const Family& family = table->families[table->series[i].family];
            out += fmt::format("{} {}", to_string(family.type), family.name);
            for (const Label& label : table->common()) {
                out += fmt::format(" {}={}", label.name, label.value);
            }
            for (const Label& label : table->own_labels(table->series[i])) {
                out += fmt::format(" {}={}", label.name, label.value);
            }
            out += fmt::format(" {} @{}\n", row.value(i), row.ts.value);
        }
    }
    return out;
}

std::string with_table(const std::string& table) {
    std::string body("SM\x01\0", 4);
    codec::append_le(body, static_cast<uint32_t>(table.size()));
    return body + table + std::string(1, '\0');
}

void text(std::string& out, std::string_view bytes) {
    codec::append_text(out, bytes);
}

/// A table of one gauge `a` with these labels, beside these common ones.
std::string one_series(
    const std::vector<std::string>& common, const std::vector<std::string>& own
) {
    std::string out;
    codec::append_varint(out, common.size() / 2);
    for (const std::string& part : common) {
        text(out, part);
    }
    text(out, "a");
    out += '\2';
    codec::append_varint(out, own.size() / 2 + 1);
    for (const std::string& part : own) {
        text(out, part);
    }
    return out + std::string(1, '\0');
}

}  // namespace

TEST_SUITE("common/samples") {
    TEST_CASE("the example of the format page has exactly its bytes") {
        const std::string path = kRoot + "/test/golden/metrics_v1.bin";
        if (std::getenv("SEYIR_WRITE_GOLDEN") != nullptr) {
            auto& fs = io::posix_file_system();
            REQUIRE(io::write_file_atomically(fs, path, example_body()));
            const std::string corpus = kRoot + "/test/fuzz/corpus/samples";
            REQUIRE(fs.make_directories(corpus));
            REQUIRE(io::write_file_atomically(fs, corpus + "/example", example_body()));
        }
        const auto golden = io::read_file(io::posix_file_system(), path, 1 << 20);
        REQUIRE(golden);
        CHECK(example_body() == *golden);
    }

    TEST_CASE("what was written is read back: names, types, labels, values, time") {
        const std::string body = example_body();
        const auto samples = decode_samples(body);
        REQUIRE(samples);
        CHECK(
            all_of(*samples) ==
            "gauge node_load1 host=web1 0.5 @1767225600000000000\n"
            "counter node_cpu_seconds_total host=web1 cpu=0 mode=idle 999.99 @1767225600000000000\n"
            "counter node_cpu_seconds_total host=web1 cpu=0 mode=user 12 @1767225600000000000\n"
        );
    }

    TEST_CASE("values keep every bit: infinities, negative zero, not a number") {
        const double values[] = {
            std::numeric_limits<double>::infinity(), -0.0, std::nan("7"), 5e-324, 1e308
        };
        for (const double value : values) {
            SampleWriter writer({});
            writer.family("a", MetricType::kUnknown);
            writer.sample({}, value);
            const auto samples = decode_samples(writer.finish(kWhen));
            REQUIRE(samples);
            const double read = samples->rows[0].value(0);
            CHECK(std::bit_cast<uint64_t>(read) == std::bit_cast<uint64_t>(value));
        }
    }

    TEST_CASE("the same series at another time have the same table bytes") {
        SampleWriter writer({{"host", "h"}});
        std::string tables[2];
        for (int i = 0; i < 2; ++i) {
            writer.clear();
            writer.family("a", MetricType::kGauge);
            writer.sample({}, i);
            const std::string body(writer.finish({kWhen.value + i}));
            tables[i] = decode_samples(body)->table;
        }
        CHECK(tables[0] == tables[1]);
    }

    TEST_CASE("bytes of a label that are not UTF-8 are replaced, names that cannot be are left out"
    ) {
        SampleWriter writer({{"host", "h\xff"}, {"__x", "1"}, {"a b", "1"}});
        writer.family("a", MetricType::kGauge);
        const Label labels[] = {{"mount", "/\xc3("}};
        writer.sample(labels, 1);
        const std::string body(writer.finish(kWhen));
        const auto samples = decode_samples(body);
        REQUIRE(samples);
        CHECK(all_of(*samples).starts_with("gauge a host=h? mount=/?( 1 @"));
    }

    TEST_CASE("what a peer may not send is refused with the reason") {
        std::string twice = one_series({}, {});
        twice += twice.substr(1);
        std::string same;
        codec::append_varint(same, 0);
        text(same, "a");
        same += '\2';
        for (const auto& [a, b] : {std::pair("x", "y"), std::pair("y", "x")}) {
            codec::append_varint(same, 3);
            text(same, a), text(same, "1"), text(same, b), text(same, "1");
        }
        same += '\0';
        std::vector<std::string> many;
        for (size_t i = 0; i < samples::kLabelsMax + 1; ++i) {
            many.insert(many.end(), {fmt::format("l{}", i), "1"});
        }
        const std::pair<std::string, const char*> cases[] = {
            {"", "not metric samples"},
            {"XM\1\0....", "not metric samples"},
            {std::string("SM\2\0\0\0\0\0", 8), "version 2"},
            {std::string("SM\1\0\xff\xff\xff\xff", 8), "end within their table"},
            {with_table(twice), "a metric name twice"},
            {with_table(same), "a series twice"},
            {with_table(one_series({"h", "1"}, {"h", "2"})), "a label twice"},
            {with_table(one_series({}, {"h", "1", "h", "2"})), "a label twice"},
            {with_table(one_series({}, {"__name__", "1"})), "not a label name"},
            {with_table(one_series({}, {"a-b", "1"})), "not a label name"},
            {with_table(one_series({}, {"h", "\xff"})), "not UTF-8"},
            {with_table(one_series({}, {"h", std::string(kValueBytesMax + 1, 'x')})), "limit"},
            {with_table(one_series({}, many)), "limit"},
            {with_table(one_series({}, {})) + "x", "do not fill them"},
            {with_table(std::string("\0\1", 2) + "9" + '\2' + '\1' + '\0'), "not a metric name"},
            {with_table(std::string("\0\1", 2) + "a" + '\2' + '\0'), "without series"},
            {std::string(kBodyBytesMax + 1, 'x'), "1048576 are allowed"},
        };
        for (const auto& [body, reason] : cases) {
            CAPTURE(reason);
            const auto decoded = decode_samples(body);
            REQUIRE_FALSE(decoded);
            CAPTURE(decoded.error().message);
            CHECK(decoded.error().message.find(reason) != std::string::npos);
        }
    }

    TEST_CASE("bodies cut anywhere or with any byte changed never crash, and cut ones are refused"
    ) {
        const std::string body = example_body();
        for (size_t cut = 0; cut < body.size(); ++cut) {
            CHECK_FALSE(decode_samples(std::string_view(body).substr(0, cut)));
        }
        std::mt19937_64 rng(20260101);
        for (int i = 0; i < 20'000; ++i) {
            std::string damaged = body;
            damaged[rng() % damaged.size()] = static_cast<char>(rng());
            if (const auto decoded = decode_samples(damaged)) {
                (void)all_of(*decoded);
            }
        }
    }

    TEST_CASE("what fuzzing found stays found") {
        CHECK(test::replay_corpus(kRoot + "/test/fuzz/corpus/samples") > 0);
    }
}
