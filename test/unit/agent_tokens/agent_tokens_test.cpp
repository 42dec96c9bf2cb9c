// SPDX-License-Identifier: Apache-2.0
// AgentTokens: a one-time token works once, for as long as it was made for, through power cuts.
#include "collector/services/agent_tokens.hpp"

#include <doctest/doctest.h>

#include "common/io/faulty_file_system.hpp"
#include "common/net/http/auth.hpp"

TEST_SUITE_BEGIN("collector/services/agent_tokens");

namespace seyir::collector {
namespace {

using namespace std::chrono_literals;

constexpr const char* kPath = "/data/agent_tokens.json";

struct Disk {
    explicit Disk(uint64_t seed = 1) : files(seed) {
        REQUIRE(files.make_directories("/data"));
        REQUIRE(files.sync_directory("/"));
    }

    std::shared_ptr<AgentTokens> open() {
        auto tokens = AgentTokens::open(kPath, files, clock);
        REQUIRE_MESSAGE(tokens, tokens.error().message);
        return *tokens;
    }

    io::FaultyFileSystem files;
    io::ManualClock clock;
};

}  // namespace

TEST_CASE("a one-time token becomes a lasting one, once") {
    Disk disk;
    const auto tokens = disk.open();
    const auto made = tokens->create_one_time("web1", 1h);
    REQUIRE(made);
    CHECK(!tokens->agent_of(made->secret));  // it does not ship records
    const auto joined = tokens->join(made->secret, "host-a");
    REQUIRE(joined);
    CHECK(joined->name == "web1");
    CHECK(tokens->agent_of(joined->secret) == "web1");
    const auto again = tokens->join(made->secret, "host-b");
    REQUIRE(!again);
    CHECK(again.error().code == ErrorCode::kUnauthorized);
    CHECK(!tokens->join(joined->secret, "host-b"));  // nor does a lasting one let others join
}

TEST_CASE("a token without a name takes the host's, unless that is taken") {
    Disk disk;
    const auto tokens = disk.open();
    const auto first = tokens->create_one_time("", 1h);
    const auto second = tokens->create_one_time("", 1h);
    const auto joined = tokens->join(first->secret, "web2");
    REQUIRE(joined);
    CHECK(joined->name == "web2");
    const auto taken = tokens->join(second->secret, "web2");
    REQUIRE(!taken);
    CHECK(taken.error().code == ErrorCode::kConflict);
    CHECK(tokens->agent_of(joined->secret) == "web2");
    CHECK(tokens->join(second->secret, "web3"));  // the refusal used nothing up
    CHECK(!tokens->join(tokens->create_one_time("", 1h)->secret, "../x"));
}

TEST_CASE("who joins again under a name made for it loses the old token") {
    Disk disk;
    const auto tokens = disk.open();
    const auto old = tokens->join(tokens->create_one_time("web1", 1h)->secret, "a");
    const auto now = tokens->join(tokens->create_one_time("web1", 1h)->secret, "a");
    REQUIRE(now);
    CHECK(!tokens->agent_of(old->secret));
    CHECK(tokens->agent_of(now->secret) == "web1");
}

TEST_CASE("a one-time token ends with its time") {
    Disk disk;
    const auto tokens = disk.open();
    const auto made = tokens->create_one_time("", 10min);
    disk.clock.advance(10min);
    CHECK(!tokens->join(made->secret, "a"));
    CHECK(tokens->list().empty());
    CHECK(!tokens->create_one_time("", Nanos(0)));
    CHECK(!tokens->create_one_time("", AgentTokens::kLifeMax + 1s));
}

TEST_CASE("a revoked agent is not known, and stays so") {
    Disk disk;
    auto tokens = disk.open();
    const auto joined = tokens->join(tokens->create_one_time("web1", 1h)->secret, "a");
    CHECK(tokens->revoke("web1"));
    CHECK(tokens->revoke("web1").error().code == ErrorCode::kNotFound);
    CHECK(!tokens->agent_of(joined->secret));
    tokens = disk.open();
    CHECK(!tokens->agent_of(joined->secret));
}

TEST_CASE("the file holds hashes, never a secret") {
    Disk disk;
    const auto tokens = disk.open();
    const auto made = tokens->create_one_time("web1", 1h);
    const auto before = io::read_file(disk.files, kPath, 1 << 20);
    CHECK(before->find(made->secret) == std::string::npos);
    CHECK(before->find(net::sha256_hex(made->secret)) != std::string::npos);
    const auto joined = tokens->join(made->secret, "a");
    const auto after = io::read_file(disk.files, kPath, 1 << 20);
    CHECK(after->find(joined->secret) == std::string::npos);
    CHECK(after->find(net::sha256_hex(made->secret)) == std::string::npos);
}

TEST_CASE("a damaged file is refused with its name, not taken for an empty one") {
    for (const char* text :
         {"",
          "{",
          "[]",
          R"({"version":2,"tokens":[]})",
          R"({"version":1,"tokens":[{"kind":"agent"}]})",
          R"({"version":1,"tokens":[{"kind":"agent","name":"a b","sha256":"x","time_ns":1}]})"}) {
        CAPTURE(text);
        Disk disk;
        REQUIRE(io::write_file_atomically(disk.files, kPath, text));
        const auto tokens = AgentTokens::open(kPath, disk.files, disk.clock);
        REQUIRE(!tokens);
        CHECK(tokens.error().code == ErrorCode::kCorrupt);
        CHECK(tokens.error().message.find(kPath) != std::string::npos);
    }
}

TEST_CASE("a power cut leaves a one-time token either unused or used up, and answered tokens valid"
) {
    for (uint64_t change = 1; change <= 8; ++change) {
        for (uint64_t seed = 1; seed <= 20; ++seed) {
            CAPTURE(change);
            CAPTURE(seed);
            Disk disk(seed);
            auto tokens = disk.open();
            const auto made = tokens->create_one_time("web1", 1h);
            REQUIRE(made);
            disk.files.plan_fault(change, io::Fault::kPowerCut);
            const auto joined = tokens->join(made->secret, "a");
            if (!disk.files.crashed()) {
                disk.files.plan_fault(0, io::Fault::kPowerCut);
                disk.files.crash();
            }
            disk.files.restart();
            tokens = disk.open();
            const auto left = tokens->list();
            REQUIRE(left.size() == 1);
            if (joined) {
                CHECK(tokens->agent_of(joined->secret) == "web1");
                CHECK(!tokens->join(made->secret, "a"));
            } else if (left[0].is_one_time) {
                CHECK(tokens->join(made->secret, "a"));
            }
        }
    }
}

TEST_CASE("a full disk refuses a join and uses nothing up") {
    Disk disk;
    const auto tokens = disk.open();
    const auto made = tokens->create_one_time("web1", 1h);
    disk.files.plan_fault(1, io::Fault::kNoSpace);
    CHECK(!tokens->join(made->secret, "a"));
    disk.files.plan_fault(0, io::Fault::kNoSpace);
    CHECK(tokens->join(made->secret, "a"));
}

}  // namespace seyir::collector

TEST_SUITE_END();
