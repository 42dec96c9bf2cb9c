// SPDX-License-Identifier: Apache-2.0
// What tests of parsers ask: lines in, fields out, as one text a row: `name=value` by order, with
// `{...}` for JSON values.
#pragma once

#include <string>
#include <vector>

#include <fmt/format.h>

#include "plugins/filter/parse/parse_filter.hpp"
#include "test/support/filter_fixture.hpp"

namespace seyir::test {

inline std::string fields_of(const RecordBatch& batch, size_t row) {
    std::string out;
    for (const Attr& attr : batch.attrs(row)) {
        out += out.empty() ? "" : " ";
        out += batch.keys()[attr.key];
        out += attr.is_parsed ? "=" : ":=";
        attr.value.append_json(out);
    }
    return out;
}

inline RecordBatchPtr lines_batch(
    const std::vector<std::string>& lines, int64_t ts = 1'767'225'600'000'000'000
) {
    std::vector<PlainRow> rows;
    for (const std::string& line : lines) {
        rows.push_back({.labels = {{"app", "x"}}, .ts_ns = ts++, .line = line});
    }
    return make_batch(rows);
}

/// One filter over some lines.
class Parsed {
  public:
    Parsed(const std::string& yaml, const std::vector<std::string>& lines)
        : fixture_(plugins::parse_filter_type(), "type: parse\n" + yaml) {
        REQUIRE_MESSAGE(fixture_.ok(), fixture_.diagnostics());
        REQUIRE(fixture_.process(lines_batch(lines)));
    }

    const RecordBatch& batch() const { return *fixture_.sink.emitted.at(0).batch; }

    std::string fields(size_t row = 0) const { return fields_of(batch(), row); }

    std::string metrics() { return fixture_.registry.text(); }

    FilterFixture& fixture() { return fixture_; }

  private:
    FilterFixture fixture_;
};

inline std::string parsed(const std::string& yaml, const std::string& line) {
    return Parsed(yaml, {line}).fields();
}

}  // namespace seyir::test
