// SPDX-License-Identifier: Apache-2.0
// DryRunPrinter: a record and what each stage made of it, as text.
// Room: Tap -> lines.   Threads: one at a time (the dry run's lock).
#pragma once

#include <cstdint>
#include <cstdio>
#include <map>
#include <string>

#include "common/pipeline/tap.hpp"

namespace seyir::agent {

class DryRunPrinter final : public pipeline::Tap {
  public:
    explicit DryRunPrinter(std::FILE* out) : out_(out) {}

    /// The record that the next calls of rows() are about.
    void begin(const std::string& input, const RecordBatch& record);
    /// What filters held until now.
    void begin_rest();

    bool wants(std::string_view, pipeline::TapSide) const noexcept override { return true; }

    void rows(
        std::string_view component,
        pipeline::TapSide side,
        const BatchView& view,
        std::string_view note
    ) override;
    /// Ends the record: names a filter that gave nothing on.
    void end();

    /// By filter: records it gave nothing for; by output: records it would get.
    const std::map<std::string, uint64_t>& dropped() const { return dropped_; }

    const std::map<std::string, uint64_t>& arrived() const { return arrived_; }

    /// Names that are outputs: what they get ends there.
    void add_output(const std::string& id) { arrived_[id] = 0; }

  private:
    void line(std::string_view stage, const std::string& text);

    std::FILE* out_;
    uint64_t count_ = 0;
    bool is_rest_ = false;
    std::string before_;   ///< the record as the last stage left it
    std::string pending_;  ///< a filter that got rows and gave none yet
    std::map<std::string, uint64_t> dropped_;
    std::map<std::string, uint64_t> arrived_;
};

}  // namespace seyir::agent
