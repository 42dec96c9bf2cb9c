// SPDX-License-Identifier: Apache-2.0
#include "ctl/plugin/random_rows.hpp"

#include <array>
#include <limits>
#include <utility>

namespace seyir::ctl {
namespace {

constexpr std::array<std::string_view, 14> kTexts = {
    "",
    " ",
    "\0",
    "\xff\xfe\x80",
    "127.0.0.1 - - [22/Nov/2026:10:00:00 +0000] \"GET / HTTP/1.1\" 200 5",
    R"({"level":"error","message":"a \"quoted\" one","n":1e400,"deep":{"a":[1,2,{}]}})",
    "level=info msg=\"all is well\" took=15ms",
    "\xf0\x9f\x94\xa5 na\xc3\xafve \xe2\x80\xae reversed",
    "%s%n%x ${HOME} $(id) `id` {{.}} <b>&amp;</b>",
    "key=value key=value key= =value =",
    "4111111111111111 TR330006100519786457841326 mail@example.org",
    "2026-11-22T10:00:00.123456789Z",
    "-9223372036854775808",
    "true",
};
constexpr std::array<int64_t, 6> kNumbers = {
    0, 1, -1, 65'536, std::numeric_limits<int64_t>::max(), std::numeric_limits<int64_t>::min()
};
constexpr size_t kLongBytes = 300'000;

}  // namespace

RandomRows::RandomRows(uint64_t seed, std::vector<std::string> words)
    : random_(seed), words_(std::move(words)) {
    for (const char* name : {"level", "message", "status", "user", "filename", "trace.id"}) {
        words_.emplace_back(name);
    }
}

std::string RandomRows::text() {
    if (chance(4)) {
        return words_[below(words_.size())];
    }
    if (chance(8)) {
        std::string bytes(below(200), '\0');
        for (char& c : bytes) {
            c = static_cast<char>(random_());
        }
        return bytes;
    }
    if (chance(300)) {
        return std::string(kLongBytes, static_cast<char>('a' + below(26)));
    }
    std::string all;
    for (size_t i = 0; i <= below(3); ++i) {
        const size_t which = below(kTexts.size());
        all += which == 2 ? std::string(1, '\0') : std::string(kTexts[which]);
    }
    return all;
}

Value RandomRows::value(RecordBatch& batch, int depth) {
    Arena& arena = batch.arena();
    switch (below(depth > 4 ? 7 : 10)) {
        case 0:
            return Value::null();
        case 1:
            return Value::boolean(chance(2));
        case 2:
            return Value::integer(kNumbers[below(kNumbers.size())]);
        case 3:
            return Value::real(
                chance(3) ? std::numeric_limits<double>::quiet_NaN()
                          : static_cast<double>(below(9)) / 7
            );
        case 4:
            return Value::bytes(arena.copy(text()));
        case 5:
            return Value::number_text(arena.copy("1e400"));
        case 7: {
            const size_t count = below(5);
            auto* items = arena.allocate_array<Value>(count);
            for (size_t i = 0; i < count; ++i) {
                items[i] = value(batch, depth + 1);
            }
            return Value::array({items, count});
        }
        case 8: {
            const size_t count = below(5);
            auto* members = arena.allocate_array<ValueMember>(count);
            for (size_t i = 0; i < count; ++i) {
                members[i] = {arena.copy(text()), value(batch, depth + 1)};
            }
            return Value::map({members, count});
        }
        default:
            return Value::string(arena.copy(text()));
    }
}

AttrRange RandomRows::attrs(RecordBatch& batch) {
    std::vector<Attr> all;
    const size_t count = chance(200) ? 512 : below(8);
    for (size_t i = 0; i < count; ++i) {
        std::string name = chance(3) ? text().substr(0, 64) : words_[below(words_.size())];
        name += count > 100 ? std::to_string(i) : "";
        all.emplace_back(batch.add_key(name), value(batch, 0), chance(3));
    }
    return batch.add_attrs(all);
}

RecordBatchPtr RandomRows::make() {
    auto batch = std::make_shared<RecordBatch>();
    const size_t streams = 1 + below(3);
    for (size_t i = 0; i < streams; ++i) {
        batch->add_stream(*StreamLabels::make({{"host", "h" + std::to_string(i)}, {"input", "app"}})
        );
    }
    const bool is_rich = chance(2);
    const size_t rows = 1 + below(200);
    AttrRange shared = attrs(*batch);
    for (size_t i = 0; i < rows; ++i) {
        Row row;
        row.ts.value = chance(50) ? kNumbers[below(kNumbers.size())]
                                  : 1'767'225'600'000'000'000 + static_cast<int64_t>(i);
        row.stream = static_cast<uint16_t>(below(streams));
        row.body = batch->arena().copy(text());
        row.attrs = chance(2) ? shared : attrs(*batch);
        if (is_rich) {
            row.severity = static_cast<SeverityNumber>(below(25));
            row.trace.trace_id[0] = static_cast<uint8_t>(below(3));
        }
        batch->append_row(row);
    }
    return batch;
}

}  // namespace seyir::ctl
