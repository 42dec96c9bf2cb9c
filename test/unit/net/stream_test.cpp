// SPDX-License-Identifier: Apache-2.0
#include "common/net/stream.hpp"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <future>
#include <optional>
#include <string>

#include <doctest/doctest.h>

#include "common/async/gate.hpp"
#include "common/async/runtime.hpp"
#include "common/io/clock.hpp"
#include "common/net/endpoint.hpp"
#include "test/unit/net/certificates.hpp"

using namespace std::chrono_literals;
using namespace seyir;
using namespace seyir::net;
using async::Awaitable;

namespace {

SteadyTime in(std::chrono::milliseconds delay) {
    return std::chrono::steady_clock::now() + delay;
}

struct Seen {
    Result<void> handshake;
    std::string bytes;
    std::string certificate_name;
    std::optional<Error> end;
};

/// Echoes one connection until the peer ends.
Awaitable<void> serve_one(Listener& listener, std::promise<Seen>& seen) {
    auto executor = co_await boost::asio::this_coro::executor;
    Seen result;
    auto accepted = co_await listener.accept(executor);
    if (!accepted) {
        result.end = accepted.error();
        seen.set_value(result);
        co_return;
    }
    auto stream = *std::move(accepted);
    stream.set_read_deadline(in(10s));
    result.handshake = co_await stream.handshake();
    if (result.handshake) {
        result.certificate_name = stream.peer_certificate_name();
        std::string buffer(64 * 1024, '\0');
        while (true) {
            auto count = co_await stream.read_some(buffer);
            if (!count || *count == 0) {
                if (!count) {
                    result.end = count.error();
                }
                break;
            }
            result.bytes.append(buffer, 0, *count);
            auto written = co_await stream.write(std::string_view(buffer).substr(0, *count));
            if (!written) {
                result.end = written.error();
                break;
            }
        }
    }
    co_await stream.shutdown();
    seen.set_value(std::move(result));
}

Awaitable<void> send_and_read(
    Endpoint endpoint,
    std::shared_ptr<TlsClientContext> tls,
    std::string text,
    std::promise<Result<std::string>>& seen
) {
    ConnectOptions options{.deadline = in(10s), .tls = std::move(tls)};
    auto connected = co_await connect(endpoint, std::move(options));
    if (!connected) {
        seen.set_value(connected.error());
        co_return;
    }
    auto stream = *std::move(connected);
    stream.set_read_deadline(in(10s));
    stream.set_write_deadline(in(10s));
    // Piece by piece: an echo of everything at once would fill both directions' buffers.
    std::string answer;
    std::string buffer(64 * 1024, '\0');
    while (answer.size() < text.size()) {
        const auto piece = std::string_view(text).substr(answer.size(), 32 * 1024);
        auto written = co_await stream.write(
            piece.substr(0, 10), piece.substr(std::min<size_t>(10, piece.size()))
        );
        if (!written) {
            seen.set_value(written.error());
            co_return;
        }
        const size_t goal = answer.size() + piece.size();
        while (answer.size() < goal) {
            auto count = co_await stream.read_some(buffer);
            if (!count || *count == 0) {
                seen.set_value(count ? fail(ErrorCode::kClosed, "early end") : count.error());
                co_return;
            }
            answer.append(buffer, 0, *count);
        }
    }
    co_await stream.shutdown();
    seen.set_value(answer);
}

Awaitable<void> read_until(
    Endpoint endpoint, SteadyTime deadline, std::promise<Result<size_t>>& seen
) {
    auto connected = co_await connect(endpoint, {.deadline = in(10s)});
    if (!connected) {
        seen.set_value(connected.error());
        co_return;
    }
    auto stream = *std::move(connected);
    stream.set_read_deadline(in(60s));
    stream.set_read_deadline(deadline);
    std::string buffer(16, '\0');
    auto count = co_await stream.read_some(buffer);
    seen.set_value(std::move(count));
}

struct Exchange {
    Seen server;
    Result<std::string> client = std::string();
};

Exchange exchange(
    const Endpoint& listen_on,
    std::shared_ptr<TlsServerContext> server_tls,
    std::shared_ptr<TlsClientContext> client_tls,
    const std::string& text
) {
    async::Runtime runtime("test", 2);
    async::Gate gate;
    auto listener = listen(runtime.executor(0), listen_on, {.tls = std::move(server_tls)});
    REQUIRE(listener);
    std::promise<Seen> server;
    std::promise<Result<std::string>> client;
    REQUIRE(gate.spawn(runtime.executor(0), "server", serve_one(*listener, server)));
    REQUIRE(gate.spawn(
        runtime.executor(1),
        "client",
        send_and_read(listener->local(), std::move(client_tls), text, client)
    ));
    Exchange result;
    result.client = client.get_future().get();
    result.server = server.get_future().get();
    REQUIRE(gate.drain(in(10s)));
    return result;
}

const Endpoint kAnyPort{.host = "127.0.0.1"};

}  // namespace

