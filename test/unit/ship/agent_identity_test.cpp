// SPDX-License-Identifier: Apache-2.0
#include "common/ship/agent_identity.hpp"

#include <doctest/doctest.h>

#include "test/support/temp_dir.hpp"

using namespace seyir;
using namespace seyir::ship;

namespace {

io::FileSystem& fs() {
    return io::posix_file_system();
}

std::string machine(const test::TempDir& dir, const std::string& id) {
    REQUIRE(io::write_file_atomically(fs(), dir / "machine-id", id + "\n"));
    return dir / "machine-id";
}

}  // namespace

TEST_SUITE("common/ship/agent_identity") {
    TEST_CASE("a deleted state directory gives the same id back") {
        test::TempDir dir;
        const IdentityPlace place{dir / "state", machine(dir, "abc")};
        const auto first = load_agent_identity(fs(), place);
        REQUIRE(first);
        CHECK(first->forked.empty());
        CHECK(load_agent_identity(fs(), place)->identity.agent == first->identity.agent);
        REQUIRE(fs().remove(dir / "state/agent.id"));
        CHECK(load_agent_identity(fs(), place)->identity.agent == first->identity.agent);
    }

    TEST_CASE("another directory and another machine give other ids") {
        test::TempDir dir;
        const std::string id = machine(dir, "abc");
        const auto a = load_agent_identity(fs(), {dir / "a", id});
        const auto b = load_agent_identity(fs(), {dir / "b", id});
        CHECK(a->identity.agent != b->identity.agent);
        CHECK(derive_agent_id("abc", "/x") == derive_agent_id("abc", "/x"));
        CHECK(derive_agent_id("abd", "/x") != derive_agent_id("abc", "/x"));
    }

    TEST_CASE("state that comes from another machine gets a new random id and says so") {
        test::TempDir dir;
        const auto here = load_agent_identity(fs(), {dir / "s", machine(dir, "abc")});
        const IdentityPlace there{dir / "s", machine(dir, "other")};
        const auto forked = load_agent_identity(fs(), there);
        REQUIRE(forked);
        CHECK(forked->forked.find("another machine") != std::string::npos);
        CHECK(forked->identity.agent != here->identity.agent);
        const auto again = load_agent_identity(fs(), there);
        CHECK(again->forked.empty());
        CHECK(again->identity.agent == forked->identity.agent);
    }

    TEST_CASE("a copied directory takes a new id while the original is there, a moved one keeps it"
    ) {
        test::TempDir dir;
        const std::string id = machine(dir, "abc");
        const auto original = load_agent_identity(fs(), {dir / "a", id});
        for (const char* name : {"b", "c"}) {
            REQUIRE(fs().make_directories(dir / name));
            std::filesystem::copy_file(dir / "a/agent.id", dir / (std::string(name) + "/agent.id"));
        }
        const auto copy = load_agent_identity(fs(), {dir / "b", id});
        CHECK(copy->identity.agent != original->identity.agent);
        CHECK(copy->forked.find("was copied from") != std::string::npos);
        CHECK(load_agent_identity(fs(), {dir / "b", id})->forked.empty());

        REQUIRE(fs().remove(dir / "a/agent.id"));
        const auto moved = load_agent_identity(fs(), {dir / "c", id});
        CHECK(moved->identity.agent == original->identity.agent);
        CHECK(moved->identity.state_dir != moved->state_dir_now);
    }

    TEST_CASE("a damaged file is replaced by the derived id") {
        test::TempDir dir;
        const IdentityPlace place{dir / "s", machine(dir, "abc")};
        const auto first = load_agent_identity(fs(), place);
        const auto text = io::read_file(fs(), dir / "s/agent.id", 4096);
        for (size_t i = 0; i < text->size(); i += 7) {
            std::string damaged = *text;
            damaged[i] ^= 1;
            REQUIRE(io::write_file_atomically(fs(), dir / "s/agent.id", damaged));
            const auto loaded = load_agent_identity(fs(), place);
            REQUIRE(loaded);
            CHECK(loaded->identity.agent == first->identity.agent);
        }
    }

    TEST_CASE("a machine without an id gets a random one that is kept") {
        test::TempDir dir;
        const IdentityPlace place{dir / "s", dir / "no-such-file"};
        const auto first = load_agent_identity(fs(), place);
        REQUIRE(first);
        CHECK(first->identity.machine.is_zero());
        CHECK(load_agent_identity(fs(), place)->identity.agent == first->identity.agent);
        REQUIRE(fs().remove(dir / "s/agent.id"));
        CHECK(load_agent_identity(fs(), place)->identity.agent != first->identity.agent);
    }
}
