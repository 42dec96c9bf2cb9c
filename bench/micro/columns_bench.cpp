// SPDX-License-Identifier: Apache-2.0
// Lines of files as columns: bytes a record, CPU a gigabyte. A program and not Google Benchmark,
// because what counts is size over whole files after the first block taught the encoder.
//   columns_bench [--each] FILE...     --each: bytes a record of each column
// Blocks of 1 MiB of lines, one stream, a record each 10 us. Raw bytes are lines with terminator.
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <sys/resource.h>

#include <fmt/format.h>

#include "collector/store/columns/block_decoder.hpp"
#include "collector/store/columns/block_encoder.hpp"

using namespace seyir;
using namespace seyir::store::columns;

namespace {

constexpr size_t kBlockRawBytes = 1024 * 1024;
constexpr int64_t kStart = 1'767'268'800'000'000'000;
constexpr int64_t kStep = 10'000;

double cpu_seconds() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& t) {
        return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

struct Totals {
    uint64_t rows = 0;
    uint64_t raw_bytes = 0;
    uint64_t stored_bytes = 0;
    double encode = 0;
    double verify = 0;
    double decode = 0;
    double field = 0;
    std::map<uint16_t, uint64_t> by_column;
};

std::vector<std::shared_ptr<RecordBatch>> blocks_of(const std::string& text) {
    std::vector<std::shared_ptr<RecordBatch>> blocks;
    const auto labels = StreamLabels::make({{"host", "h1"}, {"input", "app"}});
    int64_t ts = kStart;
    for (size_t at = 0; at < text.size();) {
        const size_t end = std::min(text.find('\n', at), text.size());
        if (blocks.empty() || blocks.back()->raw_bytes() >= kBlockRawBytes) {
            blocks.push_back(std::make_shared<RecordBatch>());
            blocks.back()->add_stream(*labels);
        }
        Row row;
        row.ts = {ts += kStep};
        row.body = std::string_view(text).substr(at, end - at);
        blocks.back()->append_row(row);
        at = end + 1;
    }
    return blocks;
}

Result<std::string> column_of(const EncodedBlock& block, uint16_t number) {
    for (const EncodedColumn& column : block.columns) {
        if (column.number == number) {
            return column.bytes;
        }
    }
    return fail(ErrorCode::kNotFound, "no such column");
}

void measure(const RecordBatch& batch, BlockEncoder& encoder, Totals& totals) {
    double at = cpu_seconds();
    const auto lap = [&](double& total) {
        const double now = cpu_seconds();
        total += now - at;
        at = now;
    };
    const EncodedBlock block = encoder.encode(batch);
    lap(totals.encode);
    if (const auto verified = verify(block, batch); !verified) {
        fmt::print(stderr, "{}\n", verified.error().message);
        std::exit(1);
    }
    lap(totals.verify);
    const BlockShape shape{static_cast<uint32_t>(batch.row_count()), batch.raw_bytes()};
    BlockDecoder decoder(shape, [&](uint16_t number) { return column_of(block, number); });
    if (!decoder.open() || !decoder.rows(std::nullopt)) {
        std::exit(1);
    }
    lap(totals.decode);
    BlockDecoder fields(shape, [&](uint16_t number) { return column_of(block, number); });
    const std::string_view path[] = {"status_code"};
    if (!fields.open() || !fields.field_values(path)) {
        std::exit(1);
    }
    lap(totals.field);
    totals.rows += batch.row_count();
    totals.raw_bytes += batch.raw_bytes();
    totals.stored_bytes += block.stored_bytes();
    for (const EncodedColumn& column : block.columns) {
        totals.by_column[column.number] += column.bytes.size();
    }
}

}  // namespace

int main(int argc, char** argv) {
    bool is_each = false;
    for (int i = 1; i < argc; ++i) {
        if (std::string_view(argv[i]) == "--each") {
            is_each = true;
            continue;
        }
        std::ifstream file(argv[i], std::ios::binary);
        std::ostringstream text;
        text << file.rdbuf();
        const std::string lines = std::move(text).str();
        BlockEncoder encoder;
        Totals totals;
        for (const auto& block : blocks_of(lines)) {
            measure(*block, encoder, totals);
        }
        const auto rows = static_cast<double>(totals.rows);
        const double gigabytes = static_cast<double>(totals.raw_bytes) / 1e9;
        fmt::print(
            "{}: {} records of {:.1f} B; {:.2f} B a record; CPU s/GB: encode {:.2f} ({:.2f} us a "
            "record), verify {:.2f}, decode {:.2f}, one field {:.2f}\n",
            argv[i],
            totals.rows,
            static_cast<double>(totals.raw_bytes) / rows,
            static_cast<double>(totals.stored_bytes) / rows,
            totals.encode / gigabytes,
            totals.encode * 1e6 / rows,
            totals.verify / gigabytes,
            totals.decode / gigabytes,
            totals.field / gigabytes
        );
        for (const auto& [number, bytes] : totals.by_column) {
            if (is_each) {
                fmt::print("    column {}: {:.3f}\n", number, static_cast<double>(bytes) / rows);
            }
        }
    }
    return 0;
}
