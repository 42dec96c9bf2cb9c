// SPDX-License-Identifier: Apache-2.0
// HttpInput: records in plain HTTP requests, for programs that speak no log protocol.
// Room: POST -> PushBody; the rest is PushInput.
// Threads, errors, limits: as PushInput and http_records.hpp.
#pragma once

#include <string>

#include "collector/input/http/http_records.hpp"
#include "collector/input/push/push_input.hpp"
#include "common/component/types.hpp"

namespace seyir::collector::input {

struct HttpInputOptions {
    std::string id;
    std::string path;
    HttpRecordSettings records;  ///< tenant and time are those of the request
};

class HttpInput final : public PushInput {
  public:
    HttpInput(HttpInputOptions options, metrics::Registry& registry, io::Clock& clock)
        : PushInput(options.id, registry, clock), options_(std::move(options)) {}

  protected:
    std::string path() const override { return options_.path; }

    Result<PushBody> read(const net::HttpRequest& request) const override;
    net::HttpResponse taken(uint64_t records) const override;

  private:
    HttpInputOptions options_;
};

component::InputType http_input_type();

}  // namespace seyir::collector::input
