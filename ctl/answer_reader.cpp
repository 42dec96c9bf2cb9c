// SPDX-License-Identifier: Apache-2.0
#include "ctl/answer_reader.hpp"

#include <charconv>

#include "common/base/base64.hpp"

namespace seyir::ctl {

namespace {

/// Where in the answer an object or array stands.
enum class Place {
    kNone,
    kRoot,     // {"status","data"}, or of tail: {"lineEncoding","streams","dropped_entries"}
    kData,     // {"resultType","lineEncoding","result"}
    kResult,   // [item...]
    kDropped,  // [entry...]
    kItem,     // {"stream"|"metric","values"|"value"}
    kLabels,   // {name: value}
    kValues,   // [entry...]
    kEntry,    // [ts, line, parts?] or [seconds, value]
    kParts,    // {"structuredMetadata","parsed"}
    kAttributes,
    kParsed,
    kStats,  // {"summary","store","explain"}
    kOther,  // anything not ours, and all below it
};

}  // namespace

class AnswerReader::State : public json::EventHandler {
  public:
    explicit State(AnswerSink& sink) : sink_(sink) {}

    bool begin_object() override {
        const Place place = child_object();
        places_.push_back(place);
        if (place == Place::kLabels) {
            labels_.clear();
        }
        dropped += places_.size() > 1 && places_[places_.size() - 2] == Place::kDropped ? 1 : 0;
        if (place == Place::kItem) {
            has_announced_ = false;
            labels_.clear();
        }
        return true;
    }

    bool begin_array() override {
        const Place place = child_array();
        places_.push_back(place);
        if (place == Place::kEntry) {
            entry_index_ = 0;
            row_ = {};
            seconds_.clear();
            value_.clear();
        }
        return true;
    }

    bool end_object() override {
        places_.pop_back();
        return true;
    }

    bool end_array() override {
        const Place place = top();
        places_.pop_back();
        return place != Place::kEntry || finish_entry();
    }

    bool key(std::string_view name) override {
        key_ = name;
        return true;
    }

    bool string(std::string_view text) override {
        switch (top()) {
            case Place::kRoot:
            case Place::kData:
                return setting(text);
            case Place::kLabels:
                labels_.emplace_back(key_, text);
                return true;
            case Place::kAttributes:
                row_.attributes.emplace_back(key_, text);
                return true;
            case Place::kParsed:
                row_.parsed.emplace_back(key_, text);
                return true;
            case Place::kEntry:
                return entry_part(text);
            case Place::kStats:
                if (key_ == "explain") {
                    explanation = text;
                }
                return true;
            default:
                return true;
        }
    }

    bool number(std::string_view text) override {
        return top() == Place::kEntry ? entry_part(text) : true;
    }

    bool boolean(bool) override { return true; }

    bool null() override { return true; }

    std::string result_type;
    std::string explanation;
    std::string problem;
    size_t dropped = 0;

  private:
    Place top() const { return places_.empty() ? Place::kNone : places_.back(); }

    Place child_object() const {
        switch (top()) {
            case Place::kNone:
                return Place::kRoot;
            case Place::kRoot:
                return key_ == "data" ? Place::kData : Place::kOther;
            case Place::kData:
                return key_ == "stats" ? Place::kStats : Place::kOther;
            case Place::kResult:
                return Place::kItem;
            case Place::kItem:
                return key_ == "stream" || key_ == "metric" ? Place::kLabels : Place::kOther;
            case Place::kEntry:
                return Place::kParts;
            case Place::kParts:
                return key_ == "parsed"               ? Place::kParsed
                       : key_ == "structuredMetadata" ? Place::kAttributes
                                                      : Place::kOther;
            default:
                return Place::kOther;
        }
    }

    Place child_array() const {
        switch (top()) {
            case Place::kRoot:
                return key_ == "streams"           ? Place::kResult
                       : key_ == "dropped_entries" ? Place::kDropped
                                                   : Place::kOther;
            case Place::kData:
                return key_ == "result" ? Place::kResult : Place::kOther;
            case Place::kItem:
                return key_ == "values"  ? Place::kValues
                       : key_ == "value" ? Place::kEntry
                                         : Place::kOther;
            case Place::kValues:
                return Place::kEntry;
            default:
                return Place::kOther;
        }
    }

    bool setting(std::string_view text) {
        if (key_ == "resultType") {
            result_type = text;
        } else if (key_ == "lineEncoding") {
            is_base64_ = text == "base64";
        }
        return true;
    }

    bool is_metric() const { return result_type == "matrix" || result_type == "vector"; }

    bool entry_part(std::string_view text) {
        const size_t index = entry_index_++;
        if (is_metric()) {
            (index == 0 ? seconds_ : value_) = text;
            return true;
        }
        if (index == 0) {
            const auto [end, code] =
                std::from_chars(text.data(), text.data() + text.size(), row_.ts.value);
            return code == std::errc() && end == text.data() + text.size()
                       ? true
                       : broken(
                             "the time \"" + std::string(text) + "\" is no number of nanoseconds"
                         );
        }
        if (index != 1) {
            return true;
        }
        if (!is_base64_) {
            row_.line = text;
            return true;
        }
        auto bytes = decode_base64(text);
        if (!bytes) {
            return broken("a line is not base64");
        }
        row_.line = *std::move(bytes);
        return true;
    }

    bool finish_entry() {
        if (is_metric()) {
            return sink_.sample(labels_, seconds_, value_);
        }
        if (entry_index_ < 2) {
            return broken("a row holds less than a time and a line");
        }
        if (!has_announced_) {
            has_announced_ = true;
            if (!sink_.stream(labels_)) {
                return false;
            }
        }
        return sink_.row(std::move(row_));
    }

    bool broken(std::string what) {
        problem = std::move(what);
        return false;
    }

    AnswerSink& sink_;
    std::vector<Place> places_;
    std::string key_;
    LabelList labels_;
    AnswerRow row_;
    std::string seconds_;
    std::string value_;
    size_t entry_index_ = 0;
    bool has_announced_ = false;
    bool is_base64_ = false;
};

AnswerReader::AnswerReader(AnswerSink& sink) : state_(std::make_unique<State>(sink)) {}

AnswerReader::~AnswerReader() = default;

Result<void> AnswerReader::read(const json::Source& source) {
    auto read = json::read_events(source, *state_);
    if (!state_->problem.empty()) {
        return fail(
            ErrorCode::kInvalidArgument, "the server's answer is not understood: " + state_->problem
        );
    }
    if (!read && read.error().code == ErrorCode::kInvalidArgument) {
        return read.error().context("the server's answer is not understood");
    }
    return read;
}

size_t AnswerReader::dropped() const {
    return state_->dropped;
}

const std::string& AnswerReader::result_type() const {
    return state_->result_type;
}

const std::string& AnswerReader::explanation() const {
    return state_->explanation;
}

}  // namespace seyir::ctl
