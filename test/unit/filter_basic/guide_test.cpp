// SPDX-License-Identifier: Apache-2.0
// The examples of docs/guide/filters.md are read as a program would read them.
#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "plugins/filter/enrich/enrich_filter.hpp"
#include "plugins/filter/log_to_metric/log_to_metric_filter.hpp"
#include "plugins/filter/logql_filter/logql_filter.hpp"
#include "plugins/filter/modify/modify_filter.hpp"
#include "plugins/filter/rate/dedupe_filter.hpp"
#include "plugins/filter/rate/sample_filter.hpp"
#include "plugins/filter/rate/throttle_filter.hpp"
#include "plugins/filter/select/select_filters.hpp"
#include "test/support/filter_fixture.hpp"

using namespace seyir;

namespace {

/// Filters of the page's YAML blocks, each as FilterFixture wants it.
std::vector<std::string> examples() {
    const char* root = std::getenv("SEYIR_SOURCE_ROOT");
    REQUIRE(root != nullptr);
    std::ifstream page(std::string(root) + "/docs/guide/filters.md");
    std::vector<std::string> out;
    std::string line;
    bool is_inside = false;
    while (std::getline(page, line)) {
        if (line.starts_with("```")) {
            is_inside = line == "```yaml";
        } else if (is_inside && line.starts_with("    ")) {
            out.back() += line.substr(4) + "\n";
        } else if (is_inside && line.starts_with("  ")) {
            out.emplace_back();
        }
    }
    return out;
}

}  // namespace

TEST_SUITE("docs/guide/filters") {
    TEST_CASE("every example of these filters is a good configuration") {
        const std::vector<component::FilterType> types{
            plugins::drop_filter_type(),
            plugins::enrich_filter_type(),
            plugins::keep_filter_type(),
            plugins::log_to_metric_filter_type(),
            plugins::logql_filter_type(),
            plugins::modify_filter_type(),
            plugins::dedupe_filter_type(),
            plugins::sample_filter_type(),
            plugins::throttle_filter_type(),
        };
        std::map<std::string, int> tried;
        for (const std::string& yaml : examples()) {
            CAPTURE(yaml);
            for (const component::FilterType& type : types) {
                const std::string& name = type.schema->name();
                if (yaml.starts_with("type: " + name + "\n")) {
                    test::FilterFixture f(type, yaml, false);
                    CHECK_MESSAGE(
                        f.diagnostics().find("error[") == std::string::npos, f.diagnostics()
                    );
                    ++tried[name];
                }
            }
        }
        CHECK(tried.size() == types.size() - 1);  // keep is shown as the opposite of drop
    }
}
