// SPDX-License-Identifier: Apache-2.0
// PluginInstance: one filter object of a plugin with everything the host keeps for it, and
// PluginTroubles: what went wrong with the instances of one configured filter.
// Threads: see the filter's thread model; PluginTroubles is thread-safe.
// Ownership: the plugin's object is destroyed with the instance; its library is never unloaded.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "common/plugin/batch_session.hpp"
#include "common/plugin/description.hpp"
#include "common/plugin/held_rows.hpp"
#include "common/plugin/host.hpp"

namespace seyir::plugin {

/// Calls in progress and what went wrong, for health and metrics.
class PluginTroubles {
  public:
    /// A call that began at `since` (steady ns; 0 = none in progress).
    using Watch = std::shared_ptr<std::atomic<int64_t>>;

    PluginTroubles(io::Clock& clock, Nanos budget) : clock_(clock), budget_(budget) {}

    Watch add_watch();
    /// The plugin said so itself: out of use until the program starts anew.
    void set_fatal(std::string message);
    void set_passing(std::string message);
    void set_over_budget(Nanos spent);

    /// For health: FATAL for ever, the rest for a minute, a call that does not end as long as it
    /// lasts.
    std::optional<std::string> say() const;

    Nanos budget() const { return budget_; }

  private:
    struct Passing {
        std::string message;
        SteadyTime at;
    };

    io::Clock& clock_;
    Nanos budget_;
    mutable std::mutex mutex_;
    mutable std::vector<std::weak_ptr<std::atomic<int64_t>>> watches_;
    std::optional<std::string> fatal_;
    std::optional<Passing> passing_;
};

class PluginInstance {
  public:
    /// Errors: kInvalidConfig with what the plugin says.
    static Result<std::shared_ptr<PluginInstance>> create(
        FilterDescriptionPtr filter,
        std::shared_ptr<const Settings> settings,
        const component::RunContext& context
    );
    ~PluginInstance();
    PluginInstance(const PluginInstance&) = delete;
    PluginInstance& operator=(const PluginInstance&) = delete;

    const FilterDescription& filter() const { return *filter_; }

    seyir_filter* self() const { return self_; }

    InstanceHost& host() { return host_; }

    HeldTable& held() { return held_; }

    /// Held during calls of SEYIR_SINGLE filters.
    std::mutex& mutex() { return mutex_; }

    std::atomic<bool> is_fatal{false};
    std::atomic<int64_t> last_timer_ns{0};
    std::atomic<int> users{0};  ///< adapters that have not had their last flush

  private:
    PluginInstance(FilterDescriptionPtr filter, const component::RunContext& context);

    FilterDescriptionPtr filter_;
    InstanceHost host_;
    HeldTable held_;
    std::mutex mutex_;
    seyir_filter* self_ = nullptr;
};

/// Runs `call`, which crosses into a plugin; what it throws becomes text.
template <class Call>
std::optional<std::string> exception_of(Call&& call) {
    try {
        call();
        return std::nullopt;
    } catch (const std::exception& e) {
        return std::string("it threw an exception: ") + e.what();
    } catch (...) {
        return "it threw an exception of an unknown type";
    }
}

}  // namespace seyir::plugin
