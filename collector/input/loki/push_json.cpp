// SPDX-License-Identifier: Apache-2.0
// {"streams":[{"stream":{"app":"x"},"values":[["1700000000000000000","line",{"meta":"y"}]]}]}
#include <charconv>

#include <fmt/format.h>

#include "collector/input/loki/push_builder.hpp"
#include "common/json/reader.hpp"

namespace seyir::collector::input {
namespace {

using json::View;

/// Errors of shape: the whole body is refused, for the sender does not speak the protocol.
Error bad_shape(const std::string& what) {
    return fail(ErrorCode::kInvalidArgument, what);
}

std::optional<int64_t> read_time(View value) {
    const auto text = value.string();
    if (!text || text->empty()) {
        return std::nullopt;
    }
    int64_t ts = 0;
    const char* end = text->data() + text->size();
    const auto [rest, error] = std::from_chars(text->data(), end, ts);
    return error == std::errc() && rest == end ? std::optional(ts) : std::nullopt;
}

size_t count_of(View array) {
    size_t count = 0;
    array.for_each_element([&](View) {
        ++count;
        return true;
    });
    return count;
}

class JsonPush {
  public:
    explicit JsonPush(PushBuilder& builder) : builder_(builder) {}

    Result<void> stream(View stream, size_t index) {
        const auto labels = stream.get("stream");
        const auto values = stream.get("values");
        if (!labels || !labels->is_object() || !values || !values->is_array()) {
            return bad_shape(fmt::format(
                "streams[{}] needs an object `stream` with labels and an array `values`", index
            ));
        }
        std::vector<StreamLabels::Pair> pairs;
        Result<void> outcome;
        labels->for_each_member([&](std::string_view name, View value) {
            const auto text = value.string();
            if (!text) {
                outcome =
                    bad_shape(fmt::format("streams[{}].stream.{} is not a string", index, name));
                return false;
            }
            pairs.emplace_back(name, *text);
            return true;
        });
        SEYIR_CHECK(outcome);
        if (!builder_.begin_stream(std::move(pairs))) {
            builder_.skip_entries(count_of(*values));
            return {};
        }
        size_t entry_index = 0;
        values->for_each_element([&](View value) {
            outcome = entry(value, index, entry_index++);
            return outcome.has_value();
        });
        return outcome;
    }

  private:
    Result<void> entry(View entry, size_t stream, size_t index) {
        size_t part = 0;
        std::optional<int64_t> ts;
        std::optional<std::string_view> line;
        metadata_.clear();
        bool shaped = entry.is_array();
        entry.for_each_element([&](View value) {
            switch (part++) {
                case 0:
                    ts = read_time(value);
                    break;
                case 1:
                    line = value.string();
                    break;
                case 2:
                    shaped = shaped && value.is_object() && read_metadata(value);
                    break;
                default:
                    shaped = false;
            }
            return shaped;
        });
        if (!ts) {
            return bad_shape(fmt::format(
                "streams[{}].values[{}]: the time must be a string of nanoseconds since 1970",
                stream,
                index
            ));
        }
        if (!line || !shaped) {
            return bad_shape(fmt::format(
                "streams[{}].values[{}] must be [\"<nanoseconds>\", \"line\"] or have an object of "
                "strings behind",
                stream,
                index
            ));
        }
        builder_.add_entry(*ts, *line, metadata_);
        return {};
    }

    bool read_metadata(View object) {
        bool strings = true;
        object.for_each_member([&](std::string_view name, View value) {
            const auto text = value.string();
            strings = text.has_value();
            if (text) {
                metadata_.emplace_back(name, *text);
            }
            return strings;
        });
        return strings;
    }

    PushBuilder& builder_;
    std::vector<PushBuilder::Pair> metadata_;
};

}  // namespace

Result<PushBody> read_push_json(std::string_view body, const PushSettings& settings) {
    json::Document document;
    SEYIR_TRY(const auto root, document.parse(body));
    const auto streams = root.get("streams");
    if (!streams || !streams->is_array()) {
        return bad_shape("the body needs an array `streams`");
    }
    PushBuilder builder(settings);
    JsonPush push(builder);
    Result<void> outcome;
    size_t index = 0;
    streams->for_each_element([&](View stream) {
        outcome = push.stream(stream, index++);
        return outcome.has_value();
    });
    SEYIR_CHECK(outcome);
    return std::move(builder.body());
}

}  // namespace seyir::collector::input
