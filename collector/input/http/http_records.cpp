// SPDX-License-Identifier: Apache-2.0
#include "collector/input/http/http_records.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "collector/input/http/record_reader.hpp"
#include "collector/input/http/value_reader.hpp"
#include "common/config/schema/scalar.hpp"
#include "common/json/reader.hpp"

namespace seyir::collector::input {
namespace {

constexpr double kNanosMax = 9.2e18;  // of int64

/// Seconds, milliseconds, microseconds or nanoseconds since 1970 by size, or RFC 3339.
std::optional<UnixNanos> time_of(const Value& value) {
    if (value.kind() == ValueKind::kString) {
        const auto parsed = config::parse_time(value.as_text());
        return parsed ? std::optional(*parsed) : std::nullopt;
    }
    if (value.kind() == ValueKind::kDouble) {
        const double nanos = value.as_double() * 1e9;
        return std::abs(nanos) < kNanosMax ? std::optional(UnixNanos{static_cast<int64_t>(nanos)})
                                           : std::nullopt;
    }
    if (value.kind() != ValueKind::kInt) {
        return std::nullopt;
    }
    // Each unit's numbers of this century lie between those of its neighbours.
    const int64_t number = value.as_int();
    const double size = std::abs(static_cast<double>(number));
    const int64_t unit_ns = size < 1e11   ? 1'000'000'000
                            : size < 1e14 ? 1'000'000
                            : size < 1e17 ? 1000
                                          : 1;
    if (size * static_cast<double>(unit_ns) >= kNanosMax) {
        return std::nullopt;
    }
    return UnixNanos{number * unit_ns};
}

class Builder {
  public:
    explicit Builder(const HttpRecordSettings& settings) : settings_(settings) {
        body_.batch = std::make_shared<RecordBatch>(settings.tenant);
        stream_ = body_.batch->add_stream(settings.labels);
    }

    void text(std::string_view line) { add(line, settings_.now, {}); }

    /// One record, or, with `splits`, those of an array; each with its own bytes of `text`.
    Result<void> json(std::string_view text, bool splits) {
        ValueReader reader(text, body_.batch->arena());
        const auto done = reader.read(splits, [&](const Value& value, std::string_view own) {
            record(value, splits ? own : text);
        });
        body_.altered += reader.replaced();
        return done;
    }

    void record(const Value& value, std::string_view line) {
        std::string_view body = line;
        UnixNanos time = settings_.now;
        attrs_.clear();
        if (value.kind() == ValueKind::kMap) {
            for (const ValueMember& member : value.members()) {
                const std::string_view name = member.name;
                if (!settings_.time_key.empty() && name == settings_.time_key) {
                    time = time_of(member.value).value_or(time);
                }
                if (settings_.line_key.empty()) {
                    continue;
                }
                if (name == settings_.line_key && member.value.kind() == ValueKind::kString) {
                    body = member.value.as_text();
                } else if (attrs_.size() < settings_.attributes_max) {
                    attrs_.emplace_back(body_.batch->add_key(member.name), member.value);
                }
            }
            if (body.data() == line.data()) {
                attrs_.clear();  // no such member: the whole text is the body
            }
        }
        add(body, time, attrs_);
    }

    /// A line of docs/format/record-json.md.
    Result<void> whole_record(std::string_view line) {
        if (line.starts_with(kImportLine)) {
            return import_line(line);
        }
        const auto problem = append_record(*body_.batch, line, settings_.line_bytes_max);
        return problem ? fail(
                             ErrorCode::kInvalidArgument,
                             fmt::format("column {}: {}", problem->column, problem->message)
                         )
                       : Result<void>{};
    }

    PushBody take() { return std::move(body_); }

