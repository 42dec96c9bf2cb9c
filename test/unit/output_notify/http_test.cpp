// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "plugins/output/http/http_type.hpp"
#include "plugins/output/notify/transfer.hpp"
#include "test/support/eventually.hpp"
#include "test/unit/net/certificates.hpp"
#include "test/unit/output_notify/notify_fixture.hpp"

using namespace seyir;
using namespace seyir::plugins;
using namespace seyir::test;
using namespace std::chrono_literals;

namespace {

std::string base(const Receiver& receiver, const std::string& more = "") {
    return "url: '" + receiver.url() + "'\n" + more;
}

std::vector<std::string> problems(const std::string& yaml) {
    return plan_output(http_output_type(), yaml).problems;
}

}  // namespace

TEST_SUITE("plugins/output/http") {
    TEST_CASE("records arrive as JSON lines with the headers given") {
        Receiver receiver;
        RunningOutput out(http_output_type(), base(receiver, "headers: { x-api-key: k1 }\n"));
        const DeliveryReport report = out.send({row_of("one"), row_of("two")});
        CHECK(report.outcome == Outcome::kDelivered);
        CHECK(report.accepted == 2);
        const auto seen = receiver.seen();
        REQUIRE(seen.size() == 1);
        CHECK(seen[0].method == "POST");
        CHECK(seen[0].header("content-type") == "application/x-ndjson");
        CHECK(seen[0].header("x-api-key") == "k1");
        CHECK(seen[0].parameter("token") == "url-secret");
        CHECK(std::ranges::count(seen[0].body, '\n') == 2);
        CHECK(seen[0].body.contains("\"one\""));
    }
    TEST_CASE("a view is cut into requests by rows and bytes, nothing twice, nothing lost") {
        Receiver receiver;
        RunningOutput rows(
            http_output_type(),
            base(receiver, "batch: { rows: 2 }\nformat: template\ntemplate: '{{__line__}},'\n")
        );
        CHECK(
            rows.send({row_of("a"), row_of("b"), row_of("c"), row_of("d"), row_of("e")}).accepted ==
            5
        );
        std::string bodies;
        for (const auto& request : receiver.seen()) {
            bodies += request.body + "|";
        }
        CHECK(bodies == "a,b,|c,d,|e,|");
        Receiver other;
        RunningOutput bytes(
            http_output_type(),
            base(other, "batch: { bytes: 4 }\nformat: template\ntemplate: '{{__line__}},'\n")
        );
        CHECK(bytes.send({row_of("a"), row_of("longer than that"), row_of("c")}).accepted == 3);
        CHECK(other.seen().size() == 3);
    }
    TEST_CASE("an array, gzip, basic and bearer authentication") {
        Receiver receiver;
        RunningOutput array(
            http_output_type(),
            base(
                receiver,
                "format: json_array\ncompression: gzip\nauth: { user: u, password: pass1 "
                "}\nmethod: PUT\n"
            )
        );
        CHECK(array.send({row_of("one"), row_of("two")}).outcome == Outcome::kDelivered);
        RunningOutput bearer(http_output_type(), base(receiver, "auth: { token: tok-123 }\n"));
        CHECK(bearer.send({row_of("one")}).outcome == Outcome::kDelivered);
        const auto seen = receiver.seen();
        REQUIRE(seen.size() == 2);
        CHECK(seen[0].method == "PUT");
        CHECK(seen[0].body.starts_with("[{"));
        CHECK(seen[0].body.ends_with("}]"));
        CHECK(seen[0].header("content-encoding") == "gzip");
        CHECK(seen[0].header("authorization") == "Basic dTpwYXNzMQ==");
        CHECK(seen[1].header("authorization") == "Bearer tok-123");
    }
    TEST_CASE(
        "answers decide: busy servers are tried again, refusals are final, secrets stay hidden"
    ) {
        Receiver receiver;
        RunningOutput out(http_output_type(), base(receiver, "auth: { token: tok-123 }\n"));
        for (const int status : {408, 429, 500, 503}) {
            CAPTURE(status);
            receiver.answer(status, "later, not tok-123\nplease");
            const DeliveryReport report = out.send({row_of("x")});
            CHECK(report.outcome == Outcome::kRetry);
            CHECK(report.message.contains(
                "answered " + std::to_string(status) + ": later, not *** please"
            ));
            CHECK_FALSE(report.message.contains("tok-123"));
            CHECK_FALSE(report.message.contains("url-secret"));
            CHECK_FALSE(out.output->health().ok);
        }
        for (const int status : {301, 400, 401, 404, 413}) {
            CAPTURE(status);
            receiver.answer(status, "no", {{"Location", "/elsewhere"}});
            const DeliveryReport report = out.send({row_of("x"), row_of("y")});
            CHECK(report.outcome == Outcome::kRejected);
            CHECK(report.dropped == 2);
            CHECK(report.reason == "rejected_by_peer");
        }
        CHECK(out.send({row_of("x")}).outcome == Outcome::kDelivered);
        CHECK(out.output->health().ok);
        CHECK(out.registry.text().contains(
            R"(seyir_notify_sends_total{output="out",outcome="retry"} 4)"
        ));
    }
    TEST_CASE("a server that is not there is tried again") {
        Receiver receiver;
        RunningOutput out(http_output_type(), base(receiver));
        receiver.stop();
        const DeliveryReport report = out.send({row_of("x")});
        CHECK(report.outcome == Outcome::kRetry);
        CHECK(report.message.contains("127.0.0.1"));
        CHECK_FALSE(report.message.contains("url-secret"));
    }
    TEST_CASE("after Retry-After nothing is sent before its time") {
        Receiver receiver;
        RunningOutput out(http_output_type(), base(receiver));
        receiver.answer(429, "slow down", {{"Retry-After", "2"}});
        CHECK(out.send({row_of("x")}).outcome == Outcome::kRetry);
        const auto begin = std::chrono::steady_clock::now();
        CHECK(out.send({row_of("x")}).outcome == Outcome::kDelivered);
        CHECK(std::chrono::steady_clock::now() - begin > 1500ms);
    }
    TEST_CASE("stopping during a pause answers what waits with retry, at once") {
        Receiver receiver;
        RunningOutput out(http_output_type(), base(receiver));
        receiver.answer(503, "", {{"Retry-After", "300"}});
        CHECK(out.send({row_of("x")}).outcome == Outcome::kRetry);
        auto waiting = out.deliver({make_batch({row_of("y")}), {}});
        const auto begin = std::chrono::steady_clock::now();
        out.output->stop(begin + 10s);
        CHECK(std::chrono::steady_clock::now() - begin < 9s);
        CHECK(waiting.get().outcome == Outcome::kRetry);
        CHECK(receiver.seen().size() == 1);
    }
    TEST_CASE("pauses are read as seconds and as dates, within bounds") {
        const UnixNanos now{1'767'225'600'000'000'000};  // 2026-01-01
        CHECK(notify::parse_retry_after("120", now) == Nanos(120s));
        CHECK(notify::parse_retry_after("Thu, 01 Jan 2026 00:01:00 GMT", now) == Nanos(60s));
        CHECK(notify::parse_retry_after("Thu, 01 Jan 2015 00:01:00 GMT", now) == Nanos(0));
        CHECK(notify::parse_retry_after("99999999999999", now) == notify::kPauseMax);
        CHECK(notify::parse_retry_after("soon", now) == std::nullopt);
    }
    TEST_CASE("certificates are verified, and a client certificate is shown") {
        const TempFolder folder;
        const CertificateFiles ca = make_authority(folder, "ca");
        const CertificateFiles leaf = make_leaf(folder, ca, "server", "127.0.0.1");
        const CertificateFiles client = make_leaf(folder, ca, "client", "client.example");
        auto tls =
            net::TlsServerContext::load({.cert = leaf.cert, .key = leaf.key, .client_ca = ca.cert});
        REQUIRE(tls.has_value());
        Receiver receiver(std::move(*tls));
        const std::string url = "url: '" + receiver.url("https") + "'\n";
        RunningOutput unknown(http_output_type(), url);
        const DeliveryReport refused = unknown.send({row_of("x")});
        CHECK(refused.outcome == Outcome::kRetry);
        CHECK(refused.message.contains("certificate"));
        RunningOutput known(
            http_output_type(),
            url + "tls: { ca: " + ca.cert + ", cert: " + client.cert + ", key: " + client.key +
                " }\n"
        );
        CHECK(known.send({row_of("x")}).outcome == Outcome::kDelivered);
        RunningOutput nameless(http_output_type(), url + "tls: { ca: " + ca.cert + " }\n");
        CHECK(nameless.send({row_of("x")}).outcome == Outcome::kRetry);
        CHECK(receiver.seen().size() == 1);
    }
    TEST_CASE("mistakes in the configuration are refused") {
        CHECK(problems("url: ftp://x").at(0).contains("is not a URL"));
        CHECK(problems("url: 'http://x/a b'").at(0).contains("is not a URL"));
        CHECK_FALSE(problems("url: ftp://secret").at(0).contains("secret"));
        CHECK(problems("url: http://x\nformat: template").at(0).contains("needs `template`"));
        CHECK(problems("url: http://x\ntemplate: x").at(0).contains("needs `format: template`"));
        CHECK(problems("url: http://x\nformat: template\ntemplate: '{{ nosuch }}'")
                  .at(0)
                  .contains("template"));
        CHECK(problems("url: http://x\nheaders: { x-a: \"b\\nc: d\" }")
                  .at(0)
                  .contains("control character"));
        CHECK(problems("url: http://x\ncontent_type: \"a\\r\\nb\"")
                  .at(0)
                  .contains("control character"));
        CHECK(problems("url: http://x\nauth: { user: u, token: t }").at(0).contains("not both"));
        CHECK(problems("url: http://x\ntls: { cert: /a }").size() >= 1);
    }
}
