// SPDX-License-Identifier: Apache-2.0
#include "ctl/plugin/check.hpp"

#include <algorithm>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "common/base/log.hpp"
#include "common/plugin/library.hpp"
#include "ctl/plugin/child.hpp"
#include "ctl/plugin/random_rows.hpp"
#include "ctl/plugin/trial.hpp"

namespace seyir::ctl {
namespace {

constexpr int kCreations = 100;
constexpr int kWorkers = 4;
constexpr auto kBudget = std::chrono::seconds(1);
constexpr int kTimedBatches = 200;

/// One line a trial: its verdict, its name, what was seen.
class Findings {
  public:
    explicit Findings(ChildReport& report) : report_(report) {}

    void begin(const std::string& filter, const std::string& trial, const std::string& doing) {
        trial_ = trial;
        report_.step(fmt::format("{} (filter {})", doing, filter));
    }

    void good(const std::string& detail) { say("ok", detail); }

    void note(const std::string& detail) { say("note", detail); }

    void wrong(const std::string& detail) {
        ++wrong_;
        say("WRONG", detail);
    }

    size_t wrong_count() const { return wrong_; }

    void line(const std::string& text) { report_.line(text); }

  private:
    void say(const char* verdict, const std::string& detail) {
        report_.line(fmt::format("  {:<6} {:<16} {}", verdict, trial_, detail));
    }

