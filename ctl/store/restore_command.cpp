// SPDX-License-Identifier: Apache-2.0
// seyir restore: a backup becomes the data directory of a collector that does not run.
#include <string>

#include <unistd.h>

#include <fmt/format.h>

#include "collector/backup/restore.hpp"
#include "common/base/log.hpp"
#include "common/base/units.hpp"
#include "common/io/clock.hpp"
#include "common/json/writer.hpp"
#include "ctl/print/transfer_progress.hpp"
#include "ctl/session.hpp"

namespace seyir::ctl {
namespace {

using collector::backup::RestoreReport;

std::string without_slash(std::string path) {
    while (path.size() > 1 && path.back() == '/') {
        path.pop_back();
    }
    return path;
}

std::string as_json(const RestoreReport& done, Nanos took) {
    std::string out;
    json::Writer writer(out);
    const auto number = [&](std::string_view name, uint64_t value) {
        writer.key(name);
        writer.uint64(value);
    };
    writer.begin_object();
    writer.member("id", done.manifest.id);
    writer.member("time", to_rfc3339(done.manifest.begun));
    number("records", done.manifest.records);
    number("files", done.manifest.files.size());
    number("bytes", done.manifest.bytes());
    number("copied_bytes", done.copied_bytes);
    number("restore_generation", done.restore_generation);
    number("took_ms", static_cast<uint64_t>(took.count() / 1'000'000));
    writer.end_object();
    return out + "\n";
}

std::string as_text(const RestoreReport& done, const std::string& data_dir, Nanos took) {
    std::string out = fmt::format(
        "restored backup {} into {} in {}: {} records, {} files, {}; every checksum fits\n"
        "it holds what was acknowledged before {}; agents send again what came later, where "
        "they still have it\n",
        done.manifest.id,
        data_dir,
        format_duration(std::chrono::duration_cast<std::chrono::milliseconds>(took)),
        grouped(done.manifest.records),
        done.manifest.files.size(),
        format_bytes(done.manifest.bytes()),
        to_rfc3339(done.manifest.begun)
    );
    if (geteuid() == 0) {
        out += fmt::format(
            "next: chown -R seyir-collector: {} && systemctl start seyir-collector\n", data_dir
        );
    }
    return out;
}

}  // namespace

int restore_command(const Arguments& arguments) {
    const auto style = print_style(arguments);
    if (!style) {
        return report(style.error());
    }
    collector::backup::RestoreRequest request;
    request.folder = without_slash(arguments.values[0]);
    request.data_dir = without_slash(arguments.get("to"));
    if (request.data_dir.empty()) {
        return report(fail(
            ErrorCode::kInvalidArgument,
            "say where to: --to DATA_DIR (data_dir of the collector), which must be empty"
        ));
    }
    if (arguments.has("at")) {
        const auto at = parse_time(arguments.get("at"), io::system_clock().wall_now());
        if (!at) {
            return report(at.error().context("--at"));
        }
        request.at = *at;
    }
    TransferProgress bar("restoring");
    request.on_progress = [&](uint64_t done, uint64_t total) {
        bar.update(done, total);
        return true;
    };
    const SteadyTime begun = io::system_clock().steady_now();
    const auto done = collector::backup::restore(io::posix_file_system(), request);
    const Nanos took = io::system_clock().steady_now() - begun;
    bar.finish();
    if (!done) {
        return report(done.error());
    }
    const auto printed = print(
        style->form == OutputForm::kHuman ? as_text(*done, request.data_dir, took)
                                          : as_json(*done, took)
    );
    return printed ? kExitOk : kExitFailure;
}

}  // namespace seyir::ctl
