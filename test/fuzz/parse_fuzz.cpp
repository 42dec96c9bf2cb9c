// SPDX-License-Identifier: Apache-2.0
// The first byte chooses a format, a NUL ends what configures it (an expression, a header, a time
// format), the rest are lines. Whatever they are: every row is there afterwards with its body as it
// was, fields keep their limits, and nothing is read beyond the text (the body is a copy of exactly
// its bytes).
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/filter/parse/parse_filter.hpp"

namespace {

using namespace seyir;
using plugins::parse::Format;
using plugins::parse::Options;

constexpr Format kFormats[] = {
    Format::kAuto,
    Format::kJson,
    Format::kLogfmt,
    Format::kRegex,
    Format::kGrok,
    Format::kCsv,
    Format::kClf,
    Format::kSyslog,
    Format::kCri,
    Format::kDocker,
    Format::kPythonLogging,
};

void check(bool ok) {
    if (!ok) {
        std::abort();
    }
}

Options options_of(Format format, std::string_view configured, bool flips) {
    Options options;
    options.format = format;
    options.patterns = {std::string(configured)};
    options.csv.header = configured;
    options.regex_steps_max = 10'000;
    options.rules.limits = {
        .attributes_max = 40, .name_bytes_max = 32, .value_bytes_max = 1000, .names_max = 100
    };
    options.rules.roles = {"time", flips ? "level" : "severity", "trace_id", "span_id"};
    options.rules.types = {
        {"status", plugins::parse::FieldType::kInt}, {"message", plugins::parse::FieldType::kFloat}
    };
    options.nested = flips ? plugins::parse::Nested::kMap : plugins::parse::Nested::kFlatten;
    if (auto time = plugins::parse::TimeFormat::compile(configured)) {
        options.time_format = *std::move(time);
    }
    return options;
}

/// Each line alone in memory, so that sanitizers see any read beyond it.
BatchView batch_of(std::string_view lines) {
    auto batch = std::make_shared<RecordBatch>();
    const uint16_t stream = batch->add_stream(*StreamLabels::make({{"app", "x"}}));
    while (!lines.empty()) {
        const std::string_view line = lines.substr(0, lines.find('\n'));
        auto copy = std::make_shared<std::vector<char>>(line.begin(), line.end());
        const Slice body(copy->data(), copy->size());
        batch->arena().adopt(copy, copy->size());
        batch->append_row({.ts = {1'767'225'600'000'000'000}, .stream = stream, .body = body});
        lines.remove_prefix(std::min(lines.size(), line.size() + 1));
    }
    return {batch, {}};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    std::string_view input(reinterpret_cast<const char*>(data), size);
    if (input.empty()) {
        return 0;
    }
    const auto choice = static_cast<unsigned char>(input[0]);
    input.remove_prefix(1);
    const size_t nul = input.find('\0');
    const std::string_view configured = nul == std::string_view::npos ? "" : input.substr(0, nul);
    const std::string_view lines = nul == std::string_view::npos ? input : input.substr(nul + 1);
    const Options options =
        options_of(kFormats[choice % std::size(kFormats)], configured, choice >= 128);
    auto parser = plugins::parse::make_row_parser(options, io::posix_file_system());
    if (!parser) {
        return 0;
    }
    const BatchView view = batch_of(lines);
    BatchEditor edit(view);
    parser->begin_batch(edit);
    for (size_t row = 0; row < edit.row_count(); ++row) {
        (void)parser->parse(edit, row);
        const RecordBatch& batch = edit.batch();
        check(batch.body(row) == view.batch->body(row));
        check(batch.attrs(row).size() <= 40);
        for (const Attr& attr : batch.attrs(row)) {
            check(batch.keys()[attr.key].size() <= 32);
            check(!attr.value.to_text().empty() || attr.value.kind() <= ValueKind::kNumberText);
        }
    }
    return 0;
}
