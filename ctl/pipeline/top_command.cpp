// SPDX-License-Identifier: Apache-2.0
// seyir top: a page of a running program's components that renews itself.
#include <chrono>
#include <csignal>
#include <cstdio>
#include <string>
#include <thread>

#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <fmt/format.h>

#include "common/base/time.hpp"
#include "common/base/units.hpp"
#include "common/io/clock.hpp"
#include "common/json/reader.hpp"
#include "ctl/pipeline/top_page.hpp"
#include "ctl/session.hpp"

namespace seyir::ctl {
namespace {

using namespace std::chrono_literals;

volatile std::sig_atomic_t g_is_interrupted = 0;

/// Keys without Enter, another screen, no cursor; all as before when it dies.
class Screen {
  public:
    Screen() {
        has_terminal_ = isatty(STDIN_FILENO) == 1 && tcgetattr(STDIN_FILENO, &before_) == 0;
        if (has_terminal_) {
            termios raw = before_;
            raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
            tcsetattr(STDIN_FILENO, TCSANOW, &raw);
        }
        fputs("\x1b[?1049h\x1b[?25l", stdout);
    }

    Screen(const Screen&) = delete;
    Screen& operator=(const Screen&) = delete;

    ~Screen() {
        fputs("\x1b[?25h\x1b[?1049l", stdout);
        fflush(stdout);
        if (has_terminal_) {
            tcsetattr(STDIN_FILENO, TCSANOW, &before_);
        }
    }

    static void draw(const std::string& page) {
        std::string out = "\x1b[H";
        for (const char c : page) {
            out += c == '\n' ? "\x1b[K\n" : std::string(1, c);
        }
        fputs((out + "\x1b[J").c_str(), stdout);
        fflush(stdout);
    }

    /// True when it is time to end: q, Ctrl-C.
    bool wait(Nanos time) const {
        pollfd keys{.fd = has_terminal_ ? STDIN_FILENO : -1, .events = POLLIN, .revents = 0};
        const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(time).count();
        char key = 0;
        if (poll(&keys, 1, static_cast<int>(ms)) > 0 && read(STDIN_FILENO, &key, 1) == 1) {
            return key == 'q' || key == 'Q' || key == 3;
        }
        return g_is_interrupted != 0;
    }

  private:
    termios before_{};
    bool has_terminal_ = false;
};

winsize terminal_size() {
    winsize size{};
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) {
        size.ws_col = 120;
        size.ws_row = 40;
    }
    return size;
}

Result<TopLook> take_look(Session& session) {
    SEYIR_TRY(const std::string health_text, session.get("/health"));
    SEYIR_TRY(const std::string metrics, session.get("/metrics"));
    json::Document document;
    SEYIR_TRY(const json::View health, document.parse(health_text));
    const double seconds =
        std::chrono::duration<double>(io::system_clock().steady_now().time_since_epoch()).count();
    return look(seconds, health, read_metrics(metrics));
}

int run(Session& session, const Arguments& arguments, Nanos interval) {
    auto before = take_look(session);
    if (!before) {
        return report(before.error());
    }
    if (arguments.has("once")) {
        std::this_thread::sleep_for(interval);
        const auto now = take_look(session);
        if (!now) {
            return report(now.error());
        }
        const auto printed = print(
            top_page(*before, *now, session.client().url(), 160, 10'000, session.style().color)
        );
        return printed ? kExitOk : report(printed.error());
    }
    const Screen screen;
    TopLook last = *before;
    std::string trouble;
    while (true) {
        auto now = take_look(session);
        trouble = now ? "" : "  (not answering: " + now.error().message + ")";
        const winsize size = terminal_size();
        const std::string title =
            fmt::format("seyir top  {}{}   q ends", session.client().url(), trouble);
        const TopLook& shown = now ? *now : last;
        Screen::draw(
            top_page(last, shown, title, size.ws_col, size.ws_row - 1U, session.style().color)
        );
        last = shown;
        if (screen.wait(interval)) {
            return kExitOk;
        }
    }
}

}  // namespace

int top_command(const Arguments& arguments) {
    auto session = Session::open(arguments);
    if (!session) {
        return report(session.error());
    }
    Nanos interval = 1s;
    if (arguments.has("interval")) {
        const auto parsed = parse_duration(arguments.get("interval"));
        if (!parsed || *parsed < 100ms) {
            return report(
                fail(ErrorCode::kInvalidArgument, "--interval is a time of at least 100ms")
            );
        }
        interval = *parsed;
    }
    struct sigaction action{};
    action.sa_handler = [](int) { g_is_interrupted = 1; };
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);
    return run(*session, arguments, interval);
}

}  // namespace seyir::ctl
