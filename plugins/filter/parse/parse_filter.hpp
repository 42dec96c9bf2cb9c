// SPDX-License-Identifier: Apache-2.0
// Filter type `parse`: fields of a record as attributes, its time, severity and trace.
// Room: BatchView -> BatchView with the same rows in the same order.
// Promise: bodies are never changed; a record that does not fit is never lost: `on_error` decides.
// Fields are scratch of this program (Attr::is_parsed) unless promoted.
// Threads: one instance a worker; the plan is immutable.
// Errors: misses and left-out fields are counted by reason (seyir_parse_*).
#pragma once

#include <memory>

#include "common/component/types.hpp"
#include "common/record/batch_editor.hpp"
#include "plugins/filter/parse/parser_factory.hpp"
#include "plugins/filter/parse/row_stamp.hpp"

namespace seyir::plugins {

component::FilterType parse_filter_type();

}  // namespace seyir::plugins

namespace seyir::plugins::parse {

/// Parses rows of batches one by one: what the filter and `seyir parse try` share.
class RowParser {
  public:
    RowParser(const Options& options, std::unique_ptr<LineParser> parser, TimeZone zone);

    void begin_batch(BatchEditor& edit);
    /// Changes the row; not at all when it gives a Miss.
    std::optional<Miss> parse(BatchEditor& edit, size_t row);

    FieldWriter& fields() { return fields_; }

    RowStamp& stamp() { return stamp_; }

  private:
    std::string from_;
    std::unique_ptr<LineParser> parser_;
    FieldWriter fields_;
    RowStamp stamp_;
    std::optional<KeyIndex> from_key_;
};

/// Reads what a configuration names (patterns, zone) and makes one.
Result<RowParser> make_row_parser(const Options& options, io::FileSystem& files);

}  // namespace seyir::plugins::parse
