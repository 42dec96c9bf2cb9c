// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <cstdio>
#include <thread>

#include <unistd.h>

#include "common/io/clock.hpp"
#include "ctl/follow_cursor.hpp"
#include "ctl/session.hpp"

namespace seyir::ctl {

using namespace std::chrono_literals;

namespace {

// How late a row may arrive and still be shown: agents ship within milliseconds, but clocks of
// hosts differ.
constexpr Nanos kLookBack = 10s;
constexpr auto kPollInterval = 500ms;
constexpr auto kRetryInterval = 2s;
constexpr uint64_t kPageRows = 5000;
constexpr uint64_t kPageRowsMax = 1'000'000;

class Page : public AnswerSink {
  public:
    bool stream(const LabelList& labels) override {
        rows.begin_stream(labels);
        return true;
    }

    bool row(AnswerRow row) override {
        rows.add(row);
        return true;
    }

    bool sample(const LabelList&, std::string_view, std::string_view) override {
        is_metric = true;
        return false;
    }

    RowBuffer rows;
    bool is_metric = false;
};

class Follower {
  public:
    Follower(Session session, const std::string& query)
        : session_(std::move(session)),
          query_(query),
          // A minute of room for a server whose clock is behind ours.
          cursor_(io::system_clock().wall_now() - Nanos(60s), kLookBack) {}

    Result<void> show_last(uint64_t rows) {
        SEYIR_CHECK(poll(false));
        if (rows == 0) {
            return {};
        }
        Page page;
        SEYIR_CHECK(fetch(page, {{"since", "3600s"}, {"direction", "backward"}}, rows));
        cursor_.begin_poll();
        std::string text;
        page.rows.for_each(false, [&](const RowView& row) {
            cursor_.is_new(row);
            append_row(text, row, session_.style());
            return true;
        });
        cursor_.end_poll();
        return print(text);
    }

    Result<void> follow() {
        bool is_lost = false;
        while (true) {
            auto polled = poll(true);
            if (polled) {
                is_lost = false;
                std::this_thread::sleep_for(kPollInterval);
                continue;
            }
            const auto code = polled.error().code;
            if (code == ErrorCode::kInvalidArgument || code == ErrorCode::kUnauthorized ||
                code == ErrorCode::kRefused || code == ErrorCode::kNotFound) {
                return polled;
            }
            if (!is_lost) {
                report(polled.error().context("waiting to go on"));
            }
            is_lost = true;
            std::this_thread::sleep_for(kRetryInterval);
        }
    }

  private:
    Result<void> fetch(Page& page, Session::Parameters parameters, uint64_t limit) {
        parameters.emplace_back("query", query_);
        parameters.emplace_back("limit", std::to_string(limit));
        parameters.emplace_back("line_encoding", "base64");
        SEYIR_CHECK(session_.start("/loki/api/v1/query_range", parameters));
        AnswerReader reader(page);
        auto read = reader.read([&] { return session_.client().read(); });
        // An answer without a sample tells it, too.
        const auto& type = reader.result_type();
        if (page.is_metric || type == "matrix" || type == "vector") {
            return fail(
                ErrorCode::kUnsupported,
                "tail follows lines; for numbers repeat `seyir query` (watch -n 5 seyir query ...)"
            );
        }
        return read;
    }

    /// All pages from the cursor on. A full page may end within rows of one time: those are left
    /// for the next page, which begins at that time.
    Result<void> poll(bool shows) {
        cursor_.begin_poll();
        UnixNanos start = cursor_.from();
        uint64_t limit = kPageRows;
        while (true) {
            Page page;
            SEYIR_CHECK(fetch(
                page,
                {{"start", std::to_string(start.value)}, {"end", end()}, {"direction", "forward"}},
                limit
            ));
            const bool is_full = page.rows.size() >= limit;
            UnixNanos last = UnixNanos::min();
            page.rows.for_each(false, [&](const RowView& row) {
                last = row.ts;
                return true;
            });
            const bool is_one_time = is_full && last == start;
            std::string text;
            page.rows.for_each(false, [&](const RowView& row) {
                const bool is_left =
                    is_full && row.ts == last && !(is_one_time && limit == kPageRowsMax);
                if (!is_left && cursor_.is_new(row) && shows) {
                    append_row(text, row, session_.style());
                }
                return true;
            });
            SEYIR_CHECK(print(text));
            if (!is_full) {
                break;
            }
            limit = is_one_time ? std::min(limit * 10, kPageRowsMax) : kPageRows;
            start = is_one_time && limit == kPageRowsMax ? last + Nanos(1) : last;
        }
        cursor_.end_poll();
        return {};
    }

    /// Rows of hosts whose clock is ahead belong to it too.
    static std::string end() {
        return std::to_string((io::system_clock().wall_now() + Nanos(1h)).value);
    }

    Session session_;
    std::string query_;
    FollowCursor cursor_;
};

Result<void> run_tail(const Arguments& arguments) {
    uint64_t rows = 10;
    if (arguments.has("limit") && arguments.get("limit") != "0") {
        SEYIR_TRY(rows, parse_count("limit", arguments.get("limit"), kPageRows));
    } else if (arguments.has("limit")) {
        rows = 0;
    }
    SEYIR_TRY(auto session, Session::open(arguments));
    Follower follower(std::move(session), arguments.values[0]);
    SEYIR_CHECK(follower.show_last(rows));
    return follower.follow();
}

}  // namespace

int tail_command(const Arguments& arguments) {
    const auto done = run_tail(arguments);
    if (done) {
        return kExitOk;
    }
    const int status = report(done.error());
    return done.error().code == ErrorCode::kUnsupported ? kExitUsage : status;
}

}  // namespace seyir::ctl
