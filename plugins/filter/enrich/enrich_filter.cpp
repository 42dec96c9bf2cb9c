// SPDX-License-Identifier: Apache-2.0
#include "plugins/filter/enrich/enrich_filter.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "common/record/batch_editor.hpp"
#include "plugins/filter/enrich/lookup_file.hpp"
#include "plugins/filter/field/condition.hpp"
#include "plugins/filter/field/constant.hpp"
#include "plugins/filter/field/field_ref.hpp"

namespace seyir::plugins {
namespace {

using component::FilterPlanPtr;
using component::PlanContext;
using component::RunContext;
using config::ObjectReader;

constexpr size_t kAttributesMax = 512;

struct NamedConstant {
    std::string name;
    Constant value;
};

struct EnrichOptions {
    std::vector<NamedConstant> constants;
    bool overwrites = false;
    std::optional<Condition> condition;
    FieldRef key;
    std::vector<NamedConstant> defaults;
    std::shared_ptr<LookupFile> file;  ///< none: no lookup
};

class EnrichFilter final : public pipeline::Filter {
  public:
    EnrichFilter(std::shared_ptr<const EnrichOptions> options, const RunContext& context)
        : options_(std::move(options)),
          files_(context.files),
          clock_(context.clock),
          key_(options_->key),
          condition_errors_(condition_errors(context)),
          reload_failures_(context.registry.counter(
              "seyir_filter_enrich_reload_failures_total",
              "Changes of a lookup file that could not be read.",
              {{"filter", context.id}}
          )),
          left_out_(context.registry.counter(
              "seyir_filter_enrich_left_out_total",
              "Attributes that were left out because a record had 512 already.",
              {{"filter", context.id}}
          )) {}

    bool never_fails() const override { return true; }

    Result<void> process(BatchView view, pipeline::FilterSink& sink) override {
        Selection chosen;
        if (options_->condition) {
            uint64_t errors = 0;
            chosen = options_->condition->match(view, errors);
            condition_errors_.add(errors);
            if (chosen.count(view.batch->row_count()) == 0) {
                sink.emit(std::move(view));
                return {};
            }
        }
        // The editor numbers the rows among the view's.
        const std::vector<uint32_t> all = view.rows.rows;
        const bool is_all = view.rows.all;
        BatchEditor edit(std::move(view));
        begin_batch(edit.batch());
        size_t next = 0;
        for (uint32_t i = 0; i < edit.row_count(); ++i) {
            if (!chosen.all) {
                const uint32_t number = is_all ? i : all[i];
                if (next == chosen.rows.size() || chosen.rows[next] != number) {
                    continue;
                }
                ++next;
            }
            enrich(edit, i);
        }
        sink.emit(std::move(edit).finish());
        return {};
    }

  private:
    void begin_batch(RecordBatch& batch) {
        last_.reset();
        fixed_.clear();
        for (const NamedConstant& one : options_->constants) {
            fixed_.emplace_back(batch.add_key(one.name), in_batch(batch, one.value));
        }
        if (options_->file == nullptr) {
            return;
        }
        bool failed = false;
        table_ = options_->file->table(files_, clock_.steady_now(), failed);
        reload_failures_.add(failed ? 1 : 0);
        // Found values are not copied. Counted as nothing: the table is shared by all batches.
        batch.arena().adopt(table_, 0);
        columns_.clear();
        for (const std::string& column : table_->columns()) {
            columns_.push_back(batch.add_key(column));
        }
        defaults_.clear();
        for (const NamedConstant& one : options_->defaults) {
            defaults_.emplace_back(batch.add_key(one.name), in_batch(batch, one.value));
        }
        key_.bind(batch);
    }

    static Value in_batch(RecordBatch& batch, const Constant& constant) {
        const Value value = value_of(constant);
        return value.kind() == ValueKind::kString
                   ? Value::string(batch.arena().copy(value.as_text()))
                   : value;
    }

