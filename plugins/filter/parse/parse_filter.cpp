// SPDX-License-Identifier: Apache-2.0
#include "plugins/filter/parse/parse_filter.hpp"

#include <map>

namespace seyir::plugins::parse {
namespace {

/// By reason, looked up once.
class Counters {
  public:
    explicit Counters(const component::RunContext& context)
        : registry_(context.registry),
          id_(context.id),
          parsed_(registry_.counter(
              "seyir_parse_rows_total", "Records a parse filter read fields of.", {{"filter", id_}}
          )),
          clamped_(registry_.counter(
              "seyir_parse_times_clamped_total",
              "Times beyond the bounds; the record kept the time it was read at.",
              {{"filter", id_}}
          )) {}

    void parsed(uint64_t rows) { parsed_.add(rows); }

    void miss(std::string_view code, uint64_t rows) {
        auto at = misses_.find(code);
        if (at == misses_.end()) {
            auto& counter = registry_.counter(
                "seyir_parse_misses_total",
                "Records that are not of the format, by reason.",
                {{"filter", id_}, {"reason", std::string(code)}}
            );
            at = misses_.emplace(code, &counter).first;
        }
        at->second->add(rows);
    }

    void lost(std::string_view reason, uint64_t fields) {
        if (fields == 0) {
            return;
        }
        auto at = lost_.find(reason);
        if (at == lost_.end()) {
            auto& counter = registry_.counter(
                "seyir_parse_fields_lost_total",
                "Fields left out, or not of the type asked for, by reason.",
                {{"filter", id_}, {"reason", std::string(reason)}}
            );
            at = lost_.emplace(reason, &counter).first;
        }
        at->second->add(fields);
    }

    void take(RowParser& parser) {
        const auto losses = parser.fields().take_losses();
        for (size_t i = 0; i < losses.size(); ++i) {
            lost(kFieldLossNames[i], losses[i]);
        }
        const auto counts = parser.stamp().take_counts();
        clamped_.add(counts.clamped);
        lost("bad_time", counts.bad_time);
        lost("bad_level", counts.bad_level);
        lost("bad_trace", counts.bad_trace);
    }

  private:
    metrics::Registry& registry_;
    std::string id_;
    metrics::Counter& parsed_;
    metrics::Counter& clamped_;
    std::map<std::string_view, metrics::Counter*> misses_;  // codes are static
    std::map<std::string_view, metrics::Counter*> lost_;
};

class ParseFilter final : public pipeline::Filter {
  public:
    ParseFilter(RowParser parser, Counters counters, component::OnError on_error)
        : parser_(std::move(parser)), counters_(std::move(counters)), on_error_(on_error) {}

    Result<void> process(BatchView view, pipeline::FilterSink& sink) override {
        BatchEditor edit(std::move(view));
        parser_.begin_batch(edit);
        missed_.clear();
        const auto rows = static_cast<uint32_t>(edit.row_count());
        for (uint32_t row = 0; row < rows; ++row) {
            if (const auto miss = parser_.parse(edit, row)) {
                missed_.push_back({row, *miss});
                counters_.miss(miss->code, 1);
            }
        }
        counters_.parsed(rows - missed_.size());
        counters_.take(parser_);
        // Records that are kept stay where they are among the others; they were not changed.
        if (missed_.empty() || on_error_ == component::OnError::kKeep) {
            sink.emit(std::move(edit).finish());
        } else {
            emit_parts(std::move(edit).finish(), rows, sink);
        }
        return {};
    }

  private:
    struct Missed {
        uint32_t row;
        Miss miss;
    };

