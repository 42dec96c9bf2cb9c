// SPDX-License-Identifier: Apache-2.0
// | status >= 500 and (method="GET" or latency < 250ms). A value that cannot be read as the unit
// asked for sets __error__="LabelFilterErr" and passes, as in Loki.
#include "common/logql/compare.hpp"
#include "common/logql/matcher.hpp"
#include "common/logql/stage/stage_op.hpp"
#include "common/logql/text/ip_match.hpp"
#include "common/logql/text/quantity.hpp"

namespace seyir::logql {
namespace {

class StringOp final : public StageOp {
  public:
    explicit StringOp(CompiledMatcher matcher) : matcher_(std::move(matcher)) {}

    bool apply(ScratchRow& row) const override {
        return matcher_.matches(row.get_or_empty(matcher_.name()));
    }

  private:
    CompiledMatcher matcher_;
};

/// Numbers, durations and sizes: Parse reads the label's text, nothing when it is none.
template <class T, auto kParse, auto kWhyNot>
class QuantityOp final : public StageOp {
  public:
    QuantityOp(std::string name, CompareOp op, T value)
        : name_(std::move(name)), op_(op), value_(value) {}

    bool apply(ScratchRow& row) const override {
        if (row.has_error()) {
            return true;  // only string tests may drop a row with an error
        }
        const auto text = row.get(name_);
        if (!text) {
            return false;
        }
        const auto value = kParse(*text);
        if (!value) {
            row.set_error("LabelFilterErr", kWhyNot(*text));
            return true;
        }
        return compare<T>(*value, op_, value_);
    }

  private:
    std::string name_;
    CompareOp op_;
    T value_;
};

std::optional<int64_t> parse_duration(std::string_view text) {
    return parse_duration_ns(text);
}

class IpOp final : public StageOp {
  public:
    IpOp(std::string name, bool negated, IpMatcher matcher)
        : name_(std::move(name)), negated_(negated), matcher_(matcher) {}

    bool apply(ScratchRow& row) const override {
        if (row.has_error()) {
            return true;
        }
        const auto text = row.get(name_);
        return text && matcher_.found_in(*text) != negated_;
    }

  private:
    std::string name_;
    bool negated_;
    IpMatcher matcher_;
};

class BothOp final : public StageOp {
  public:
    BothOp(StageOpPtr left, StageOpPtr right, bool is_or)
        : left_(std::move(left)), right_(std::move(right)), is_or_(is_or) {}

    bool apply(ScratchRow& row) const override {
        const bool left = left_->apply(row);
        return left == is_or_ ? left : right_->apply(row);
    }

  private:
    StageOpPtr left_, right_;
    bool is_or_;
};

}  // namespace

Result<StageOpPtr> make_stage(const LabelFilter& stage) {
    if (const auto* text = std::get_if<StringTest>(&stage.test)) {
        SEYIR_TRY(auto matcher, CompiledMatcher::compile(text->matcher));
        return StageOpPtr(std::make_unique<StringOp>(std::move(matcher)));
    }
    if (const auto* number = std::get_if<NumberTest>(&stage.test)) {
        using Op = QuantityOp<double, parse_number, number_error>;
        return StageOpPtr(std::make_unique<Op>(number->name, number->op, number->value));
    }
    if (const auto* duration = std::get_if<DurationTest>(&stage.test)) {
        using Op = QuantityOp<int64_t, parse_duration, duration_error>;
        return StageOpPtr(std::make_unique<Op>(duration->name, duration->op, duration->value_ns));
    }
    if (const auto* bytes = std::get_if<BytesTest>(&stage.test)) {
        using Op = QuantityOp<uint64_t, parse_byte_size, byte_size_error>;
        return StageOpPtr(std::make_unique<Op>(bytes->name, bytes->op, bytes->value_bytes));
    }
    if (const auto* ip = std::get_if<IpTest>(&stage.test)) {
        SEYIR_TRY(auto matcher, IpMatcher::compile(ip->pattern));
        return StageOpPtr(std::make_unique<IpOp>(ip->name, ip->negated, matcher));
    }
    const auto& both = std::get<BothTests>(stage.test);
    SEYIR_TRY(auto left, make_stage(*both.left));
    SEYIR_TRY(auto right, make_stage(*both.right));
    return StageOpPtr(std::make_unique<BothOp>(std::move(left), std::move(right), both.is_or));
}

}  // namespace seyir::logql