    void enrich(BatchEditor& edit, uint32_t row) {
        const RecordBatch& batch = edit.batch();
        const AttrRange before = batch.attr_range(row);
        // Rows that share their attributes get the same ones, unless the key lies elsewhere.
        const bool is_shared =
            options_->file == nullptr || key_.ref().kind == FieldKind::kAttribute;
        if (is_shared && last_ && last_->first == before) {
            edit.set_attrs(row, last_->second);
            return;
        }
        const auto own = batch.attrs(row);
        attrs_.assign(own.begin(), own.end());
        for (const Attr& attr : fixed_) {
            put(attr);
        }
        if (options_->file != nullptr) {
            look_up(batch, row);
        }
        edit.set_attrs(row, attrs_);
        last_ = {before, edit.batch().attr_range(row)};
    }

    void look_up(const RecordBatch& batch, uint32_t row) {
        const auto key = key_.text(batch, row, scratch_);
        const auto found = key ? table_->find(*key) : std::nullopt;
        if (!found) {
            for (const Attr& attr : defaults_) {
                put(attr);
            }
            return;
        }
        for (size_t i = 0; i < found->size(); ++i) {
            if ((*found)[i].kind() != ValueKind::kNull) {
                put({columns_[i], (*found)[i]});
            }
        }
    }

    void put(const Attr& attr) {
        const auto at = std::ranges::find(attrs_, attr.key, &Attr::key);
        if (at != attrs_.end()) {
            *at = options_->overwrites ? attr : *at;
        } else if (attrs_.size() < kAttributesMax) {
            attrs_.push_back(attr);
        } else {
            left_out_.add();
        }
    }

    std::shared_ptr<const EnrichOptions> options_;
    io::FileSystem& files_;
    io::Clock& clock_;
    BoundField key_;
    metrics::Counter& condition_errors_;
    metrics::Counter& reload_failures_;
    metrics::Counter& left_out_;
    // Of one batch; kept for their memory.
    LookupTablePtr table_;
    std::vector<Attr> fixed_;
    std::vector<Attr> defaults_;
    std::vector<KeyIndex> columns_;
    std::vector<Attr> attrs_;
    std::optional<std::pair<AttrRange, AttrRange>> last_;  // range before -> after
    std::string scratch_;
};

class EnrichPlan final : public component::FilterPlan {
  public:
    explicit EnrichPlan(std::shared_ptr<const EnrichOptions> options)
        : options_(std::move(options)) {}

    Result<std::unique_ptr<pipeline::Filter>> instantiate(const RunContext& context) override {
        if (options_->file != nullptr) {
            SEYIR_CHECK(options_->file->open(context.files));
        }
        return std::unique_ptr<pipeline::Filter>(std::make_unique<EnrichFilter>(options_, context));
    }

