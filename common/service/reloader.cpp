// SPDX-License-Identifier: Apache-2.0
#include "common/service/reloader.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <tuple>
#include <utility>

#include <unistd.h>

#include <fmt/format.h>

#include "common/base/log.hpp"
#include "common/base/text.hpp"
#include "common/component/fixed_at_start.hpp"

namespace seyir::service {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kLog = "reload";
constexpr auto kAnswerTime = 60s;

std::vector<std::string> restart_keys(
    const component::ProgramConfig& before, const component::ProgramConfig& next
) {
    std::vector<std::string> keys;
    if (before.home != next.home) {
        keys.emplace_back("state_dir or data_dir");
    }
    if (before.listen.http != next.listen.http) {
        keys.emplace_back("listen.http");
    }
    if (before.listen.admin_path != next.listen.admin_path) {
        keys.emplace_back("listen.admin");
    }
    const bool same_tls = before.tls.cert == next.tls.cert && before.tls.key == next.tls.key &&
                          before.tls.client_ca == next.tls.client_ca;
    if (!same_tls) {
        keys.emplace_back("tls");
    }
    const auto same_token = [](const config::TokenOptions& a, const config::TokenOptions& b) {
        const auto all = [](const config::TokenOptions& t) {
            return std::tie(
                t.name,
                t.token,
                t.sha256,
                t.may_ingest,
                t.may_read,
                t.may_admin,
                t.tenant,
                t.expires
            );
        };
        return all(a) == all(b);
    };
    if (!std::ranges::equal(before.tokens, next.tokens, same_token)) {
        keys.emplace_back("tokens");
    }
    // What components read once, at their start.
    for (const component::PlannedOutput& output : next.pipeline.outputs) {
        const auto was =
            std::ranges::find(before.pipeline.outputs, output.id, &component::PlannedOutput::id);
        const bool is_fixed =
            dynamic_cast<const component::FixedAtStart*>(output.plan.get()) != nullptr;
        if (is_fixed && was != before.pipeline.outputs.end() &&
            was->fingerprint != output.fingerprint) {
            keys.push_back("outputs." + output.id);
        }
    }
    return keys;
}

std::string to_json(const ReloadAnswer& answer) {
    std::string restart;
    for (const std::string& key : answer.needs_restart) {
        restart += (restart.empty() ? "" : ",") + json_quote(key);
    }
    return fmt::format(
        R"({{"ok":{},"changed":{},"message":{},"needs_restart":[{}]}})"
        "\n",
        answer.ok,
        answer.changed,
        json_quote(answer.text),
        restart
    );
}

}  // namespace

Reloader::Reloader(
    PipelineHost& host,
    std::shared_ptr<const component::ProgramConfig> started,
    std::function<LoadedProgram()> load,
    std::function<void(const component::ProgramConfig&)> applied
)
    : host_(host),
      started_(std::move(started)),
      load_(std::move(load)),
      applied_(std::move(applied)) {}

ReloadAnswer Reloader::run(bool plan_only) {
    const LoadedProgram loaded = load_();
    if (loaded.config == nullptr) {
        return {.ok = false, .changed = false, .text = loaded.diagnostics, .needs_restart = {}};
    }
    ReloadAnswer answer{.ok = true};
    answer.needs_restart = restart_keys(*started_, *loaded.config);
    if (plan_only) {
        const auto differences = host_.plan(*loaded.config);
        answer.changed = !differences.empty();
        answer.text = loaded.diagnostics + describe(differences);
        return answer;
    }
    auto differences = host_.reload(*loaded.config);
    if (!differences) {
        answer.ok = false;
        answer.text = "the old configuration runs on: " + differences.error().message + "\n";
        return answer;
    }
    applied_(*loaded.config);
    answer.changed = !differences->empty();
    answer.text = loaded.diagnostics + describe(*differences);
    return answer;
}

void apply_log_options(const component::ProgramConfig& config) {
    log::set_level(config.log.level);
    log::set_json(config.log.json);
}

ReloadAnswer Reloader::reload() {
    ReloadAnswer answer = run(false);
    for (const std::string& key : answer.needs_restart) {
        log::warn(kLog, "this change needs a restart", {{"key", key}});
    }
    if (!answer.ok) {
        log::error(kLog, "not reloaded; the old configuration runs on", {{"why", answer.text}});
    } else if (answer.changed) {
        log::info(kLog, "reloaded", {{"changes", answer.text}});
    } else {
        log::info(kLog, "reloaded: nothing in the pipeline changed");
    }
    return answer;
}

void Reloader::serve() {
    std::vector<std::shared_ptr<Wish>> wishes;
    {
        const std::lock_guard lock(mutex_);
        wishes.swap(wishes_);
    }
    for (const auto& wish : wishes) {
        ReloadAnswer answer = wish->plan_only ? plan() : reload();
        const std::lock_guard lock(mutex_);
        wish->answer = std::move(answer);
        changed_.notify_all();
    }
}

void Reloader::stop() {
    const std::lock_guard lock(mutex_);
    is_stopped_ = true;
    changed_.notify_all();
}

void Reloader::answer(const net::HttpExchangePtr& exchange, bool plan_only) {
    auto wish = std::make_shared<Wish>();
    wish->plan_only = plan_only;
    std::unique_lock lock(mutex_);
    wishes_.push_back(wish);
    kill(getpid(), SIGURG);  // the main thread waits for signals: wake it
    const bool is_over = changed_.wait_for(lock, kAnswerTime, [&] {
        return wish->answer.has_value() || is_stopped_;
    });
    if (is_over && !wish->answer) {
        exchange->respond(
            net::HttpResponse::error(503, fail(ErrorCode::kClosed, "the program is stopping"))
        );
        return;
    }
    if (!is_over) {
        exchange->respond(net::HttpResponse::error(
            504, fail(ErrorCode::kTimeout, "the reload is still under way; the log will tell")
        ));
        return;
    }
    net::HttpResponse response = net::HttpResponse::json(to_json(*wish->answer));
    response.status = wish->answer->ok ? 200 : 422;
    exchange->respond(std::move(response));
}

std::vector<net::HttpRoute> Reloader::routes() {
    const auto route = [this](const char* method, const char* path, bool plan_only) {
        return net::HttpRoute{
            .method = method,
            .path = path,
            .scope = net::Scope::kAdmin,
            .lane = net::Lane::kControl,
            .handler = [this, plan_only](const net::HttpExchangePtr& exchange
                       ) { answer(exchange, plan_only); }
        };
    };
    return {
        route("POST", "/api/v1/reload", false),
        route("GET", "/api/v1/reload/plan", true),
    };
}

}  // namespace seyir::service
