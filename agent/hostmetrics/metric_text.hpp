// SPDX-License-Identifier: Apache-2.0
// MetricText: writes Prometheus text, or samples to send, into buffers that are kept from sample to
// sample.
// Threads: one owner.   Cost: no allocation once the buffer has its size.
// Format: Prometheus text exposition 0.0.4.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "common/samples/metric_samples.hpp"

namespace seyir::agent::hostmetrics {

using LabelViews = std::initializer_list<samples::Label>;

class MetricText {
  public:
    /// Samples go to `writer` instead of becoming text; it outlives this object.
    void write_to(samples::SampleWriter* writer) { writer_ = writer; }

    void clear() {
        out_.clear();
        series_ = 0;
        if (writer_ != nullptr) {
            writer_->clear();
        }
    }

    size_t series_count() const { return series_; }

    std::string_view text() const { return out_; }

    /// HELP and TYPE; samples of this name follow.
    void family(std::string_view name, std::string_view type, std::string_view help);
    void sample(LabelViews labels, uint64_t value);
    void sample(LabelViews labels, double value);
    /// `value` / `divisor` (a power of ten) with all its digits: jiffies and microseconds as
    /// seconds.
    void sample_fraction(LabelViews labels, uint64_t value, uint64_t divisor);

    /// One name, one sample.
    template <class T>
    void single(std::string_view name, std::string_view type, std::string_view help, T value) {
        family(name, type, help);
        sample({}, value);
    }

    /// Joins into the name of the next family, e.g. "node_memory_" + field + "_bytes"; valid until
    /// the next call.
    std::string_view joined(std::string_view a, std::string_view b, std::string_view c = {});

  private:
    void head(LabelViews labels);

    samples::SampleWriter* writer_ = nullptr;
    size_t series_ = 0;
    std::string out_;
    std::string name_;
    std::string joined_;
};

}  // namespace seyir::agent::hostmetrics
