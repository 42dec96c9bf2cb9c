// SPDX-License-Identifier: Apache-2.0
#include "collector/store/columns/encode/value_encoder.hpp"

#include <algorithm>
#include <unordered_map>

#include "collector/store/columns/encode/candidates.hpp"
#include "collector/store/columns/encode/table_encoder.hpp"
#include "collector/store/columns/text/same_text.hpp"

namespace seyir::store::columns {
namespace {

constexpr size_t kSampleMax = 1024;
constexpr size_t kDictMax = 65'536;
/// Grown by so much, a column is looked at anew.
constexpr double kDriftFactor = 1.3;
constexpr double kDriftBytes = 0.2;

/// Values that do not fit a form, by place.
class Exceptions {
  public:
    explicit Exceptions(size_t values) : max_(values / 4) {}

    /// False when there are too many.
    bool add(size_t at, std::string_view text) {
        codec::append_varint(bytes_, at - last_);
        codec::append_text(bytes_, text);
        last_ = at;
        return ++count_ <= max_;
    }

    void finish(std::string& out, Encoding encoding, Packer& packer) const {
        const auto id = static_cast<uint8_t>(encoding);
        out += static_cast<char>(count_ == 0 ? id : id | kHasExceptions);
        if (count_ > 0) {
            codec::append_varint(out, count_);
            packer.append_sized(out, bytes_);
        }
    }

