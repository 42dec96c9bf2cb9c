// SPDX-License-Identifier: Apache-2.0
// What each built-in rule finds and what it must leave alone, as tables: text -> text after the
// rule alone has masked it. Numbers are made up; cards are issuers' published test numbers.
#include "plugins/filter/redact/scanner.hpp"

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "plugins/filter/redact/canonical.hpp"

using namespace seyir::plugins::redact;

namespace {

/// Every match shown as <rule:what was found>.
std::string shown(RuleSet rules, std::string_view text) {
    std::vector<Match> matches;
    Scanner(rules).find(text, matches);
    std::string out;
    size_t at = 0;
    for (const Match& match : matches) {
        out += text.substr(at, match.begin - at);
        out += '<';
        out += text.substr(match.begin, match.end - match.begin);
        out += '>';
        at = match.end;
    }
    out += text.substr(at);
    return out;
}

std::string without_marks(std::string text) {
    std::erase_if(text, [](char c) { return c == '<' || c == '>'; });
    return text;
}

/// Each expected text holds its own input: what is between < and > must be found, nothing else.
void check_all(RuleSet rules, const std::vector<std::string>& expected) {
    for (const std::string& want : expected) {
        CAPTURE(want);
        CHECK(shown(rules, without_marks(want)) == want);
    }
}

}  // namespace

