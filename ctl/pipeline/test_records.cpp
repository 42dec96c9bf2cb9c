// SPDX-License-Identifier: Apache-2.0
#include "ctl/pipeline/test_records.hpp"

#include <algorithm>
#include <charconv>
#include <map>

#include "common/io/file_system.hpp"

namespace seyir::ctl {
namespace {

using config::TestRecord;
using config::TestValue;

constexpr int64_t kFirstTimeNs = 1'767'225'600'000'000'000;  // 2026-01-01T00:00:00Z
constexpr int64_t kStepNs = 1'000'000;
constexpr size_t kFileBytesMax = 64U << 20U;

double number(const std::string& text) {
    double value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

int64_t integer(const std::string& text) {
    int64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

SeverityNumber severity_of(const std::string& text) {
    const int64_t n = integer(text);
    return n > 0 ? static_cast<SeverityNumber>(n) : severity_from_text(text);
}

class Maker {
  public:
    explicit Maker(const std::string& component) : component_(component) {}

    Result<void> add(const TestRecord& record) {
        std::map<std::string, std::string> labels = {
            {"host", "test"}, {"input", component_}, {"service_name", component_}
        };
        for (const auto& [name, value] : record.labels) {
            labels[name] = value;
        }
        SEYIR_TRY(auto made, StreamLabels::make({labels.begin(), labels.end()}));
        Arena& arena = batch_->arena();
        std::vector<Attr> attrs;
        for (const auto& [name, value] : record.attributes) {
            attrs.emplace_back(batch_->add_key(Slice(name)), typed(value));
        }
        const int64_t step = static_cast<int64_t>(batch_->row_count()) * kStepNs;
        batch_->append_row(
            {.ts = record.timestamp.value_or(UnixNanos{kFirstTimeNs + step}),
             .stream = batch_->add_stream(made),
             .severity = record.severity.empty() ? kSeverityUnset : severity_of(record.severity),
             .body = arena.copy(Slice(record.line.value_or(""))),
             .attrs = batch_->add_attrs(attrs)}
        );
        return {};
    }

    std::shared_ptr<RecordBatch> take() { return std::move(batch_); }

  private:
    Value typed(const TestValue& value) {
        switch (value.kind) {
            case TestValue::Kind::kInt:
                return Value::integer(integer(value.text));
            case TestValue::Kind::kDouble:
                return Value::real(number(value.text));
            case TestValue::Kind::kBool:
                return Value::boolean(value.text == "true");
            case TestValue::Kind::kString:
                break;
        }
        return Value::string(batch_->arena().copy(Slice(value.text)));
    }

    std::string component_;
    std::shared_ptr<RecordBatch> batch_ = std::make_shared<RecordBatch>();
};

bool equals(const Value& value, const TestValue& wanted) {
    switch (wanted.kind) {
        case TestValue::Kind::kInt:
            return value.kind() == ValueKind::kInt && value.as_int() == integer(wanted.text);
        case TestValue::Kind::kDouble:
            return value.kind() == ValueKind::kDouble && value.as_double() == number(wanted.text);
        case TestValue::Kind::kBool:
            return value.kind() == ValueKind::kBool && value.as_bool() == (wanted.text == "true");
        case TestValue::Kind::kString:
            break;
    }
    return value.kind() == ValueKind::kString && value.as_text() == Slice(wanted.text);
}

}  // namespace

Result<std::shared_ptr<RecordBatch>> test_batch(const config::TestFeed& feed) {
    Maker maker(feed.at);
    for (const TestRecord& record : feed.records) {
        SEYIR_CHECK(maker.add(record));
    }
    std::vector<std::string> lines = feed.lines;
    if (!feed.file.empty()) {
        SEYIR_TRY(
            const std::string text, io::read_file(io::posix_file_system(), feed.file, kFileBytesMax)
        );
        for (size_t at = 0; at < text.size();) {
            const size_t end = std::min(text.find('\n', at), text.size());
            lines.push_back(text.substr(at, end - at));
            at = end + 1;
        }
    }
    for (const std::string& line : lines) {
        TestRecord record;
        record.line = line;
        SEYIR_CHECK(maker.add(record));
    }
    return maker.take();
}

bool contains(const RecordBatch& batch, uint32_t row, const TestRecord& wanted) {
    const StreamLabels& labels = *batch.streams()[batch.stream(row)];
    const bool has_labels = std::ranges::all_of(wanted.labels, [&](const auto& pair) {
        return labels.get(pair.first) == pair.second;
    });
    const bool has_attributes = std::ranges::all_of(wanted.attributes, [&](const auto& pair) {
        const auto key = batch.find_key(Slice(pair.first));
        const Value* value = key ? batch.find_attr(row, *key) : nullptr;
        return value != nullptr && equals(*value, pair.second);
    });
    return has_labels && has_attributes &&
           (!wanted.line || batch.body(row) == Slice(*wanted.line)) &&
           (!wanted.timestamp || batch.ts(row) == *wanted.timestamp) &&
           (wanted.severity.empty() || batch.severity(row) == severity_of(wanted.severity));
}

}  // namespace seyir::ctl
