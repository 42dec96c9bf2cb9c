// SPDX-License-Identifier: Apache-2.0
// RelayTarget: an input that reads requests an agent relays as if they had been posted to it.
// Room: RelayedRequest -> RecordBatch, and the batch into the target's own routes.
// Threads: thread-safe.   Errors: of the body: nothing of it will ever be taken.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "common/base/result.hpp"
#include "common/record/batch.hpp"

namespace seyir::collector {

struct RelayedRequest {
    std::string path;
    std::string content_type;
    std::string body;
    std::string peer;  ///< host of the agent
};

class RelayTarget {
  public:
    virtual ~RelayTarget() = default;
    /// Requests to this path are for it.
    virtual bool takes(std::string_view path) const = 0;
    virtual Result<std::shared_ptr<RecordBatch>> read_relayed(RelayedRequest request) const = 0;
    /// A batch dies unanswered when the target has stopped: the agent sends it again.
    virtual void submit_relayed(std::shared_ptr<RecordBatch> batch) = 0;
};

}  // namespace seyir::collector
