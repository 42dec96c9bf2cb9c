// SPDX-License-Identifier: Apache-2.0
// Tests of filters, without Seyir: loads a plugin into the test, feeds it records and shows what
// became of them. The clock stands still until advance().
//
//   SEYIR_TEST("bodies are shouted") {
//       seyir::test::Harness h("shout", {{"suffix", "?"}});
//       h.feed(R"({"body": "hello"})");
//       SEYIR_EXPECT(h.out()[0].body == "HELLO?");
//   }
//   SEYIR_TEST_MAIN()
//
// The plugin is $SEYIR_PLUGIN (meson sets it in tests that `seyir plugin new` makes), or the path
// given to Harness::Plugin. After each call rows are counted: every row that went in is out,
// dropped, failed or held; and when the Harness dies nothing may be held any more.
// Needs: C++17, a POSIX system; link with -ldl where the C library wants it.
// Threads: one.   Errors: std::runtime_error that says what is wrong; a test that throws fails.
#pragma once

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <dlfcn.h>
#include <seyir/plugin.h>

#include <seyir/harness_host.hpp>
#include <seyir/harness_json.hpp>

namespace seyir::test {

/// The entry of a shared object; stays loaded.
class Plugin {
  public:
    /// "" = $SEYIR_PLUGIN.
    explicit Plugin(std::string path = "") {
        if (path.empty()) {
            const char* given = std::getenv("SEYIR_PLUGIN");
            path = given == nullptr ? "" : given;
        }
        if (path.empty()) {
            throw std::runtime_error("SEYIR_PLUGIN does not name the plugin to test");
        }
        void* handle = dlopen(std::filesystem::absolute(path).c_str(), RTLD_NOW | RTLD_LOCAL);
        if (handle == nullptr) {
            throw std::runtime_error(dlerror());
        }
        entry_ = static_cast<const seyir_entry*>(dlsym(handle, "seyir_plugin_entry"));
        if (entry_ == nullptr || entry_->magic != SEYIR_MAGIC ||
            entry_->abi_major != SEYIR_ABI_MAJOR || entry_->abi_minor > SEYIR_ABI_MINOR) {
            throw std::runtime_error(path + ": not a plugin, or of another version");
        }
    }

    explicit Plugin(const seyir_entry& entry) : entry_(&entry) {}

    const seyir_filter_type& filter(std::string_view name) const {
        const auto* factory =
            static_cast<const seyir_filter_factory*>(entry_->get_factory(SEYIR_FILTER_FACTORY));
        std::string known;
        for (uint32_t i = 0; factory != nullptr && i < factory->count; ++i) {
            if (factory->types[i]->describe()->name == name) {
                return *factory->types[i];
            }
            known += std::string(" ") + factory->types[i]->describe()->name;
        }
        throw std::runtime_error("no filter `" + std::string(name) + "`; there are:" + known);
    }

