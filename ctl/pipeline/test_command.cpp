// SPDX-License-Identifier: Apache-2.0
// seyir test: runs the tests that stand in a configuration.
#include <cstdio>
#include <string>

#include <fmt/format.h>

#include "common/base/text.hpp"
#include "common/io/file_system.hpp"
#include "ctl/pipeline/load_program.hpp"
#include "ctl/pipeline/test_run.hpp"
#include "ctl/session.hpp"

namespace seyir::ctl {
namespace {

constexpr size_t kGoldenBytesMax = 64U << 20U;

/// The first line in which they differ, for people.
std::string difference(const std::string& expected, const std::string& got) {
    size_t line = 1;
    size_t begin = 0;
    size_t i = 0;
    for (; i < expected.size() && i < got.size() && expected[i] == got[i]; ++i) {
        if (expected[i] == '\n') {
            ++line;
            begin = i + 1;
        }
    }
    const auto line_of = [&](const std::string& text) {
        return begin >= text.size() ? std::string("(the end)")
                                    : text.substr(begin, text.find('\n', begin) - begin);
    };
    return fmt::format(
        "line {}\n    expected {}\n    got      {}", line, line_of(expected), line_of(got)
    );
}

class Tests {
  public:
    Tests(const ProgramFile& file, const Arguments& arguments, bool is_json)
        : file_(file),
          arguments_(arguments),
          is_json_(is_json),
          run_(file.config->pipeline, file.config->home) {}

    int run() {
        const std::string wanted = arguments_.get("name");
        for (const config::TestOptions& test : file_.config->pipeline.tests) {
            if (wanted.empty() || test.name.find(wanted) != std::string::npos) {
                run_one(test);
            }
        }
        if (arguments_.has("coverage")) {
            show_coverage();
        }
        if (!is_json_) {
            out_ += fmt::format("{} passed, {} failed\n", passed_, failed_);
        }
        if (const auto printed = print(out_); !printed) {
            return report(printed.error());
        }
        if (passed_ + failed_ == 0) {
            return report(fail(
                ErrorCode::kNotFound,
                wanted.empty() ? "there is no test in it: add `tests:`"
                               : "no test has that in its name: " + wanted
            ));
        }
        return failed_ == 0 ? kExitOk : kExitFailure;
    }

  private:
    void run_one(const config::TestOptions& test) {
        auto result = run_.run(test);
        if (!result) {
            result = TestResult{.ok = false, .failures = {result.error().message}, .golden = ""};
        }
        if (!test.golden.empty()) {
            check_golden(test, *result);
        }
        (result->failures.empty() ? passed_ : failed_) += 1;
        show(test, *result);
    }

    void check_golden(const config::TestOptions& test, TestResult& result) const {
        io::FileSystem& files = io::posix_file_system();
        if (arguments_.has("update")) {
            auto written = io::write_file_atomically(files, test.golden, result.golden);
            if (!written) {
                result.failures.push_back(written.error().message);
            }
            return;
        }
        auto expected = io::read_file(files, test.golden, kGoldenBytesMax);
        if (!expected) {
            result.failures.push_back(
                expected.error().message + "; `seyir test --update` writes it"
            );
        } else if (*expected != result.golden) {
            result.failures.push_back(
                test.golden + ": " + difference(*expected, result.golden) +
                "\n    `seyir test --update` accepts it"
            );
        }
    }

    void show(const config::TestOptions& test, const TestResult& result) {
        const bool ok = result.failures.empty();
        const std::string place = file_.diagnostics->sources().place_name(test.name_span);
        if (is_json_) {
            std::string failures;
            for (const std::string& failure : result.failures) {
                failures += (failures.empty() ? "" : ",") + json_quote(failure);
            }
            out_ += fmt::format(
                "{{\"name\":{},\"place\":{},\"ok\":{},\"failures\":[{}]}}\n",
                json_quote(test.name),
                json_quote(place),
                ok,
                failures
            );
            return;
        }
        out_ += fmt::format("{} {} ({})\n", ok ? "ok    " : "FAILED", test.name, place);
        for (const std::string& failure : result.failures) {
            out_ += "  " + failure + "\n";
        }
    }

    void show_coverage() {
        const auto untouched = run_.untouched();
        const size_t all = run_.component_count();
        if (is_json_) {
            std::string names;
            for (const std::string& name : untouched) {
                names += (names.empty() ? "" : ",") + json_quote(name);
            }
            out_ += fmt::format("{{\"components\":{},\"untouched\":[{}]}}\n", all, names);
            return;
        }
        out_ += fmt::format("\n{} of {} components saw a record\n", all - untouched.size(), all);
        for (const std::string& name : untouched) {
            out_ += "  never reached: " + name + "\n";
        }
    }

    const ProgramFile& file_;
    const Arguments& arguments_;
    const bool is_json_;
    TestRun run_;
    std::string out_;
    size_t passed_ = 0;
    size_t failed_ = 0;
};

}  // namespace

int test_command(const Arguments& arguments) {
    const auto style = print_style(arguments);
    if (!style) {
        return report(style.error());
    }
    const auto file = load_program(arguments.values[0], arguments, true);
    if (!file) {
        return config::kExitBadConfig;
    }
    return Tests(*file, arguments, style->form == OutputForm::kJson).run();
}

}  // namespace seyir::ctl
