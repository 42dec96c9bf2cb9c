// SPDX-License-Identifier: Apache-2.0
// gen_logs: writes log lines shaped like real ones, fast enough to feed a benchmark (about 1 GB/s).
// Shapes: plain (system and server text), json (access lines of a web service), apache (combined).
// Ids, addresses, ports and times change from line to line, so the text compresses as logs do and
// not as one repeated block. The same shape, size and seed give the same bytes.
// Threads: one.   Errors: exit 1 with a message; a bad argument exits 2.
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>

#include "common/base/units.hpp"

namespace {

using seyir::kMiB;

/// splitmix64 (Steele, Lea, Flood 2014): one multiply-xor chain a number, any seed is good.
class Random {
  public:
    explicit Random(uint64_t seed) : state_(seed) {}

    uint64_t next() {
        uint64_t z = (state_ += 0x9e3779b97f4a7c15ULL);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
        return z ^ (z >> 31);
    }

    uint32_t below(uint32_t n) { return static_cast<uint32_t>(((next() >> 32) * n) >> 32); }

    /// Small numbers often, large ones rarely, as ids and sizes are in logs.
    uint32_t skewed(uint32_t n) { return static_cast<uint32_t>(uint64_t{below(n)} * below(n) / n); }

    template <class Table>
    std::string_view pick(const Table& table) {
        return table[below(static_cast<uint32_t>(table.size()))];
    }

  private:
    uint64_t state_;
};

class Writer {
  public:
    void text(std::string_view s) { out_.append(s); }

    void number(uint64_t n) {
        std::array<char, 20> digits;
        size_t at = digits.size();
        do {
            digits[--at] = static_cast<char>('0' + n % 10);
            n /= 10;
        } while (n != 0);
        out_.append(digits.data() + at, digits.size() - at);
    }

    void padded(uint64_t n, int width) {
        std::array<char, 20> digits;
        for (int i = width; i-- > 0; n /= 10) {
            digits[static_cast<size_t>(i)] = static_cast<char>('0' + n % 10);
        }
        out_.append(digits.data(), static_cast<size_t>(width));
    }

    void hex(uint64_t n, int width) {
        for (int i = width; i-- > 0;) {
            out_.push_back("0123456789abcdef"[(n >> (4 * i)) & 15]);
        }
    }

    void address(Random& random) {
        text("10.");
        number(random.below(4));
        text(".");
        number(random.skewed(256));
        text(".");
        number(random.below(256));
    }

    std::string& bytes() { return out_; }

  private:
    std::string out_;
};

/// The time inside the lines: 2026-01-DD HH:MM:SS.mmm, some thousand lines a second.
struct LineTime {
    uint64_t us = 0;

    void step(Random& random) { us += 1 + random.skewed(800); }