  private:
    const seyir_entry* entry_;
};

using Settings = std::vector<std::pair<std::string, std::string>>;

namespace detail {

/// A number and a unit: "64MiB", "1h30m" is not supported, "90m" is.
inline int64_t scaled(const std::string& text, std::string_view what) {
    static const std::vector<std::pair<std::string_view, double>> sizes = {
        {"", 1},
        {"B", 1},
        {"KiB", 1024.0},
        {"MiB", 1048576.0},
        {"GiB", 1073741824.0},
        {"kB", 1e3},
        {"MB", 1e6},
        {"GB", 1e9}
    };
    static const std::vector<std::pair<std::string_view, double>> times = {
        {"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}, {"d", 86400e9}
    };
    char* end = nullptr;
    const double number = std::strtod(text.c_str(), &end);
    for (const auto& [unit, factor] : what == "size" ? sizes : times) {
        if (unit == end) {
            return static_cast<int64_t>(number * factor);
        }
    }
    throw std::runtime_error("`" + text + "` is not a " + std::string(what));
}

/// "[a, b]" -> a, b; "{k: v}" -> k, v.
inline std::vector<std::string> split(const std::string& text, std::string_view separators) {
    std::vector<std::string> all;
    std::string word;
    const auto finish = [&] {
        const size_t first = word.find_first_not_of(" \"'");
        if (first != std::string::npos) {
            all.push_back(word.substr(first, word.find_last_not_of(" \"'") - first + 1));
        }
        word.clear();
    };
    for (const char c : text) {
        if (separators.find(c) != std::string_view::npos) {
            finish();
        } else {
            word += c;
        }
    }
    finish();
    return all;
}

/// A configuration as the plugin gets it, from texts as they stand in YAML.
class OwnedConfig {
  public:
    OwnedConfig(const seyir_filter_descriptor& filter, const Settings& settings) {
        for (const auto& [key, value] : settings) {
            bool is_known = false;
            for (uint32_t i = 0; i < filter.field_count; ++i) {
                is_known = is_known || filter.fields[i].name == key;
            }
            if (!is_known) {
                throw std::runtime_error("there is no key `" + key + "`");
            }
        }
        for (uint32_t i = 0; i < filter.field_count; ++i) {
            add(filter.fields[i], settings);
        }
        abi_.size = sizeof abi_;
        abi_.count = static_cast<uint32_t>(settings_.size());
        abi_.id = keep("under_test");
        abi_.settings = settings_.data();
    }

    const seyir_config* abi() const { return &abi_; }

  private:
    seyir_text keep(std::string text) {
        const std::string& kept = texts_.emplace_back(std::move(text));
        return {kept.size(), kept.data()};
    }

    void add(const seyir_field& field, const Settings& settings) {
        seyir_setting setting{};
        std::string text = field.default_text == nullptr ? "" : field.default_text;
        setting.is_set = field.default_text != nullptr ? 1 : 0;
        for (const auto& [key, value] : settings) {
            if (key == field.name) {
                text = value;
                setting.is_set = 1;
            }
        }
        if (setting.is_set == 0 && (field.flags & SEYIR_REQUIRED) != 0) {
            throw std::runtime_error("the key `" + std::string(field.name) + "` is required");
        }
        read(field, text, setting);
        settings_.push_back(setting);
    }

    void read(const seyir_field& field, const std::string& text, seyir_setting& setting) {
        setting.text = keep("");
        switch (field.type) {
            case SEYIR_TYPE_BOOL:
                setting.integer = text == "true" ? 1 : 0;
                break;
            case SEYIR_TYPE_INT:
                setting.integer = std::strtoll(text.c_str(), nullptr, 10);
                break;
            case SEYIR_TYPE_SIZE:
                setting.integer = text.empty() ? 0 : scaled(text, "size");
                break;
            case SEYIR_TYPE_DURATION:
                setting.integer = text.empty() ? 0 : scaled(text, "duration");
                break;
            case SEYIR_TYPE_STRING_LIST:
            case SEYIR_TYPE_STRING_MAP: {
                auto& list = lists_.emplace_back();
                const bool is_map = field.type == SEYIR_TYPE_STRING_MAP;
                for (std::string& word : split(text, is_map ? "{}:," : "[],")) {
                    list.push_back(keep(std::move(word)));
                }
                setting.list = list.data();
                setting.list_size = static_cast<uint32_t>(list.size());
                break;
            }
            default:
                setting.text = keep(text);
                for (uint32_t i = 0; field.type == SEYIR_TYPE_ENUM && i < field.choice_count; ++i) {
                    setting.integer = field.choices[i].name == text ? i : setting.integer;
                }
        }
    }

    std::deque<std::string> texts_;
    std::deque<std::vector<seyir_text>> lists_;
    std::vector<seyir_setting> settings_;
    seyir_config abi_{};
};

}  // namespace detail

/// One instance of a filter.
class Harness {
  public:
    Harness(std::string_view filter, const Settings& settings = {}, const Plugin& plugin = Plugin())
        : type_(plugin.filter(filter)), config_(*type_.describe(), settings) {
        seyir_error error{};
        error.size = sizeof error;
        error.field = -1;
        const bool is_good =
            type_.check == nullptr || type_.check(config_.abi(), &error) == SEYIR_OK;
        self_ = is_good ? type_.create(host_.abi(), config_.abi(), &error) : nullptr;
        if (self_ == nullptr) {
            throw std::runtime_error(error.message);
        }
    }

