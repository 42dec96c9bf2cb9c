// SPDX-License-Identifier: Apache-2.0
#include "common/net/server/http_server.hpp"

#include <atomic>
#include <chrono>
#include <future>
#include <string>
#include <thread>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/this_coro.hpp>
#include <doctest/doctest.h>

#include "common/async/gate.hpp"
#include "common/net/http/content_coding.hpp"
#include "common/net/http_client.hpp"
#include "common/net/stream.hpp"
#include "test/unit/net/certificates.hpp"

using namespace std::chrono_literals;
using namespace seyir;
using namespace seyir::net;

namespace {

SteadyTime in(std::chrono::milliseconds delay) {
    return std::chrono::steady_clock::now() + delay;
}

/// A server with a few routes, and what their handlers saw.
struct Fixture {
    async::Runtime runtime{"test", 2};
    metrics::Registry registry;
    HttpLanes lanes;
    HttpServerOptions options;
    std::unique_ptr<HttpServer> server;
    std::promise<void> endless_started;
    std::promise<Error> write_ended;
    std::promise<void> query_started;
    std::promise<void> release_query;

    Fixture() { options.listen = {.host = "127.0.0.1"}; }

    ~Fixture() {
        server.reset();
        lanes.stop();
    }

    void start(std::shared_ptr<const Authenticator> authenticator = nullptr) {
        server = std::make_unique<HttpServer>(runtime, lanes, registry, options);
        add_routes();
        if (authenticator) {
            server->set_authenticator(std::move(authenticator));
        }
        REQUIRE(server->start());
    }

