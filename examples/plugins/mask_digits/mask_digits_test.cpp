// SPDX-License-Identifier: Apache-2.0
// The harness is C++17; what it tests here is C.
#include <seyir/harness.hpp>

using seyir::test::Harness;

SEYIR_TEST("digits are masked and counted") {
    Harness h("mask_digits");
    h.feed(R"({"body": "call 0532 123 from 7"})");
    SEYIR_EXPECT(h.out()[0].body == "call **** *** from *");
    SEYIR_EXPECT(h.out()[0]["digits_masked"] == 8);
    SEYIR_EXPECT(h.metric("digits_total") == 8);
}

SEYIR_TEST("the end of each number stays, when it should") {
    Harness h("mask_digits", {{"keep", "2"}, {"mask", "#"}});
    h.feed(R"({"body": "4111111111111111 and 12"})");
    SEYIR_EXPECT(h.out()[0].body == "##############11 and 12");
}

SEYIR_TEST("errors are left alone, when they should") {
    Harness h("mask_digits", {{"skip", "errors"}});
    h.feed(R"({"body": "code 5", "severity_number": 17})");
    h.feed(R"({"body": "code 5", "severity_number": 9})");
    SEYIR_EXPECT(h.out()[0].body == "code 5");
    SEYIR_EXPECT(h.out()[1].body == "code *");
}

SEYIR_TEST("a digit as mask is refused") {
    std::string why;
    try {
        Harness h("mask_digits", {{"mask", "7"}});
    } catch (const std::exception& e) {
        why = e.what();
    }
    SEYIR_EXPECT(why == "a digit cannot stand for masked digits");
}

SEYIR_TEST("without memory the records fail, none is lost") {
    Harness h("mask_digits");
    h.fail_allocations_after(0);
    h.feed(R"({"body": "code 5"})");
    SEYIR_EXPECT(h.failed().size() == 1);
    SEYIR_EXPECT(h.failed()[0].code == "no_memory");
}

SEYIR_TEST_MAIN()
