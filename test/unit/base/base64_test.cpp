// SPDX-License-Identifier: Apache-2.0
#include "common/base/base64.hpp"

#include <string>
#include <utility>

#include <doctest/doctest.h>

using namespace seyir;

TEST_SUITE("common/base/base64") {
    TEST_CASE("the vectors of RFC 4648 section 10 go both ways") {
        using Vector = std::pair<std::string, std::string>;
        for (const auto& [plain, coded] :
             {Vector{"", ""},
              Vector{"f", "Zg=="},
              Vector{"fo", "Zm8="},
              Vector{"foo", "Zm9v"},
              Vector{"foob", "Zm9vYg=="},
              Vector{"fooba", "Zm9vYmE="},
              Vector{"foobar", "Zm9vYmFy"}}) {
            std::string out;
            append_base64(out, plain);
            CHECK(out == coded);
            CHECK(decode_base64(coded) == plain);
        }
    }

    TEST_CASE("every byte value survives") {
        std::string all;
        for (int i = 0; i < 256; ++i) {
            all += static_cast<char>(i);
        }
        std::string coded;
        append_base64(coded, all);
        CHECK(decode_base64(coded) == all);
    }

    TEST_CASE("what is not base64 is refused") {
        for (const char* bad : {"Zg=", "Zg", "Z===", "Zg==Zg==", "Z\ng=", "Zm9v!A=="}) {
            CHECK(!decode_base64(bad).has_value());
        }
    }
}
