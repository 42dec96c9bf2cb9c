// SPDX-License-Identifier: Apache-2.0
#include "plugins/output/output_schemas.hpp"

#include "common/base/units.hpp"

namespace seyir::plugins {
namespace {

using config::Field;
using config::Schema;
using config::Type;

constexpr uint64_t kHour = 3600ULL * 1'000'000'000;

Field format_field() {
    return config::field("format", Type::kEnum)
        .choice("json", "one object a line: time, labels, attributes and line")
        .choice("raw", "the line as received")
        .describe("What is written of a record.")
        .or_else("json")
        .elsewhere("Vector", {"encoding", "codec"});
}

RowFormat read_format(const config::ObjectReader& r) {
    return r.string("format") == "raw" ? RowFormat::kRaw : RowFormat::kJson;
}

}  // namespace

const Schema& file_output_schema() {
    static const Schema schema =
        Schema("file", "Writes records to a local file, and rotates it.")
            .example_id("copy")
            .elsewhere("Filebeat", {"output.file"})
            .with(config::field("path", Type::kPath)
                      .required()
                      .describe("The file; its directory must exist.")
                      .show("/var/log/seyir/copy.log")
                      .elsewhere("other programs", {"file", "filename"}))
            .with(format_field())
            .with(config::field("max_size", Type::kBytes)
                      .between(0, 1024 * kGiB)
                      .describe("Beyond this the file gets its time as a suffix, "
                                "`path.20261122T151200123Z`, "
                                "and a new one is begun. 0: never.")
                      .or_else("0")
                      .elsewhere("Filebeat", {"rotate_every_kb"}))
            .with(config::field("max_age", Type::kDuration)
                      .between(0, 3650 * 24 * kHour)
                      .describe("The same when the file was begun so long ago. 0s: never.")
                      .or_else("0s")
                      .elsewhere("Filebeat", {"rotate_interval"}))
            .with(config::field("compress", Type::kEnum)
                      .choice("none", "as they are")
                      .choice("gzip", "in the background; `.gz` is added to the name")
                      .describe("What is done to rotated files.")
                      .or_else("none")
                      .elsewhere("Vector", {"compression"})
                      .elsewhere("Fluent Bit", {"gzip"}))
            .with(config::field("keep", Type::kInt)
                      .between(1, 1000)
                      .describe("Rotated files that are kept.")
                      .or_else("5")
                      .elsewhere("Filebeat", {"number_of_files"}));
    return schema;
}

const Schema& stdout_output_schema() {
    static const Schema schema = Schema("stdout", "Prints records to standard output.")
                                     .example_id("screen")
                                     .elsewhere("Vector", {"console"})
                                     .elsewhere("Filebeat", {"output.console"})
                                     .with(format_field());
    return schema;
}

const Schema& null_output_schema() {
    static const Schema schema =
        Schema("null", "Takes everything and keeps nothing; for measurements.")
            .example_id("nothing")
            .elsewhere("Vector", {"blackhole"});
    return schema;
}

FileOutputOptions read_file_output(const config::ObjectReader& r) {
    FileOutputOptions options;
    options.path = r.path("path");
    options.format = read_format(r);
    options.max_size_bytes = r.bytes("max_size");
    options.max_age = r.duration("max_age");
    options.compresses = r.string("compress") == "gzip";
    options.keep = static_cast<uint32_t>(r.integer("keep"));
    return options;
}

StdoutOutputOptions read_stdout_output(const config::ObjectReader& r) {
    return {.format = read_format(r)};
}

}  // namespace seyir::plugins
