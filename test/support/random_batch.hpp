// SPDX-License-Identifier: Apache-2.0
// Random record batches from a seed, with every column and value kind now and then, and a deep
// comparison by meaning. For property tests of what carries or stores batches.
#pragma once

#include <random>
#include <string>
#include <vector>

#include "common/record/batch.hpp"

namespace seyir::test {

class RandomBatch {
  public:
    explicit RandomBatch(uint64_t seed) : random_(seed) {}

    RecordBatch make() {
        RecordBatch batch;
        const bool rich = chance(2);
        const size_t streams = rich ? 1 + below(5) : 1;
        for (size_t i = 0; i < streams; ++i) {
            std::vector<StreamLabels::Pair> pairs{{"host", "h" + std::to_string(below(3))}};
            pairs.emplace_back("input", "in" + std::to_string(i));
            batch.add_stream(*StreamLabels::make(std::move(pairs)));
        }
        const size_t positions = below(4);
        for (size_t i = 0; i < positions; ++i) {
            batch.add_position(position());
        }
        std::vector<AttrRange> ranges{{}};
        const size_t rows = chance(10) ? 0 : below(200);
        int64_t ts = 1'767'225'600'000'000'000;
        for (size_t i = 0; i < rows; ++i) {
            Row row;
            ts += chance(4) ? static_cast<int64_t>(below(1'000'000'000)) - 1000 : 1;
            row.ts.value = rich && chance(50) ? static_cast<int64_t>(random_()) / 4 : ts;
            row.stream = static_cast<uint16_t>(below(batch.streams().size()));
            row.origin =
                positions == 0 || chance(5) ? kNoOrigin : static_cast<uint16_t>(below(positions));
            row.body = batch.arena().copy(text(chance(30) ? 3000 : 80));
            if (rich && chance(2)) {
                ranges.push_back(attrs(batch));
            }
            row.attrs = ranges[chance(3) ? below(ranges.size()) : ranges.size() - 1];
            if (rich && chance(3)) {
                row.severity = static_cast<SeverityNumber>(below(25));
                row.observed.value = row.ts.value + static_cast<int64_t>(below(1000)) - 500;
                row.trace.trace_id[below(16)] = static_cast<uint8_t>(below(256));
                row.trace.span_id[below(8)] = static_cast<uint8_t>(below(256));
            }
            batch.append_row(row);
        }
        return batch;
    }

    size_t below(size_t n) { return n == 0 ? 0 : random_() % n; }

    bool chance(size_t one_in) { return below(one_in) == 0; }

    /// Up to `bytes_max` bytes of any value.
    std::string text(size_t bytes_max) {
        std::string out(below(bytes_max + 1), '\0');
        const bool any = chance(4);
        for (char& c : out) {
            c = static_cast<char>(any ? random_() : 'a' + random_() % 20);
        }
        return out;
    }

    SourcePosition position() {
        SourcePosition out;
        out.key = {{random_(), random_()}, static_cast<uint32_t>(below(3))};
        out.begin = chance(3) ? 0 : random_() >> 20;
        out.end = out.begin + below(1'000'000);
        out.tail_hash = random_();
        out.cursor = chance(4) ? "s=" + text(30) : "";
        out.lane_start = chance(4);
        return out;
    }

  private:
    AttrRange attrs(RecordBatch& batch) {
        std::vector<Attr> out;
        const size_t count = below(6);
        for (size_t i = 0; i < count; ++i) {
            const KeyIndex key = batch.add_key("key" + std::to_string(i * 3 + below(3)));
            out.push_back({key, value(batch.arena(), 0)});
        }
        return batch.add_attrs(out);
    }

    Value value(Arena& arena, int depth) {
        switch (below(depth < 3 ? 9 : 7)) {
            case 0:
                return Value::null();
            case 1:
                return Value::boolean(chance(2));
            case 2:
                return Value::integer(static_cast<int64_t>(random_()));
            case 3:
                return Value::real(static_cast<double>(below(1000)) / 8);
            case 4:
                return Value::string(arena.copy(text(40)));
            case 5:
                return Value::bytes(arena.copy(text(40)));
            case 6:
                return Value::number_text(arena.copy("1e999"));
            case 7: {
                const size_t count = below(4);
                auto* items = arena.allocate_array<Value>(count);
                for (size_t i = 0; i < count; ++i) {
                    new (items + i) Value(value(arena, depth + 1));
                }
                return Value::array({items, count});
            }
            default: {
                const size_t count = below(4);
                auto* members = arena.allocate_array<ValueMember>(count);
                for (size_t i = 0; i < count; ++i) {
                    new (members + i) ValueMember{arena.copy(text(8)), value(arena, depth + 1)};
                }
                return Value::map({members, count});
            }
        }
    }

    std::mt19937_64 random_;
};

/// Row `i` of `a` means the same as row `j` of `b` (streams and keys by content, not by index).
inline bool same_row(const RecordBatch& a, size_t i, const RecordBatch& b, size_t j) {
    const auto observed = [](const RecordBatch& batch, size_t at) {
        return batch.observed(at) == UnixNanos{} ? batch.ts(at) : batch.observed(at);
    };
    const bool plain = a.ts(i) == b.ts(j) && a.body(i) == b.body(j) && a.origin(i) == b.origin(j) &&
                       a.severity(i) == b.severity(j) && a.trace(i) == b.trace(j) &&
                       observed(a, i) == observed(b, j) &&
                       *a.streams()[a.stream(i)] == *b.streams()[b.stream(j)];
    const auto x = a.attrs(i);
    const auto y = b.attrs(j);
    if (!plain || x.size() != y.size()) {
        return false;
    }
    for (size_t at = 0; at < x.size(); ++at) {
        if (a.keys()[x[at].key] != b.keys()[y[at].key] || !(x[at].value == y[at].value)) {
            return false;
        }
    }
    return true;
}

}  // namespace seyir::test
