// SPDX-License-Identifier: Apache-2.0
#include "plugins/output/slack/slack_type.hpp"
#include "test/unit/output_notify/notify_fixture.hpp"

using namespace seyir;
using namespace seyir::plugins;
using namespace seyir::test;

TEST_SUITE("plugins/output/slack") {
    TEST_CASE("records become one message, escaped as Slack wants, with labels of the template") {
        Receiver receiver;
        RunningOutput out(
            slack_output_type(),
            "url: '" + receiver.url() +
                "'\nchannel: '#ops'\ntemplate: '*{{.alert_name}}* {{__line__}}'\n"
        );
        CHECK(out.send({row_of("a < b & c"), row_of("say \"hi\"")}).outcome == Outcome::kDelivered);
        const auto seen = receiver.seen();
        REQUIRE(seen.size() == 1);
        CHECK(
            seen[0].body == R"({"text":"*a* a &lt; b &amp; c\n*a* say \"hi\"","channel":"#ops"})"
        );
    }
    TEST_CASE("what does not fit is counted in the last line") {
        Receiver receiver;
        RunningOutput out(slack_output_type(), "url: '" + receiver.url() + "'\nmax_rows: 2\n");
        CHECK(out.send({row_of("a"), row_of("b"), row_of("c"), row_of("d")}).accepted == 4);
        CHECK(receiver.seen().at(0).body == R"({"text":"a\nb\n... and 2 more"})");
        CHECK(out.registry.text().contains("seyir_notify_rows_left_out_total{output=\"out\"} 2"));
    }
    TEST_CASE("messages keep a second apart and long records are cut between characters") {
        Receiver receiver;
        RunningOutput out(slack_output_type(), "url: '" + receiver.url() + "'\n");
        const auto begin = std::chrono::steady_clock::now();
        CHECK(out.send({row_of("a")}).outcome == Outcome::kDelivered);
        std::string text = "x";
        for (int i = 0; i < 2000; ++i) {
            text += "ü";
        }
        CHECK(out.send({row_of(text)}).outcome == Outcome::kDelivered);
        CHECK(std::chrono::steady_clock::now() - begin >= std::chrono::milliseconds(900));
        const std::string body = receiver.seen().at(1).body;
        CHECK(body.size() < 2100);
        CHECK(body.ends_with("ü...\"}"));
    }
}
