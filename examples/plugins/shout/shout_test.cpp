// SPDX-License-Identifier: Apache-2.0
#include <seyir/harness.hpp>

using seyir::test::Harness;

SEYIR_TEST("bodies are shouted, with the suffix") {
    Harness h("shout", {{"suffix", "?"}});
    h.feed(R"({"body": "hello, world"})");
    SEYIR_EXPECT(h.out().size() == 1);
    SEYIR_EXPECT(h.out()[0].body == "HELLO, WORLD?");
    SEYIR_EXPECT(h.metric("records_total") == 1);
}

SEYIR_TEST("records of another level are left alone") {
    Harness h("shout", {{"only", "error"}});
    h.feed(R"({"body": "a", "attributes": {"level": "error"}})");
    h.feed(R"({"body": "b", "attributes": {"level": "info"}})");
    SEYIR_EXPECT(h.out()[0].body == "A!");
    SEYIR_EXPECT(h.out()[1].body == "b");
}

SEYIR_TEST("without memory the records fail, none is lost") {
    Harness h("shout");
    h.fail_allocations_after(0);
    h.feed(R"({"body": "hello"})");
    SEYIR_EXPECT(h.failed().size() == 1);
    SEYIR_EXPECT(h.failed()[0].record.body == "hello");
}

SEYIR_TEST("the cases in files") {
    SEYIR_EXPECT(seyir::test::run_cases("shout", SEYIR_CASES) > 0);
}

SEYIR_TEST_MAIN()