TEST_SUITE("common/net/endpoint") {
    TEST_CASE("endpoints read back as written and know whether they are loopback") {
        for (const char* text :
             {"127.0.0.1:7410", "[::1]:7410", "unix:/run/a.sock", "web.example:1"}) {
            const auto endpoint = parse_endpoint(text);
            REQUIRE(endpoint);
            CHECK(endpoint->text() == text);
        }
        CHECK(parse_endpoint("127.9.9.9:1")->is_loopback());
        CHECK(parse_endpoint("/run/a.sock")->is_loopback());
        CHECK_FALSE(parse_endpoint("0.0.0.0:1")->is_loopback());
        CHECK_FALSE(parse_endpoint("127.evil.example:1")->is_loopback());
        CHECK(parse_endpoint(":7410")->host == "0.0.0.0");
        CHECK(parse_endpoint("host", 80)->port == 80);
    }

    TEST_CASE("a wrong endpoint says what would be right") {
        for (const char* text :
             {"", "host", "host:", "host:x", "host:70000", "[::1", "[::1]7410", "::1:7410", "unix:"
             }) {
            const auto endpoint = parse_endpoint(text);
            REQUIRE_FALSE(endpoint);
            CHECK(endpoint.error().code == ErrorCode::kInvalidArgument);
            CHECK(endpoint.error().message.find("write 127.0.0.1:7410") != std::string::npos);
        }
        CHECK_FALSE(parse_endpoint("unix:/" + std::string(200, 'x')));
    }
}

TEST_SUITE("common/net/stream") {
    TEST_CASE("bytes pass both ways over TCP and over a unix socket") {
        std::string text(3'000'000, 'x');
        text += "the end";
        const auto over_tcp = exchange(kAnyPort, nullptr, nullptr, text);
        REQUIRE(over_tcp.client);
        CHECK(*over_tcp.client == text);
        CHECK_FALSE(over_tcp.server.end);
        const test::TempFolder folder;
        const Endpoint path{.unix_path = folder.path("s.sock")};
        const auto over_unix = exchange(path, nullptr, nullptr, text);
        REQUIRE(over_unix.client);
        CHECK(*over_unix.client == text);
        CHECK_FALSE(std::filesystem::exists(path.unix_path));
    }

    TEST_CASE("connecting where nobody listens says so and names the peer") {
        async::Runtime runtime("test");
        async::Gate gate;
        Endpoint gone;
        {
            auto listener = listen(runtime.executor(0), kAnyPort);
            REQUIRE(listener);
            gone = listener->local();
            listener->close();
        }
        std::promise<Result<std::string>> client;
        REQUIRE(gate.spawn(runtime.executor(0), "client", send_and_read(gone, nullptr, "x", client))
        );
        const auto result = client.get_future().get();
        REQUIRE_FALSE(result);
        CHECK(result.error().message == "connecting to " + gone.text() + ": connection refused");
        REQUIRE(gate.drain(in(10s)));
    }

    TEST_CASE("a read deadline that passes ends the read, also when it is moved earlier") {
        async::Runtime runtime("test");
        async::Gate gate;
        auto listener = listen(runtime.executor(0), kAnyPort);
        REQUIRE(listener);
        std::promise<Result<size_t>> seen;
        REQUIRE(
            gate.spawn(runtime.executor(0), "reader", read_until(listener->local(), in(5ms), seen))
        );
        const auto result = seen.get_future().get();
        REQUIRE_FALSE(result);
        CHECK(result.error().code == ErrorCode::kTimeout);
        REQUIRE(gate.drain(in(10s)));
    }

    TEST_CASE("a cancelled accept and a cancelled read end their tasks") {
        async::Runtime runtime("test");
        async::Gate gate;
        auto listener = listen(runtime.executor(0), kAnyPort);
        REQUIRE(listener);
        std::promise<Seen> accepted;
        REQUIRE(gate.spawn(runtime.executor(0), "acceptor", serve_one(*listener, accepted)));
        REQUIRE(gate.stop(in(10s)));
        const auto seen = accepted.get_future().get();
        REQUIRE(seen.end);
        CHECK(seen.end->code == ErrorCode::kCancelled);

        async::Gate second;
        std::promise<Result<size_t>> read;
        REQUIRE(second.spawn(
            runtime.executor(0), "reader", read_until(listener->local(), SteadyTime::max(), read)
        ));
        REQUIRE(second.stop(in(10s)));
        const auto result = read.get_future().get();
        REQUIRE_FALSE(result);
        CHECK(result.error().code == ErrorCode::kCancelled);
    }

    TEST_CASE("a port in use is a conflict and a stale unix socket is replaced") {
        async::Runtime runtime("test");
        auto first = listen(runtime.executor(0), kAnyPort);
        REQUIRE(first);
        const auto second = listen(runtime.executor(0), first->local());
        REQUIRE_FALSE(second);
        CHECK(second.error().code == ErrorCode::kConflict);

        const test::TempFolder folder;
        const Endpoint path{.unix_path = folder.path("s.sock")};
        auto alive = listen(runtime.executor(0), path);
        REQUIRE(alive);
        const auto taken = listen(runtime.executor(0), path);
        REQUIRE_FALSE(taken);
        CHECK(taken.error().code == ErrorCode::kConflict);
        const auto stale = folder.path("stale.sock");
        std::filesystem::rename(path.unix_path, stale);
        alive->close();
        CHECK(listen(runtime.executor(0), {.unix_path = stale}));
        const auto file = folder.path("file");
        std::ofstream(file) << "precious";
        CHECK_FALSE(listen(runtime.executor(0), {.unix_path = file}));
        CHECK(std::filesystem::exists(file));
    }
}

