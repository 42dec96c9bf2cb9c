// SPDX-License-Identifier: Apache-2.0
// A query, a NUL, and a line: the parser must end with a tree or an error, and whatever compiles
// must run on the line. Without a NUL the whole input is the query and the line both.
#include <cstdint>
#include <string_view>

#include "common/logql/parser.hpp"
#include "common/logql/stage/pipeline.hpp"

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

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const size_t nul = input.find('\0');
    const std::string_view text = input.substr(0, nul);
    const std::string_view line = nul == std::string_view::npos ? input : input.substr(nul + 1);
    (void)logql::parse(text).has_value();
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