    Harness(const Harness&) = delete;
    Harness& operator=(const Harness&) = delete;

    ~Harness() {
        type_.destroy(self_);
        if (!host_.held.empty()) {
            std::fprintf(
                stderr,
                "%zu rows are still held: flush() must emit or drop them\n",
                host_.held.size()
            );
            ++failures();
        }
        for (const std::string& problem : host_.problems) {
            std::fprintf(stderr, "the plugin misbehaved: %s\n", problem.c_str());
            ++failures();
        }
    }

    /// One record, as JSON: {"body": ..., "attributes": {...}, "labels": {...},
    /// "severity_number": ..., "timestamp_ns": ...}. All but the body may be missing.
    void feed(std::string_view json) { feed(std::vector{Record::from_json(Json::parse(json))}); }

    /// One batch.
    void feed(std::vector<Record> records) {
        for (Record& record : records) {
            record.ts = record.ts == 0 ? host_.wall_ns : record.ts;
        }
        HostBatch batch(host_, records);
        const size_t held_before = host_.held.size();
        last_status_ = type_.process(self_, batch.abi());
        Outcome outcome;
        if (last_status_ == SEYIR_OK || last_status_ == SEYIR_RECORD_ERRORS) {
            batch.finish(outcome);
        } else {
            batch.fail_all(
                outcome, last_status_ == SEYIR_BATCH_ERROR ? "plugin_failed" : "given_back"
            );
        }
        check_conservation(outcome, records.size(), held_before);
        take(std::move(outcome));
    }

    /// Moves the clock and calls flush(timer) every 100 ms, when the filter wants it.
    void advance(std::chrono::nanoseconds by) {
        const int64_t step = 100'000'000;
        for (int64_t left = by.count(); left > 0; left -= step) {
            const int64_t now = left < step ? left : step;
            host_.wall_ns += now;
            host_.steady_ns += now;
            if ((type_.describe()->needs & SEYIR_WANTS_TIMER) != 0) {
                flush(SEYIR_FLUSH_TIMER);
            }
        }
    }

    void flush(seyir_flush_reason reason = SEYIR_FLUSH_SHUTDOWN) {
        if (type_.flush == nullptr) {
            return;
        }
        HostBatch batch(host_, {});
        last_status_ = type_.flush(self_, batch.abi(), reason);
        Outcome outcome;
        batch.finish(outcome);
        take(std::move(outcome));
    }

    /// Records that went on, in order.
    const std::vector<Record>& out() const { return all_.emitted; }

    const std::vector<Dropped>& dropped() const { return all_.dropped; }

    const std::vector<Failed>& failed() const { return all_.failed; }

    void clear() { all_ = {}; }

    /// What process() or flush() gave back last; with kRetry, kFatal and kBatchError explanation().
    seyir_status status() const { return static_cast<seyir_status>(last_status_); }

    const std::string& explanation() const { return all_.explanation; }

    size_t held() const { return host_.held.size(); }

    /// Of a counter, a gauge, or the sum of a histogram: "name" or "name,label=value".
    double metric(const std::string& name) const {
        const auto at = host_.metrics.find(name);
        return at == host_.metrics.end() ? 0 : at->second.value;
    }

    const std::vector<std::string>& logged() const { return host_.logged; }

    /// Everything it did that it must not do; anything left here when the Harness dies fails the
    /// test.
    std::vector<std::string> take_problems() { return std::move(host_.problems); }

    /// From the nth allocation on there is no memory: filters must fail rows, not die.
    void fail_allocations_after(int64_t allocations) { host_.allocations_left = allocations; }

