// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "plugins/output/local_output_types.hpp"
#include "test/support/plan_output.hpp"
#include "test/support/temp_dir.hpp"

using namespace seyir;
using namespace seyir::plugins;

namespace {

Result<std::unique_ptr<pipeline::Output>> make(
    const component::OutputType& type, const std::string& yaml
) {
    const test::PlannedOutput planned = test::plan_output(type, yaml);
    REQUIRE(planned.problems.empty());
    REQUIRE(planned.plan != nullptr);
    CHECK(planned.plan->buffer_default() == component::BufferDefault::kNone);
    metrics::Registry registry;
    const component::RunContext context{
        "out", registry, io::system_clock(), io::posix_file_system(), "/nonexistent", "host"
    };
    return planned.plan->instantiate(context);
}

}  // namespace

TEST_SUITE("plugins/output") {
    TEST_CASE("the local types plan from their keys and start") {
        const test::TempDir dir;
        auto file = make(file_output_type(), "path: " + dir / "a.log" + "\nformat: raw\n");
        REQUIRE(file.has_value());
        CHECK((*file)->start().has_value());
        CHECK(io::posix_file_system().stat(dir / "a.log").has_value());
        (*file)->stop(SteadyTime::min());
        CHECK(make(stdout_output_type(), "format: raw\n").has_value());
        CHECK(make(null_output_type(), "{}\n").has_value());
        CHECK(file_output_type().schema->name() == "file");
    }

    TEST_CASE("a file output without a path is refused with its place") {
        const test::PlannedOutput planned = test::plan_output(file_output_type(), "format: raw\n");
        CHECK(planned.plan == nullptr);
        REQUIRE(planned.problems.size() == 1);
        CHECK(planned.problems[0].starts_with("E0201"));
    }
}
