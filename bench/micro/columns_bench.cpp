// SPDX-License-Identifier: Apache-2.0
// Lines of files as columns: bytes a record, CPU a gigabyte. A program and not Google Benchmark,
// because what counts is size over whole files after the first block taught the encoder.
//   columns_bench [--each] [--decodes N] FILE...   --each: bytes a record of each column;
//                                      --decodes: each block so many times, for profiles
//   columns_bench --store DIR FILE...  sealed by a store in DIR: segment files with filters
// Blocks of 1 MiB of lines, one stream, a record each 10 us. Raw bytes are lines with terminator.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "bench/micro/bench_support.hpp"
#include "collector/store/columns/block_decoder.hpp"
#include "collector/store/columns/block_encoder.hpp"
#include "collector/store/columns/block_verify.hpp"
#include "collector/store/rocks_store.hpp"
#include "common/base/log.hpp"
#include "common/base/units.hpp"

using namespace seyir;
using namespace seyir::store::columns;

namespace {

using bench::cpu_seconds;

constexpr size_t kBlockRawBytes = 1024 * 1024;
constexpr int64_t kStart = 1'767'268'800'000'000'000;
constexpr int64_t kStep = 10'000;

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

void measure(const RecordBatch& batch, BlockEncoder& encoder, unsigned decodes, Totals& totals) {
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
    for (unsigned i = 0; i < decodes; ++i) {
        BlockDecoder decoder(shape, [&](uint16_t number) { return column_of(block, number); });
        if (!decoder.open() || !decoder.rows(std::nullopt)) {
            std::exit(1);
        }
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

/// Appends all lines as an agent's frames, seals them, and measures the segment files.
void seal_in_store(const std::string& dir, const char* path, const std::string& text) {
    const std::string data = dir + "/columns-bench";
    std::filesystem::remove_all(data);
    store::RocksStoreOptions options;
    options.data_dir = data;
    options.hard_free_bytes = 0;
    options.soft_free_bytes = 0;
    options.seal_bytes = kGiB;
    auto opened = store::RocksStore::open(options);
    if (!opened) {
        fmt::print(stderr, "{}\n", opened.error().message);
        std::exit(1);
    }
    uint64_t rows = 0;
    uint64_t raw_bytes = 0;
    for (const auto& block : blocks_of(text)) {
        rows += block->row_count();
        raw_bytes += block->raw_bytes();
        std::promise<bool> answered;
        (*opened)->append({0, {block, {}}}, [&](Result<store::Durable> durable) {
            answered.set_value(durable.has_value());
        });
        if (!answered.get_future().get()) {
            std::exit(1);
        }
    }
    const double before = cpu_seconds();
    if (!(*opened)->seal(store::SealScope::kAll)) {
        std::exit(1);
    }
    const double seal = cpu_seconds() - before;
    uint64_t stored = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(data + "/segments")) {
        stored += entry.is_regular_file() ? entry.file_size() : 0;
    }
    const double reading = cpu_seconds();
    auto cursor = (*opened)->select({});
    uint64_t read = 0;
    for (bool more = cursor.has_value(); more;) {
        const auto page = (*cursor)->next();
        more = page && page->has_value();
        read += more ? (*page)->batch->row_count() : 0;
    }
    const double scan = cpu_seconds() - reading;
    const double gigabytes = static_cast<double>(raw_bytes) / 1e9;
    fmt::print(
        "{}: sealed {} records, read back {}; {:.2f} B a record in segment files; CPU s/GB: seal "
        "{:.2f}, read all {:.2f}\n",
        path,
        rows,
        read,
        static_cast<double>(stored) / static_cast<double>(rows),
        seal / gigabytes,
        scan / gigabytes
    );
    opened->reset();
    std::filesystem::remove_all(data);
}

}  // namespace

int main(int argc, char** argv) {
    log::set_level(log::Level::kError);
    bool is_each = false;
    unsigned decodes = 1;
    std::string store_dir;
    for (int i = 1; i < argc; ++i) {
        if (std::string_view(argv[i]) == "--each") {
            is_each = true;
            continue;
        }
        if (std::string_view(argv[i]) == "--decodes" && i + 1 < argc) {
            decodes = static_cast<unsigned>(std::strtoul(argv[++i], nullptr, 10));
            continue;
        }
        if (std::string_view(argv[i]) == "--store" && i + 1 < argc) {
            store_dir = argv[++i];
            continue;
        }
        std::ifstream file(argv[i], std::ios::binary);
        std::ostringstream text;
        text << file.rdbuf();
        const std::string lines = std::move(text).str();
        if (!store_dir.empty()) {
            seal_in_store(store_dir, argv[i], lines);
            continue;
        }
        BlockEncoder encoder;
        Totals totals;
        for (const auto& block : blocks_of(lines)) {
            measure(*block, encoder, decodes, totals);
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
            totals.decode / gigabytes / decodes,
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
