// SPDX-License-Identifier: Apache-2.0
// InternalEvents: what the collector itself did or found, on its way to the inputs `internal_logs`,
// whose routes bring it to the store and to people.
// Threads: thread-safe.   Ownership: outlives its listeners; a listener ends with its handle.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "common/base/time.hpp"
#include "common/record/severity.hpp"

namespace seyir::collector {

struct InternalEvent {
    UnixNanos at;
    SeverityNumber severity = kSeverityInfo;
    std::string kind;  ///< the attribute `event`: "clean_up"
    std::string text;
    std::vector<std::pair<std::string, std::string>> attributes;
};

class InternalEvents {
  public:
    using Listener = std::function<void(const InternalEvent&)>;

    void publish(const InternalEvent& event) {
        const std::lock_guard lock(shared_->mutex);
        for (const Listener& listener : shared_->listeners) {
            listener(event);
        }
    }

    /// Called under a lock: take a copy and leave.
    std::shared_ptr<void> listen(Listener listener) {
        const std::lock_guard lock(shared_->mutex);
        const auto at = shared_->listeners.insert(shared_->listeners.end(), std::move(listener));
        return {nullptr, [shared = shared_, at](void*) {
                    const std::lock_guard unlisten(shared->mutex);
                    shared->listeners.erase(at);
                }};
    }

  private:
    struct Shared {
        std::mutex mutex;
        std::list<Listener> listeners;
    };

    std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
};

}  // namespace seyir::collector