    ChildReport& report_;
    std::string trial_;
    size_t wrong_ = 0;
};

std::string describe(const TrialCounts& c) {
    std::string text = fmt::format("{} records: {} went on", c.in, c.out);
    if (c.dropped != 0) {
        text += fmt::format(", {} dropped", c.dropped);
    }
    for (const auto& [code, rows] : c.codes) {
        text += fmt::format(", {} failed ({})", rows, code);
    }
    if (c.given_back != 0) {
        text += fmt::format(", {} given back", c.given_back);
    }
    return text;
}

/// Says what the plugin did that it must not do.
bool is_well_behaved(const TrialCounts& counts, Findings& findings) {
    if (counts.first_message.empty()) {
        return true;
    }
    findings.wrong(counts.first_message);
    return false;
}

void check_description(const plugin::FilterDescription& filter, Findings& findings) {
    findings.begin(filter.name, "description", "reading its description");
    for (const config::Field& field : filter.schema->fields()) {
        if (!field.help.ends_with('.')) {
            findings.note(fmt::format("the help of `{}` is not a sentence", field.name));
        }
        const bool says_default =
            field.is_required || field.default_text || !field.default_help.empty();
        if (!says_default && field.type == config::Type::kEnum) {
            findings.note(fmt::format("the choice `{}` has no default", field.name));
        }
    }
    findings.good(fmt::format("{} keys", filter.fields.size()));
}

bool check_instances(TrialPlan& plan, Findings& findings) {
    findings.begin(plan.filter().name, "instances", "making and destroying instances");
    for (int i = 0; i < kCreations; ++i) {
        const auto made = plan.instantiate();
        if (!made) {
            findings.wrong(made.error().message);
            return false;
        }
    }
    findings.good(fmt::format("{} made and destroyed", kCreations));
    return true;
}

void check_random_batches(TrialPlan& plan, const CheckOptions& options, Findings& findings) {
    findings.begin(
        plan.filter().name,
        "random batches",
        fmt::format("handling batches of seed {}", options.seed)
    );
    TrialRun run(*plan.instantiate());
    RandomRows rows(options.seed, {});
    for (uint64_t i = 0; i < options.batches; ++i) {
        RecordBatchPtr batch = rows.make();
        // Every other batch is shared, every fourth is a choice of rows.
        const RecordBatchPtr other_owner = i % 2 == 0 ? batch : nullptr;
        BatchView view{std::move(batch), {}};
        if (i % 4 == 0) {
            std::vector<uint32_t> odd;
            for (uint32_t row = 0; row < view.batch->row_count(); row += 2) {
                odd.push_back(row);
            }
            view.rows = Selection::of(std::move(odd));
        }
        run.process(std::move(view));
        if (i % 16 == 0) {
            run.flush(pipeline::FlushReason::kTimer);
        }
    }
    run.flush(pipeline::FlushReason::kShutdown);
    const TrialCounts& counts = run.counts();
    if (!is_well_behaved(counts, findings)) {
        return;
    }
    const uint64_t seen = counts.out + counts.dropped + counts.failed + counts.given_back;
    if (counts.held > 0) {
        findings.wrong(fmt::format("{} records are still held after the last flush", counts.held));
    } else if (seen < counts.in && (plan.filter().needs & SEYIR_HOLDS_ROWS) == 0) {
        findings.wrong(fmt::format("{} of {} records are accounted for", seen, counts.in));
    } else {
        findings.good(describe(counts));
    }
}

void check_without_memory(
    const plugin::FilterDescriptionPtr& filter,
    const std::string& text,
    uint64_t seed,
    Findings& findings
) {
    findings.begin(filter->name, "no memory", "having no memory for a batch");
    TrialPlan plan(
        filter,
        {.budget = kBudget, .checks_kept_bytes = true, .allocated_bytes_max = 0, .logs = false}
    );
    if (const auto planned = plan.plan(text); !planned) {
        return findings.wrong(planned.error().message);
    }
    TrialRun run(*plan.instantiate());
    RandomRows rows(seed, {});
    for (int i = 0; i < 50; ++i) {
        run.process({rows.make(), {}});
    }
    run.flush(pipeline::FlushReason::kShutdown);
    const auto misbehaved = run.counts().codes.find("plugin_misbehaved");
    if (misbehaved != run.counts().codes.end()) {
        return findings.wrong(run.counts().first_message);
    }
    findings.good(describe(run.counts()));
}

void check_workers(TrialPlan& plan, uint64_t seed, Findings& findings) {
    findings.begin(plan.filter().name, "workers", "being called by several workers");
    std::vector<TrialCounts> counts(kWorkers);
    std::vector<std::thread> workers;
    std::vector<std::unique_ptr<TrialRun>> runs;
    for (int i = 0; i < kWorkers; ++i) {
        runs.push_back(std::make_unique<TrialRun>(*plan.instantiate()));
    }
    for (int i = 0; i < kWorkers; ++i) {
        workers.emplace_back([&, i] {
            RandomRows rows(seed + static_cast<uint64_t>(i), {});
            for (int k = 0; k < 50; ++k) {
                runs[static_cast<size_t>(i)]->process({rows.make(), {}});
            }
        });
    }
    for (std::thread& worker : workers) {
        worker.join();
    }
    for (const auto& run : runs) {
        run->flush(pipeline::FlushReason::kShutdown);
        if (!is_well_behaved(run->counts(), findings)) {
            return;
        }
    }
    const char* const models[] = {
        "an instance each", "one instance, one at a time", "one instance"
    };
    findings.good(fmt::format("{} at once, {}", kWorkers, models[plan.filter().thread_model]));
}

/// A line as programs log them, for figures that can be compared.
RecordBatchPtr plain_rows() {
    auto batch = std::make_shared<RecordBatch>();
    const uint16_t stream = batch->add_stream(*StreamLabels::make({{"host", "h1"}}));
    const Attr attrs[] = {
        {batch->add_key("filename"), Value::string("/var/log/app.log")},
        {batch->add_key("level"), Value::string("info")},
    };
    const AttrRange range = batch->add_attrs(attrs);
    for (int i = 0; i < 1000; ++i) {
        const std::string line = fmt::format(
            "10.0.0.{} - - [22/Nov/2026:10:00:00 +0000] \"GET /page/{} HTTP/1.1\" 200 5316",
            i % 250,
            i
        );
        batch->append_row(
            {.ts = {i}, .stream = stream, .body = batch->arena().copy(line), .attrs = range}
        );
    }
    return batch;
}

void check_time(TrialPlan& plan, Findings& findings) {
    findings.begin(plan.filter().name, "time", "being timed");
    TrialRun run(*plan.instantiate());
    for (int i = 0; i < kTimedBatches; ++i) {
        run.process({plain_rows(), {}});
    }
    const TrialCounts& counts = run.counts();
    const double a_record =
        static_cast<double>(counts.spent.count()) / static_cast<double>(counts.in);
    const double slowest = std::chrono::duration<double, std::milli>(counts.slowest).count();
    const std::string said =
        fmt::format("{:.0f} ns a record, slowest batch {:.1f} ms", a_record, slowest);
    if (counts.slowest > kBudget) {
        findings.wrong(said + ", more than the budget of 1 s");
    } else {
        findings.good(said);
    }
}

void check_filter(
    const plugin::FilterDescriptionPtr& filter, const CheckOptions& options, Findings& findings
) {
    findings.line(fmt::format("filter {}: {}", filter->name, filter->schema->summary()));
    check_description(*filter, findings);
    findings.begin(filter->name, "configuration", "checking a configuration");
    TrialPlan plan(filter, {.budget = kBudget, .checks_kept_bytes = true, .logs = false});
    const std::string text = options.settings_text.empty()
                                 ? plan.default_text()
                                 : fmt::format("type: {}\n{}", filter->name, options.settings_text);
    if (const auto planned = plan.plan(text); !planned) {
        findings.wrong("with its defaults and examples, or the given settings, it is refused:");
        return findings.line(planned.error().message);
    }
    findings.good(options.settings_text.empty() ? "defaults and examples" : "the given settings");
    if (!check_instances(plan, findings)) {
        return;
    }
    check_random_batches(plan, options, findings);
    check_without_memory(filter, text, options.seed, findings);
    check_workers(plan, options.seed, findings);
    TrialPlan timed(filter, {.budget = kBudget});
    if (timed.plan(text)) {
        check_time(timed, findings);
    }
}

int check_all(const CheckOptions& options, ChildReport& report) {
    // What a plugin logs, or is told, is told again in the findings.
    log::set_level(log::Level::kError);
    report.step("opening the library");
    const auto library = plugin::open_library(options.file);
    if (!library) {
        const std::string& message = library.error().message;
        for (size_t at = 0; at < message.size();) {
            const size_t end = std::min(message.find('\n', at), message.size());
            report.line(message.substr(at, end - at));
            at = end + 1;
        }
        return 1;
    }
    const plugin::PluginLibrary& found = **library;
    report.line(fmt::format(
        "{}: plugin ABI 1.{}; {} {} ({})",
        options.file,
        found.abi_minor,
        found.vendor.empty() ? "vendor unknown" : found.vendor,
        found.version,
        found.licence.empty() ? "no licence" : found.licence
    ));
    Findings findings(report);
    for (const plugin::FilterDescriptionPtr& filter : found.filters) {
        check_filter(filter, options, findings);
    }
    return findings.wrong_count() == 0 ? 0 : 1;
}

}  // namespace

Result<CheckReport> check_plugin(const CheckOptions& options) {
    SEYIR_TRY(
        const ChildResult child,
        run_in_child(
            [&](ChildReport& report) { return check_all(options, report); }, options.timeout
        )
    );
    CheckReport report;
    for (const std::string& line : child.lines) {
        report.text += line + "\n";
    }
    if (!child.ended_well()) {
        report.text += fmt::format("WRONG: {}\n", child.how_it_died());
        return report;
    }
    report.is_good = child.exit_status == 0;
    report.text += report.is_good ? "no problems found\n" : "problems found\n";
    return report;
}

}  // namespace seyir::ctl
