// SPDX-License-Identifier: Apache-2.0
// Which requests come in; what becomes of them is in test/e2e/test_agent_relay.py.
#include "common/wire/relay.hpp"

#include <doctest/doctest.h>

#include "agent/input/relay/relay_guard.hpp"

using namespace seyir;
using namespace seyir::agent::input;

TEST_SUITE("agent/input/relay") {
    TEST_CASE("a host is compared without port and case") {
        CHECK(host_without_port("LocalHost:3100") == "localhost");
        CHECK(host_without_port("127.0.0.1") == "127.0.0.1");
        CHECK(host_without_port("[::1]:80") == "::1");
        CHECK(host_without_port("[::1") == "");
        CHECK(host_without_port("").empty());
    }

    TEST_CASE("only this machine's names and those configured are taken, and no foreign page") {
        struct Case {
            net::HttpHeaders headers;
            bool is_taken;
        };

        const std::vector<Case> cases = {
            {{{"Host", "127.0.0.1:3100"}}, true},
            {{{"Host", "localhost"}}, true},
            {{{"Host", "[::1]:3100"}}, true},
            {{{"Host", "logs.internal:3100"}}, true},
            {{{"Host", "rebound.example"}}, false},
            {{{"Host", "localhost.example"}}, false},
            {{{"Host", ""}}, false},
            {{}, false},
            {{{"Host", "localhost"}, {"Origin", "http://localhost:8080"}}, true},
            {{{"Host", "localhost"}, {"Origin", "https://evil.example"}}, false},
            {{{"Host", "localhost"}, {"Origin", "null"}}, false},
        };
        const RelayGuard guard{.hosts = {"logs.internal"}, .origins = {"http://localhost:8080"}};
        for (const Case& c : cases) {
            net::HttpRequest request;
            request.headers = c.headers;
            CHECK(guard.check(request).has_value() == c.is_taken);
        }
    }

    TEST_CASE("over a unix socket any Host will do, a page will not") {
        const RelayGuard guard{.is_unix = true, .hosts = {}, .origins = {}};
        net::HttpRequest request;
        request.headers = {{"Host", "whatever"}};
        CHECK(guard.check(request));
        request.headers.emplace_back("Origin", "https://evil.example");
        CHECK_FALSE(guard.check(request));
    }

    TEST_CASE("only a batch of the relay's own stream counts as relayed") {
        const auto mark = [](std::vector<StreamLabelsPtr> streams) {
            RecordBatch batch;
            for (const StreamLabelsPtr& labels : streams) {
                batch.add_stream(labels);
            }
            return relay::is_relayed(batch);
        };
        const auto own = *StreamLabels::make({{relay::kLabel, "1"}});
        const auto other = *StreamLabels::make({{"a", "b"}});
        CHECK(mark({own}));
        CHECK_FALSE(mark({other}));
        CHECK_FALSE(mark({own, other}));
        CHECK_FALSE(mark({}));
    }
}
