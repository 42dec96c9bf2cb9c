// SPDX-License-Identifier: Apache-2.0
// Metric samples as bytes and back: a table of series, and rows of one value for each of them.
// Room: sans-IO; hosts make them, the wire and the store carry them, exports read them.
// Threads: functions are pure.   Errors: kCorrupt naming what and where, kTooLarge naming the
// limit. Ownership: what is decoded points into the bytes given. Format: docs/format/metrics.md
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/result.hpp"
#include "common/base/time.hpp"
#include "common/record/batch.hpp"

namespace seyir::samples {

/// Label of the stream whose rows are metric samples; no other input makes it.
inline constexpr const char* kStreamLabel = "__metrics__";

inline constexpr size_t kBodyBytesMax = 1024 * 1024;
inline constexpr size_t kSeriesMax = 16 * 1024;
inline constexpr size_t kRowsMax = 4096;
inline constexpr size_t kLabelsMax = 64;  ///< of one series, the common ones included
inline constexpr size_t kNameBytesMax = 255;
inline constexpr size_t kValueBytesMax = 2048;

/// True for a batch of samples: they pass by filters and `match`, which look at records.
inline bool is_metrics(const RecordBatch& batch) {
    return batch.streams().size() == 1 && !batch.streams()[0]->get(kStreamLabel).empty();
}

/// On the wire: never renumber.
enum class MetricType : uint8_t { kUnknown = 0, kCounter = 1, kGauge = 2 };

/// "counter", as in the OpenMetrics format.
std::string_view to_string(MetricType type);

struct Label {
    std::string_view name;
    std::string_view value;

    bool operator==(const Label&) const = default;
};

/// Series of one name.
struct Family {
    std::string_view name;
    MetricType type = MetricType::kUnknown;
    uint32_t first_series = 0;
    uint32_t series_count = 0;
};

struct Series {
    uint32_t family = 0;
    uint32_t first_label = 0;  ///< of its own labels, in MetricTable::labels
    uint32_t label_count = 0;
};

/// Series by the place of their value in a row.
struct MetricTable {
    uint32_t common_count = 0;  ///< the first of `labels` are those of every series
    std::vector<Label> labels;
    std::vector<Family> families;
    std::vector<Series> series;

    std::span<const Label> common() const { return std::span(labels).first(common_count); }

    std::span<const Label> own_labels(const Series& one) const {
        return std::span(labels).subspan(one.first_label, one.label_count);
    }
};

struct SampleRow {
    UnixNanos ts;
    std::string_view values;  ///< 8 bytes each, little-endian IEEE 754

    double value(size_t series) const;
};

struct MetricSamples {
    std::string_view table;  ///< bytes; decode_table() reads them
    uint32_t series_count = 0;
    std::vector<SampleRow> rows;
};

/// Checks the table too: every name, label and limit, and that no series is there twice.
Result<MetricSamples> decode_samples(std::string_view body);

/// A table by itself, as the store keeps it.
Result<MetricTable> decode_table(std::string_view bytes);

bool is_metric_name(std::string_view name);

/// Writes a table and one row at a time; keeps its buffers, so that nothing is allocated once they
/// have their size. Threads: one owner.
class SampleWriter {
  public:
    /// Labels of every series; names must be label names and values UTF-8 (else they are left out).
    explicit SampleWriter(std::vector<std::pair<std::string, std::string>> common);

    /// Begins a new table and row.
    void clear();
    /// One without a sample is left out.
    void family(std::string_view name, MetricType type);
    /// A value of a series of the last family; bytes of `labels` that are not UTF-8 become '?'.
    void sample(std::span<const Label> labels, double value);

    size_t series_count() const { return values_.size(); }

    /// The body with the one row of `ts`; valid until the next call.
    std::string_view finish(UnixNanos ts);

  private:
    void end_family();
    void append_label(const Label& label);

    std::string head_;  ///< the common labels
    std::string table_;
    std::vector<double> values_;
    std::string body_;
    std::string family_;  ///< its head, until its first sample
    bool in_family_ = false;
};

}  // namespace seyir::samples
