// SPDX-License-Identifier: Apache-2.0
#include "common/buffer/options.hpp"

#include <fmt/format.h>

#include "common/config/diagnostics/codes.hpp"

namespace seyir::buffer {
namespace {

using config::field;
using config::Field;
using config::Schema;
using config::Type;

using Kind = BufferOptions::Kind;

constexpr uint64_t kMillisecond = 1'000'000;
constexpr uint64_t kSecond = 1000 * kMillisecond;
constexpr uint64_t kHour = 3600 * kSecond;

constexpr uint64_t kDiskDefaultBytes = kGiB;
constexpr uint64_t kMemoryDefaultBytes = 32 * kMiB;

const char* name_of(Kind kind) {
    switch (kind) {
        case Kind::kNone:
            return "none";
        case Kind::kMemory:
            return "memory";
        case Kind::kDisk:
        case Kind::kSpool:
            return "disk";
    }
    return "none";
}

void add_type(Schema& schema, Kind kind) {
    schema.with(field("type", Type::kEnum)
                    .choice("disk", "the source is answered once records are in the buffer's files")
                    .choice("memory", "the source is answered when the far side has the records")
                    .choice("none", "records go straight to the output")
                    .describe("Where records wait for the output.")
                    .or_else(name_of(kind))
                    .elsewhere("Fluent Bit", {"storage.type"}));
}

void add_kind(Schema& schema, Kind kind) {
    const bool is_spool = kind == Kind::kSpool;
    if (!is_spool) {
        add_type(schema, kind);
    }
    schema
        .with(field("max_size", Type::kBytes)
                  .between(kMemoryBytesMin, 64 * 1024 * kGiB)
                  .describe("What it may hold; a disk buffer at least 32MiB.")
                  .or_else_described(is_spool ? "1GiB" : "1GiB on disk, 32MiB in memory")
                  .show("10GiB")
                  .elsewhere("Vector", {"max_events"})
                  .elsewhere("Fluent Bit", {"storage.total_limit_size", "Mem_Buf_Limit"})
                  .elsewhere("other programs", {"limit", "size", "total_limit_size"}))
        .with(field("when_full", Type::kEnum)
                  .choice(
                      "block",
                      is_spool ? "pipes, connections and HTTP clients wait; datagrams are taken as "
                                 "long as memory lasts, then dropped, counted"
                               : "the sources wait, nothing is lost"
                  )
                  .choice("drop_oldest", "the oldest records go, counted as `buffer_full`")
                  .choice("drop_newest", "what comes goes, counted as `buffer_full`")
                  .describe("What happens when it holds `max_size`.")
                  .or_else("block")
                  .elsewhere("other programs", {"overflow", "overflow_action"}));
}

void add_disk(Schema& schema) {
    schema
        .with(field("sync", Type::kEnum)
                  .choice("ack", "before each answer; many records share one")
                  .choice("interval", "every `sync_interval`: a power cut loses what came since")
                  .choice("os", "when the kernel likes: a power cut loses up to a minute")
                  .describe("When a disk buffer is forced to stable storage.")
                  .or_else("ack")
                  .elsewhere("Fluent Bit", {"storage.sync"}))
        .with(field("sync_interval", Type::kDuration)
                  .between(10 * kMillisecond, 60 * kSecond)
                  .describe("For `sync: interval`.")
                  .or_else("1s"))
        .with(field("path", Type::kPath)
                  .describe("The folder of a disk buffer, for it alone.")
                  .or_else_described("`buffer/ID` in the program's state or data directory")
                  .show("/var/spool/seyir/far")
                  .elsewhere("Fluent Bit", {"storage.path"}))
        .with(field("keep_free", Type::kBytes)
                  .between(0, 64 * 1024 * kGiB)
                  .describe("A disk buffer takes in nothing while its file system has less room.")
                  .or_else("256MiB"));
}

Schema buffer_schema(Kind kind) {
    Schema schema(
        "buffer",
        kind == Kind::kSpool ? "The spool: holds, on disk, what cannot be read again where it came "
                               "from (syslog, stdin, http_relay) until the collector has it. What "
                               "`tail` and `journald` read stays in its file."
                             : "Holds records while the output is slow or away."
    );
    add_kind(schema, kind);
    add_disk(schema);
    schema.with(field("in_flight", Type::kInt)
                    .between(1, 1024)
                    .describe("Batches the output works on at once.")
                    .or_else("8")
                    .elsewhere("Vector", {"concurrency"})
                    .elsewhere("Fluent Bit", {"workers"}));
    return schema;
}

}  // namespace

Field buffer_field(Kind kind) {
    return config::object("buffer", buffer_schema(kind))
        .elsewhere("Filebeat", {"queue"})
        .elsewhere("Fluent Bit", {"storage"});
}

Field retry_field() {
    Schema schema(
        "retry", "Waiting between attempts after a failure; doubles each time, with jitter."
    );
    schema
        .with(field("initial", Type::kDuration)
                  .between(kMillisecond, 60 * kSecond)
                  .describe("The first wait.")
                  .or_else("500ms")
                  .elsewhere("Vector", {"retry_initial_backoff_secs"})
                  .elsewhere("promtail", {"min_period"})
                  .elsewhere("Filebeat", {"backoff.init"}))
        .with(field("max", Type::kDuration)
                  .between(kMillisecond, kHour)
                  .describe("The longest wait, unless the far side asks for a longer one.")
                  .or_else("60s")
                  .elsewhere("Vector", {"retry_max_duration_secs"})
                  .elsewhere("promtail", {"max_period"})
                  .elsewhere("Filebeat", {"backoff.max"}))
        .with(field("give_up_after", Type::kDuration)
                  .between(0, 365 * 24 * kHour)
                  .describe("Records that could not be delivered for so long go to the dead letter "
                            "output, or end here, counted. 0s: never.")
                  .or_else("0s")
                  .elsewhere("Fluent Bit", {"retry_timeout"}))
        .with(field("attempts", Type::kInt)
                  .between(0, 1'000'000)
                  .describe("The same after so many attempts. 0: no limit.")
                  .or_else("0")
                  .elsewhere("Vector", {"retry_attempts"})
                  .elsewhere("Fluent Bit", {"Retry_Limit"})
                  .elsewhere("promtail", {"max_retries"})
                  .elsewhere("Filebeat", {"max_retries"}));
    return config::object("retry", std::move(schema))
        .elsewhere("promtail", {"backoff_config"})
        .elsewhere("Filebeat", {"backoff"});
}

BufferOptions read_buffer(const config::ObjectReader& r, Kind kind) {
    const config::ObjectReader b = r.nested("buffer");
    BufferOptions options;
    options.kind =
        kind != Kind::kSpool && b.has("type")
            ? b.choice<Kind>(
                  "type", {{"disk", Kind::kDisk}, {"memory", Kind::kMemory}, {"none", Kind::kNone}}
              )
            : kind;
    const bool is_disk = options.is_on_disk();
    options.max_size_bytes = b.has("max_size") ? b.bytes("max_size")
                             : is_disk         ? kDiskDefaultBytes
                                               : kMemoryDefaultBytes;
    options.when_full = b.choice<BufferOptions::WhenFull>(
        "when_full",
        {{"block", BufferOptions::WhenFull::kBlock},
         {"drop_oldest", BufferOptions::WhenFull::kDropOldest},
         {"drop_newest", BufferOptions::WhenFull::kDropNewest}}
    );
    options.sync = b.choice<BufferOptions::Sync>(
        "sync",
        {{"ack", BufferOptions::Sync::kAck},
         {"interval", BufferOptions::Sync::kInterval},
         {"os", BufferOptions::Sync::kOs}}
    );
    options.sync_interval = b.duration("sync_interval");
    options.path = b.path("path");
    options.free_bytes_min = b.bytes("keep_free");
    options.in_flight_max = static_cast<uint32_t>(b.integer("in_flight"));
    return options;
}

bool has_retry_field(const config::Schema& type) {
    const Field* const retry = type.find("retry");
    return retry != nullptr && retry->object != nullptr &&
           retry->object->find("give_up_after") != nullptr;
}

RetryOptions read_retry(const config::ObjectReader& r) {
    const config::ObjectReader n = r.nested("retry");
    RetryOptions options;
    options.initial = n.duration("initial");
    options.max = n.duration("max");
    options.give_up_after = n.duration("give_up_after");
    options.attempts_max = static_cast<uint32_t>(n.integer("attempts"));
    return options;
}

void check_buffer(
    const config::ObjectReader& r,
    const BufferOptions& options,
    const std::string& output_id,
    config::Diagnostics& diagnostics
) {
    const config::ObjectReader b = r.nested("buffer");
    if (options.is_on_disk() && options.max_size_bytes < kDiskBytesMin) {
        diagnostics.add(
            {.code = config::kOutOfRange,
             .at = b.span("max_size"),
             .message = fmt::format(
                 "`max_size` of the disk buffer of `{}` is {}; at least {} is needed",
                 output_id,
                 format_bytes(options.max_size_bytes),
                 format_bytes(kDiskBytesMin)
             ),
             .hint = "a disk buffer is deleted by whole segments and needs at least two"}
        );
    }
}

void check_retry(
    const config::ObjectReader& r, const std::string& output_id, config::Diagnostics& diagnostics
) {
    const config::ObjectReader n = r.nested("retry");
    const RetryOptions retry = read_retry(r);
    if (retry.initial > retry.max) {
        diagnostics.add(
            {.code = config::kOrder,
             .at = n.span("initial"),
             .message = fmt::format("`initial` of `retry` of `{}` is above `max`", output_id)}
        );
    }
}

}  // namespace seyir::buffer
