// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "test/support/replay_corpus.hpp"

using namespace seyir;

TEST_SUITE("plugins/filter/parse") {
    TEST_CASE("what fuzzing found stays fixed") {
        const std::string root = std::getenv("SEYIR_SOURCE_ROOT");
        CHECK(test::replay_corpus(root + "/test/fuzz/corpus/parse") >= 10);
    }
}
