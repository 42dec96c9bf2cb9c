// SPDX-License-Identifier: Apache-2.0
// Runs worlds until enough power cuts were survived.
//   sim_store                   the campaign of `./dev test`
//   sim_store --seed N          one world again, as a failure printed it
//   SEYIR_SIM_CRASHES=100000    a longer campaign, from a random seed that is printed
#include <charconv>
#include <cstdlib>
#include <optional>
#include <random>
#include <string_view>

#include <signal.h>
#include <unistd.h>

#include <fmt/format.h>

#include "common/base/log.hpp"
#include "test/sim/store_world.hpp"

namespace seyir::sim {
namespace {

volatile uint64_t running_seed = 0;

/// A crash of the program itself prints its seed too.
void on_signal(int number) {
    char text[64] = "crashed; replay: sim_store --seed ";
    size_t at = std::string_view(text).size();
    char digits[20];
    size_t count = 0;
    for (uint64_t seed = running_seed; count == 0 || seed > 0; seed /= 10) {
        digits[count++] = static_cast<char>('0' + seed % 10);
    }
    while (count > 0) {
        text[at++] = digits[--count];
    }
    text[at++] = '\n';
    (void)!::write(2, text, at);
    ::signal(number, SIG_DFL);
    ::raise(number);
}

constexpr uint64_t kCrashesInTest = 3000;
constexpr int kLivesPerWorld = 12;

std::optional<uint64_t> number(std::string_view text) {
    uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) {
        return std::nullopt;
    }
    return value;
}

bool run_world(uint64_t seed, Totals& totals, uint64_t* digest = nullptr) {
    running_seed = seed;
    StoreWorld world(seed, totals);
    const std::string broken = world.run(kLivesPerWorld);
    if (digest != nullptr) {
        *digest = world.digest();
    }
    if (!broken.empty()) {
        fmt::print(stderr, "seed {}: {}\nreplay: sim_store --seed {}\n", seed, broken, seed);
        return false;
    }
    return true;
}

/// The same seed must do the same, or a printed seed is worth nothing.
bool is_deterministic(uint64_t seed) {
    Totals totals;
    uint64_t first = 0;
    uint64_t second = 0;
    if (!run_world(seed, totals, &first) || !run_world(seed, totals, &second)) {
        return false;
    }
    if (first != second) {
        fmt::print(stderr, "seed {} did not do the same twice\n", seed);
    }
    return first == second;
}

int run(uint64_t first_seed, uint64_t crashes) {
    fmt::print("worlds from seed {}\n", first_seed);
    Totals totals;
    uint64_t seed = first_seed;
    if (!is_deterministic(seed)) {
        return 1;
    }
    for (; totals.crashes + totals.recoveries_cut < crashes; ++seed) {
        if (!run_world(seed, totals)) {
            return 1;
        }
    }
    fmt::print(
        "{} power cuts survived ({} during recovery) in {} worlds: {} appends, {} rows "
        "acknowledged, "
        "{} appends failed, {} seals, {} drops, {} rows compared, {} files looked for\n",
        totals.crashes + totals.recoveries_cut,
        totals.recoveries_cut,
        seed - first_seed,
        totals.appends,
        totals.acked_rows,
        totals.failed_appends,
        totals.seals,
        totals.drops,
        totals.rows_checked,
        totals.files_checked
    );
    return 0;
}

}  // namespace
}  // namespace seyir::sim

int main(int argc, char** argv) {
    using namespace seyir;
    ::signal(SIGSEGV, sim::on_signal);
    ::signal(SIGABRT, sim::on_signal);
    // What the store says about the faults is not news here.
    log::set_level(static_cast<log::Level>(4));
    if (argc == 3 && std::string_view(argv[1]) == "--seed") {
        const auto seed = sim::number(argv[2]);
        sim::Totals totals;
        log::set_level(log::Level::kInfo);
        return seed && sim::run_world(*seed, totals) ? 0 : 1;
    }
    if (const char* text = std::getenv("SEYIR_SIM_CRASHES")) {
        const auto crashes = sim::number(text);
        if (!crashes) {
            fmt::print(stderr, "SEYIR_SIM_CRASHES is not a number: {}\n", text);
            return 2;
        }
        return sim::run(std::random_device()() * 1000ULL, *crashes);
    }
    return sim::run(1, sim::kCrashesInTest);
}