  private:
    /// One without an id only tells requests apart (what older versions send).
    Result<void> import_line(std::string_view line) {
        json::Document document;
        SEYIR_TRY(const json::View root, document.parse(line));
        const auto told = root.get("import");
        const auto id = told ? told->get("id") : std::nullopt;
        if (!id) {
            return {};
        }
        const auto number = [&](std::string_view name) {
            const auto field = told->get(name);
            return field ? field->uint64() : std::nullopt;
        };
        const auto hex = id->string();
        const auto parsed = hex ? decltype(ImportPlace::id)::from_hex(*hex) : std::nullopt;
        const auto begin = number("begin");
        const auto end = number("end");
        if (!parsed || !begin || !end || *begin >= *end || body_.place) {
            return fail(
                ErrorCode::kInvalidArgument,
                "the line of the import needs, once, `id` of 32 hex digits and `begin` < `end`"
            );
        }
        body_.place = ImportPlace{*parsed, *begin, *end};
        return {};
    }

    void add(std::string_view line, UnixNanos time, const std::vector<Attr>& attrs) {
        if (line.size() > settings_.line_bytes_max) {
            body_.reject(fmt::format(
                "a record of {} bytes, the limit is {}", line.size(), settings_.line_bytes_max
            ));
            return;
        }
        RecordBatch& batch = *body_.batch;
        batch.append_row(
            {.ts = time,
             .stream = stream_,
             .body = batch.arena().copy(line),
             .attrs = batch.add_attrs(attrs)}
        );
    }

    const HttpRecordSettings& settings_;
    PushBody body_;
    uint16_t stream_ = 0;
    std::vector<Attr> attrs_;
};

template <class Line>
Result<void> each_line(std::string_view body, Line&& take) {
    size_t number = 0;
    for (size_t at = 0; at < body.size();) {
        const size_t end = std::min(body.find('\n', at), body.size());
        ++number;
        if (auto taken = take(body.substr(at, end - at)); !taken) {
            return taken.error().context(fmt::format("line {}", number));
        }
        at = end + 1;
    }
    return {};
}

bool is_blank(std::string_view line) {
    return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

HttpFormat format_of(std::string_view body, std::string_view type, HttpFormat wanted) {
    if (wanted != HttpFormat::kAuto) {
        return wanted;
    }
    if (type.starts_with("text/")) {
        return HttpFormat::kText;
    }
    if (type.starts_with("application/x-ndjson") || type.starts_with("application/jsonl")) {
        return HttpFormat::kNdjson;
    }
    const size_t first = body.find_first_not_of(" \t\r\n");
    const char c = first == std::string_view::npos ? '\0' : body[first];
    if (c == '[') {
        return HttpFormat::kJson;
    }
    const size_t line = body.find('\n', first == std::string_view::npos ? 0 : first);
    const bool is_one = line == std::string_view::npos || is_blank(body.substr(line));
    if (c == '{') {
        // An object over several lines is one record; one that ends on its line begins NDJSON.
        const bool ends_on_its_line =
            body.substr(0, line).find_last_of('}') != std::string_view::npos;
        return is_one || ends_on_its_line ? HttpFormat::kNdjson : HttpFormat::kJson;
    }
    return type.starts_with("application/json") ? HttpFormat::kJson : HttpFormat::kText;
}

}  // namespace

Result<PushBody> read_http_records(
    std::string_view body, std::string_view content_type, const HttpRecordSettings& settings
) {
    Builder builder(settings);
    if (content_type.starts_with(kRecordsContentType)) {
        SEYIR_CHECK(each_line(body, [&](std::string_view line) -> Result<void> {
            return is_blank(line) ? Result<void>{} : builder.whole_record(line);
        }));
        return builder.take();
    }
    switch (format_of(body, content_type, settings.format)) {
        case HttpFormat::kText:
            SEYIR_CHECK(each_line(body, [&](std::string_view line) -> Result<void> {
                builder.text(line);
                return {};
            }));
            break;
        case HttpFormat::kNdjson:
            SEYIR_CHECK(each_line(body, [&](std::string_view line) -> Result<void> {
                return is_blank(line) ? Result<void>{} : builder.json(line, false);
            }));
            break;
        default:
            SEYIR_CHECK(builder.json(body, true));
    }
    return builder.take();
}

}  // namespace seyir::collector::input