  private:
    std::shared_ptr<const EnrichOptions> options_;
};

std::vector<NamedConstant> constants_of(const ObjectReader& r, std::string_view key) {
    std::vector<NamedConstant> out;
    if (!r.has(key) || r.node() == nullptr) {
        return out;
    }
    for (const config::Entry& entry : r.node()->find(key)->value->entries) {
        out.push_back({entry.key->text, constant_of(*entry.value)});
    }
    return out;
}

std::optional<LookupFormat> format_of(const ObjectReader& r, const std::string& path) {
    const std::string name = r.string("format");
    if (name == "csv" || (name == "auto" && path.ends_with(".csv"))) {
        return LookupFormat::kCsv;
    }
    if (name == "json" || (name == "auto" && path.ends_with(".json"))) {
        return LookupFormat::kJson;
    }
    if (name == "yaml" || path.ends_with(".yaml") || path.ends_with(".yml")) {
        return LookupFormat::kYaml;
    }
    return std::nullopt;
}

void read_lookup(const ObjectReader& r, PlanContext& context, EnrichOptions& options) {
    const std::string path = r.path("file");
    auto key = FieldRef::parse(r.string("key"));
    if (!key) {
        component::add_value_error(context, r, "key", config::kBadName, key.error());
        return;
    }
    options.key = std::move(*key);
    const auto format = format_of(r, path);
    if (!format) {
        context.diagnostics.add(
            {.code = config::kNotAllowed,
             .at = r.span("file"),
             .message = fmt::format("`{}` does not end in .csv, .json, .yaml or .yml", path),
             .hint = "say what it is: `format: csv`"}
        );
        return;
    }
    options.defaults = constants_of(r, "default");
    options.file = std::make_shared<LookupFile>(
        path,
        LookupShape{*format, r.string("key_column"), r.strings("columns")},
        r.duration("refresh")
    );
    if (context.checks.files != nullptr) {
        if (auto opened = options.file->open(*context.checks.files); !opened) {
            const bool is_missing = opened.error().code == ErrorCode::kNotFound;
            component::add_value_error(
                context,
                r,
                "file",
                is_missing ? config::kMissingFile : config::kNotAllowed,
                opened.error()
            );
        }
    }
}

FilterPlanPtr plan(const ObjectReader& r, PlanContext& context) {
    const size_t errors = context.diagnostics.error_count();
    auto options = std::make_shared<EnrichOptions>();
    options->constants = constants_of(r, "static");
    options->overwrites = r.boolean("overwrite");
    options->condition = Condition::read(r, "if", context);
    if (r.has("lookup")) {
        const ObjectReader lookup = r.nested("lookup");
        read_lookup(lookup, context, *options);
    } else if (options->constants.empty()) {
        context.diagnostics.add(
            {.code = config::kMissingKey,
             .at = context.id_span,
             .message = fmt::format("`{}` adds nothing", context.id),
             .hint = "give it `static` or `lookup`"}
        );
    }
    if (context.diagnostics.error_count() != errors) {
        return nullptr;
    }
    return std::make_shared<EnrichPlan>(std::move(options));
}

config::Schema lookup_schema() {
    using config::Type;
    return config::Schema("lookup", "Attributes that a file gives for a key.")
        .with(
            config::field("file", Type::kPath)
                .required()
                .describe("CSV whose first line names the columns; JSON or YAML: a map of keys to "
                          "maps (or to single values, which become the attribute `value`), or "
                          "JSON: an array of objects. At most 64 MiB (YAML 4 MiB), 1,000,000 keys.")
                .show("services.csv")
                .elsewhere("Fluent Bit", {"data_source"})
        )
        .with(config::field("format", Type::kEnum)
                  .choice("auto", "by the file's ending")
                  .choice("csv", "comma-separated values, RFC 4180")
                  .choice("json", "one JSON value")
                  .choice("yaml", "one YAML map")
                  .describe("What the file is.")
                  .or_else("auto"))
        .with(config::field("key", Type::kString)
                  .required()
                  .describe("The field of the record that is looked up.")
                  .show("labels.service_name")
                  .elsewhere("Fluent Bit", {"lookup_key"}))
        .with(config::field("key_column", Type::kString)
                  .describe("The column of the file that holds the keys.")
                  .or_else_described("the first column of a CSV file"))
        .with(config::list_of("columns", config::field("", Type::kString))
                  .between(0, kLookupColumnsMax)
                  .describe("The columns that become attributes, by their names. None: all.")
                  .or_else("[]"))
        .with(config::map_of(
                  "default",
                  config::KeyRule::kAttribute,
                  config::field("", Type::kString).may_be_empty()
        )
                  .between(0, kLookupColumnsMax)
                  .describe("Attributes of records whose key is not in the file.")
                  .or_else("{}")
                  .show("{ team: unknown }"))
        .with(config::field("refresh", Type::kDuration)
                  .between(0, 86'400'000'000'000)
                  .describe("How often the file is looked at for changes. 0: never.")
                  .or_else("10s")
                  .elsewhere("other programs", {"reload_interval"}));
}

}  // namespace

component::FilterType enrich_filter_type() {
    using config::Type;
    static const auto schema = std::make_shared<const config::Schema>(
        config::Schema("enrich", "Adds attributes: the same for all records, or from a file.")
            .example_id("teams")
            .elsewhere("Filebeat", {"add_tags", "add_labels"})
            .elsewhere("promtail", {"static_labels"})
            .with(config::map_of(
                      "static",
                      config::KeyRule::kAttribute,
                      config::field("", Type::kString).between(0, 65'536).may_be_empty()
            )
                      .between(0, 100)
                      .describe("Attributes every record gets, typed as in YAML.")
                      .or_else("{}")
                      .show("{ environment: production }"))
            .with(config::object("lookup", lookup_schema()).describe("Attributes from a file."))
            .with(config::field("overwrite", Type::kBool)
                      .describe("An attribute the record has already is replaced; else it stays.")
                      .or_else("false"))
            .with(condition_field("if").describe("Only records this LogQL condition selects."))
    );
    return {.schema = schema, .plan = plan};
}

}  // namespace seyir::plugins
