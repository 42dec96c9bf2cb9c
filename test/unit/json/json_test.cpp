// SPDX-License-Identifier: Apache-2.0
#include <limits>
#include <string>

#include <doctest/doctest.h>

#include "common/json/event_reader.hpp"
#include "common/json/reader.hpp"
#include "common/json/writer.hpp"

using namespace seyir;
using namespace seyir::json;

namespace {

/// Writes what it reads: a round trip shows every event.
class Copy : public EventHandler {
  public:
    explicit Copy(std::string& out) : writer_(out) {}

    bool begin_object() override { return writer_.begin_object(), more(); }

    bool key(std::string_view name) override { return writer_.key(name), more(); }

    bool end_object() override { return writer_.end_object(), more(); }

    bool begin_array() override { return writer_.begin_array(), more(); }

    bool end_array() override { return writer_.end_array(), more(); }

    bool string(std::string_view text) override { return writer_.string(text), more(); }

    bool number(std::string_view text) override { return writer_.raw(text), more(); }

    bool boolean(bool value) override { return writer_.boolean(value), more(); }

    bool null() override { return writer_.null(), more(); }

    size_t events_left = SIZE_MAX;

  private:
    bool more() { return events_left-- > 0; }

    Writer writer_;
};

Source pieces_of(std::string_view text, size_t piece_bytes) {
    return [text, piece_bytes]() mutable -> Result<std::string_view> {
        const auto piece = text.substr(0, piece_bytes);
        text.remove_prefix(piece.size());
        return piece;
    };
}

const std::string kSample =
    R"({"a":[1,-2.50,1e300,123456789012345678901234567890,true,false,null,"é\n\u0000x"],"b":{},"c":[]})";

std::string nested(size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
}

}  // namespace

TEST_SUITE("common/json/writer") {
    TEST_CASE("objects, arrays and every kind of value come out as JSON") {
        std::string out;
        Writer writer(out);
        writer.begin_object();
        writer.member("text", "a\"b\xff");
        writer.key("list");
        writer.begin_array();
        writer.int64(std::numeric_limits<int64_t>::min());
        writer.uint64(std::numeric_limits<uint64_t>::max());
        writer.number(0.1);
        writer.number(std::numeric_limits<double>::infinity());
        writer.boolean(true);
        writer.null();
        writer.begin_object();
        writer.end_object();
        writer.raw("[1]");
        writer.end_array();
        writer.member("last", "");
        writer.end_object();
        CHECK(
            out ==
            "{\"text\":\"a\\\"b\xEF\xBF\xBD\",\"list\":[-9223372036854775808,"
            "18446744073709551615,0.1,null,true,null,{},[1]],\"last\":\"\"}"
        );
    }
}

TEST_SUITE("common/json/reader") {
    TEST_CASE("values read back by type and name") {
        Document document;
        auto root = document.parse(
            R"({"s":"x","i":-5,"u":18446744073709551615,"d":1.5,"b":true,"n":null,"l":[1,2],"s":"again"})"
        );
        REQUIRE(root);
        CHECK(root->get("s")->string() == "x");
        CHECK(root->get("i")->int64() == -5);
        CHECK(root->get("i")->number() == -5.0);
        CHECK(root->get("u")->uint64() == std::numeric_limits<uint64_t>::max());
        CHECK_FALSE(root->get("u")->int64());
        CHECK(root->get("d")->number() == 1.5);
        CHECK(root->get("b")->boolean() == true);
        CHECK(root->get("n")->type() == Type::kNull);
        CHECK(root->get("l")->elements().size() == 2);
        CHECK(root->members().size() == 8);
        CHECK_FALSE(root->get("none"));
        CHECK_FALSE(root->get("s")->int64());
        CHECK_FALSE(root->get("l")->get("x"));
        CHECK(to_text(*root->get("l")) == "[1,2]");
    }

    TEST_CASE("wrong texts are refused with a reason and the document can be used again") {
        Document document;
        for (const char* text : {"", "{", "[1,]", "{\"a\"}", "nul", "\"\xff\"", "[1] 2", "1e999"}) {
            const auto root = document.parse(text);
            REQUIRE_FALSE(root);
            CHECK(root.error().code == ErrorCode::kInvalidArgument);
            CHECK(root.error().message.starts_with("not JSON: "));
        }
        CHECK(document.parse(nested(63)));
        const auto deep = document.parse(nested(65));
        REQUIRE_FALSE(deep);
        CHECK(deep.error().code == ErrorCode::kTooLarge);
        CHECK(document.parse("[]"));
    }

    TEST_CASE("a moved document keeps its views alive") {
        Document first;
        auto root = first.parse(R"(["kept"])");
        REQUIRE(root);
        const Document second = std::move(first);
        CHECK(root->elements()[0].string() == "kept");
    }
}

TEST_SUITE("common/json/event_reader") {
    TEST_CASE("a text cut into pieces of any size gives the same events") {
        for (size_t piece = 1; piece <= kSample.size(); ++piece) {
            std::string out;
            Copy copy(out);
            const auto read = read_events(pieces_of(kSample, piece), copy);
            REQUIRE(read);
            CHECK(out == kSample);
        }
    }

    TEST_CASE("what is wrong is named with its offset; a stop is kCancelled") {
        for (const char* text : {"", "[1,", "[1 2]", "[] x", "{\"a\":}"}) {
            std::string out;
            Copy copy(out);
            const auto read = read_events(pieces_of(text, 1), copy);
            REQUIRE_FALSE(read);
            CHECK(read.error().code == ErrorCode::kInvalidArgument);
            CHECK(read.error().message.find("(byte ") != std::string::npos);
        }
        std::string out;
        Copy deep(out);
        CHECK(read_events(pieces_of(nested(65), 7), deep).error().code == ErrorCode::kTooLarge);
        Copy stopping(out);
        stopping.events_left = 3;
        CHECK(read_events(pieces_of(kSample, 7), stopping).error().code == ErrorCode::kCancelled);
        Copy failing(out);
        const auto broken = [] {
            return Result<std::string_view>(fail(ErrorCode::kClosed, "gone"));
        };
        CHECK(read_events(broken, failing).error().message == "gone");
    }
}
