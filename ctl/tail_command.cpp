// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <cstdio>
#include <thread>
#include <utility>

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
    Follower(Session session, Session live, const std::string& query)
        : session_(std::move(session)),
          live_(std::move(live)),
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

    /// Rows as they are stored, by websocket; where a proxy lets none through, by asking again.
    Result<void> follow() {
        bool is_lost = false;
        while (true) {
            auto followed = has_websocket_ ? follow_live(is_lost) : follow_by_asking(is_lost);
            if (followed) {
                continue;
            }
            const auto code = followed.error().code;
            if (code == ErrorCode::kInvalidArgument || code == ErrorCode::kUnauthorized ||
                code == ErrorCode::kRefused || code == ErrorCode::kNotFound) {
                return followed;
            }
            if (!is_lost) {
                report(followed.error().context("waiting to go on"));
            }
            is_lost = true;
            std::this_thread::sleep_for(kRetryInterval);
        }
    }

  private:
    Result<void> follow_by_asking(bool& is_lost) {
        SEYIR_CHECK(poll(true));
        is_lost = false;
        std::this_thread::sleep_for(kPollInterval);
        return {};
    }

    /// Until the connection ends. What was stored between the last row and the websocket's opening
    /// is asked for; rows that come both ways are shown once.
    Result<void> follow_live(bool& is_lost) {
        auto opened = live_.start_websocket(
            "/loki/api/v1/tail", {{"query", query_}, {"limit", "0"}, {"line_encoding", "base64"}}
        );
        if (!opened) {
            const auto code = opened.error().code;
            const bool is_missing = code == ErrorCode::kNotFound ||
                                    code == ErrorCode::kUnsupported ||
                                    code == ErrorCode::kInvalidArgument;
            if (!is_missing) {
                return opened;
            }
            report(opened.error().context("no live tail, asking every half second instead"));
            has_websocket_ = false;
            return {};
        }
        SEYIR_CHECK(poll(true));
        is_lost = false;
        cursor_.begin_poll();
        while (true) {
            SEYIR_TRY(const auto message, live_.client().read_message());
            if (!message) {
                return fail(ErrorCode::kClosed, live_.client().url() + " ended the tail");
            }
            SEYIR_CHECK(show(*message));
        }
    }

    Result<void> show(const std::string& message) {
        Page page;
        AnswerReader reader(page);
        bool is_given = false;
        SEYIR_CHECK(reader.read([&]() -> Result<std::string_view> {
            return std::exchange(is_given, true) ? std::string_view() : std::string_view(message);
        }));
        std::string text;
        page.rows.for_each(false, [&](const RowView& row) {
            if (cursor_.is_new(row)) {
                append_row(text, row, session_.style());
            }
            return true;
        });
        cursor_.end_poll();
        if (reader.dropped() > 0) {
            report(fail(
                ErrorCode::kBackpressure,
                "rows were left out, they come faster than they are read: filter more, or query "
                "them later"
            ));
        }
        return print(text);
    }

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
    Session live_;
    std::string query_;
    FollowCursor cursor_;
    bool has_websocket_ = true;
};

Result<void> run_tail(const Arguments& arguments) {
    uint64_t rows = 10;
    if (arguments.has("limit") && arguments.get("limit") != "0") {
        SEYIR_TRY(rows, parse_count("limit", arguments.get("limit"), kPageRows));
    } else if (arguments.has("limit")) {
        rows = 0;
    }
    SEYIR_TRY(auto session, Session::open(arguments));
    SEYIR_TRY(auto live, Session::open(arguments));
    Follower follower(std::move(session), std::move(live), arguments.values[0]);
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