    /// Feeds `record` again and again, 1,000 in a batch; nanoseconds a record, host included.
    double bench(const Record& record, int batches = 200) {
        const std::vector<Record> records(1000, record);
        host_.checks_kept_bytes = false;
        int64_t spent_ns = 0;
        for (int i = 0; i < batches; ++i) {
            HostBatch batch(host_, records);
            const auto began = std::chrono::steady_clock::now();
            last_status_ = type_.process(self_, batch.abi());
            spent_ns += (std::chrono::steady_clock::now() - began).count();
        }
        host_.checks_kept_bytes = true;
        return static_cast<double>(spent_ns) / (1000.0 * batches);
    }

    /// Failed expectations of the whole test program.
    static int& failures() {
        static int count = 0;
        return count;
    }

  private:
    void check_conservation(const Outcome& outcome, size_t rows_in, size_t held_before) {
        const size_t now_held = host_.held.size();
        const size_t seen =
            outcome.emitted.size() + outcome.dropped.size() + outcome.failed.size() + now_held;
        if (seen < rows_in && seen + held_before < rows_in) {
            host_.problems.push_back(
                std::to_string(rows_in) + " rows went in, " + std::to_string(seen) +
                " are accounted for"
            );
        }
    }

    void take(Outcome outcome) {
        const auto move_all = [](auto& from, auto& to) {
            for (auto& one : from) {
                to.push_back(std::move(one));
            }
        };
        move_all(outcome.emitted, all_.emitted);
        move_all(outcome.dropped, all_.dropped);
        move_all(outcome.failed, all_.failed);
        all_.explanation = std::move(outcome.explanation);
    }

    const seyir_filter_type& type_;
    detail::OwnedConfig config_;
    Host host_;
    seyir_filter* self_ = nullptr;
    Outcome all_;
    int32_t last_status_ = SEYIR_OK;
};

// --- cases in files ---

namespace detail {

inline std::vector<std::string> read_lines(const std::filesystem::path& path) {
    std::ifstream in(path);
    if (!in) {
        throw std::runtime_error(path.string() + ": cannot be read");
    }
    std::vector<std::string> lines;
    for (std::string line; std::getline(in, line);) {
        if (!line.empty()) {
            lines.push_back(line);
        }
    }
    return lines;
}

inline void run_step(Harness& h, const Json& step) {
    if (step.has("advance_ms")) {
        h.advance(std::chrono::milliseconds(step["advance_ms"].integer()));
    } else if (step.has("batch")) {
        std::vector<Record> records;
        for (const Json& record : step["batch"].items()) {
            records.push_back(Record::from_json(record));
        }
        h.feed(std::move(records));
    } else {
        h.feed(std::vector{Record::from_json(step)});
    }
}

inline std::vector<Json> results_of(const Harness& h) {
    std::vector<Json> results;
    for (const Record& record : h.out()) {
        results.push_back(record.to_json());
    }
    for (const Dropped& dropped : h.dropped()) {
        results.push_back(Json::object({{"dropped", dropped.reason}, {"body", dropped.record.body}})
        );
    }
    for (const Failed& failed : h.failed()) {
        results.push_back(Json::object({{"failed", failed.code}, {"body", failed.record.body}}));
    }
    return results;
}

/// What is written is compared; what is left out of the expectation is not.
inline bool agrees(const Json& expected, const Json& result) {
    for (const auto& [name, value] : expected.members()) {
        if (!result.has(name) || result[name] != value) {
            return false;
        }
    }
    return expected.has("dropped") == result.has("dropped") &&
           expected.has("failed") == result.has("failed");
}

inline void write_results(const std::filesystem::path& path, const std::vector<Json>& results) {
    std::ofstream out(path);
    for (const Json& result : results) {
        out << result.to_text() << '\n';
    }
}

}  // namespace detail

/// Runs each NAME.in.jsonl of the directory and compares with NAME.expect.jsonl: records that went
/// on, then those dropped, then those failed, one JSON object a line. Lines of the input are
/// records, {"batch": [...]}, {"advance_ms": 5000} and, first, {"settings": {"suffix": "?"}}.
/// SEYIR_UPDATE=1 writes the expectations anew. Returns how many cases there are.
inline int run_cases(std::string_view filter, const std::string& directory) {
    int cases = 0;
    for (const auto& entry : std::filesystem::directory_iterator(directory)) {
        const std::string name = entry.path().filename().string();
        const size_t at = name.rfind(".in.jsonl");
        if (at == std::string::npos) {
            continue;
        }
        ++cases;
        Settings settings;
        std::vector<std::string> lines = detail::read_lines(entry.path());
        const Json first = lines.empty() ? Json() : Json::parse(lines.front());
        for (const auto& [key, value] : first["settings"].members()) {
            const bool is_text = value.kind() == Json::Kind::kString;
            settings.emplace_back(key, is_text ? value.string() : value.to_text());
        }
        if (first.has("settings")) {
            lines.erase(lines.begin());
        }
        Harness h(filter, settings);
        for (const std::string& line : lines) {
            detail::run_step(h, Json::parse(line));
        }
        h.flush();
        const auto results = detail::results_of(h);
        const auto expected_path =
            entry.path().parent_path() / (name.substr(0, at) + ".expect.jsonl");
        if (std::getenv("SEYIR_UPDATE") != nullptr) {
            detail::write_results(expected_path, results);
            continue;
        }
        const auto expected = detail::read_lines(expected_path);
        for (size_t i = 0; i < std::max(expected.size(), results.size()); ++i) {
            const std::string want = i < expected.size() ? expected[i] : "nothing";
            const std::string got = i < results.size() ? results[i].to_text() : "nothing";
            if (i >= expected.size() || i >= results.size() ||
                !detail::agrees(Json::parse(want), results[i])) {
                std::fprintf(
                    stderr,
                    "%s, result %zu\n  expected %s\n  got      %s\n",
                    name.c_str(),
                    i + 1,
                    want.c_str(),
                    got.c_str()
                );
                ++Harness::failures();
            }
        }
    }
    return cases;
}

// --- a small test runner ---

struct TestCase {
    const char* name;
    void (*run)();

