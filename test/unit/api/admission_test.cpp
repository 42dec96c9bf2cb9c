// SPDX-License-Identifier: Apache-2.0
#include "collector/api/admission.hpp"

#include <new>
#include <stdexcept>
#include <string>

#include <doctest/doctest.h>

#include "test/support/eventually.hpp"
#include "test/support/fake_exchange.hpp"

using namespace seyir;
using namespace seyir::collector::api;

namespace {

using Exchange = std::shared_ptr<test::FakeExchange>;

Exchange exchange() {
    return std::make_shared<test::FakeExchange>(net::HttpRequest{});
}

void answer(const net::HttpExchangePtr& exchange) {
    exchange->respond(net::HttpResponse::text(200, "done"));
}

struct Fixture {
    io::ManualClock clock;
    metrics::Registry registry;
    Admission admission{
        {.running_max = 1,
         .waiting_max = 2,
         .waiting_time_max = std::chrono::seconds(60),
         .look_every = std::chrono::milliseconds(1)},
        clock,
        &registry
    };

    /// Runs a query that, while it runs, does `meanwhile`.
    void while_busy(const std::function<void()>& meanwhile) {
        admission.run(exchange(), [&](const net::HttpExchangePtr& busy) {
            meanwhile();
            answer(busy);
        });
    }
};

}  // namespace

TEST_SUITE("collector/api/admission") {
    TEST_CASE("what comes while others run waits in order and is answered by who has finished") {
        Fixture f;
        std::string order;
        const Exchange first = exchange();
        const Exchange second = exchange();
        f.while_busy([&] {
            f.admission.run(first, [&](const net::HttpExchangePtr& e) {
                order += "first ";
                answer(e);
            });
            f.admission.run(second, [&](const net::HttpExchangePtr& e) {
                order += "second ";
                answer(e);
            });
            CHECK(first->answers == 0);
            CHECK(f.registry.gauge("seyir_queries_waiting", "").value() == 2);
            order += "busy ";
        });
        CHECK(order == "busy first second ");
        CHECK(second->answer.status == 200);
        CHECK(f.registry.gauge("seyir_queries_running", "").value() == 0);
        CHECK(f.registry.gauge("seyir_queries_waiting", "").value() == 0);
    }

    TEST_CASE("more than may wait are refused with the limits and when to come again") {
        Fixture f;
        const Exchange third = exchange();
        f.while_busy([&] {
            f.admission.run(exchange(), answer);
            f.admission.run(exchange(), answer);
            f.admission.run(third, answer);
        });
        CHECK(third->answer.status == 429);
        CHECK(
            third->answer.body.find("1 run and 2 wait, which are the limits") != std::string::npos
        );
        CHECK(
            third->answer.headers.front() == std::pair<std::string, std::string>("Retry-After", "5")
        );
        CHECK(f.registry.counter("seyir_queries_refused_total", "").value() == 1);
    }

    TEST_CASE("a client that left while waiting costs nothing and makes room") {
        Fixture f;
        int ran = 0;
        const auto count = [&](const net::HttpExchangePtr& e) {
            ++ran;
            answer(e);
        };
        const Exchange gone = exchange();
        const Exchange late = exchange();
        f.while_busy([&] {
            f.admission.run(gone, count);
            f.admission.run(exchange(), count);
            gone->gone = true;
            f.admission.run(late, count);
        });
        CHECK(ran == 2);
        CHECK(late->answer.status == 200);
        const Exchange left = exchange();
        f.while_busy([&] {
            f.admission.run(left, count);
            left->gone = true;
        });
        CHECK(left->answer.status == 499);
        CHECK(ran == 2);
    }

    TEST_CASE("who waited too long is told so instead of being run") {
        Fixture f;
        const Exchange waited = exchange();
        f.while_busy([&] {
            f.admission.run(waited, answer);
            f.clock.advance(std::chrono::seconds(61));
        });
        CHECK(waited->answer.status == 429);
        CHECK(waited->answer.body.find("60 s this one may wait") != std::string::npos);
    }

    TEST_CASE("who waited too long is told so while the places stay taken") {
        Fixture f;
        const Exchange waited = exchange();
        const Exchange late = exchange();
        f.while_busy([&] {
            f.admission.run(waited, answer);
            f.clock.advance(std::chrono::seconds(30));
            f.admission.run(late, answer);
            f.clock.advance(std::chrono::seconds(31));
            REQUIRE(test::eventually([&] { return waited->answers == 1; }));
            CHECK(waited->answer.status == 429);
            CHECK(late->answers == 0);
        });
        CHECK(late->answer.status == 200);
    }

    TEST_CASE("who left while waiting is let go of while the places stay taken") {
        Fixture f;
        const Exchange left = exchange();
        f.while_busy([&] {
            f.admission.run(left, answer);
            left->gone = true;
            REQUIRE(test::eventually([&] { return left->answers == 1; }));
            CHECK(left->answer.status == 499);
        });
    }

    TEST_CASE("work that throws is answered 500, gives its place back and lets the others run") {
        Fixture f;
        const Exchange wrong = exchange();
        const Exchange waits = exchange();
        const Exchange also_wrong = exchange();
        f.admission.run(wrong, [&](const net::HttpExchangePtr&) {
            f.admission.run(also_wrong, [](const net::HttpExchangePtr&) { throw 7; });
            f.admission.run(waits, answer);
            throw std::length_error("vector::_M_default_append");
        });
        CHECK(wrong->answer.status == 500);
        CHECK(wrong->answer.body.find("vector::_M_default_append") != std::string::npos);
        CHECK(also_wrong->answer.status == 500);
        CHECK(waits->answer.status == 200);
        CHECK(f.registry.counter("seyir_queries_threw_total", "").value() == 2);
        CHECK(f.registry.gauge("seyir_queries_running", "").value() == 0);
        const Exchange next = exchange();
        f.admission.run(next, answer);
        CHECK(next->answer.status == 200);
    }

    TEST_CASE("cheap work needs no place; what it throws is answered too") {
        Fixture f;
        const Exchange cheap = exchange();
        const Exchange wrong = exchange();
        f.while_busy([&] {
            f.admission.run_cheap(cheap, answer);
            f.admission.run_cheap(wrong, [](const net::HttpExchangePtr&) {
                throw std::bad_alloc();
            });
            CHECK(cheap->answer.status == 200);
            CHECK(wrong->answer.status == 500);
        });
    }
}
