// SPDX-License-Identifier: Apache-2.0
// Plugins that were compiled with version 1.0 of the ABI, and what they have always done.
#include <cstddef>

#include <doctest/doctest.h>

#include "common/plugin/filter_adapter.hpp"
#include "common/plugin/library.hpp"
#include "test/support/filter_fixture.hpp"

namespace seyir::plugin {
namespace {

// docs/format/plugin-abi.md
static_assert(sizeof(seyir_entry) == 80 && offsetof(seyir_entry, size) == 16);
static_assert(offsetof(seyir_entry, init) == 56 && offsetof(seyir_entry, get_factory) == 72);
static_assert(sizeof(seyir_text) == 16 && offsetof(seyir_text, data) == 8);
static_assert(sizeof(seyir_value) == 16 && offsetof(seyir_value, kind) == 12);
static_assert(sizeof(seyir_member) == 32 && sizeof(seyir_attr) == 24 && sizeof(seyir_trace) == 24);
static_assert(sizeof(seyir_setting) == 40 && offsetof(seyir_setting, is_set) == 36);
static_assert(
    sizeof(seyir_label) == 32 && sizeof(seyir_stream) == 16 && sizeof(seyir_choice) == 16
);

component::FilterType fixture(const std::string& name) {
    const auto library = open_library(SEYIR_PLUGIN_FIXTURES "/v1.0/" + name + ".so");
    REQUIRE_MESSAGE(library.has_value(), (library ? "" : library.error().message));
    REQUIRE((*library)->filters.size() == 1);
    REQUIRE((*library)->filters[0]->name == name);
    return adapt((*library)->filters[0]);
}

RecordBatchPtr two_rows() {
    return test::make_batch({
        {.labels = {{"host", "h1"}},
         .ts_ns = 1,
         .line = "user 4711",
         .metadata = {{"level", "error"}}},
        {.labels = {{"host", "h1"}}, .ts_ns = 2, .line = "plain"},
    });
}

#if defined(__x86_64__)

TEST_SUITE("common/plugin") {
    TEST_CASE("a C++ plugin of version 1.0 still does what it did") {
        test::FilterFixture f(fixture("shout"), "type: shout\nsuffix: '?'\nonly: error");
        REQUIRE_MESSAGE(f.ok(), f.diagnostics());
        REQUIRE(f.process(two_rows()));
        CHECK(f.sink.lines() == std::vector<std::string>{"USER 4711?", "plain"});
        CHECK(
            f.registry.text().find("seyir_plugin_shout_records_total{filter=\"under_test\"} 1") !=
            std::string::npos
        );
    }

    TEST_CASE("a C plugin of version 1.0 still does what it did") {
        test::FilterFixture f(fixture("mask_digits"), "type: mask_digits\nmask: '#'\nkeep: 1");
        REQUIRE_MESSAGE(f.ok(), f.diagnostics());
        const RecordBatchPtr shared = two_rows();
        REQUIRE(f.process(shared));
        CHECK(f.sink.lines() == std::vector<std::string>{"user ###1", "plain"});
        CHECK(shared->body(0) == "user 4711");
        const RecordBatch& out = *f.sink.emitted[0].batch;
        const auto key = out.find_key("digits_masked");
        REQUIRE(key);
        CHECK(out.find_attr(0, *key)->as_int() == 3);
        CHECK(out.find_attr(1, *key) == nullptr);
    }

    TEST_CASE("a plugin's own check and its schema make diagnostics with a place") {
        test::FilterFixture digit(fixture("mask_digits"), "type: mask_digits\nmask: '7'");
        CHECK_FALSE(digit.ok());
        CHECK(
            digit.diagnostics().find("a digit cannot stand for masked digits") != std::string::npos
        );
        CHECK(digit.diagnostics().find(":4:") != std::string::npos);
        test::FilterFixture unknown(fixture("mask_digits"), "type: mask_digits\nkep: 2");
        CHECK(unknown.diagnostics().find("keep") != std::string::npos);
        test::FilterFixture range(fixture("mask_digits"), "type: mask_digits\nkeep: 99");
        CHECK_FALSE(range.ok());
    }
}

#endif

}  // namespace
}  // namespace seyir::plugin