    static std::vector<TestCase>& all() {
        static std::vector<TestCase> cases;
        return cases;
    }

    TestCase(const char* test_name, void (*body)()) : name(test_name), run(body) {
        if (body != nullptr) {
            all().push_back(*this);
        }
    }
};

inline int run_all() {
    int failed = 0;
    for (const TestCase& test : TestCase::all()) {
        const int before = Harness::failures();
        try {
            test.run();
        } catch (const std::exception& e) {
            std::fprintf(stderr, "%s: %s\n", test.name, e.what());
            ++Harness::failures();
        }
        const bool is_good = Harness::failures() == before;
        failed += is_good ? 0 : 1;
        std::printf("%s  %s\n", is_good ? "ok    " : "FAILED", test.name);
    }
    std::printf(
        "%zu passed, %d failed\n", TestCase::all().size() - static_cast<size_t>(failed), failed
    );
    return failed == 0 && !TestCase::all().empty() ? 0 : 1;
}

}  // namespace seyir::test

#define SEYIR_JOIN_(a, b) a##b
#define SEYIR_JOIN(a, b) SEYIR_JOIN_(a, b)
#define SEYIR_TEST(name)                                                  \
    static void SEYIR_JOIN(seyir_test_, __LINE__)();                      \
    static const seyir::test::TestCase SEYIR_JOIN(seyir_case_, __LINE__)( \
        name, SEYIR_JOIN(seyir_test_, __LINE__)                           \
    );                                                                    \
    static void SEYIR_JOIN(seyir_test_, __LINE__)()

#define SEYIR_EXPECT(condition)                                                            \
    do {                                                                                   \
        if (!(condition)) {                                                                \
            std::fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
            ++seyir::test::Harness::failures();                                            \
        }                                                                                  \
    } while (false)

#define SEYIR_TEST_MAIN()              \
    int main() {                       \
        return seyir::test::run_all(); \
    }
