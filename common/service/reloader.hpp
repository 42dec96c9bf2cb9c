// SPDX-License-Identifier: Apache-2.0
// Reloader: reads the configuration again and changes the running pipeline over to it, on SIGHUP or
// when asked over the admin socket; or only tells what that would do.
// Threads: run() on the main thread; the HTTP handlers hand their wish to it and wait.
// Errors: a configuration with mistakes, or one that cannot be started, changes nothing; the answer
// says why.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/component/program_config.hpp"
#include "common/config/diagnostics/diagnostics.hpp"
#include "common/net/http.hpp"
#include "common/service/pipeline_host.hpp"

namespace seyir::service {

struct LoadedProgram {
    std::shared_ptr<const component::ProgramConfig> config;  ///< nullptr: the diagnostics say why
    std::string diagnostics;                                 ///< as text
};

/// What Reloader::load gives, made of a program's own LoadedConfig.
template <class Config>
LoadedProgram loaded_program(config::LoadedConfig<Config> loaded) {
    std::string text = loaded.diagnostics.to_text();
    if (!loaded.ok()) {
        return {nullptr, std::move(text)};
    }
    return {std::make_shared<const Config>(std::move(*loaded.config)), std::move(text)};
}

/// Level and form of the program's own log.
void apply_log_options(const component::ProgramConfig& config);

struct ReloadAnswer {
    bool ok = false;
    bool changed = false;
    std::string text;                        ///< differences, one a line; or what is wrong
    std::vector<std::string> needs_restart;  ///< changed keys a reload cannot apply
};

class Reloader {
  public:
    /// `applied` is told of a configuration that now runs (log level, tokens).
    Reloader(
        PipelineHost& host,
        std::shared_ptr<const component::ProgramConfig> started,
        std::function<LoadedProgram()> load,
        std::function<void(const component::ProgramConfig&)> applied
    );

    /// SIGHUP. On the main thread.
    void on_hangup() { (void)reload(); }

    /// What a reload would do. On the main thread.
    ReloadAnswer plan() { return run(true); }

    /// Reloads, with the answer in the log too. On the main thread.
    ReloadAnswer reload();

    /// Wishes that came over HTTP; on the main thread, about every second and after SIGHUP.
    void serve();

    /// Wishes that nobody will serve any more are answered with 503.
    void stop();

    /// POST /api/v1/reload, GET /api/v1/reload/plan.
    std::vector<net::HttpRoute> routes();

  private:
    struct Wish {
        bool plan_only = false;
        std::optional<ReloadAnswer> answer;
    };

    ReloadAnswer run(bool plan_only);
    void answer(const net::HttpExchangePtr& exchange, bool plan_only);

    PipelineHost& host_;
    /// What only a start applies stays as in it, whatever was reloaded since.
    const std::shared_ptr<const component::ProgramConfig> started_;
    std::function<LoadedProgram()> load_;
    std::function<void(const component::ProgramConfig&)> applied_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<std::shared_ptr<Wish>> wishes_;
    bool is_stopped_ = false;
};

}  // namespace seyir::service
