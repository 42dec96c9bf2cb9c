// SPDX-License-Identifier: Apache-2.0
#include <filesystem>

#include <doctest/doctest.h>

#include "common/component/writes_files.hpp"
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

    TEST_CASE("a file output says which file it writes, however the path is spelled") {
        const test::TempDir dir;
        std::filesystem::create_directory(dir / "logs");
        std::filesystem::create_directory_symlink(dir / "logs", dir / "link");
        std::filesystem::create_symlink(dir / "logs/a.log", dir / "b.log");
        REQUIRE(io::write_file_atomically(io::posix_file_system(), dir / "logs/a.log", ""));
        const auto file = [&](const std::string& path, io::FileSystem* files) {
            const auto planned = test::plan_output(file_output_type(), "path: " + path, files);
            REQUIRE(planned.plan != nullptr);
            const auto& writer = dynamic_cast<component::WritesFiles&>(*planned.plan);
            REQUIRE(writer.files().size() == 1);
            return writer.files()[0].name;
        };
        io::FileSystem* const machine = &io::posix_file_system();
        const std::string plain = file(dir / "logs/a.log", machine);
        for (const char* other :
             {"link/a.log", "b.log", "logs/../logs/./a.log", "link//a.log", "link/../link/a.log"}) {
            CAPTURE(other);
            CHECK(file(dir / other, machine) == plain);
        }
        CHECK(file(dir / "logs/b.log", machine) != plain);
        CHECK(file("/no/such/../x.log", nullptr) == "/no/x.log");
        CHECK(file(dir / "link/a.log", nullptr) == dir / "link/a.log");
    }

    TEST_CASE("a file output without a path is refused with its place") {
        const test::PlannedOutput planned = test::plan_output(file_output_type(), "format: raw\n");
        CHECK(planned.plan == nullptr);
        REQUIRE(planned.problems.size() == 1);
        CHECK(planned.problems[0].starts_with("E0201"));
    }
}
