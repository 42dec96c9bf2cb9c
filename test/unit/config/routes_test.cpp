// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "test/unit/config/sections_fixture.hpp"

namespace {

using namespace seyir;
using namespace seyir::config;
using Checked = test::CheckedSections;

}  // namespace

TEST_SUITE("common/config/sections/routes") {
    TEST_CASE("a route reads its filters in their order, with places, and its dead letter output") {
        const Checked c(
            "routes: [{ name: a, from: '*', through: [redact, parse], to: [store, alerts], "
            "dead_letter: rejected }]\n"
        );
        CHECK(c.text() == "");
        REQUIRE(c.routes.size() == 1);
        const RouteOptions& a = c.routes[0];
        CHECK(a.through == std::vector<std::string>{"redact", "parse"});
        REQUIRE(a.through_spans.size() == 2);
        CHECK(a.through_spans[1].begin - a.through_spans[0].begin == 8);
        CHECK(a.dead_letter == "rejected");
        CHECK(a.from == std::vector<std::string>{"app", "sys"});
    }

    TEST_CASE("names in `through` and `dead_letter` must exist, and near ones are suggested") {
        const Checked c(
            "routes:\n"
            "  - name: a\n"
            "    through: [pars, redact, parse, redact]\n"
            "    to: [store, alerts]\n"
            "    dead_letter: rejectet\n"
            "  - { name: b, through: zzz, to: rejected }\n"
        );
        CHECK(
            c.text() ==
            "E0315 6:15 [pars] route passes through `pars`, which is not a filter "
            "(did you mean `parse`, defined at t.yaml:2:12?)\n"
            "E0316 6:36 [redact] `redact` is listed twice (remove one)\n"
            "E0311 8:18 [rejectet] route sends dead letters to `rejectet`, which is not an output "
            "(did you mean `rejected`, defined at t.yaml:3:57?)\n"
            "E0315 9:25 [zzz] route passes through `zzz`, which is not a filter\n"
        );
    }

    TEST_CASE("a dead letter output must not be one of the outputs that refuse") {
        const Checked c(
            "routes:\n"
            "  - { name: a, through: [parse, redact], to: [store, alerts, rejected],"
            " dead_letter: store }\n"
        );
        CHECK(
            c.text() ==
            "E0319 5:86 [store] route `a` sends to `store`, and what that refuses to it again "
            "(name an output that is not in this route's `to`)\n"
        );
    }

    TEST_CASE("a dead letter output counts as used, and an unused filter is a warning") {
        const Checked c(
            "routes: [{ name: a, through: parse, to: [store, alerts], dead_letter: rejected }]\n"
        );
        CHECK(
            c.text() ==
            "W0318 2:36 [redact] no route passes through filter `redact` "
            "(add it to a route's `through`, or remove it)\n"
        );
    }

    TEST_CASE("several outputs without routes are refused at the second one") {
        const Checked c("");
        CHECK(c.text().starts_with("E0312 3:34 [alerts] there are 3 outputs and no routes"));
        CHECK(c.routes.empty());
    }
}
