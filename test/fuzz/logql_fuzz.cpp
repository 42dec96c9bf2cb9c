// SPDX-License-Identifier: Apache-2.0
// A query, a NUL, and a line: the parser must end with a tree or an error, and whatever compiles
// must run on the line. Without a NUL the whole input is the query and the line both. What parses
// must print as a query that prints the same, and the query's text is a template, too.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "common/logql/parser.hpp"
#include "common/logql/printer.hpp"
#include "common/logql/stage/pipeline.hpp"
#include "common/logql/template/template.hpp"

namespace {

using namespace seyir;

void run(std::string_view text, const std::vector<logql::Stage>& stages, std::string_view line) {
    const auto pipeline = logql::Pipeline::compile(text, stages);
    if (!pipeline) {
        return;
    }
    RecordBatch batch;
    const uint16_t stream = batch.add_stream(*StreamLabels::make({{"app", "x"}}));
    batch.append_row({.ts = {1}, .stream = stream, .body = line});
    logql::ScratchRow row;
    row.bind(batch, 0);
    size_t bytes = 0;
    if (pipeline->process(row)) {
        row.for_each_label([&](const logql::Label& label) {
            bytes += label.name.size() + label.value.size();
        });
    }
    volatile size_t sink = bytes + row.line().size();
    (void)sink;
}

void print(std::string_view text) {
    const auto expr = logql::parse(text);
    if (!expr) {
        return;
    }
    const std::string printed = logql::to_text(*expr);
    for (const std::string& again : {printed, logql::pretty(*expr, 20)}) {
        const auto read = logql::parse(again);
        // Parentheses that were not there may go beyond the limit of depth or of length.
        const bool refused = !read && read.error().code == ErrorCode::kTooLarge;
        if (!refused && (!read || logql::to_text(*read) != printed)) {
            std::abort();
        }
    }
}

void render(std::string_view text, std::string_view line) {
    const auto compiled = logql::tmpl::Template::compile(text);
    if (!compiled) {
        return;
    }
    RecordBatch batch;
    const uint16_t stream = batch.add_stream(*StreamLabels::make({{"a", "1"}, {"b", "x y"}}));
    batch.append_row({.ts = {1'656'353'124'120'000'000}, .stream = stream, .body = line});
    logql::ScratchRow row;
    row.bind(batch, 0);
    const auto out = compiled->render(row);
    if (out && out->size() > logql::kRenderedBytesMax) {
        std::abort();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const size_t nul = input.find('\0');
    const std::string_view text = input.substr(0, nul);
    const std::string_view line = nul == std::string_view::npos ? input : input.substr(nul + 1);
    print(text);
    render(text, line);
    if (const auto log = logql::parse_condition(text)) {
        run(text, log->stages, line);
    }
    // The line parsers, whatever the query was.
    for (const std::string_view stages :
         {"| json", "| logfmt --strict", "| unpack", "| decolorize"}) {
        run(stages, logql::parse_condition(stages)->stages, line);
    }
    return 0;
}