  private:
    std::string bytes_;
    size_t max_;
    size_t count_ = 0;
    size_t last_ = 0;
};

}  // namespace

ColumnPlan::ColumnPlan() = default;
ColumnPlan::ColumnPlan(ColumnPlan&&) noexcept = default;
ColumnPlan& ColumnPlan::operator=(ColumnPlan&&) noexcept = default;
ColumnPlan::~ColumnPlan() = default;

void ValueEncoder::emit(Values values) const {
    if (pieces == nullptr) {
        return;
    }
    std::string_view last;
    for (const std::string_view value : values) {
        if (!is_same(value, last)) {
            (*pieces)(value);
            last = value;
        }
    }
}

void ValueEncoder::encode(
    Values values, const EncodeContext& context, ColumnPlan& plan, std::string& out
) {
    const std::string_view first = values.front();
    if (std::ranges::all_of(values, [&](std::string_view value) {
            return is_same(value, first);
        })) {
        out += static_cast<char>(Encoding::kConst);
        codec::append_text(out, first);
        emit(values.first(1));
        return;
    }
    const size_t before = out.size();
    if (plan.is_decided) {
        const bool fits = by_plan(values, context, plan, out);
        const double each =
            static_cast<double>(out.size() - before) / static_cast<double>(values.size());
        if (fits && (each <= plan.bytes_per_value * kDriftFactor + kDriftBytes ||
                     values.size() < kSampleMax / 8)) {
            return;
        }
        out.resize(before);
    }
    decide(values, context, plan);
    if (!by_plan(values, context, plan, out)) {
        // What fitted the sample does not fit the whole.
        out.resize(before);
        plan = {};
        plan.is_decided = true;
        (void)by_plan(values, context, plan, out);
    }
    plan.bytes_per_value =
        static_cast<double>(out.size() - before) / static_cast<double>(values.size());
}

bool ValueEncoder::by_plan(
    Values values, const EncodeContext& context, ColumnPlan& plan, std::string& out
) {
    switch (plan.encoding) {
        case Encoding::kScalar:
            return scalar(values, context, plan, out);
        case Encoding::kBytes:
            return bytes(values, plan, out);
        case Encoding::kAffix:
            return affix(values, context, plan, out);
        case Encoding::kDict:
            return dict(values, context, plan, out);
        case Encoding::kTable:
            TableEncoder(*this).encode_nested(values, context, *plan.table, out);
            return true;
        default:
            plain(values, out);
            return true;
    }
}

/// Each candidate on a sample; the smallest wins.
void ValueEncoder::decide(Values values, const EncodeContext& context, ColumnPlan& plan) {
    PieceSink* const kept = std::exchange(pieces, nullptr);
    const int level_min = std::exchange(packer.level_min, 0);
    const size_t sample = std::min(values.size(), kSampleMax);
    EncodeContext sampled = context;
    sampled.times = context.times.first(std::min(context.times.size(), sample));
    std::vector<KnownColumn> known(context.known.begin(), context.known.end());
    for (KnownColumn& column : known) {
        column.values = column.values.first(sample);
    }
    sampled.known = known;
    size_t smallest = SIZE_MAX;
    for (ColumnPlan& candidate : candidates(values.first(sample), sampled)) {
        std::string bytes;
        if (by_plan(values.first(sample), sampled, candidate, bytes) && bytes.size() < smallest) {
            smallest = bytes.size();
            plan = std::move(candidate);
        }
    }
    plan.is_decided = true;
    pieces = kept;
    packer.level_min = level_min;
}

bool ValueEncoder::scalar(
    Values values, const EncodeContext& context, ColumnPlan& plan, std::string& out
) {
    Exceptions exceptions(values.size());
    std::vector<int64_t> numbers(values.size());
    int64_t last = 0;
    std::string_view last_text;  // a text of the form, whose number is `last`
    for (size_t i = 0; i < values.size(); ++i) {
        if (const auto number = plan.form.parse_near(values[i], last_text, last)) {
            last = *number;
            last_text = values[i];
        } else if (!exceptions.add(i, values[i])) {
            return false;
        }
        numbers[i] = last;
    }
    exceptions.finish(out, Encoding::kScalar, packer);
    append_form(out, plan.form);
    IntTimes times{context.times, 1};
    if (plan.form.layout) {
        times.unit_ns = plan.form.layout->unit_ns();
    } else {
        times.of_value = {};
    }
    plan.transform = append_ints(out, numbers, times, plan.transform, packer);
    emit(values);
    return true;
}

bool ValueEncoder::bytes(Values values, ColumnPlan& plan, std::string& out) {
    Exceptions exceptions(values.size());
    std::string records;
    records.reserve(values.size() * plan.form.byte_width());
    for (size_t i = 0; i < values.size(); ++i) {
        if (!plan.form.parse_bytes(values[i], records)) {
            records.append(plan.form.byte_width(), '\0');
            if (!exceptions.add(i, values[i])) {
                return false;
            }
        }
    }
    exceptions.finish(out, Encoding::kBytes, packer);
    append_form(out, plan.form);
    append_planes(out, records, plan.form.byte_width(), packer);
    emit(values);
    return true;
}

bool ValueEncoder::affix(
    Values values, const EncodeContext& context, ColumnPlan& plan, std::string& out
) {
    Exceptions exceptions(values.size());
    std::vector<std::string_view> inner;
    inner.reserve(values.size());
    const size_t around = plan.prefix.size() + plan.suffix.size();
    for (size_t i = 0; i < values.size(); ++i) {
        const std::string_view value = values[i];
        const bool fits = value.size() >= around && value.starts_with(plan.prefix) &&
                          value.ends_with(plan.suffix);
        if (!fits && !exceptions.add(i, value)) {
            return false;
        }
        if (fits) {
            inner.push_back(value.substr(plan.prefix.size(), value.size() - around));
        } else {
            inner.push_back(inner.empty() ? std::string_view() : inner.back());
        }
    }
    exceptions.finish(out, Encoding::kAffix, packer);
    codec::append_text(out, plan.prefix);
    codec::append_text(out, plan.suffix);
    // What a filter indexes is the whole value: the cut may lie within a run.
    PieceSink* const kept = std::exchange(pieces, nullptr);
    EncodeContext deeper = context;
    deeper.known = {};
    ++deeper.depth;
    encode(inner, deeper, *plan.inner, out);
    pieces = kept;
    emit(values);
    return true;
}

bool ValueEncoder::dict(
    Values values, const EncodeContext& context, ColumnPlan& plan, std::string& out
) {
    std::unordered_map<std::string_view, int64_t> numbers;
    std::vector<std::string_view> distinct;
    std::vector<int64_t> ids;
    ids.reserve(values.size());
    for (const std::string_view value : values) {
        if (!ids.empty() && is_same(value, distinct[static_cast<size_t>(ids.back())])) {
            ids.push_back(ids.back());
            continue;
        }
        const auto [at, is_new] = numbers.try_emplace(value, distinct.size());
        if (is_new) {
            distinct.push_back(value);
            if (distinct.size() > std::min(kDictMax, values.size() / 2 + 1)) {
                return false;
            }
        }
        ids.push_back(at->second);
    }
    out += static_cast<char>(Encoding::kDict);
    codec::append_varint(out, distinct.size());
    EncodeContext deeper;
    deeper.depth = context.depth + 1;
    deeper.may_have_dict = false;
    encode(distinct, deeper, *plan.inner, out);
    plan.transform = append_ints(out, ids, {}, plan.transform, packer);
    return true;
}

void ValueEncoder::plain(Values values, std::string& out) {
    out += static_cast<char>(Encoding::kPlain);
    std::vector<int64_t> sizes;
    std::string text;
    sizes.reserve(values.size());
    for (const std::string_view value : values) {
        sizes.push_back(static_cast<int64_t>(value.size()));
        text += value;
    }
    append_ints(out, sizes, {}, IntTransform::kNone, packer);
    packer.append(out, text);
    emit(values);
}

}  // namespace seyir::store::columns