TEST_SUITE("plugins/filter/redact") {
    TEST_CASE("mail addresses are found in text, JSON, URLs and escapes") {
        check_all(
            {.email = true},
            {
                "<bob@example.com>",
                "from <bob.smith+tag@mail.example.co.uk>, to <a_b-c@x.org>.",
                R"({"user":"<bob@example.com>","n":1})",
                R"({"user":"<bob\u0040example.com>"})",
                R"({"inner":"{\"user\":\"<bob\\u0040example.com>\"}"})",
                R"(\x22mail\x22:\x22<bob@example.com>\x22)",
                R"(mail\x3d<bob\x40example.com>)",
                R"(first line\n<bob@example.com>\tlast)",
                R"(text \u0020<bob@example.com>)",
                "GET /?email=<bob%40example.com>&x=1",
                "GET /?email=<bob%2Btag%40example.com>&x=1",
                "GET /?to%3D<bob%40example.com>",
                "https://user:<secret@host.example.com>/path",
                "<şükrü@örnek.com>",
                "<a@b.co>",
                "<bob@xn--bcher-kva.xn--p1ai>",
                "<bob@example.com>-session",
                "mailto:<bob@example.com>?subject=x",
            }
        );
    }
    TEST_CASE("what only looks like a mail address stays") {
        check_all(
            {.email = true},
            {
                "lodash@4.17.21",
                "@app.route('/x')",
                "root@10.0.0.1",
                "bob@localhost",
                "getty@tty1.service failed",
                "a @ b.com",
                "@example.com",
                "bob@",
                "bob@example.c",
                "100%4 of x",
                R"(C:\u004)",
            }
        );
    }
    TEST_CASE("telephone numbers are found as the world and as Turkey write them") {
        check_all(
            {.phone = true},
            {
                "call <+905321234567> now",
                "<+90 532 123 45 67> 200 1234",
                "<+90 (212) 555 12 34>",
                "<+1 415-555-2671>, ok",
                "<+1-415-555-2671>",
                "<+442071838750>",
                "<+49 30 901820>",
                R"({"tel":"<\u002B905321234567>"})",
                "tel=<%2B905321234567>&x=1",
                "tel=<+90%20532%20123%2045%2067>&x",
                "<05321234567>",
                "<0532 123 45 67>",
                "<0532 123 4567>",
                "<0532-123-45-67>",
                "<0 532 123 45 67>",
                "<0 (532) 123 45 67>",
                "<(0532) 123 45 67>",
                "(<05321234567>)",
                "<(532) 123 45 67>",
                "<(532) 123 4567>",
                "<532 123 45 67>",
                "<905321234567>",
                "<90 532 123 45 67>",
                "<00905321234567>",
                "<0212 555 12 34>",
                "<02125551234>",
                R"(line\n<05321234567>)",
                "\x1b[32m<05321234567>\x1b[0m",
                "tel_<05321234567>_home",
            }
        );
    }
    TEST_CASE("numbers that are no telephone numbers stay") {
        check_all(
            {.phone = true},
            {
                "2026-11-22T10:23:46.123456789+03:00",
                "@@ -1,7 +1,7 @@",
                "+20240506",
                "1e+123456789",
                "order 5321234567",
                "\" 500 1234567 \"-\"",
                "1763807026123456789",
                "0.05321234567",
                "2024-0532-123-45-67",
                "550e8400-e29b-41d4-a716-446655440000",
                "a05321234567",
                "05321234567b",
                "05821234567",
                "000123456789",
                "415-555-2671",
                "v1.2.3 build 20261122",
            }
        );
        check_all({.phone = true, .bare_phone = true}, {"order <5321234567>", "x 5821234567"});
    }
    TEST_CASE("cards are found by prefix, length and check digit") {
        check_all(
            {.card = true},
            {
                "pan=<4111111111111111>;",
                "<4111 1111 1111 1111> 12/27",
                "<5555-5555-5555-4444>",
                "<378282246310005>",
                "<3782 822463 10005>",
                "<2223003122003222>",
                "<6011111111111117>",
                "<3530111333300000>",
                "<9792030394440796>",
                R"({"card":<4111111111111111>})",
                "card=<4111%201111%201111%201111>",
                "card=<4111+1111+1111+1111>&",
                "card_<4111111111111111>.txt",
            }
        );
    }
    TEST_CASE("ids, times and fractions are no cards") {
        check_all(
            {.card = true},
            {
                "4111111111111112",
                "blk_1608999687919862906",
                "1763807026123456",
                "0.4111111111111111",
                "4111111111111111.5",
                "x4111111111111111",
                "41111111111111111",
                "4111 1111-1111 1111",
                "1-4111-1111-1111-1111",
                "deadbeef4111111111111111",
                "2024-1111-1111-1111",
            }
        );
    }
    TEST_CASE("whole numbers are found as programs print doubles, fractions are not") {
        check_all(
            {.card = true},
            {
                "<4111111111111111>.0",
                R"({"card":<4111111111111111>.00,"n":1.5})",
                "<4111-1111-1111-1111>.0",
                "[<4111111111111111>.0, <378282246310005>.0]",
                "<4.111111111111111e+15>",
                "<4.111111111111111E15>,",
                R"({"card":-<3.78282246310005e14>})",
                "4111111111111111.01",
                "4111111111111111.0x",
                "4111111111111111.0.1",
                "1.4111111111111111.0",
                "4.111111111111111e+16",
                "4.111111111111111e+14",
                "4.111111111111111e-15",
                "4.111111111111111",
                "4.111111111111111e+15x",
                "4.111111111111111e",
                "4.11111111111111111111e15",
                "4.5e15",
                "0.4111111111111111e+16",
                "1.4.111111111111111e+15",
            }
        );
        check_all(
            {.tckn = true},
            {
                "<10000000146>.0",
                "<1.0000000146e+10>",
                "<1.0000000146E10>",
                "10000000146.5",
                "10000000146.0.0",
                "1.0000000147e+10",
                "1.0000000146e+99999999999999999999",
            }
        );
        check_all(
            {.phone = true, .bare_phone = true},
            {"<905321234567>.0", "<9.05321234567E11>", "<5.321234567e+09>", "1.321234567e9"}
        );
        std::string canonical;
        make_canonical("4.111111111111111e+15", Rule::kCard, canonical);
        CHECK(canonical == "4111111111111111");
        make_canonical("9.05321234567E11", Rule::kPhone, canonical);
        CHECK(canonical == "+905321234567");
    }
    TEST_CASE("Turkish identity numbers need both check digits") {
        check_all(
            {.tckn = true},
            {
                "tckn <10000000146>",
                R"("tckn":"<10000000146>")",
                "kimlik_<10000000146>.pdf",
                "10000000147",
                "00000000146",
                "110000000146",
                "a10000000146",
                "10000000146a",
                "1.10000000146",
                "20261122102",
            }
        );
    }
    TEST_CASE("IBANs need their country's length and the remainder 1") {
        check_all(
            {.iban = true},
            {
                "<TR330006100519786457841326>",
                "<TR33 0006 1005 1978 6457 8413 26>, ok",
                "<tr330006100519786457841326>",
                "<GB29NWBK60161331926819>",
                "<GB29 NWBK 6016 1331 9268 19>",
                "<DE89370400440532013000>",
                "iban=<TR33%200006%201005%201978%206457%208413%2026>",
                R"(\n<NO9386011117947>)",
                "TR340006100519786457841326",
                "XTR330006100519786457841326",
                "TR330006100519786457841326x",
                "TR33000610051978645784132",
                "utf8 sha256 md5 id12",
            }
        );
    }
    TEST_CASE("JSON Web Tokens are known by their header") {
        const std::string header = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9";
        const std::string payload = "eyJzdWIiOiIxMjM0NTY3ODkwIn0";
        check_all(
            {.jwt = true},
            {
                "Bearer <" + header + "." + payload +
                    ".SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c>",
                "token=<" + header + "." + payload + ">...",
                R"("t":")"
                "<" +
                    header + "." + payload + R"(.s-g_>")",
                "<eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9." + payload + ".x>",
                "<eyJhbGciOiJkaXIiLCJlbmMiOiJBMTI4R0NNIn0..aXY.dGV4dA.dGFn>",
                header,
                header + ".",
                "eyJub25lIjoiMSJ9." + payload + ".x",
                "xeyJhbGciOiJIUzI1NiJ9.eyJ9.x",
                "JSON Java eyJ",
            }
        );
    }
    TEST_CASE("IP addresses are found, loopback and version numbers mostly not") {
        check_all(
            {.ip = true},
            {
                "<192.0.2.77> - - [x]",
                "<192.0.2.77>:8080",
                "from=<10.1.2.3>.",
                "<2001:db8:85a3::8a2e:370:7334>",
                "[<2001:db8::1>]:443",
                "ip:<2001:db8::1>",
                "<fe80::1>%eth0",
                "<::ffff:192.0.2.77>",
                "<2001:db8:0:0:0:0:2:1>",
                "<2001:db8::1>: refused",
                "127.0.0.1 ::1 :: 0.0.0.0",
                "1.2.3 1.2.3.4.5 256.1.1.1 1.2.3.999",
                "v1.2.3.4",
                "12:34:56 std::string a::b",
                "00:1a:2b:3c:4d:5e",
                "ab:cd:ef:01:23:45:67:89:ab:cd:ef:01:23:45",
                R"({"a":1,"b":2})",
            }
        );
    }
    TEST_CASE("every rule at once leaves everyday lines alone") {
        check_all(
            RuleSet::all(),
            {
                R"({"ts":"2026-11-22T10:23:46.123456789Z","level":"info","id":"550e8400-e29b-41d4-a716-446655440000","took_ms":12.0625,"n":1763807026123})",
                "2026-11-22 10:23:46,123 INFO [worker-12] order 100000012345 done in 1.25s "
                "(v1.22.333)",
                "commit 9fceb02d0ae598e95dc970b74767f19372d61af8 "
                "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4",
                "kernel: [12345.678901] usb 1-1: new high-speed USB device number 5 using xhci_hcd",
                "at com.example.Foo$Bar.run(Foo.java:123) ~[app-1.2.3.jar:1.2.3]",
                "0x7ffd5e8b4a10 0000000000000000 1e10 -1.5e-7 99.99% 10:23:46",
                "",
                "\n",
            }
        );
    }
    TEST_CASE("a found range that reaches back swallows what was found inside it") {
        CHECK(shown(RuleSet::all(), "10000000146.x@example.com") == "<10000000146.x@example.com>");
        CHECK(
            shown(RuleSet::all(), "10000000146 x@example.com") == "<10000000146> <x@example.com>"
        );
    }
    TEST_CASE("secrets across the borders of blocks are found at every offset") {
        for (size_t pad = 0; pad < 140; ++pad) {
            const std::string before = std::string(pad, ' ');
            CAPTURE(pad);
            CHECK(
                shown(RuleSet::all(), before + "4111111111111111") == before + "<4111111111111111>"
            );
            CHECK(shown(RuleSet::all(), before + "b@x.io") == before + "<b@x.io>");
            CHECK(shown(RuleSet::all(), before + "2001:db8::1") == before + "<2001:db8::1>");
        }
    }
    TEST_CASE("one value has one canonical spelling") {
        std::string out;
        const auto canonical = [&](std::string_view text, Rule rule) {
            make_canonical(text, rule, out);
            return out;
        };
        for (const char* phone :
             {"+905321234567",
              "0532 123 45 67",
              "(532) 123 45 67",
              "90 532 123 45 67",
              "00905321234567",
              "%2B905321234567",
              "\\u002B905321234567",
              "+90%20532%20123%2045%2067"}) {
            CAPTURE(phone);
            CHECK(canonical(phone, Rule::kPhone) == "+905321234567");
        }
        for (const char* email :
             {"Bob+x@Example.com",
              "bob+x\\u0040example.com",
              "bob%2Bx%40example.com",
              "bob\\\\u002bx\\\\u0040example.com"}) {
            CAPTURE(email);
            CHECK(canonical(email, Rule::kEmail) == "bob+x@example.com");
        }
        CHECK(canonical("tr33 0006-1005%201978", Rule::kIban) == "TR33000610051978");
        CHECK(canonical("4111%201111+1111 1111", Rule::kCard) == "4111111111111111");
    }
    TEST_CASE("addresses are cut down to their network") {
        CHECK(truncate_ip("192.0.2.77") == "192.0.2.0");
        CHECK(truncate_ip("2001:db8:85a3:8d3:1319:8a2e:370:7348") == "2001:db8:85a3::");
        CHECK(truncate_ip("2001:db8::1") == "2001:db8::");
        CHECK(truncate_ip("2001:0:5::1") == "2001:0:5::");
        CHECK(truncate_ip("0:0:5:1:1:1:1:1") == "0:0:5::");
        CHECK(truncate_ip("fe80::1") == "fe80::");
        CHECK(truncate_ip("::5") == "::");
        CHECK(truncate_ip("::ffff:192.0.2.77") == "::ffff:192.0.2.0");
        CHECK(truncate_ip("::ffff:c000:24d") == "::ffff:192.0.2.0");
        CHECK(truncate_ip("64:ff9b::192.0.2.77") == "64:ff9b::192.0.2.0");
    }
}
