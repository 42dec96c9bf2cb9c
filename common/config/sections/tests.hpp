// SPDX-License-Identifier: Apache-2.0
// The section `tests`: records that are fed into a pipeline and what must come out of it.
// `seyir test` runs them; the programs themselves only check them.
//   tests:
//     - name: card numbers never leave
//       feed: { at: redact, record: { line: "pan 4111 1111 1111 1111" } }
//       expect: [{ at: central, that: '|= "[card]"', count: 1 }]
// Room: ObjectReader -> TestOptions.   Threads: one at a time.
// Errors: E0316, E0317, E0320, E0321 and what is wrong with records, at their places.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/config/sections/sections.hpp"

namespace seyir::config {

/// A value of an attribute, typed as YAML types it: quotes make a string of anything.
struct TestValue {
    enum class Kind : uint8_t { kString, kInt, kDouble, kBool };

    Kind kind = Kind::kString;
    std::string text;
    Span at;
};

/// A record as written in a test. What is not given is not set, or not compared.
struct TestRecord {
    std::optional<std::string> line;
    StringPairs labels;
    std::vector<std::pair<std::string, TestValue>> attributes;
    std::optional<UnixNanos> timestamp;
    std::string severity;  ///< "trace" to "fatal", "1" to "24", or ""
    Span at;
};

struct TestFeed {
    std::string at;  ///< id of an input or filter
    bool at_is_filter = false;
    Span at_span;
    /// One of these three is set.
    std::vector<TestRecord> records;
    std::vector<std::string> lines;
    std::string file;  ///< absolute path; one record a line
    Span span;         ///< of what is fed
};

struct TestExpect {
    std::string at;  ///< id of an output or filter
    bool at_is_filter = false;
    Span at_span;
    std::string that;  ///< LogQL condition that compiles; "" = any record
    Span that_span;
    std::optional<TestRecord> record;  ///< must be a part of the record
    /// So many records of those that fit `that` and `record`; none: at least one.
    std::optional<uint64_t> count;
    Span span;
};

struct TestOptions {
    std::string name;
    Span name_span;
    TestFeed feed;
    std::vector<TestExpect> expect;
    std::vector<NamedPlace> expect_none;  ///< outputs or filters that must get nothing
    std::string golden;                   ///< absolute path of expected records, JSON lines; or ""
    Span golden_span;
    Nanos advance{0};  ///< the clock moves so far on after the feed, before the end
};

Field tests_field();

/// All that can be read; mistakes go to checks.diagnostics.
std::vector<TestOptions> read_tests(const ObjectReader& root, const SectionChecks& checks);

}  // namespace seyir::config
