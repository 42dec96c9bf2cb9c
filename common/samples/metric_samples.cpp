// SPDX-License-Identifier: Apache-2.0
#include "common/samples/metric_samples.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>

#include <fmt/format.h>

#include "common/base/text.hpp"
#include "common/codec/bytes.hpp"

namespace seyir::samples {
namespace {

constexpr std::string_view kMagic = "SM";
constexpr uint8_t kVersion = 1;

bool is_name_start(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool is_name(std::string_view name, bool may_have_colons) {
    if (name.empty() || name.size() > kNameBytesMax) {
        return false;
    }
    for (size_t i = 0; i < name.size(); ++i) {
        const char c = name[i];
        const bool is_digit = c >= '0' && c <= '9' && i > 0;
        if (!is_name_start(c) && !is_digit && !(c == ':' && may_have_colons)) {
            return false;
        }
    }
    return true;
}

/// Names with two underscores in front belong to Prometheus itself.
bool is_label_name(std::string_view name) {
    return is_name(name, false) && !name.starts_with("__");
}

class TableReader {
  public:
    explicit TableReader(std::string_view bytes) : from_(bytes) {}

    Result<MetricTable> read() {
        const uint64_t common = from_.varint_up_to(kLabelsMax);
        for (uint64_t i = 0; i < common && from_.ok(); ++i) {
            SEYIR_CHECK(read_label(0));
        }
        table_.common_count = static_cast<uint32_t>(table_.labels.size());
        while (from_.ok() && from_.left() > 0) {
            SEYIR_CHECK(read_family());
        }
        if (!from_.ok()) {
            return bad("it ends too early or a length is beyond its limit");
        }
        SEYIR_CHECK(find_doubles());
        return std::move(table_);
    }

  private:
    Error bad(std::string_view what) const {
        return fail(
            ErrorCode::kCorrupt, fmt::format("metric table, byte {}: {}", from_.offset(), what)
        );
    }

    /// `first`: of the labels it stands among.
    Result<void> read_label(size_t first) {
        const Label label{from_.text(kNameBytesMax), from_.text(kValueBytesMax)};
        if (!from_.ok()) {
            return {};  // read() says so
        }
        if (!is_label_name(label.name)) {
            return bad("not a label name");
        }
        if (!is_utf8(label.value)) {
            return bad("a label value is not UTF-8");
        }
        const auto same = [&](const Label& other) { return other.name == label.name; };
        const std::span all(table_.labels);
        if (std::ranges::any_of(all.first(table_.common_count), same) ||
            std::ranges::any_of(all.subspan(first), same)) {
            return bad("a label twice");
        }
        table_.labels.push_back(label);
        return {};
    }

    Result<void> read_family() {
        Family family;
        family.name = from_.text(kNameBytesMax);
        const uint8_t type = from_.u8();
        if (!from_.ok() || !is_metric_name(family.name)) {
            return from_.ok() ? Result<void>(bad("not a metric name")) : Result<void>();
        }
        // A type of a later version is still a number to show.
        family.type = type <= 2 ? static_cast<MetricType>(type) : MetricType::kUnknown;
        family.first_series = static_cast<uint32_t>(table_.series.size());
        const auto index = static_cast<uint32_t>(table_.families.size());
        while (true) {
            const uint64_t count = from_.varint_up_to(kLabelsMax - table_.common_count + 1);
            if (!from_.ok() || count == 0) {
                break;
            }
            if (table_.series.size() == kSeriesMax) {
                return fail(
                    ErrorCode::kTooLarge,
                    fmt::format("metric table: more than {} series", kSeriesMax)
                );
            }
            const size_t first = table_.labels.size();
            for (uint64_t i = 1; i < count && from_.ok(); ++i) {
                SEYIR_CHECK(read_label(first));
            }
            table_.series.push_back(
                {index, static_cast<uint32_t>(first), static_cast<uint32_t>(count - 1)}
            );
        }
        family.series_count = static_cast<uint32_t>(table_.series.size()) - family.first_series;
        if (from_.ok() && family.series_count == 0) {
            return bad("a name without series");
        }
        table_.families.push_back(family);
        return {};
    }

    Result<void> find_doubles() {
        std::vector<std::string_view> names;
        names.reserve(table_.families.size());
        for (const Family& family : table_.families) {
            names.push_back(family.name);
        }
        std::ranges::sort(names);
        if (std::ranges::adjacent_find(names) != names.end()) {
            return bad("a metric name twice");
        }
        std::vector<std::string> labels;  // one text for each series: sorted, so order is no matter
        for (const Family& family : table_.families) {
            labels.clear();
            for (uint32_t i = 0; i < family.series_count && family.series_count > 1; ++i) {
                labels.push_back(sorted_labels(table_.series[family.first_series + i]));
            }
            std::ranges::sort(labels);
            if (std::ranges::adjacent_find(labels) != labels.end()) {
                return bad("a series twice");
            }
        }
        return {};
    }

    std::string sorted_labels(const Series& series) const {
        const auto own = table_.own_labels(series);
        std::vector<Label> sorted(own.begin(), own.end());
        std::ranges::sort(sorted, {}, &Label::name);
        std::string out;
        for (const Label& label : sorted) {
            if (label.value.empty()) {
                continue;  // the same series as one without it
            }
            codec::append_text(out, label.name);
            codec::append_text(out, label.value);
        }
        return out;
    }

    codec::Reader from_;
    MetricTable table_;
};

}  // namespace

std::string_view to_string(MetricType type) {
    switch (type) {
        case MetricType::kCounter:
            return "counter";
        case MetricType::kGauge:
            return "gauge";
        case MetricType::kUnknown:
            break;
    }
    return "unknown";
}

bool is_metric_name(std::string_view name) {
    return is_name(name, true);
}

double SampleRow::value(size_t series) const {
    uint64_t bits = 0;
    std::memcpy(&bits, values.data() + series * sizeof bits, sizeof bits);
    return std::bit_cast<double>(bits);
}

Result<MetricTable> decode_table(std::string_view bytes) {
    return TableReader(bytes).read();
}

Result<MetricSamples> decode_samples(std::string_view body) {
    if (body.size() > kBodyBytesMax) {
        return fail(
            ErrorCode::kTooLarge,
            fmt::format("metric samples of {} bytes; {} are allowed", body.size(), kBodyBytesMax)
        );
    }
    codec::Reader from(body);
    const std::string_view magic = from.bytes(2);
    const uint8_t version = from.u8();
    (void)from.u8();
    const auto table_bytes = from.le<uint32_t>();
    if (!from.ok() || magic != kMagic) {
        return fail(ErrorCode::kCorrupt, "not metric samples");
    }
    if (version != kVersion) {
        return fail(ErrorCode::kUnsupported, fmt::format("metric samples of version {}", version));
    }
    MetricSamples out;
    out.table = from.bytes(table_bytes);
    if (!from.ok()) {
        return fail(ErrorCode::kCorrupt, "metric samples end within their table");
    }
    SEYIR_TRY(const MetricTable table, decode_table(out.table));
    out.series_count = static_cast<uint32_t>(table.series.size());
    const uint64_t rows = from.varint_up_to(kRowsMax);
    int64_t ts = 0;
    for (uint64_t i = 0; i < rows && from.ok(); ++i) {
        // Wraps instead of overflowing, as any number of a peer may.
        ts = static_cast<int64_t>(
            static_cast<uint64_t>(ts) + static_cast<uint64_t>(codec::unzigzag(from.varint()))
        );
        out.rows.push_back({{ts}, from.bytes(size_t{out.series_count} * sizeof(double))});
    }
    if (!from.ok() || from.left() > 0) {
        return fail(
            ErrorCode::kCorrupt,
            fmt::format("metric samples, byte {}: the rows do not fill them", from.offset())
        );
    }
    return out;
}

SampleWriter::SampleWriter(std::vector<std::pair<std::string, std::string>> common) {
    std::vector<Label> good;
    for (const auto& [name, value] : common) {
        if (is_label_name(name) && good.size() < kLabelsMax / 2) {
            good.push_back({name, value});
        }
    }
    codec::append_varint(table_, good.size());
    for (const Label& label : good) {
        append_label(label);
    }
    head_.swap(table_);
    clear();
}

void SampleWriter::clear() {
    table_.assign(head_);
    values_.clear();
    in_family_ = false;
}

void SampleWriter::end_family() {
    if (in_family_) {
        codec::append_varint(table_, 0);
    }
    in_family_ = false;
}

void SampleWriter::family(std::string_view name, MetricType type) {
    end_family();
    family_.clear();
    codec::append_text(family_, name);
    family_ += static_cast<char>(type);
}

void SampleWriter::append_label(const Label& label) {
    codec::append_text(table_, label.name);
    const std::string_view value = label.value.substr(0, kValueBytesMax);
    if (is_utf8(value)) {
        codec::append_text(table_, value);
        return;
    }
    codec::append_varint(table_, value.size());
    for (const char c : value) {
        table_ += static_cast<unsigned char>(c) < 0x80 ? c : '?';
    }
}

void SampleWriter::sample(std::span<const Label> labels, double value) {
    if (!in_family_) {
        table_ += family_;
        in_family_ = true;
    }
    codec::append_varint(table_, labels.size() + 1);
    for (const Label& label : labels) {
        append_label(label);
    }
    values_.push_back(value);
}

std::string_view SampleWriter::finish(UnixNanos ts) {
    end_family();
    body_.assign(kMagic);
    body_ += static_cast<char>(kVersion);
    body_ += '\0';
    codec::append_le(body_, static_cast<uint32_t>(table_.size()));
    body_ += table_;
    codec::append_varint(body_, 1);
    codec::append_varint(body_, codec::zigzag(ts.value));
    for (const double value : values_) {
        codec::append_le(body_, std::bit_cast<uint64_t>(value));
    }
    return body_;
}

}  // namespace seyir::samples