TEST_SUITE("common/net/tls") {
    TEST_CASE("bytes pass over TLS with certificates of both sides") {
        const test::TempFolder folder;
        const auto authority = test::make_authority(folder, "authority");
        const auto server = test::make_leaf(folder, authority, "server", "127.0.0.1");
        const auto agent = test::make_leaf(folder, authority, "agent-7", "agent.example");
        auto server_tls = TlsServerContext::load({server.cert, server.key, authority.cert});
        auto client_tls =
            TlsClientContext::load({.ca = authority.cert, .cert = agent.cert, .key = agent.key});
        REQUIRE(server_tls);
        REQUIRE(client_tls);
        const std::string text(2'000'000, 't');
        const auto result = exchange(kAnyPort, *server_tls, *client_tls, text);
        REQUIRE(result.client);
        CHECK(*result.client == text);
        CHECK(result.server.certificate_name == "agent-7");
    }

    TEST_CASE("a certificate of an unknown authority or for another name is refused") {
        const test::TempFolder folder;
        const auto authority = test::make_authority(folder, "authority");
        const auto other = test::make_authority(folder, "other");
        const auto server = test::make_leaf(folder, authority, "server", "web.example");
        auto server_tls = TlsServerContext::load({.cert = server.cert, .key = server.key});
        REQUIRE(server_tls);
        auto wrong_name = TlsClientContext::load({.ca = authority.cert});
        auto by_name = exchange(kAnyPort, *server_tls, *wrong_name, "x");
        REQUIRE_FALSE(by_name.client);
        CHECK(by_name.client.error().code == ErrorCode::kUnauthorized);
        CHECK(
            by_name.client.error().message.find("not accepted for \"127.0.0.1\"") !=
            std::string::npos
        );
        CHECK_FALSE(by_name.server.handshake);
        auto wrong_ca = TlsClientContext::load({.ca = other.cert, .server_name = "web.example"});
        CHECK_FALSE(exchange(kAnyPort, *server_tls, *wrong_ca, "x").client);
        auto right = TlsClientContext::load({.ca = authority.cert, .server_name = "web.example"});
        CHECK(exchange(kAnyPort, *server_tls, *right, "x").client);
    }

    TEST_CASE("a client without certificate is refused where a client authority is set") {
        const test::TempFolder folder;
        const auto authority = test::make_authority(folder, "authority");
        const auto server = test::make_leaf(folder, authority, "server", "127.0.0.1");
        auto server_tls = TlsServerContext::load({server.cert, server.key, authority.cert});
        auto client_tls = TlsClientContext::load({.ca = authority.cert});
        const auto result = exchange(kAnyPort, *server_tls, *client_tls, "x");
        CHECK_FALSE(result.client);
        REQUIRE_FALSE(result.server.handshake);
        CHECK(result.server.handshake.error().code == ErrorCode::kUnauthorized);
    }

    TEST_CASE("a changed certificate serves the next connection, a broken one does not") {
        const test::TempFolder folder;
        const auto authority = test::make_authority(folder, "authority");
        const auto files = test::make_leaf(folder, authority, "server", "old.example");
        io::ManualClock clock;
        auto server_tls =
            TlsServerContext::load({.cert = files.cert, .key = files.key, .client_ca = {}}, clock);
        REQUIRE(server_tls);
        const auto reaches = [&](const char* name) {
            auto client_tls = TlsClientContext::load({.ca = authority.cert, .server_name = name});
            REQUIRE(client_tls);
            return exchange(kAnyPort, *server_tls, *client_tls, "x").client.has_value();
        };
        CHECK(reaches("old.example"));
        test::make_leaf(folder, authority, "server", "new.example");
        CHECK(reaches("old.example"));  // looked at less than a second ago
        clock.advance(std::chrono::seconds(2));
        CHECK(reaches("new.example"));
        std::ofstream(files.cert) << "half written";
        clock.advance(std::chrono::seconds(2));
        CHECK(reaches("new.example"));
    }

    TEST_CASE("a client's changed files serve the next connection, broken ones are counted once") {
        const test::TempFolder folder;
        const auto old_authority = test::make_authority(folder, "old");
        const auto new_authority = test::make_authority(folder, "new");
        const auto server = test::make_leaf(folder, new_authority, "server", "s.example");
        const auto old_leaf = test::make_leaf(folder, old_authority, "a", "agent");
        const auto new_leaf = test::make_leaf(folder, new_authority, "b", "agent");
        const std::string ca = folder.path("ca.pem");
        const std::string cert = folder.path("cert.pem");
        const std::string key = folder.path("key.pem");
        const auto put = [](const std::string& from, const std::string& to) {
            // By rename, as rotation does it: another file under the same name.
            std::filesystem::copy_file(from, to + ".new");
            std::filesystem::rename(to + ".new", to);
        };
        put(old_authority.cert, ca);
        put(old_leaf.cert, cert);
        put(old_leaf.key, key);
        io::ManualClock clock;
        const auto server_tls = TlsServerContext::load(
            {.cert = server.cert, .key = server.key, .client_ca = new_authority.cert}
        );
        const auto client_tls = TlsClientContext::load(
            {.ca = ca, .cert = cert, .key = key, .server_name = "s.example"}, clock
        );
        REQUIRE(server_tls);
        REQUIRE(client_tls);
        const auto reaches = [&] {
            clock.advance(std::chrono::seconds(2));
            const auto result = exchange(kAnyPort, *server_tls, *client_tls, "x");
            return result.client.has_value() && result.server.handshake.has_value();
        };
        CHECK_FALSE(reaches());  // the server is not known yet
        put(new_authority.cert, ca);
        CHECK_FALSE(reaches());  // the client is not
        CHECK((*client_tls)->reloads().loaded == 1);
        put(new_leaf.cert, cert);
        CHECK_FALSE(reaches());  // half of it: its key is still that of the old one
        CHECK_FALSE(reaches());
        CHECK((*client_tls)->reloads().failed == 1);
        CHECK((*client_tls)->reloads().problem.find("key.pem") != std::string::npos);
        put(new_leaf.key, key);
        CHECK(reaches());
        CHECK((*client_tls)->reloads().problem.empty());
        std::ofstream(ca) << "half written";
        CHECK(reaches());
        std::filesystem::remove(cert);
        CHECK(reaches());
        CHECK((*client_tls)->reloads().loaded == 2);
        CHECK((*client_tls)->reloads().failed == 3);
    }

    TEST_CASE("files that do not load are configuration errors that name the file") {
        const test::TempFolder folder;
        const auto authority = test::make_authority(folder, "authority");
        const auto a = test::make_leaf(folder, authority, "a", "a.example");
        const auto b = test::make_leaf(folder, authority, "b", "b.example");
        const auto missing = TlsServerContext::load({folder.path("none.pem"), a.key, ""});
        REQUIRE_FALSE(missing);
        CHECK(missing.error().code == ErrorCode::kInvalidConfig);
        CHECK(missing.error().message.find("none.pem") != std::string::npos);
        const auto mixed = TlsServerContext::load({a.cert, b.key, ""});
        REQUIRE_FALSE(mixed);
        CHECK(mixed.error().message.find("b.key") != std::string::npos);
        const auto garbage = folder.path("garbage.pem");
        std::ofstream(garbage) << "no certificate";
        CHECK_FALSE(TlsClientContext::load({.ca = garbage}));
    }
}