    void add_routes() {
        const auto get = [&](const char* path, Scope scope, HttpHandler handler) {
            server->add_route({"GET", path, scope, Lane::kQuery, std::move(handler)});
        };
        get("/ready", Scope::kNone, [](HttpExchangePtr exchange) {
            exchange->respond(HttpResponse::text(200, "ready\n"));
        });
        get("/peer", Scope::kRead, [](HttpExchangePtr exchange) {
            const auto& request = exchange->request();
            exchange->respond(HttpResponse::text(
                200, request.peer + "|" + request.token_name + "|" + std::to_string(request.tenant)
            ));
        });
        get("/admin", Scope::kAdmin, [](HttpExchangePtr exchange) {
            exchange->respond(HttpResponse::text(200, "done"));
        });
        get("/label/{name}/values", Scope::kRead, [](HttpExchangePtr exchange) {
            exchange->respond(HttpResponse::text(200, exchange->request().wildcard));
        });
        get("/lost", Scope::kRead, [](HttpExchangePtr) {});
        get("/cut", Scope::kRead, [](HttpExchangePtr exchange) {
            exchange->begin_stream({});
            CHECK(exchange->write("begun"));
        });
        get("/stream", Scope::kRead, [](HttpExchangePtr exchange) {
            exchange->begin_stream({.content_type = "text/plain"});
            for (int i = 0; i < 200'000; ++i) {
                CHECK(exchange->write("row " + std::to_string(i) + " of many\n"));
            }
            exchange->end_stream();
        });
        get("/endless", Scope::kRead, [this](HttpExchangePtr exchange) {
            exchange->begin_stream({});
            endless_started.set_value();
            const std::string piece(100'000, 'x');
            while (true) {
                auto written = exchange->write(piece);
                if (!written) {
                    CHECK(exchange->cancelled());
                    write_ended.set_value(written.error());
                    return;
                }
            }
        });
        get("/slow", Scope::kRead, [this](HttpExchangePtr exchange) {
            query_started.set_value();
            release_query.get_future().wait();
            exchange->respond(HttpResponse::text(200, exchange->cancelled() ? "gone" : "slow"));
        });
        server->add_route(
            {"POST",
             "/push",
             Scope::kIngest,
             Lane::kIngest,
             [](HttpExchangePtr exchange) {
                 const auto& request = exchange->request();
                 exchange->respond(HttpResponse::text(
                     200, request.body + "|" + std::string(request.parameter("form").value_or("-"))
                 ));
             }}
        );
    }

    std::string url() const { return "http://" + server->local().text(); }

    HttpClient client(HttpClientOptions client_options = {}) {
        auto opened = HttpClient::open(url(), std::move(client_options));
        REQUIRE(opened);
        return *std::move(opened);
    }
};

/// A plain socket, for what no proper client sends.
class RawClient {
  public:
    explicit RawClient(const Endpoint& endpoint, int receive_buffer = 0) {
        socket_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (receive_buffer > 0) {
            setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
        }
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(endpoint.port);
        inet_pton(AF_INET, endpoint.host.c_str(), &address.sin_addr);
        REQUIRE(connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    }

    ~RawClient() { close(); }

    RawClient(const RawClient&) = delete;
    RawClient& operator=(const RawClient&) = delete;

    void send(std::string_view text) const {
        while (!text.empty()) {
            const auto count = ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
            if (count <= 0) {
                return;  // the server may have closed already: what it answered counts
            }
            text.remove_prefix(static_cast<size_t>(count));
        }
    }

    /// Until the server closes, or ten seconds of silence.
    std::string read_all() const {
        std::string all;
        std::array<char, 65536> piece{};
        pollfd waiting{socket_, POLLIN, 0};
        while (poll(&waiting, 1, 10'000) == 1) {
            const auto count = recv(socket_, piece.data(), piece.size(), 0);
            if (count <= 0) {
                return all;
            }
            all.append(piece.data(), static_cast<size_t>(count));
        }
        return all + "(no end)";
    }

    void end_writing() const { shutdown(socket_, SHUT_WR); }

    void close() {
        if (socket_ >= 0) {
            ::close(socket_);
            socket_ = -1;
        }
    }

  private:
    int socket_ = -1;
};

async::Awaitable<void> drip(Listener& listener, const std::string& answer) {
    auto executor = co_await boost::asio::this_coro::executor;
    auto accepted = co_await listener.accept(executor);
    if (!accepted) {
        co_return;
    }
    auto stream = *std::move(accepted);
    std::string request(4096, '\0');  // unread, it would turn the close into a reset
    auto received = co_await stream.read_some(request);
    if (!received) {
        co_return;
    }
    for (const char& byte : answer) {
        auto written = co_await stream.write(std::string_view(&byte, 1));
        if (!written) {
            co_return;
        }
    }
    co_await stream.shutdown();
}

size_t count_of(const std::string& text, const std::string& what) {
    size_t count = 0;
    for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) {
        ++count;
    }
    return count;
}

}  // namespace

TEST_SUITE("common/net/server/http_server") {
    TEST_CASE("requests are answered over one kept connection") {
        Fixture fixture;
        fixture.start();
        auto client = fixture.client();
        std::string peer;
        for (int i = 0; i < 3; ++i) {
            const auto answer = client.fetch({.target = "/peer"});
            REQUIRE(answer);
            CHECK(answer->head.status == 200);
            CHECK(answer->head.header("content-type") == "text/plain; charset=utf-8");
            CHECK((peer.empty() || peer == answer->body));
            peer = answer->body;
        }
        CHECK(client.fetch({.target = "/label/a%20b/values"})->body == "a b");
        const auto posted =
            client.fetch({.method = "POST", .target = "/push?form=q", .body = "lines"});
        REQUIRE(posted);
        CHECK(posted->body == "lines|q");
        const auto form = client.fetch(
            {.method = "POST",
             .target = "/push",
             .headers = {{"Content-Type", "application/x-www-form-urlencoded"}},
             .body = "form=a+b"}
        );
        CHECK(form->body == "form=a+b|a b");
        const auto zipped = client.fetch(
            {.method = "POST",
             .target = "/push",
             .headers = {{"Content-Encoding", "gzip"}},
             .body = gzip("squeezed")}
        );
        CHECK(zipped->body == "squeezed|-");
        const auto broken = client.fetch(
            {.method = "POST",
             .target = "/push",
             .headers = {{"Content-Encoding", "gzip"}},
             .body = "x"}
        );
        CHECK(broken->head.status == 400);
        const auto head = client.fetch({.method = "HEAD", .target = "/ready"});
        REQUIRE(head);
        CHECK(head->head.header("content-length") == "6");
        CHECK(head->body.empty());
        const auto metrics = fixture.registry.text();
        CHECK(
            metrics.find(R"(seyir_http_requests_total{server="http",route="/peer",code="200"} 3)"
            ) != std::string::npos
        );
    }

    TEST_CASE("pipelined requests are answered in order, also after the client ended its side") {
        Fixture fixture;
        fixture.start();
        const RawClient client(fixture.server->local());
        std::string requests;
        for (int i = 0; i < 20; ++i) {
            requests +=
                "GET /label/n" + std::to_string(i) + "/values HTTP/1.1\r\nHost: localhost\r\n\r\n";
        }
        client.send(requests);
        client.send("GET /ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        const auto all = client.read_all();
        CHECK(count_of(all, "HTTP/1.1 200 OK") == 21);
        CHECK(all.find("n18") < all.find("n19"));
        CHECK(all.ends_with("ready\n"));
        const RawClient half(fixture.server->local());
        half.send("GET /ready HTTP/1.0\r\n\r\n");
        half.end_writing();
        const auto answer = half.read_all();
        CHECK(answer.starts_with("HTTP/1.1 200 OK\r\n"));
        CHECK(answer.ends_with("\r\n\r\nready\n"));
    }

    TEST_CASE("refusals are JSON that says what to do and end the connection") {
        Fixture fixture;
        fixture.options.limits.body_bytes_max = 1000;
        fixture.start();
        const std::vector<std::pair<std::string, std::string>> cases = {
            {"garbage\r\n\r\n", "HTTP/1.1 400 Bad Request"},
            {"GET /redy HTTP/1.1\r\nHost: localhost\r\n\r\n", "did you mean /ready?"},
            {"GET /push HTTP/1.1\r\nHost: localhost\r\n\r\n", "Allow: POST"},
            {"POST /push HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000000\r\n\r\n" +
                 std::string(2'000'000, 'x'),
             "HTTP/1.1 413 Content Too Large"},
        };
        for (const auto& [request, expected] : cases) {
            const RawClient client(fixture.server->local());
            client.send(request);
            const auto answer = client.read_all();
            CAPTURE(answer);
            CHECK(answer.find(expected) != std::string::npos);
            CHECK(answer.find("Connection: close") != std::string::npos);
            CHECK(answer.find(R"({"status":"error","error_code":")") != std::string::npos);
        }
    }

    TEST_CASE("without tokens nobody administers over TCP, and no web page asks for anything") {
        Fixture fixture;
        fixture.start();
        const auto status = [&](const std::string& path, const std::string& headers) {
            const RawClient raw(fixture.server->local());
            raw.send("GET " + path + " HTTP/1.1\r\nConnection: close\r\n" + headers + "\r\n");
            return raw.read_all().substr(9, 3);
        };
        const std::string local = "Host: 127.0.0.1:7400\r\n";
        CHECK(status("/peer", local) == "200");
        CHECK(status("/admin", local) == "403");
        // DNS rebinding: the name is the page's own, the address this machine's.
        CHECK(status("/peer", "Host: evil.example\r\n") == "403");
        CHECK(status("/peer", "Host: evil.example\r\nOrigin: http://evil.example\r\n") == "403");
        CHECK(status("/peer", local + "Origin: http://evil.example\r\n") == "403");
        CHECK(status("/peer", local + "Origin: http://127.0.0.1:7400\r\n") == "200");
        CHECK(status("/ready", "Host: evil.example\r\n") == "200");
    }

    TEST_CASE("tokens are asked for before the body is read") {
        Fixture fixture;
        TokenRule rule{
            .name = "app",
            .sha256_hex = sha256_hex("s3cret"),
            .scopes = {Scope::kIngest},
            .tenant = 3
        };
        auto built = Authenticator::build({rule});
        REQUIRE(built);
        fixture.start(std::make_shared<Authenticator>(*std::move(built)));
        const RawClient raw(fixture.server->local());
        raw.send(
            "POST /push HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10000\r\nExpect: "
            "100-continue\r\n\r\n"
        );
        const auto refused = raw.read_all();
        CHECK(refused.starts_with("HTTP/1.1 401 Unauthorized\r\n"));
        CHECK(refused.find("WWW-Authenticate: Bearer") != std::string::npos);
        CHECK(refused.find("100 Continue") == std::string::npos);
        const RawClient allowed(fixture.server->local());
        allowed.send(
            "POST /push HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nExpect: "
            "100-continue\r\n"
            "Connection: close\r\nAuthorization: Bearer s3cret\r\n\r\nhi"
        );
        const auto answered = allowed.read_all();
        CHECK(answered.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"));
        CHECK(answered.ends_with("hi|-"));
        auto client = fixture.client({.token = "s3cret"});
        CHECK(client.fetch({.target = "/peer"})->head.status == 403);
        CHECK(fixture.client().fetch({.target = "/ready"})->head.status == 200);
    }

    TEST_CASE("a long answer streams through a bounded buffer and arrives whole") {
        Fixture fixture;
        fixture.start();
        auto client = fixture.client();
        const auto head = client.start({.target = "/stream"});
        REQUIRE(head);
        CHECK(head->header("transfer-encoding") == "chunked");
        std::string all;
        while (true) {
            const auto piece = client.read();
            REQUIRE(piece);
            if (piece->empty()) {
                break;
            }
            all += *piece;
        }
        CHECK(count_of(all, "\n") == 200'000);
        CHECK(all.ends_with("row 199999 of many\n"));
        CHECK(client.fetch({.target = "/ready"})->body == "ready\n");
    }

    TEST_CASE("a client that leaves ends the handler's writing") {
        Fixture fixture;
        fixture.start();
        auto ended = fixture.write_ended.get_future();
        {
            const RawClient client(fixture.server->local());
            client.send("GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n");
        }
        REQUIRE(ended.wait_for(20s) == std::future_status::ready);
        CHECK(ended.get().code == ErrorCode::kClosed);
    }

    TEST_CASE("a client that does not read is dropped after the write timeout") {
        Fixture fixture;
        fixture.options.write_timeout = 50ms;
        fixture.start();
        auto ended = fixture.write_ended.get_future();
        const RawClient client(fixture.server->local(), 4096);
        client.send("GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n");
        REQUIRE(ended.wait_for(20s) == std::future_status::ready);
    }

    TEST_CASE("a handler whose client has left sees it and others are not disturbed") {
        Fixture fixture;
        fixture.start();
        RawClient client(fixture.server->local());
        client.send("GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n");
        fixture.query_started.get_future().wait();
        CHECK(
            fixture.client().fetch({.method = "POST", .target = "/push", .body = "x"})->body ==
            "x|-"
        );
        CHECK(fixture.client().fetch({.target = "/ready"})->body == "ready\n");
        fixture.release_query.set_value();
        client.end_writing();
        CHECK(client.read_all().find("200 OK") != std::string::npos);
    }

    TEST_CASE("an unanswered request gets 500 and a broken stream never looks whole") {
        Fixture fixture;
        fixture.start();
        auto client = fixture.client();
        CHECK(client.fetch({.target = "/lost"})->head.status == 500);
        const auto cut = client.fetch({.target = "/cut"});
        REQUIRE_FALSE(cut);
        CHECK(cut.error().message.find("ended early") != std::string::npos);
    }

    TEST_CASE("a slow head and an idle connection are closed at their timeouts") {
        Fixture fixture;
        fixture.options.header_timeout = 30ms;
        fixture.options.idle_timeout = 30ms;
        fixture.start();
        const RawClient slow(fixture.server->local());
        slow.send("GET /ready HT");
        CHECK(slow.read_all().empty());
        const RawClient idle(fixture.server->local());
        CHECK(idle.read_all().empty());
    }

    TEST_CASE("beyond connections_max a connection is closed at once") {
        Fixture fixture;
        fixture.options.connections_max = 1;
        fixture.start();
        auto first = fixture.client();
        REQUIRE(first.fetch({.target = "/ready"}));
        const RawClient second(fixture.server->local());
        CHECK(second.read_all().empty());
        CHECK(first.fetch({.target = "/ready"})->head.status == 200);
    }

    TEST_CASE("a full lane answers 429 with Retry-After") {
        std::promise<void> release;  // these outlive the lanes, whose jobs use them
        const std::shared_future<void> released = release.get_future().share();
        std::atomic<int> busy{0};
        Fixture fixture;
        fixture.start();
        for (int i = 0; i < 4 + 64; ++i) {
            REQUIRE(fixture.lanes.query.post([&, released] {
                ++busy;
                released.wait();
            }));
            if (i < 4) {
                while (busy.load() <= i) {
                    std::this_thread::yield();
                }
            }
        }
        auto client = fixture.client();
        const auto refused = client.fetch({.target = "/ready"});
        REQUIRE(refused);
        CHECK(refused->head.status == 429);
        CHECK(refused->head.header("retry-after") == "1");
        CHECK(client.fetch({.method = "POST", .target = "/push", .body = "in"})->body == "in|-");
        release.set_value();
    }

    TEST_CASE("stopping lets the running request end and closes idle connections") {
        Fixture fixture;
        fixture.start();
        auto idle = fixture.client();
        REQUIRE(idle.fetch({.target = "/ready"}));
        const RawClient client(fixture.server->local());
        client.send("GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n");
        fixture.query_started.get_future().wait();
        std::thread stopper([&] { fixture.server->stop(in(20s)); });
        fixture.release_query.set_value();
        CHECK(client.read_all().ends_with("slow"));
        stopper.join();
        CHECK_FALSE(fixture.client().fetch({.target = "/ready"}));
    }

    TEST_CASE("stopping at the deadline cuts off what does not end") {
        Fixture fixture;
        fixture.start();
        auto ended = fixture.write_ended.get_future();
        const RawClient client(fixture.server->local(), 4096);
        client.send("GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n");
        auto other = fixture.client();
        REQUIRE(other.fetch({.target = "/ready"}));
        fixture.endless_started.get_future().wait();  // before, its connection may count as idle
        fixture.server->stop(in(50ms));
        REQUIRE(ended.wait_for(20s) == std::future_status::ready);
        CHECK(ended.get().code == ErrorCode::kClosed);
    }

    TEST_CASE("a unix socket and TLS carry the same requests") {
        const test::TempFolder folder;
        {
            Fixture fixture;
            fixture.options.listen = {.unix_path = folder.path("admin.sock")};
            fixture.start(std::make_shared<Authenticator>(Authenticator::for_owner()));
            auto client = HttpClient::open("unix:" + folder.path("admin.sock"), {});
            REQUIRE(client);
            CHECK(client->fetch({.target = "/peer"})->body == "unix||0");
            CHECK(client->fetch({.target = "/admin"})->body == "done");
        }
        const auto authority = test::make_authority(folder, "authority");
        const auto leaf = test::make_leaf(folder, authority, "server", "127.0.0.1");
        Fixture fixture;
        auto server_tls =
            TlsServerContext::load({.cert = leaf.cert, .key = leaf.key, .client_ca = {}});
        REQUIRE(server_tls);
        fixture.options.tls = *server_tls;
        fixture.start();
        auto client_tls = TlsClientContext::load({.ca = authority.cert});
        REQUIRE(client_tls);
        auto client =
            HttpClient::open("https://" + fixture.server->local().text(), {.tls = *client_tls});
        REQUIRE(client);
        const auto long_answer = client->fetch({.target = "/stream"});
        REQUIRE(long_answer);
        CHECK(long_answer->body.ends_with("row 199999 of many\n"));
        CHECK(client->fetch({.target = "/ready"})->body == "ready\n");
        CHECK(client->fetch({.target = "/nothing"})->head.status == 404);
        CHECK_FALSE(fixture.client().fetch({.target = "/ready"}));
    }

    TEST_CASE("the client reads an answer that comes byte by byte") {
        async::Runtime runtime("test");
        async::Gate gate;
        auto listener = listen(runtime.executor(), {.host = "127.0.0.1"});
        REQUIRE(listener);
        const std::string answer =
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
        REQUIRE(gate.spawn(runtime.executor(), "drip", drip(*listener, answer)));
        auto client = HttpClient::open("http://" + listener->local().text(), {});
        REQUIRE(client);
        const auto read = client->fetch({.target = "/"});
        REQUIRE(read);
        CHECK(read->body == "abc");
        REQUIRE(gate.drain(in(10s)));
    }

    TEST_CASE("the client says where nobody listens") {
        auto client = HttpClient::open("http://127.0.0.1:1", {.peer_hint = "seyir-collector"});
        REQUIRE(client);
        const auto refused = client->fetch({.target = "/"});
        REQUIRE_FALSE(refused);
        CHECK(
            refused.error().message ==
            "connection refused at 127.0.0.1:1: is seyir-collector running there?"
        );
    }
}
