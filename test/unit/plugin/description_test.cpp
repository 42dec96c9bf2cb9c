// SPDX-License-Identifier: Apache-2.0
// Descriptions as a hostile or careless plugin gives them: each is refused in words.
#include "common/plugin/description.hpp"

#include <functional>
#include <limits>
#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace seyir::plugin {
namespace {

seyir_filter_descriptor descriptor;
std::vector<seyir_field> fields;
bool gives_null = false;

const seyir_filter_descriptor* describe() {
    return gives_null ? nullptr : &descriptor;
}

seyir_filter_type good_type() {
    seyir_filter_type type{};
    type.size = sizeof type;
    type.describe = describe;
    type.create = [](const seyir_host*, const seyir_config*, seyir_error*) -> seyir_filter* {
        return nullptr;
    };
    type.process = [](seyir_filter*, seyir_batch*) -> int32_t { return SEYIR_OK; };
    type.destroy = [](seyir_filter*) {};
    return type;
}

void reset() {
    gives_null = false;
    seyir_field field{};
    field.size = sizeof field;
    field.type = SEYIR_TYPE_INT;
    field.name = "rows";
    field.help = "How many.";
    field.default_text = "7";
    field.max = 10;
    fields = {field, field};
    fields[1].name = "other";
    descriptor = {};
    descriptor.size = sizeof descriptor;
    descriptor.name = "good";
    descriptor.summary = "A filter.";
    descriptor.fields = fields.data();
    descriptor.field_count = 2;
    descriptor.field_size = sizeof(seyir_field);
}

/// What describe_filter says when `harm` was done to a good description; "" when it accepts it.
std::string said_after(const std::function<void(seyir_filter_type&)>& harm) {
    reset();
    seyir_filter_type type = good_type();
    harm(type);
    const auto described = describe_filter(&type);
    return described ? "" : described.error().message;
}

struct Harm {
    std::string expected;  ///< in the message
    std::function<void(seyir_filter_type&)> harm;
};

const seyir_choice kTwice[] = {{"a", ""}, {"a", ""}};
const seyir_choice kUnnamed[] = {{nullptr, nullptr}};

const std::vector<Harm>& harms() {
    static const std::vector<Harm> all = {
        {"a filter type of less than", [](seyir_filter_type& t) { t.size = 8; }},
        {"a filter type of less than", [](seyir_filter_type& t) { t.describe = nullptr; }},
        {"a descriptor of less than", [](seyir_filter_type&) { gives_null = true; }},
        {"a descriptor of less than", [](seyir_filter_type&) { descriptor.size = 4; }},
        {"must not be NULL", [](seyir_filter_type& t) { t.process = nullptr; }},
        {"must not be NULL", [](seyir_filter_type& t) { t.create = nullptr; }},
        {"must not be NULL", [](seyir_filter_type& t) { t.destroy = nullptr; }},
        {"its name `` is not", [](seyir_filter_type&) { descriptor.name = nullptr; }},
        {"its name `Bad Name` is not", [](seyir_filter_type&) { descriptor.name = "Bad Name"; }},
        {"no summary", [](seyir_filter_type&) { descriptor.summary = nullptr; }},
        {"thread model 9", [](seyir_filter_type&) { descriptor.thread_model = 9; }},
        {"needs 0x80 are not known", [](seyir_filter_type&) { descriptor.needs = 0x80; }},
        {"at most 200 keys", [](seyir_filter_type&) { descriptor.field_count = 0xffffffff; }},
        {"at most 200 keys", [](seyir_filter_type&) { descriptor.fields = nullptr; }},
        {"at most 200 keys", [](seyir_filter_type&) { descriptor.field_size = 8; }},
        {"key ``: its name", [](seyir_filter_type&) { fields[0].name = nullptr; }},
        {"key `9x`: its name", [](seyir_filter_type&) { fields[0].name = "9x"; }},
        {"key `type`: the name is taken", [](seyir_filter_type&) { fields[0].name = "type"; }},
        {"key `on_error`: the name is taken",
         [](seyir_filter_type&) { fields[0].name = "on_error"; }},
        {"key `rows`: the name is taken", [](seyir_filter_type&) { fields[1].name = "rows"; }},
        {"type 77 is not known", [](seyir_filter_type&) { fields[0].type = 77; }},
        {"its range is empty", [](seyir_filter_type&) { fields[0].min = 11; }},
        {"no help", [](seyir_filter_type&) { fields[0].help = nullptr; }},
        {"the default `x`", [](seyir_filter_type&) { fields[0].default_text = "x"; }},
        {"the default `11`", [](seyir_filter_type&) { fields[0].default_text = "11"; }},
        {"required and with a default", [](seyir_filter_type&) { fields[0].flags = SEYIR_REQUIRED; }
        },
        {"required and without an example",
         [](seyir_filter_type&) {
             fields[0].flags = SEYIR_REQUIRED;
             fields[0].default_text = nullptr;
         }},
        {"a choice needs 1 to 200", [](seyir_filter_type&) { fields[0].type = SEYIR_TYPE_ENUM; }},
        {"choice 1: `a` is not",
         [](seyir_filter_type&) {
             fields[0].type = SEYIR_TYPE_ENUM;
             fields[0].choices = kTwice;
             fields[0].choice_count = 2;
         }},
        {"choice 0: `` is not",
         [](seyir_filter_type&) {
             fields[0].type = SEYIR_TYPE_ENUM;
             fields[0].choices = kUnnamed;
             fields[0].choice_count = 1;
         }},
        {"is not a list", [](seyir_filter_type&) { fields[0].type = SEYIR_TYPE_STRING_LIST; }},
        {"default of a map", [](seyir_filter_type&) { fields[0].type = SEYIR_TYPE_STRING_MAP; }},
    };
    return all;
}

TEST_SUITE("common/plugin") {
    TEST_CASE("a description that contradicts itself is refused in words") {
        CHECK(said_after([](seyir_filter_type&) {}) == "");
        for (const Harm& harm : harms()) {
            CAPTURE(harm.expected);
            const std::string said = said_after(harm.harm);
            CAPTURE(said);
            CHECK(said.find(harm.expected) != std::string::npos);
        }
    }

    TEST_CASE("everything wrong is said at once") {
        const std::string said = said_after([](seyir_filter_type& t) {
            t.create = nullptr;
            fields[0].help = "";
            fields[1].type = 50;
        });
        CHECK(said.find("NULL") != std::string::npos);
        CHECK(said.find("no help") != std::string::npos);
        CHECK(said.find("type 50") != std::string::npos);
    }

    TEST_CASE("a plugin of a later minor version, with longer structs, is read") {
        struct LongerField {
            seyir_field known;
            uint64_t later;
        };

        static LongerField longer[2];
        const std::string said = said_after([](seyir_filter_type& t) {
            longer[0] = {fields[0], 1};
            longer[1] = {fields[1], 2};
            descriptor.fields = &longer[0].known;
            descriptor.field_size = sizeof(LongerField);
            descriptor.size = sizeof(descriptor) + 64;
            t.size = sizeof(t) + 64;
        });
        CHECK(said == "");
    }
}

}  // namespace
}  // namespace seyir::plugin
