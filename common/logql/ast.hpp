// SPDX-License-Identifier: Apache-2.0
// The syntax tree of LogQL. It holds the whole language; what can be run is decided where it is
// compiled (stage/pipeline.hpp, collector/query), which reports the rest with the place kept here.
// Threads: plain values, immutable after parsing.
// Spec: Grafana's LogQL reference, log and metric queries.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/base/time.hpp"
#include "common/logql/diagnostic.hpp"

namespace seyir::logql {

enum class MatchOp : uint8_t { kEqual, kNotEqual, kRegex, kNotRegex };

/// `name op "value"`, in selectors, label filters, drop and keep.
struct Matcher {
    std::string name;
    MatchOp op = MatchOp::kEqual;
    std::string value;
    Offset at = 0;
};

// --- stages of a log pipeline ---

enum class LineOp : uint8_t { kContains, kRegex, kPattern };

struct LineFilterTerm {
    std::string value;
    bool is_ip = false;  ///< ip("10.0.0.0/8")
    Offset at = 0;
};

/// `|= "a" or "b"`: any term; negated: none of them.
struct LineFilter {
    LineOp op = LineOp::kContains;
    bool negated = false;
    std::vector<LineFilterTerm> terms;
};

enum class CompareOp : uint8_t { kEqual, kNotEqual, kGreater, kGreaterEqual, kLess, kLessEqual };

struct LabelFilter;
using LabelFilterPtr = std::unique_ptr<LabelFilter>;

struct StringTest {
    Matcher matcher;
};

struct NumberTest {
    std::string name;
    CompareOp op = CompareOp::kEqual;
    double value = 0;
};

struct DurationTest {
    std::string name;
    CompareOp op = CompareOp::kEqual;
    int64_t value_ns = 0;
};

struct BytesTest {
    std::string name;
    CompareOp op = CompareOp::kEqual;
    uint64_t value_bytes = 0;
};

struct IpTest {
    std::string name;
    bool negated = false;
    std::string pattern;
};

struct BothTests {
    LabelFilterPtr left, right;
    bool is_or = false;
};

struct LabelFilter {
    Offset at = 0;
    std::variant<StringTest, NumberTest, DurationTest, BytesTest, IpTest, BothTests> test;
};

/// `name="expression"` of json and logfmt.
struct Extraction {
    std::string name;
    std::string expression;
    Offset at = 0;
};

struct JsonStage {
    std::vector<Extraction> extractions;  ///< empty: all fields
};

struct LogfmtStage {
    bool strict = false;
    bool keep_empty = false;
    std::vector<Extraction> extractions;
};

struct RegexpStage {
    std::string pattern;
};

struct PatternStage {
    std::string pattern;
};

struct UnpackStage {};

struct DecolorizeStage {};

struct LineFormatStage {
    std::string format;
};

struct LabelFormat {
    std::string name;
    bool is_rename = false;  ///< `name=other` moves; else `text` is a template
    std::string text;
    Offset at = 0;
};

struct LabelFormatStage {
    std::vector<LabelFormat> formats;
};

/// `drop a, b="x"` and `keep`; no value: whatever it is.
struct LabelChoice {
    std::string name;
    std::optional<Matcher> matcher;
};

struct DropStage {
    std::vector<LabelChoice> choices;
};

struct KeepStage {
    std::vector<LabelChoice> choices;
};

using StageKind = std::variant<
    LineFilter,
    LabelFilter,
    JsonStage,
    LogfmtStage,
    RegexpStage,
    PatternStage,
    UnpackStage,
    DecolorizeStage,
    LineFormatStage,
    LabelFormatStage,
    DropStage,
    KeepStage>;

struct Stage {
    Offset at = 0;
    Offset end = 0;  ///< text [at, end) is the stage as written
    StageKind kind;
};

struct LogExpr {
    Offset at = 0;
    std::vector<Matcher> matchers;
    std::vector<Stage> stages;
};

// --- metric queries ---

struct Expr;
using ExprPtr = std::unique_ptr<Expr>;

struct Grouping {
    bool without = false;
    std::vector<std::string> labels;
};

enum class RangeOp : uint8_t {
    kCount,
    kRate,
    kBytes,
    kBytesRate,
    kAbsent,
    kSum,
    kAvg,
    kMin,
    kMax,
    kStddev,
    kStdvar,
    kQuantile,
    kFirst,
    kLast,
    kRateCounter,
};

enum class UnwrapConversion : uint8_t { kNone, kBytes, kDuration };

struct Unwrap {
    std::string label;
    UnwrapConversion conversion = UnwrapConversion::kNone;
    bool in_seconds = false;     ///< written as duration_seconds()
    std::vector<Stage> filters;  ///< label filters after it
    Offset at = 0;
};

struct RangeAggregation {
    RangeOp op = RangeOp::kCount;
    std::optional<double> parameter;
    LogExpr log;
    std::optional<Unwrap> unwrap;
    int64_t range_ns = 0;
    int64_t offset_ns = 0;
    std::optional<Grouping> grouping;
};

enum class VectorOp : uint8_t {
    kSum,
    kMin,
    kMax,
    kAvg,
    kCount,
    kStddev,
    kStdvar,
    kTopk,
    kBottomk,
    kApproxTopk,
    kSort,
    kSortDesc,
};

struct VectorAggregation {
    VectorOp op = VectorOp::kSum;
    std::optional<int64_t> parameter;
    std::optional<Grouping> grouping;
    ExprPtr operand;
};

enum class BinaryOp : uint8_t {
    kOr,
    kAnd,
    kUnless,
    kAdd,
    kSub,
    kMul,
    kDiv,
    kMod,
    kPow,
    kEqual,
    kNotEqual,
    kGreater,
    kGreaterEqual,
    kLess,
    kLessEqual,
};

enum class MatchCardinality : uint8_t { kOneToOne, kManyToOne, kOneToMany };

struct VectorMatching {
    bool on = false;  ///< else: ignoring
    std::vector<std::string> labels;
    MatchCardinality cardinality = MatchCardinality::kOneToOne;
    std::vector<std::string> include;  ///< of group_left, group_right
};

struct BinaryExpr {
    BinaryOp op = BinaryOp::kAdd;
    bool return_bool = false;
    VectorMatching matching;
    ExprPtr left, right;
};

struct NumberLiteral {
    double value = 0;
};

/// vector(n)
struct VectorLiteral {
    double value = 0;
};

struct LabelReplace {
    ExprPtr operand;
    std::string destination, replacement, source, regex;
};

struct Expr {
    Offset at = 0;
    std::variant<
        LogExpr,
        RangeAggregation,
        VectorAggregation,
        BinaryExpr,
        NumberLiteral,
        VectorLiteral,
        LabelReplace>
        node;

    bool is_log() const { return std::holds_alternative<LogExpr>(node); }

    bool is_number() const { return std::holds_alternative<NumberLiteral>(node); }
};

}  // namespace seyir::logql