    void emit_parts(const BatchView& all, uint32_t rows, pipeline::FilterSink& sink) {
        std::vector<uint32_t> good;
        std::map<std::string_view, std::pair<std::string_view, std::vector<uint32_t>>> bad;
        auto next = missed_.begin();
        for (uint32_t row = 0; row < rows; ++row) {
            if (next == missed_.end() || next->row != row) {
                good.push_back(row);
                continue;
            }
            auto& [message, of_code] = bad[next->miss.code];
            message = next->miss.message;
            of_code.push_back(row);
            ++next;
        }
        if (!good.empty()) {
            sink.emit({all.batch, Selection::of(std::move(good))});
        }
        for (auto& [code, part] : bad) {
            sink.fail({all.batch, Selection::of(std::move(part.second))}, code, part.first);
        }
    }

    RowParser parser_;
    Counters counters_;
    component::OnError on_error_;
    std::vector<Missed> missed_;
};

class ParsePlan final : public component::FilterPlan {
  public:
    explicit ParsePlan(Options options) : options_(std::move(options)) {}

    Result<std::unique_ptr<pipeline::Filter>> instantiate(const component::RunContext& context
    ) override {
        SEYIR_TRY(auto parser, make_row_parser(options_, context.files));
        return std::unique_ptr<pipeline::Filter>(
            std::make_unique<ParseFilter>(std::move(parser), Counters(context), options_.on_error)
        );
    }

  private:
    Options options_;
};

component::FilterPlanPtr plan(const config::ObjectReader& r, component::PlanContext& context) {
    auto options = read_options(r, context);
    if (!options) {
        return nullptr;
    }
    // Pattern files are only looked at where the machine may be; then instantiate() reads them.
    if (options->patterns_dirs.empty() || context.checks.files != nullptr) {
        io::FileSystem& files =
            context.checks.files != nullptr ? *context.checks.files : io::posix_file_system();
        if (const auto factory = ParserFactory::make(*options, files); !factory) {
            component::add_value_error(context, r, "pattern", config::kNotAllowed, factory.error());
            return nullptr;
        }
    }
    return std::make_shared<ParsePlan>(*std::move(options));
}

}  // namespace

RowParser::RowParser(const Options& options, std::unique_ptr<LineParser> parser, TimeZone zone)
    : from_(options.from),
      parser_(std::move(parser)),
      fields_(options.rules),
      stamp_(options, std::move(zone)) {}

void RowParser::begin_batch(BatchEditor& edit) {
    fields_.begin_batch(edit.batch());
    from_key_ = from_.empty() ? std::nullopt : edit.batch().find_key(from_);
}

std::optional<Miss> RowParser::parse(BatchEditor& edit, size_t row) {
    RecordBatch& batch = edit.batch();
    Slice text = batch.body(row);
    if (!from_.empty()) {
        const Value* value = from_key_ ? batch.find_attr(row, *from_key_) : nullptr;
        if (value == nullptr) {
            return Miss{"no_field", "the record has no attribute of the name in `from`", 0};
        }
        const bool is_text =
            value->kind() == ValueKind::kString || value->kind() == ValueKind::kBytes;
        text = is_text ? value->as_text() : batch.arena().copy(value->to_text());
    }
    if (text.data() == nullptr) {
        text = "";  // the formats hand pointers to memchr and memcmp, which take no null
    }
    fields_.begin_row(batch.attrs(row));
    if (auto miss = parser_->parse(text, fields_)) {
        return miss;
    }
    stamp_.apply(fields_, edit, row);
    if (fields_.added() != 0) {
        edit.set_attrs(row, fields_.attrs());
    }
    return std::nullopt;
}

Result<RowParser> make_row_parser(const Options& options, io::FileSystem& files) {
    SEYIR_TRY(const auto factory, ParserFactory::make(options, files));
    SEYIR_TRY(auto zone, TimeZone::load(options.timezone, files));
    return RowParser(options, factory.parser(), std::move(zone));
}

}  // namespace seyir::plugins::parse

namespace seyir::plugins {

component::FilterType parse_filter_type() {
    return {.schema = parse::parse_schema(), .plan = parse::plan};
}

}  // namespace seyir::plugins
