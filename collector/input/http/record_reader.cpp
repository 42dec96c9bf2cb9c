// SPDX-License-Identifier: Apache-2.0
#include "collector/input/http/record_reader.hpp"

#include <charconv>
#include <span>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "collector/input/http/value_reader.hpp"
#include "common/base/base64.hpp"
#include "common/config/schema/scalar.hpp"

namespace seyir::collector::input {
namespace {

constexpr size_t kStreamsMax = 65'535;

class Reader {
  public:
    Reader(RecordBatch& batch, uint64_t line_bytes_max)
        : batch_(batch), line_bytes_max_(line_bytes_max) {}

    Result<void> read(std::span<const ValueMember> members) {
        for (const ValueMember& member : members) {
            at_ = member.name;
            SEYIR_CHECK(take(at_, member.value));
        }
        at_ = {};
        if (!has_time_ || !labels_ || !has_body_) {
            return bad("`timestamp`, `labels` and `body` belong to every record");
        }
        // Not before: `body` of bytes that are not UTF-8 is longer than what they are.
        if (row_.body.size() > line_bytes_max_) {
            return bad(fmt::format(
                "a body of {} bytes, the limit is {}", row_.body.size(), line_bytes_max_
            ));
        }
        return {};
    }

    /// The member that was read last; "" = the record as a whole.
    std::string_view at() const { return at_; }

    Result<void> append() {
        if (batch_.streams().size() >= kStreamsMax) {
            return bad(fmt::format("more than {} streams in one request", kStreamsMax));
        }
        row_.stream = batch_.add_stream(labels_);
        row_.attrs = batch_.add_attrs(attrs_);
        batch_.append_row(row_);
        return {};
    }

  private:
    static Error bad(std::string message) {
        return fail(ErrorCode::kInvalidArgument, std::move(message));
    }

    Result<void> take(std::string_view name, const Value& value) {
        if (name == "timestamp") {
            has_time_ = true;
            return time(value, row_.ts);
        }
        if (name == "observed_timestamp") {
            return time(value, row_.observed);
        }
        if (name == "labels") {
            return labels(value);
        }
        if (name == "severity_number") {
            return severity(value);
        }
        if (name == "body" || name == "body_base64") {
            return body(value, name != "body");
        }
        if (name == "attributes") {
            return attributes(value);
        }
        if (name == "trace_id") {
            return hex(value, row_.trace.trace_id);
        }
        if (name == "span_id") {
            return hex(value, row_.trace.span_id);
        }
        // The number says it more exactly.
        return name == "severity_text" ? Result<void>{}
                                       : bad("a record has no such member, it would be lost");
    }

    static Result<void> time(const Value& value, UnixNanos& into) {
        const auto parsed = value.kind() == ValueKind::kString ? config::parse_time(value.as_text())
                                                               : Result<UnixNanos>(bad(""));
        if (!parsed) {
            return bad("this is no time as RFC 3339 has it");
        }
        into = *parsed;
        return {};
    }

    Result<void> labels(const Value& value) {
        if (value.kind() != ValueKind::kMap) {
            return bad("labels are an object of strings");
        }
        std::vector<StreamLabels::Pair> pairs;
        for (const ValueMember& member : value.members()) {
            if (member.value.kind() != ValueKind::kString) {
                return bad(fmt::format("label `{}` is no string", std::string_view(member.name)));
            }
            pairs.emplace_back(
                std::string_view(member.name), std::string_view(member.value.as_text())
            );
        }
        SEYIR_TRY(labels_, StreamLabels::make(std::move(pairs)));
        return {};
    }

    Result<void> severity(const Value& value) {
        constexpr int64_t kSeverityMax = 24;
        const bool is_number = value.kind() == ValueKind::kInt && value.as_int() >= 1 &&
                               value.as_int() <= kSeverityMax;
        if (!is_number) {
            return bad("a severity is a number from 1 to 24");
        }
        row_.severity = static_cast<SeverityNumber>(value.as_int());
        return {};
    }

    Result<void> body(const Value& value, bool is_base64) {
        if (value.kind() != ValueKind::kString) {
            return bad("a body is a string");
        }
        const bool had_exact_bytes = std::exchange(has_exact_bytes_, has_exact_bytes_ || is_base64);
        has_body_ = true;
        Slice bytes = value.as_text();
        if (is_base64) {
            const auto decoded = decode_base64(bytes);
            if (!decoded) {
                return bad("this is no base64");
            }
            bytes = batch_.arena().copy(*decoded);
        } else if (had_exact_bytes) {
            return {};
        }
        row_.body = bytes;
        return {};
    }

    Result<void> attributes(const Value& value) {
        if (value.kind() != ValueKind::kMap) {
            return bad("attributes are an object");
        }
        for (const ValueMember& member : value.members()) {
            attrs_.emplace_back(batch_.add_key(member.name), member.value);
        }
        return {};
    }

    static Result<void> hex(const Value& value, std::span<uint8_t> into) {
        const std::string_view text =
            value.kind() == ValueKind::kString ? value.as_text() : std::string_view();
        bool is_hex = text.size() == into.size() * 2;
        for (size_t i = 0; is_hex && i < into.size(); ++i) {
            const char* const digits = text.data() + 2 * i;
            const auto read = std::from_chars(digits, digits + 2, into[i], 16);
            is_hex = read.ec == std::errc() && read.ptr == digits + 2;
        }
        return is_hex ? Result<void>{} : bad(fmt::format("{} hex digits", into.size() * 2));
    }

    RecordBatch& batch_;
    const uint64_t line_bytes_max_;
    std::string_view at_;
    Row row_;
    StreamLabelsPtr labels_;
    std::vector<Attr> attrs_;
    bool has_time_ = false;
    bool has_body_ = false;
    bool has_exact_bytes_ = false;
};

/// Where the member stands in the line; 1 when it cannot be told.
size_t column_of(std::string_view line, std::string_view member) {
    const size_t at =
        member.empty() ? 0 : line.find(fmt::format("\"{}\"", std::string_view(member)));
    return at == std::string_view::npos ? 1 : at + 1;
}

}  // namespace

std::optional<RecordProblem> append_record(
    RecordBatch& batch, std::string_view line, uint64_t line_bytes_max
) {
    ValueReader json(line, batch.arena());
    Value root;
    if (const auto parsed =
            json.read(false, [&](const Value& value, std::string_view) { root = value; });
        !parsed) {
        return RecordProblem{json.at() + 1, parsed.error().message};
    }
    if (root.kind() != ValueKind::kMap) {
        return RecordProblem{1, "a record is an object"};
    }
    Reader reader(batch, line_bytes_max);
    auto done = reader.read(root.members());
    done = done ? reader.append() : std::move(done);
    if (!done) {
        const std::string_view member = reader.at();
        return RecordProblem{
            column_of(line, member),
            (member.empty() ? "" : fmt::format("`{}`: ", member)) + done.error().message
        };
    }
    return std::nullopt;
}

}  // namespace seyir::collector::input
