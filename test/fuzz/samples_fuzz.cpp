// SPDX-License-Identifier: Apache-2.0
// Bodies of metric samples from a hostile peer: what decodes can be read to its last value, within
// its limits, and its table reads alone as it did inside.
#include <cstdint>
#include <cstdlib>

#include "common/samples/metric_samples.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace seyir::samples;
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    (void)decode_table(bytes);
    const auto decoded = decode_samples(bytes);
    if (!decoded) {
        return 0;
    }
    const auto table = decode_table(decoded->table);
    if (!table || table->series.size() != decoded->series_count ||
        decoded->series_count > kSeriesMax || decoded->rows.size() > kRowsMax) {
        std::abort();
    }
    size_t label_bytes = 0;
    for (const Series& series : table->series) {
        for (const Label& label : table->own_labels(series)) {
            label_bytes += label.name.size() + label.value.size();
        }
        label_bytes += table->families[series.family].name.size();
    }
    double sum = 0;
    for (const SampleRow& row : decoded->rows) {
        for (size_t i = 0; i < decoded->series_count; ++i) {
            sum += row.value(i);
        }
    }
    volatile double kept = sum + static_cast<double>(label_bytes);
    (void)kept;
    return 0;
}
