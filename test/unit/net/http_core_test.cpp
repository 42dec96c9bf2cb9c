// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "common/net/http/auth.hpp"
#include "common/net/http/browser_guard.hpp"
#include "common/net/http/content_coding.hpp"
#include "common/net/http/encoding.hpp"
#include "common/net/http/request_reader.hpp"
#include "common/net/http/router.hpp"
#include "common/net/http/status_text.hpp"
#include "test/support/replay_corpus.hpp"

using namespace seyir;
using namespace seyir::net;
using Progress = RequestReader::Progress;

namespace {

struct ReadAll {
    std::vector<HttpRequest> requests;
    size_t heads = 0;
    int status = 0;  ///< of the refusal; 0 = none
    std::string message;
};

/// Feeds `text` in pieces as a connection does: what is not used is given again with more.
ReadAll read_all(std::string_view text, size_t piece_bytes, HttpLimits limits = {}) {
    RequestReader reader(limits);
    ReadAll result;
    std::string buffer;
    while (!text.empty()) {
        const auto piece = text.substr(0, piece_bytes);
        text.remove_prefix(piece.size());
        buffer += piece;
        while (true) {
            const auto fed = reader.feed(buffer);
            if (!fed) {
                result.status = reader.error_status();
                result.message = fed.error().message;
                return result;
            }
            buffer.erase(0, fed->used);
            if (fed->progress == Progress::kHead) {
                ++result.heads;
            } else if (fed->progress == Progress::kComplete) {
                result.requests.push_back(reader.take());
            } else {
                break;
            }
            if (fed->progress == Progress::kComplete && buffer.empty()) {
                break;
            }
        }
    }
    return result;
}

const std::string kPipeline =
    "GET /a%20b?q=x+y%26z&q=2&empty HTTP/1.1\r\nHost: h\r\n\r\n"
    "POST /push HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello"
    "POST /push HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    "3\r\nabc\r\n2;ext=1\r\nde\r\n0\r\nTrailer: x\r\n\r\n"
    "\r\nGET http://other:1/last HTTP/1.1\r\nHost: h\r\n\r\n";

HttpRequest request_with(const std::string& authorization, const std::string& tenant = "") {
    HttpRequest request;
    if (!authorization.empty()) {
        request.headers.emplace_back("Authorization", authorization);
    }
    if (!tenant.empty()) {
        request.headers.emplace_back("X-Scope-OrgID", tenant);
    }
    return request;
}

}  // namespace