    uint64_t day() const { return us / 86'400'000'000 % 28 + 1; }

    uint64_t hour() const { return us / 3'600'000'000 % 24; }

    uint64_t minute() const { return us / 60'000'000 % 60; }

    uint64_t second() const { return us / 1'000'000 % 60; }

    uint64_t ms() const { return us / 1000 % 1000; }

    void clock(Writer& out) const {
        out.padded(hour(), 2);
        out.text(":");
        out.padded(minute(), 2);
        out.text(":");
        out.padded(second(), 2);
    }

    void iso(Writer& out, std::string_view between) const {
        out.text("2026-01-");
        out.padded(day(), 2);
        out.text(between);
        clock(out);
    }
};

constexpr std::array<std::string_view, 8> kPaths = {
    "/",
    "/api/v1/orders",
    "/api/v1/orders/items",
    "/api/v1/users/profile",
    "/static/app.js",
    "/static/style.css",
    "/health",
    "/search?q=boots&page=2",
};
constexpr std::array<std::string_view, 6> kMethods = {"GET", "GET", "GET", "GET", "POST", "PUT"};
constexpr std::array<std::string_view, 8> kStatuses = {
    "200", "200", "200", "200", "200", "304", "404", "500"
};
constexpr std::array<std::string_view, 4> kLevels = {"info", "info", "info", "warning"};
constexpr std::array<std::string_view, 4> kAgents = {
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/141.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148",
    "curl/8.14.1",
};
constexpr std::array<std::string_view, 3> kReferers = {
    "-", "https://shop.example/", "https://shop.example/search"
};
constexpr std::array<std::string_view, 3> kLoggers = {"app.http", "app.orders", "app.worker"};
constexpr std::array<std::string_view, 4> kUsers = {"root", "deploy", "postgres", "backup"};

void plain_line(Writer& out, Random& random, const LineTime& time) {
    switch (random.below(4)) {
        case 0:
            out.text("Jan ");
            out.padded(time.day(), 2);
            out.text(" ");
            time.clock(out);
            out.text(" web01 sshd[");
            out.number(1000 + random.skewed(30'000));
            out.text("]: Failed password for ");
            out.text(random.pick(kUsers));
            out.text(" from ");
            out.address(random);
            out.text(" port ");
            out.number(30'000 + random.below(30'000));
            out.text(" ssh2\n");
            return;
        case 1:
            time.iso(out, " ");
            out.text(",");
            out.padded(time.ms(), 3);
            out.text(" INFO  [worker-");
            out.number(random.below(16));
            out.text("] storage.BlockManager: stored block blk_");
            out.number(random.next() >> 4);
            out.text(" of size ");
            out.number(random.skewed(67'108'864));
            out.text(" on ");
            out.address(random);
            out.text(":50010\n");
            return;
        case 2:
            time.iso(out, " ");
            out.text(",");
            out.padded(time.ms(), 3);
            out.text(" WARN  [Peer-1:Connection@");
            out.number(100 + random.below(900));
            out.text("] - interrupting sender, session 0x");
            out.hex(random.next(), 14);
            out.text(" timed out after ");
            out.number(random.skewed(9000));
            out.text(" ms\n");
            return;
        default:
            out.text("Jan ");
            out.padded(time.day(), 2);
            out.text(" ");
            time.clock(out);
            out.text(" web01 kernel: [");
            out.number(time.us / 1'000'000);
            out.text(".");
            out.padded(time.us % 1'000'000, 6);
            out.text("] TCP: request_sock_TCP: possible SYN flooding on port ");
            out.number(8000 + random.below(100));
            out.text(", sending cookies\n");
            return;
    }
}

void json_line(Writer& out, Random& random, const LineTime& time) {
    out.text(R"({"timestamp":")");
    time.iso(out, "T");
    out.text(".");
    out.padded(time.ms(), 3);
    out.text(R"(Z","level":")");
    out.text(random.pick(kLevels));
    out.text(R"(","logger":")");
    out.text(random.pick(kLoggers));
    out.text(R"(","message":"request finished","method":")");
    out.text(random.pick(kMethods));
    out.text(R"(","path":")");
    out.text(random.pick(kPaths));
    out.text(R"(","status":)");
    out.text(random.pick(kStatuses));
    out.text(R"(,"duration_ms":)");
    out.number(random.skewed(2000));
    out.text(".");
    out.number(random.below(10));
    out.text(R"(,"client":")");
    out.address(random);
    out.text(R"(","request_id":")");
    out.hex(random.next(), 16);
    out.text(R"(","bytes":)");
    out.number(random.skewed(200'000));
    out.text("}\n");
}

void apache_line(Writer& out, Random& random, const LineTime& time) {
    out.address(random);
    out.text(" - - [");
    out.padded(time.day(), 2);
    out.text("/Jan/2026:");
    time.clock(out);
    out.text(" +0000] \"");
    out.text(random.pick(kMethods));
    out.text(" ");
    out.text(random.pick(kPaths));
    out.text(" HTTP/1.1\" ");
    out.text(random.pick(kStatuses));
    out.text(" ");
    out.number(random.skewed(200'000));
    out.text(" \"");
    out.text(random.pick(kReferers));
    out.text("\" \"");
    out.text(random.pick(kAgents));
    out.text("\"\n");
}

using MakeLine = void (*)(Writer&, Random&, const LineTime&);

struct Options {
    MakeLine make_line = plain_line;
    uint64_t bytes = 0;
    uint64_t seed = 1;
    std::string path;
};

int usage(const std::string& problem) {
    std::fprintf(
        stderr,
        "gen_logs: %s\nusage: gen_logs --shape plain|json|apache --size 1GB [--seed N] --output "
        "FILE\n",
        problem.c_str()
    );
    return 2;
}

/// "" or what is wrong with the argument.
std::string apply(Options& options, std::string_view name, const char* value) {
    const std::string_view text = value;
    if (name == "--shape") {
        if (text != "plain" && text != "json" && text != "apache") {
            return "no shape '" + std::string(text) + "'";
        }
        options.make_line = text == "plain" ? plain_line : text == "json" ? json_line : apache_line;
    } else if (name == "--size") {
        const auto bytes = seyir::parse_bytes(text);
        if (!bytes) {
            return bytes.error().message;
        }
        options.bytes = *bytes;
    } else if (name == "--seed") {
        options.seed = std::strtoull(value, nullptr, 10);
    } else if (name == "--output") {
        options.path = text;
    } else {
        return "no option '" + std::string(name) + "'";
    }
    return "";
}

bool generate(const Options& options, std::FILE* file) {
    Random random(options.seed);
    LineTime time;
    Writer out;
    uint64_t written = 0;
    while (written < options.bytes) {
        out.bytes().clear();
        while (out.bytes().size() < kMiB && written + out.bytes().size() < options.bytes) {
            time.step(random);
            options.make_line(out, random, time);
        }
        written += out.bytes().size();
        if (std::fwrite(out.bytes().data(), 1, out.bytes().size(), file) != out.bytes().size()) {
            return false;
        }
    }
    return std::fflush(file) == 0;
}

}  // namespace

int main(int argc, char** argv) {
    Options options;
    for (int i = 1; i < argc; i += 2) {
        if (i + 1 == argc) {
            return usage(std::string(argv[i]) + " needs a value");
        }
        if (const std::string problem = apply(options, argv[i], argv[i + 1]); !problem.empty()) {
            return usage(problem);
        }
    }
    if (options.bytes == 0 || options.path.empty()) {
        return usage("--size and --output are needed");
    }
    std::FILE* file = std::fopen(options.path.c_str(), "wb");
    const bool good = file != nullptr && generate(options, file);
    if (file != nullptr && std::fclose(file) != 0) {
        std::perror(options.path.c_str());
        return 1;
    }
    if (!good) {
        std::perror(options.path.c_str());
        return 1;
    }
    return 0;
}
