// SPDX-License-Identifier: Apache-2.0
#include "collector/backup/backup_routes.hpp"

#include <utility>

#include <fmt/format.h>

#include "common/json/writer.hpp"

namespace seyir::collector::backup {
namespace {

void put(json::Writer& writer, std::string_view name, uint64_t value) {
    writer.key(name);
    writer.uint64(value);
}

std::string state_json(BackupService& service) {
    const BackupState state = service.state();
    const auto backups = service.backup().backups();
    std::string out;
    json::Writer writer(out);
    writer.begin_object();
    writer.member("folder", service.backup().options().folder);
    put(writer, "keep", service.backup().options().keep);
    writer.key("running");
    writer.boolean(state.is_running);
    writer.member("life", service.life());
    put(writer, "runs", state.runs);
    put(writer, "failed_attempts", state.failed_attempts);
    writer.member("next", state.next ? to_rfc3339(*state.next) : "");
    writer.key("progress");
    writer.begin_object();
    put(writer, "files_done", state.progress.files_done);
    put(writer, "files_total", state.progress.files_total);
    put(writer, "bytes_done", state.progress.bytes_done);
    put(writer, "bytes_total", state.progress.bytes_total);
    writer.end_object();
    writer.key("last");
    if (state.last) {
        writer.raw(state.last->json());
    } else {
        writer.null();
    }
    writer.member("error", backups ? "" : backups.error().message);
    writer.key("backups");
    writer.begin_array();
    for (size_t i = 0; backups && i < backups->size(); ++i) {
        const BackupSummary& summary = (*backups)[i];
        writer.begin_object();
        writer.member("id", summary.id);
        writer.member("time", to_rfc3339(summary.begun));
        put(writer, "records", summary.records);
        put(writer, "raw_bytes", summary.raw_bytes);
        put(writer, "files", summary.files);
        put(writer, "bytes", summary.bytes);
        put(writer, "damaged_files", summary.damaged_files);
        writer.end_object();
    }
    writer.end_array();
    writer.end_object();
    return out + "\n";
}

using Answer = std::function<net::HttpResponse(const net::HttpRequest&)>;

net::HttpRoute route(std::string method, std::string path, net::Scope scope, Answer answer) {
    return {
        .method = std::move(method),
        .path = std::move(path),
        .scope = scope,
        .lane = net::Lane::kControl,
        .handler = [answer = std::move(answer)](const net::HttpExchangePtr& exchange
                   ) { exchange->respond(answer(exchange->request())); }
    };
}

net::HttpResponse not_configured() {
    return net::HttpResponse::error(
        409,
        fail(
            ErrorCode::kInvalidConfig,
            "no backups are configured: give the `store` output `backup: { path: FOLDER }`"
        )
    );
}

}  // namespace

std::vector<net::HttpRoute> backup_routes(BackupService* service) {
    return {
        route(
            "GET",
            "/api/v1/backup",
            net::Scope::kRead,
            [service](const net::HttpRequest&) {
                return service == nullptr ? not_configured()
                                          : net::HttpResponse::json(state_json(*service));
            }
        ),
        route(
            "POST",
            "/api/v1/backup/run",
            net::Scope::kAdmin,
            [service](const net::HttpRequest& request) {
                if (service == nullptr) {
                    return not_configured();
                }
                const auto recheck = request.parameter("recheck");
                const auto run = service->request(
                    {.trigger = "operator", .recheck = recheck && *recheck == "true"}
                );
                return run ? net::HttpResponse::json(fmt::format(
                                 "{{\"run\":{},\"life\":\"{}\"}}\n", *run, service->life()
                             ))
                           : net::HttpResponse::error(409, run.error());
            }
        ),
    };
}

}  // namespace seyir::collector::backup
