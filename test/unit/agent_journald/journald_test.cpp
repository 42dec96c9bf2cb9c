// SPDX-License-Identifier: Apache-2.0
// Cursors and numberings, and a journal that systemd's own tool wrote; what the whole input does
// is in test/e2e/test_agent_journald.py.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <random>
#include <string>

#include <unistd.h>

#include <doctest/doctest.h>

#include "agent/input/journald/journal.hpp"
#include "agent/input/journald/journal_files.hpp"
#include "agent/input/journald/journal_lane.hpp"
#include "agent/input/journald/journal_rows.hpp"
#include "test/support/temp_dir.hpp"

using namespace seyir;
using namespace seyir::agent::input;

namespace {

constexpr const char* kWriter = "/lib/systemd/systemd-journal-remote";

/// Entries in the export format -> a journal file; false when the tool is not installed.
bool write_journal(const std::string& path, const std::string& entries) {
    if (::access(kWriter, X_OK) != 0) {
        return false;
    }
    const std::string command =
        std::string(kWriter) + " --output=" + path + " - >/dev/null 2>/dev/null";
    FILE* const pipe = ::popen(command.c_str(), "w");
    REQUIRE(pipe != nullptr);
    CHECK(::fwrite(entries.data(), 1, entries.size(), pipe) == entries.size());
    return ::pclose(pipe) == 0;
}

std::string entry(int number, const std::string& fields) {
    return "__REALTIME_TIMESTAMP=" + std::to_string(1'700'000'000'000'000 + number) +
           "\n__MONOTONIC_TIMESTAMP=" + std::to_string(1000 + number) +
           "\n_BOOT_ID=11111111111111111111111111111111\n" + fields + "\n\n";
}

/// Root reads everything: while this lives, root is nobody.
class Unprivileged {
  public:
    Unprivileged() : was_root_(::geteuid() == 0) { become(kNobody); }

    ~Unprivileged() { become(0); }

    Unprivileged(const Unprivileged&) = delete;
    Unprivileged& operator=(const Unprivileged&) = delete;

    bool is_other() const { return was_root_; }

    void owner(const std::function<void()>& act) const {
        become(0);
        act();
        become(kNobody);
    }

  private:
    static constexpr uid_t kNobody = 65534;

    void become(uid_t user) const {
        if (was_root_) {
            REQUIRE(::seteuid(user) == 0);
        }
    }

    const bool was_root_;
};

std::string attr(const RecordBatch& batch, size_t row, const char* name) {
    const auto key = batch.find_key(name);
    const Value* const value = key ? batch.find_attr(row, *key) : nullptr;
    return value == nullptr ? "" : std::string(value->as_text());
}

}  // namespace

TEST_SUITE("agent/input/journald") {
    TEST_CASE("a cursor's numbering, number and time are read") {
        const auto cursor =
            parse_cursor("s=71c8ae;i=4ece7;b=4f6d;m=9a1b;t=60a24d2f51fd0;x=ffff000011112222");
        REQUIRE(cursor);
        CHECK(cursor->numbering == "71c8ae");
        CHECK(cursor->number == 0x4ece7);
        CHECK(cursor->realtime_us == 0x60a24d2f51fd0);
        CHECK(parse_cursor(cursor_of("71c8ae", 0x4ece7))->number == 0x4ece7);
    }

    TEST_CASE("what is no cursor is refused") {
        for (const char* text :
             {"",
              ";",
              "s=a",
              "i=1",
              "s=;i=1",
              "s=a;i=",
              "s=a;i=xyz",
              "s=a;i=12345678901234567",
              "s=a;i=ffffffffffffffff",
              "s=a;i=1;t=zz"}) {
            CHECK_FALSE(parse_cursor(text));
        }
        std::mt19937_64 random(7);
        for (int i = 0; i < 20'000; ++i) {
            std::string text;
            for (size_t n = random() % 40; n > 0; --n) {
                text += "s=i;t=x0f\n"[random() % 10];
            }
            const auto cursor = parse_cursor(text);
            CHECK((!cursor || !cursor->numbering.empty()));
        }
    }

    TEST_CASE("each input has lanes of its own") {
        CHECK(journal_source("a", "n") == journal_source("a", "n"));
        CHECK(journal_source("a", "n") != journal_source("b", "n"));
        CHECK(journal_source("a", "n") != journal_source("a", "m"));
    }

    TEST_CASE("a directory that is not there is an error that names it") {
        const auto opened = Journal::open({.directory = "/nowhere/at/all"});
        REQUIRE_FALSE(opened);
        CHECK(opened.error().message.find("/nowhere/at/all") != std::string::npos);
    }

    TEST_CASE("files this user may not read are counted and named with the remedy") {
        const test::TempDir dir;
        const std::string machine = dir.path() + "/4f6d0000000000000000000000000abc";
        std::filesystem::permissions(dir.path(), std::filesystem::perms(0755));
        std::filesystem::create_directory(machine);
        const auto put = [](const std::string& path, int mode) {
            std::ofstream(path) << "x";
            std::filesystem::permissions(path, std::filesystem::perms(mode));
        };
        CHECK(
            journal_trouble(look_at_journal_files(dir.path()), dir.path()) ==
            "there is no journal file in " + dir.path() + ": nothing is read"
        );
        put(machine + "/system.journal", 0000);
        put(machine + "/notes.txt", 0000);
        const Unprivileged as_nobody;
        JournalFiles files = look_at_journal_files(dir.path());
        CHECK(files.readable == 0);
        CHECK(files.unreadable == 1);
        const std::string none = journal_trouble(files, dir.path());
        CHECK(none.find("no journal file of " + dir.path() + " can be read") == 0);
        CHECK(none.find(machine + "/system.journal: Permission denied") != std::string::npos);
        CHECK(none.find("`systemd-journal`") != std::string::npos);
        as_nobody.owner([&] { put(machine + "/user-1000.journal", 0644); });
        files = look_at_journal_files(dir.path());
        CHECK(files.readable == 1);
        CHECK(journal_trouble(files, dir.path()).find("1 of 2 journal files of") == 0);
        as_nobody.owner([&] { std::filesystem::permissions(machine, std::filesystem::perms(0700)); }
        );
        if (as_nobody.is_other()) {
            files = look_at_journal_files(dir.path());
            CHECK(files.unreadable == 1);
            CHECK(files.first_unreadable == machine);
        }
        as_nobody.owner([&] {
            std::filesystem::permissions(machine, std::filesystem::perms(0755));
            std::filesystem::permissions(machine + "/system.journal", std::filesystem::perms(0644));
        });
        CHECK(journal_trouble(look_at_journal_files(dir.path()), dir.path()).empty());
    }

    TEST_CASE("an entry is its message, with severity, unit and fields") {
        const test::TempDir dir;
        const std::string file = dir.path() + "/remote.journal";
        const std::string two_lines("MESSAGE\n\x09\0\0\0\0\0\0\0two\nlines", 25);
        const bool is_written = write_journal(
            file,
            entry(
                1,
                "MESSAGE=hello\nPRIORITY=3\n_SYSTEMD_UNIT=web.service\n_PID=42\n_COMM=web\n"
                "REQUEST_ID=abc\n_CAP_EFFECTIVE=0\nSYSLOG_IDENTIFIER=webd\nSYSLOG_FACILITY=3"
            ) + entry(2, two_lines + "\nSYSLOG_IDENTIFIER=cron") +
                entry(3, "PRIORITY=9\nOTHER=x")
        );
        if (!is_written) {
            MESSAGE("skipped: no systemd-journal-remote");
            return;
        }
        auto journal = Journal::open({.directory = dir.path()});
        REQUIRE(journal);
        JournalRows rows(*StreamLabels::make({{"service_name", "in"}}), false);
        RecordBatch batch;
        batch.add_position({});
        REQUIRE((*journal)->seek_head());
        for (int i = 0; i < 3; ++i) {
            REQUIRE(*(*journal)->next());
            REQUIRE(rows.append(**journal, batch, 0));
        }
        CHECK_FALSE(*(*journal)->next());
        REQUIRE(batch.row_count() == 3);
        CHECK(batch.body(0) == "hello");
        CHECK(batch.ts(0) == UnixNanos{1'700'000'000'000'001'000});
        CHECK(batch.severity(0) == kSeverityError);
        CHECK(attr(batch, 0, "pid") == "42");
        CHECK(attr(batch, 0, "comm") == "web");
        CHECK(attr(batch, 0, "identifier") == "webd");
        CHECK(attr(batch, 0, "request_id") == "abc");
        CHECK(attr(batch, 0, "_cap_effective").empty());
        CHECK(attr(batch, 0, "syslog_facility").empty());
        const auto& labels = batch.streams();
        CHECK(labels[batch.stream(0)]->get("unit") == "web.service");
        CHECK(labels[batch.stream(0)]->get("service_name") == "web");
        CHECK(batch.body(1) == "two\nlines");
        CHECK(labels[batch.stream(1)]->get("service_name") == "cron");
        CHECK(labels[batch.stream(1)]->get("unit").empty());
        CHECK(batch.body(2).empty());
        CHECK(batch.severity(2) == kSeverityUnset);
        CHECK(labels[batch.stream(2)]->get("service_name") == "in");
    }

    TEST_CASE("an entry is found again by its number alone") {
        const test::TempDir dir;
        std::string entries;
        for (int i = 0; i < 100; ++i) {
            entries += entry(i, "MESSAGE=" + std::to_string(i));
        }
        if (!write_journal(dir.path() + "/remote.journal", entries)) {
            MESSAGE("skipped: no systemd-journal-remote");
            return;
        }
        auto journal = Journal::open({.directory = dir.path()});
        REQUIRE(journal);
        REQUIRE((*journal)->seek_head());
        std::vector<std::string> cursors;
        while (*(*journal)->next()) {
            cursors.push_back(*(*journal)->cursor());
        }
        REQUIRE(cursors.size() == 100);
        for (const size_t i : {0U, 1U, 57U, 99U}) {
            const auto cursor = parse_cursor(cursors[i]);
            REQUIRE(cursor);
            CHECK(cursor->number == i + parse_cursor(cursors[0])->number);
            REQUIRE((*journal)->seek(cursor_of(cursor->numbering, cursor->number)));
            REQUIRE(*(*journal)->next());
            CHECK(*(*journal)->cursor() == cursors[i]);
        }
    }
}
