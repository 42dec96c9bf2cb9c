// SPDX-License-Identifier: Apache-2.0
#include "common/base/url_mask.hpp"

#include <vector>

#include <doctest/doctest.h>

using seyir::mask_userinfo;

TEST_SUITE("common/base/url_mask") {
    TEST_CASE("accounts in front of a host are hidden, and nothing else is") {
        struct Case {
            const char* text;
            const char* shown;
        };

        const std::vector<Case> cases = {
            {"https://user:pw@host/path", "https://***@host/path"},
            {"url: 'https://token@host:8443/x?y#z'", "url: 'https://***@host:8443/x?y#z'"},
            {"https://us%40er:p@w@host/", "https://***@host/"},
            {"http://user:pa/ss@host/", "http://***@host/"},
            {"http://user:pa?ss#1@host", "http://***@host"},
            {"smtp://a:b@[::1]:25", "smtp://***@[::1]:25"},
            {"[http://a:b@c,http://d:e@f]", "[http://***@c,http://***@f]"},
            {"{ url: http://u:p,w@host }", "{ url: http://***@host }"},
            {"ftp://x, http://a:b@c", "ftp://x, http://***@c"},
            {"endpoints: ['user:pw@host:7410']", "endpoints: ['***@host:7410']"},
            {"`user:pw@host:7410` is not an address", "`***@host:7410` is not an address"},
            {"see a:b@c and d:e@f", "see ***@c and ***@f"},
            // No accounts.
            {"https://host:8443/a@b", "https://host:8443/a@b"},
            {"https://host/a:b@c", "https://host/a:b@c"},
            {"http://[::1]:80/@x", "http://[::1]:80/@x"},
            {"to: [ops@example.com]", "to: [ops@example.com]"},
            {"match: '|~ \"(\\d+):(\\w+)@x\"'", "match: '|~ \"(\\d+):(\\w+)@x\"'"},
            {"12:30:00 x", "12:30:00 x"},
            {"https://@host", "https://@host"},
            {":@", ":@"},
            {"a:b@", "a:b@"},
            {"://@", "://@"},
            {"", ""},
        };
        for (const Case& c : cases) {
            CAPTURE(c.text);
            CHECK(mask_userinfo(c.text) == c.shown);
        }
    }
}
