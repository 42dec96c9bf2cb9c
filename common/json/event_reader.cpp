// SPDX-License-Identifier: Apache-2.0
#include "common/json/event_reader.hpp"

#include <optional>
#include <string>

// Its stack adds to a null pointer while empty (internal/stack.h): harmless, and not ours to mend.
#if defined(__clang__)
#pragma clang attribute push(__attribute__((no_sanitize("pointer-overflow"))), apply_to = function)
#endif
#include <rapidjson/error/en.h>
#include <rapidjson/reader.h>
#if defined(__clang__)
#pragma clang attribute pop
#endif

#include "common/json/reader.hpp"

namespace seyir::json {

namespace {

constexpr size_t kStringBytesMax = 64UL * 1024 * 1024;

/// RapidJSON's input stream over pieces. '\0' ends the text, also where it stands in it: the reader
/// then stops there and the text is refused as incomplete.
class PieceStream {
  public:
    using Ch = char;

    explicit PieceStream(const Source& source) : source_(source) { refill(); }

    char Peek() const { return at_ < piece_.size() ? piece_[at_] : '\0'; }

    char Take() {
        const char c = Peek();
        if (at_ < piece_.size() && ++at_ == piece_.size()) {
            refill();
        }
        return c;
    }

    size_t Tell() const { return before_ + at_; }

    // The writing half of the concept is for in-situ parsing, which a stream cannot do.
    char* PutBegin() { return nullptr; }

    void Put(char) {}

    size_t PutEnd(char*) { return 0; }

    bool at_end() const { return piece_.empty(); }

    std::optional<Error> error;

  private:
    void refill() {
        before_ += piece_.size();
        at_ = 0;
        piece_ = {};
        auto next = source_();
        if (next) {
            piece_ = *next;
        } else {
            error = std::move(next).error();
        }
    }

    const Source& source_;
    std::string_view piece_;
    size_t at_ = 0;
    size_t before_ = 0;
};

class Adapter : public rapidjson::BaseReaderHandler<rapidjson::UTF8<>, Adapter> {
  public:
    explicit Adapter(EventHandler& handler) : handler_(handler) {}

    bool Null() { return handler_.null(); }

    bool Bool(bool value) { return handler_.boolean(value); }

    bool RawNumber(const char* text, rapidjson::SizeType size, bool) {
        return handler_.number({text, size});
    }

    bool String(const char* text, rapidjson::SizeType size, bool) {
        return size <= kStringBytesMax ? handler_.string({text, size}) : too_large("a string");
    }

    bool Key(const char* text, rapidjson::SizeType size, bool) {
        return handler_.key({text, size});
    }

    bool StartObject() { return deeper() && handler_.begin_object(); }

    bool EndObject(rapidjson::SizeType) { return shallower() && handler_.end_object(); }

    bool StartArray() { return deeper() && handler_.begin_array(); }

    bool EndArray(rapidjson::SizeType) { return shallower() && handler_.end_array(); }

    std::optional<Error> error;

  private:
    bool deeper() { return ++depth_ <= kDepthMax || too_large("nesting deeper than 64 levels"); }

    bool shallower() {
        --depth_;
        return true;
    }

    bool too_large(const char* what) {
        error = fail(ErrorCode::kTooLarge, std::string("JSON with ") + what + " is not read");
        return false;
    }

    EventHandler& handler_;
    size_t depth_ = 0;
};

}  // namespace

Result<void> read_events(const Source& source, EventHandler& handler) {
    PieceStream stream(source);
    Adapter adapter(handler);
    rapidjson::Reader reader;
    constexpr unsigned kFlags =
        rapidjson::kParseIterativeFlag | rapidjson::kParseNumbersAsStringsFlag;
    const auto result = reader.Parse<kFlags>(stream, adapter);
    if (stream.error) {
        return *stream.error;
    }
    if (adapter.error) {
        return *adapter.error;
    }
    if (result.Code() == rapidjson::kParseErrorTermination) {
        return fail(ErrorCode::kCancelled, "reading JSON: stopped");
    }
    if (result.IsError()) {
        return fail(
            ErrorCode::kInvalidArgument,
            std::string("not JSON: ") + rapidjson::GetParseError_En(result.Code()) + " (byte " +
                std::to_string(result.Offset()) + ")"
        );
    }
    return {};
}

}  // namespace seyir::json
