// SPDX-License-Identifier: Apache-2.0
#include "agent/app/dry_run_printer.hpp"

#include <utility>

#include <fmt/format.h>

#include "common/record/record_json.hpp"

namespace seyir::agent {
namespace {

std::string json_of(const RecordBatch& batch, uint32_t row) {
    std::string text;
    append_record_json(text, batch, row);
    return text;
}

}  // namespace

void DryRunPrinter::line(std::string_view stage, const std::string& text) {
    if (std::exchange(is_rest_, false)) {
        fmt::print(out_, "[end] what filters held until the end\n");
    }
    fmt::print(out_, "  {:<12} {}\n", stage, text);
}

void DryRunPrinter::begin(const std::string& input, const RecordBatch& record) {
    before_ = json_of(record, 0);
    fmt::print(out_, "[{}] {}\n", ++count_, input);
    line("read", before_);
}

void DryRunPrinter::begin_rest() {
    before_.clear();
    is_rest_ = true;
}

void DryRunPrinter::rows(
    std::string_view component, pipeline::TapSide side, const BatchView& view, std::string_view note
) {
    const auto output = arrived_.find(std::string(component));
    if (output != arrived_.end()) {
        if (side == pipeline::TapSide::kIn && view.row_count() > 0) {
            output->second += view.row_count();
            fmt::print(out_, "  -> {}\n", component);
        }
        return;
    }
    if (side == pipeline::TapSide::kFailed) {
        pending_.clear();
        line(component, fmt::format("failed: {}", note));
        return;
    }
    if (side == pipeline::TapSide::kIn) {
        end();
        if (view.row_count() > 0) {
            pending_ = component;
            before_ = json_of(*view.batch, view.rows.all ? 0 : view.rows.rows.front());
        }
        return;
    }
    for_each_row(view, [&](uint32_t row) {
        std::string after = json_of(*view.batch, row);
        line(component, after == before_ ? "unchanged" : after);
        pending_.clear();
    });
}

void DryRunPrinter::end() {
    if (!pending_.empty()) {
        ++dropped_[pending_];
        line(pending_, "gives nothing on");
        pending_.clear();
    }
}

}  // namespace seyir::agent