TEST_SUITE("common/net/http/request_reader") {
    TEST_CASE("pipelined requests come out whole, however the bytes are cut") {
        for (size_t piece = 1; piece <= kPipeline.size(); ++piece) {
            const auto result = read_all(kPipeline, piece);
            REQUIRE(result.status == 0);
            REQUIRE(result.requests.size() == 4);
            CHECK(result.heads == 2);
            CHECK(result.requests[0].path == "/a b");
            CHECK(result.requests[0].parameter("q") == "x y&z");
            CHECK(result.requests[0].parameters("q").size() == 2);
            CHECK(result.requests[0].parameter("empty") == "");
            CHECK(result.requests[0].header("hOsT") == "h");
            CHECK(result.requests[1].body == "hello");
            CHECK(result.requests[2].body == "abcde");
            CHECK(result.requests[3].path == "/last");
        }
    }

    TEST_CASE("a chunked body that ends byte by byte is one body") {
        const std::string text =
            "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
            "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n1\r\nx\r\n0\r\nA: "
            "b\r\n\r\n";
        for (size_t piece = 1; piece <= text.size(); ++piece) {
            const auto result = read_all(text, piece);
            REQUIRE(result.requests.size() == 2);
            CHECK(result.requests[0].body.empty());
            CHECK(result.requests[1].body == "x");
        }
    }

    TEST_CASE("malformed requests are refused with the status that fits") {
        const std::vector<std::pair<std::string, int>> cases = {
            {"nonsense\r\n\r\n", 400},
            {"GET / HTTP/1.1\r\n\r\n", 400},
            {"GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505},
            {"GET /%zz HTTP/1.1\r\nHost: h\r\n\r\n", 400},
            {"GET /%00 HTTP/1.1\r\nHost: h\r\n\r\n", 400},
            {"GET /?a=%f HTTP/1.1\r\nHost: h\r\n\r\n", 400},
            {"GET * HTTP/1.1\r\nHost: h\r\n\r\n", 400},
            {"GET / HTTP/1.1\r\nHost: h\r\nBad Header: x\r\n\r\n", 400},
            {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n", 400},
            {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", 400},
            {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: "
             "chunked\r\n\r\n",
             400},
            {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nx", 400},
            {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\xff\r\n\r\n", 501},
            {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501},
            {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, gzip\r\n\r\n", 501},
            {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 501},
            {"GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n", 501},
        };
        for (const auto& [text, status] : cases) {
            CAPTURE(text);
            CHECK(read_all(text, text.size()).status == status);
            CHECK(read_all(text, 1).status == status);
        }
    }

    TEST_CASE("limits hold and are named") {
        HttpLimits limits;
        limits.header_bytes_max = 1024;
        limits.body_bytes_max = 100;
        const std::string long_header =
            "GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(2000, 'x') + "\r\n\r\n";
        for (const size_t piece : {size_t{1}, size_t{100}, long_header.size()}) {
            const auto head = read_all(long_header, piece, limits);
            CHECK(head.status == 431);
            CHECK(head.message == "the request's head is larger than 1 KiB");
        }
        const auto endless = read_all("GET /" + std::string(100'000, 'x'), 1000, limits);
        CHECK(endless.status == 431);
        const auto announced =
            read_all("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 101\r\n\r\n", 9, limits);
        CHECK(announced.status == 413);
        CHECK(announced.message.find("larger than 100 B") != std::string::npos);
        const auto chunked = read_all(
            "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n" +
                std::string(255, 'x') + "\r\n",
            9,
            limits
        );
        CHECK(chunked.status == 413);
    }
}

TEST_SUITE("test/fuzz/http") {
    TEST_CASE("the committed corpus of the fuzz target runs clean") {
        CHECK(test::replay_corpus(std::string(SEYIR_SOURCE_ROOT) + "/test/fuzz/corpus/http") >= 5);
    }
}

TEST_SUITE("common/net/http/content_coding") {
    TEST_CASE("gzip and deflate bodies come out as they went in") {
        std::string text;
        for (int i = 0; i < 20'000; ++i) {
            text += "line " + std::to_string(i) + "\n";
        }
        CHECK(*decode_content("gzip", gzip(text), {}) == text);
        CHECK(*decode_content("gzip", gzip("a") + gzip("b"), {}) == "ab");
        CHECK(*decode_content("", text, {}) == text);
        const std::string zlib_hello("\x78\x9c\xcb\x48\xcd\xc9\xc9\x07\x00\x06\x2c\x02\x15", 13);
        CHECK(*decode_content("deflate", zlib_hello, {}) == "hello");
        CHECK(*decode_content("deflate", zlib_hello.substr(2, 7), {}) == "hello");
    }

    TEST_CASE("corrupt, endless and unknown bodies are refused") {
        auto cut = gzip(std::string(1000, 'x'));
        cut.resize(cut.size() / 2);
        CHECK(decode_content("gzip", cut, {}).error().code == ErrorCode::kInvalidArgument);
        CHECK(decode_content("gzip", "plain", {}).error().code == ErrorCode::kInvalidArgument);
        CHECK(decode_content("gzip", "", {}).error().code == ErrorCode::kInvalidArgument);
        CHECK(decode_content("br", "x", {}).error().code == ErrorCode::kUnsupported);
        const auto bomb = gzip(std::string(20'000'000, '\0'));
        const auto ratio = decode_content("gzip", bomb, {});
        REQUIRE_FALSE(ratio);
        CHECK(ratio.error().message.find("200 times") != std::string::npos);
        HttpLimits limits;
        limits.inflated_bytes_max = 1000;
        const auto size = decode_content("gzip", gzip(std::string(2000, 'x')), limits);
        REQUIRE_FALSE(size);
        CHECK(size.error().code == ErrorCode::kTooLarge);
    }
}

TEST_SUITE("common/net/http/encoding") {
    TEST_CASE("percent, base64 and URLs decode exactly or not at all") {
        CHECK(percent_decode("a%2Fb+c", false) == "a/b+c");
        CHECK(percent_decode("a+b", true) == "a b");
        CHECK_FALSE(percent_decode("%", false));
        CHECK_FALSE(percent_decode("%1", false));
        CHECK_FALSE(percent_decode("%00", false));
        std::string every;
        for (int c = 1; c < 256; ++c) {
            every += static_cast<char>(c);
        }
        CHECK(percent_decode(percent_encode(every), true) == every);
        CHECK(base64_decode("") == "");
        CHECK(base64_decode("TWE=") == "Ma");
        CHECK(base64_decode("TQ==") == "M");
        CHECK(base64_decode("TWFu") == "Man");
        for (const char* wrong : {"T", "TWF", "T===", "TQ==TQ==", "TW!u", "=AAA"}) {
            CHECK_FALSE(base64_decode(wrong));
        }
        const auto url = parse_server_url("https://logs.example/seyir/", 7400);
        REQUIRE(url);
        CHECK(url->is_tls);
        CHECK(url->endpoint.port == 443);
        CHECK(url->base_path == "/seyir");
        CHECK(parse_server_url("127.0.0.1", 7400)->endpoint.port == 7400);
        CHECK(parse_server_url("unix:/run/x", 1)->endpoint.is_unix());
        CHECK_FALSE(parse_server_url("ftp://x", 1));
    }

    TEST_CASE("a header value cannot begin another header") {
        std::string head;
        append_header(head, "X", "a\r\nSet-Cookie: b");
        CHECK(head == "X: a  Set-Cookie: b\r\n");
        CHECK(http_date({784'111'777'000'000'000}) == "Sun, 06 Nov 1994 08:49:37 GMT");
    }
}

TEST_SUITE("common/net/http/router") {
    TEST_CASE("paths match exactly or with one wildcard segment") {
        Router router;
        router.add({.method = "GET", .path = "/label/{name}/values", .handler = {}});
        router.add({.method = "GET", .path = "/label/a/values", .handler = {}});
        router.add({.method = "POST", .path = "/push", .handler = {}});
        CHECK(router.find("GET", "/label/host/values").wildcard == "host");
        CHECK(router.find("GET", "/label/a/values").route->path == "/label/a/values");
        CHECK(router.find("HEAD", "/label/a/values").route != nullptr);
        CHECK(router.find("GET", "/label//values").route == nullptr);
        CHECK(router.find("GET", "/label/a/b/values").route == nullptr);
        const auto wrong_method = router.find("GET", "/push");
        CHECK(wrong_method.refusal.status == 405);
        CHECK(wrong_method.refusal.headers.front().second == "POST");
        const auto unknown = router.find("GET", "/pusj");
        CHECK(unknown.refusal.status == 404);
        CHECK(unknown.refusal.body.find("did you mean /push?") != std::string::npos);
    }
}

TEST_SUITE("common/net/http/auth") {
    TEST_CASE("tokens grant their scopes and tenants and nothing else") {
        CHECK(
            sha256_hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        TokenRule reader{
            .name = "reader", .sha256_hex = sha256_hex("r"), .scopes = {Scope::kRead}, .tenant = 7
        };
        TokenRule admin{
            .name = "admin",
            .sha256_hex = sha256_hex("a"),
            .scopes = {Scope::kAdmin},
            .may_choose_tenant = true
        };
        TokenRule old{
            .name = "old", .sha256_hex = sha256_hex("o"), .scopes = {Scope::kRead}, .expires = {5}
        };
        auto built = Authenticator::build({reader, admin, old});
        REQUIRE(built);
        const auto status = [&](const std::string& header, Scope scope) {
            const auto verdict = built->check(request_with(header), scope, {10});
            return verdict ? 200 : verdict.error().status;
        };
        CHECK(status("", Scope::kNone) == 200);
        CHECK(status("", Scope::kRead) == 401);
        CHECK(status("Bearer wrong", Scope::kRead) == 401);
        CHECK(status("Bearer r", Scope::kRead) == 200);
        CHECK(status("bearer r", Scope::kRead) == 200);
        CHECK(status("Bearer r", Scope::kIngest) == 403);
        CHECK(status("Bearer a", Scope::kIngest) == 200);
        CHECK(status("Bearer o", Scope::kRead) == 401);
        CHECK(status("Basic dXNlcjpy", Scope::kRead) == 200);  // user:r
        CHECK(status("Basic !", Scope::kRead) == 401);
        CHECK(built->check(request_with("Bearer r", "9"), Scope::kRead, {10})->tenant == 7);
        CHECK(built->check(request_with("Bearer a", "9"), Scope::kRead, {10})->tenant == 9);
        CHECK(
            built->check(request_with("Bearer a", "x"), Scope::kRead, {10}).error().status == 400
        );
    }

    TEST_CASE("hashes that are none and tokens that are the same are configuration errors") {
        CHECK_FALSE(Authenticator::build({{.name = "a", .sha256_hex = "secret", .scopes = {}}}));
        const TokenRule a{.name = "a", .sha256_hex = sha256_hex("x"), .scopes = {}};
        const TokenRule b{.name = "b", .sha256_hex = sha256_hex("x"), .scopes = {}};
        CHECK_FALSE(Authenticator::build({a, b}));
        CHECK(Authenticator().is_open());
    }

    TEST_CASE("without tokens everything is allowed but administration, except to the owner") {
        auto none = Authenticator::build({});
        REQUIRE(none);
        for (const Scope scope : {Scope::kNone, Scope::kIngest, Scope::kRead}) {
            CHECK(none->check(request_with(""), scope, {10}));
        }
        const auto verdict = none->check(request_with("Bearer guess"), Scope::kAdmin, {10});
        REQUIRE_FALSE(verdict);
        CHECK(verdict.error().status == 403);
        const auto says = [&](std::string_view text) {
            const auto refused = none->check(request_with(""), Scope::kAdmin, {10});
            return refused.error().error.message.find(text) != std::string::npos;
        };
        CHECK(says("the admin socket (switched off: `listen.admin`)"));
        none->set_admin_path("/var/lib/seyir-collector/admin.sock");
        CHECK(says("--server unix:/var/lib/seyir-collector/admin.sock"));
        CHECK(Authenticator::for_owner().check(request_with(""), Scope::kAdmin, {10}));
    }
}

TEST_SUITE("common/net/http/browser_guard") {
    TEST_CASE("pages of other sites and names of strangers are refused, programs are not") {
        struct Case {
            HttpHeaders headers;
            bool is_open;
            bool is_refused;
        };

        const std::vector<Case> cases = {
            {{{"Host", "127.0.0.1:7400"}}, true, false},
            {{{"Host", "[::1]:7400"}}, true, false},
            {{{"Host", "192.0.2.7"}}, true, false},
            {{{"Host", "LocalHost:7400"}}, true, false},
            {{{"Host", "localhost."}}, true, false},
            {{{"Host", "logs.localhost:80"}}, true, false},
            {{{"Host", "Web-1:7400"}}, true, false},
            {{}, true, false},  // HTTP/1.0: no browser
            {{{"Host", "rebound.example:7400"}}, true, true},
            {{{"Host", "127.0.0.1.rebound.example"}}, true, true},
            {{{"Host", "notlocalhost"}}, true, true},
            {{{"Host", "0x7f.1"}}, true, true},
            {{{"Host", "logs.example"}}, false, false},
            // Origin: the page a browser asks for.
            {{{"Host", "logs.example"}, {"Origin", "https://logs.example"}}, false, false},
            {{{"Host", "logs.example:443"}, {"Origin", "https://Logs.example"}}, false, false},
            {{{"Host", "127.0.0.1:7400"}, {"Origin", "http://127.0.0.1:7400"}}, true, false},
            {{{"Host", "[::1]:80"}, {"Origin", "http://[::1]"}}, true, false},
            {{{"Host", "127.0.0.1:7400"}, {"Origin", "http://127.0.0.1:8000"}}, true, true},
            {{{"Host", "127.0.0.1:7400"}, {"Origin", "https://evil.example"}}, true, true},
            {{{"Host", "logs.example"}, {"Origin", "https://evil.example"}}, false, true},
            {{{"Host", "logs.example"}, {"Origin", "https://logs.example.evil"}}, false, true},
            {{{"Host", "127.0.0.1"}, {"Origin", "null"}}, true, true},
            {{{"Host", "127.0.0.1"}, {"Origin", ""}}, true, true},
            // An image or a form of another site sends no Origin with GET.
            {{{"Host", "127.0.0.1"}, {"Sec-Fetch-Site", "cross-site"}}, true, true},
            {{{"Host", "127.0.0.1"}, {"Sec-Fetch-Site", "same-origin"}}, true, false},
            {{{"Host", "127.0.0.1"},
              {"Sec-Fetch-Site", "cross-site"},
              {"Sec-Fetch-Mode", "navigate"}},
             true,
             false},
        };
        for (const Case& c : cases) {
            HttpRequest request;
            request.method = "GET";
            request.headers = c.headers;
            CAPTURE(c.headers.empty() ? "" : c.headers.front().second);
            CAPTURE(c.headers.empty() ? "" : c.headers.back().second);
            CHECK(browser_refusal(request, c.is_open, "web-1").has_value() == c.is_refused);
        }
        HttpRequest form;
        form.method = "POST";
        form.headers = {{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Mode", "navigate"}};
        CHECK(browser_refusal(form, false, ""));
    }
}
