// SPDX-License-Identifier: Apache-2.0
// The text of mails. What a server makes of them is shown by test/e2e/test_alerts.py.
#include <doctest/doctest.h>

#include "plugins/output/email/email_type.hpp"
#include "plugins/output/email/mail_message.hpp"
#include "test/support/plan_output.hpp"

using namespace seyir;
using namespace seyir::plugins;

namespace {

MailMessage message(const std::string& subject, const std::string& body) {
    return {
        .from = {"Seyir", "seyir@example.org"},
        .to = {{"", "a@example.org"}, {"Gül", "b@example.org"}},
        .subject = subject,
        .body = body,
        .date = {1'763'807'026'000'000'000},
        .message_id = "1.2.3@host",
    };
}

std::string headers_of(const std::string& mail) {
    return mail.substr(0, mail.find("\r\n\r\n"));
}

std::string quoted(std::string_view text) {
    std::string out;
    append_quoted_printable(out, text);
    return out;
}

std::vector<std::string> problems(const std::string& more) {
    return test::plan_output(email_output_type(), "from: a@b.org\nto: [c@d.org]\n" + more).problems;
}

}  // namespace

TEST_SUITE("plugins/output/email") {
    TEST_CASE("a mail has the headers a mail needs") {
        CHECK(
            format_mail(message("disk full", "one\ntwo")) ==
            "Date: Sat, 22 Nov 2025 10:23:46 +0000\r\n"
            "From: \"Seyir\" <seyir@example.org>\r\n"
            "To: a@example.org,\r\n =?utf-8?B?R8O8bA==?= <b@example.org>\r\n"
            "Subject: disk full\r\n"
            "Message-ID: <1.2.3@host>\r\n"
            "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
            "Content-Transfer-Encoding: quoted-printable\r\nAuto-Submitted: auto-generated\r\n\r\n"
            "one\r\ntwo\r\n"
        );
    }
    TEST_CASE("a record cannot begin a header") {
        for (const std::string& evil : std::vector<std::string>{
                 "x\r\nBcc: evil@example.org",
                 "x\nBcc: e@x.org",
                 "x\rBcc: e",
                 std::string("x\0\r\ny", 5),
                 "x\xc2\x85"
                 "Bcc: e",
                 "=?utf-8?Q?x=0ABcc:?=",
                 "x\x0b\x0c y"
             }) {
            const std::string headers = headers_of(format_mail(message(evil, "b")));
            CAPTURE(headers);
            CHECK_FALSE(headers.contains("\nBcc"));
            CHECK(headers.find('\r') == headers.find("\r\n"));
            CHECK_FALSE(headers.contains("=?utf-8?Q?x"));
        }
    }
    TEST_CASE("subjects beyond ASCII are folded into encoded words of whole characters") {
        std::string subject;
        for (int i = 0; i < 40; ++i) {
            subject += "ş";
        }
        const std::string encoded = encode_header(subject);
        size_t at = 0;
        while (at < encoded.size()) {
            const size_t end = std::min(encoded.find("\r\n ", at), encoded.size());
            CHECK(end - at <= 75);
            at = end + 3;
        }
        CHECK(headers_of(format_mail(message(std::string(500, 'x'), "")))
                  .contains("Subject: " + std::string(200, 'x') + "\r\n"));
    }
    TEST_CASE("bodies are quoted-printable with short lines") {
        CHECK(quoted("a=b\nü \n.\n") == "a=3Db\r\n=C3=BC=20\r\n.\r\n");
        CHECK(quoted("tab\tx ") == "tab=09x=20");
        const std::string encoded = quoted(std::string(1000, 'x') + "ü");
        for (size_t at = 0; at < encoded.size();) {
            const size_t end = std::min(encoded.find("\r\n", at), encoded.size());
            CHECK(end - at <= 76);
            at = end + 2;
        }
        CHECK(format_mail(message("s", "bad \xff\x01 bytes")).contains("bad =EF=BF=BD  bytes\r\n"));
    }
    TEST_CASE("addresses are read strictly") {
        CHECK(parse_mail_address(" Night watch <ops@example.org> ")->name == "Night watch");
        CHECK(parse_mail_address("\"Ops, all\" <ops@example.org>")->name == "Ops, all");
        CHECK(parse_mail_address("ops+x@example.org")->address == "ops+x@example.org");
        for (const char* bad :
             {"",
              "x",
              "@",
              "a@",
              "@b",
              "a@b@c",
              "a b@c",
              "a@b>\r\nRCPT TO:<x",
              "a@b, c@d",
              "<a@b",
              "a\n@b",
              "ü@b"}) {
            CAPTURE(bad);
            CHECK_FALSE(parse_mail_address(bad));
        }
    }
    TEST_CASE("mistakes in the configuration are refused") {
        CHECK(problems("server: smtp://h:25\n").empty());
        CHECK(problems("server: http://h\n").at(0).contains("not a URL"));
        CHECK(problems("server: smtp://u@h:25\n").at(0).contains("scheme, a host and a port"));
        CHECK(problems("server: smtp://h:25\nuser: x\n").at(0).contains("belong together"));
        CHECK(problems("server: smtp://h:25\nuser: x\npassword: secret\nstarttls: off\n")
                  .at(0)
                  .starts_with("W0508"));
        CHECK(problems("server: smtp://127.0.0.1:25\nuser: x\npassword: secret\nstarttls: off\n")
                  .empty());
        CHECK(problems("server: smtp://h:25\nsubject: '{{ nosuch }}'\n").at(0).contains("subject"));
        CHECK(test::plan_output(email_output_type(), "server: smtp://h\nfrom: a\nto: [b@c]\n")
                  .problems.at(0)
                  .contains("no mail address"));
    }
}
