// SPDX-License-Identifier: Apache-2.0
#include "agent/hostmetrics/host_metrics_schema.hpp"

#include <utility>

namespace seyir::agent::hostmetrics {
namespace {

using config::field;
using config::Schema;
using config::Type;

config::Field selection(
    const char* name, const char* summary, const char* include, const char* exclude
) {
    Schema schema(name, summary);
    schema
        .with(list_of("include", field("", Type::kString).between(1, 255))
                  .between(0, 64)
                  .describe("Only these, also where the default leaves them out. `*` is any text, "
                            "`?` one character.")
                  .or_else("[]")
                  .show(include))
        .with(list_of("exclude", field("", Type::kString).between(1, 255))
                  .between(0, 64)
                  .describe("Not these, besides what the default leaves out.")
                  .or_else("[]")
                  .show(exclude));
    return config::object(name, std::move(schema));
}

NameSelection read(const config::ObjectReader& r) {
    return {r.strings("include"), r.strings("exclude")};
}

}  // namespace

void add_sampling_fields(Schema& schema) {
    schema
        .with(field("interval", Type::kDuration)
                  .between(1'000'000'000, 3'600'000'000'000)
                  .describe("Time between samples.")
                  .or_else("15s")
                  .elsewhere("Vector", {"scrape_interval_secs"}))
        .with(selection(
            "disks",
            "Block devices by name. Partitions, loop and RAM disks are left out by default.",
            "[sda, nvme0n1p1]",
            "['dm-*']"
        ))
        .with(selection(
            "network", "Network devices by name; all by default.", "['eth*']", "['veth*', lo]"
        ))
        .with(selection(
            "mounts",
            "Mount points by path. Those of the system and of containers are left out by default.",
            "[/, '/srv/*']",
            "['/mnt/*']"
        ))
        .with(selection(
            "file_system_types",
            "Types of file systems. Pseudo file systems and those of a network, whose server may "
            "not answer, are left out by default.",
            "[ext4, xfs]",
            "[vfat]"
        ));
}

HostSelection read_selection(const config::ObjectReader& r) {
    return {
        .disks = read(r.nested("disks")),
        .network = read(r.nested("network")),
        .mounts = read(r.nested("mounts")),
        .file_system_types = read(r.nested("file_system_types")),
    };
}

}  // namespace seyir::agent::hostmetrics
