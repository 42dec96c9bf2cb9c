// SPDX-License-Identifier: Apache-2.0
// A record as tests of filters write and see it, and what becomes of records.
// Used through harness.hpp.   Ownership: values.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <seyir/plugin.h>

#include <seyir/harness_json.hpp>

namespace seyir::test {

/// One record, as tests write and see it.
struct Record {
    std::string body;
    int64_t ts = 0;
    int severity = 0;
    std::vector<std::pair<std::string, std::string>> labels;
    Json attributes = Json::object();
    std::vector<std::string> parsed;  ///< attributes that are marked as parsed
    seyir_trace trace{};

    const Json& operator[](std::string_view attribute) const { return attributes[attribute]; }

    /// {"body": ..., "timestamp_ns": ..., "severity_number": ..., "labels": {...},
    /// "attributes": {...}}; all but the body may be missing.
    static Record from_json(const Json& json) {
        Record made;
        made.body = json["body"].string();
        made.ts = json["timestamp_ns"].integer();
        made.severity = static_cast<int>(json["severity_number"].integer());
        for (const auto& [name, value] : json["labels"].members()) {
            made.labels.emplace_back(name, value.string());
        }
        std::sort(made.labels.begin(), made.labels.end());
        if (json.has("attributes")) {
            made.attributes = json["attributes"];
        }
        return made;
    }

    Json to_json() const {
        Json json = Json::object();
        json.set("body", body);
        json.set("timestamp_ns", ts);
        if (severity != 0) {
            json.set("severity_number", severity);
        }
        Json all = Json::object();
        for (const auto& [name, value] : labels) {
            all.set(name, value);
        }
        if (!labels.empty()) {
            json.set("labels", all);
        }
        if (!attributes.members().empty()) {
            json.set("attributes", attributes);
        }
        return json;
    }
};

struct Dropped {
    Record record;
    std::string reason;
};

struct Failed {
    Record record;
    std::string code;
    std::string message;
};

/// What becomes of the rows of one call.
struct Outcome {
    std::vector<Record> emitted;
    std::vector<Dropped> dropped;
    std::vector<Failed> failed;
    std::string explanation;
};

}  // namespace seyir::test
