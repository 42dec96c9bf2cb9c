// SPDX-License-Identifier: Apache-2.0
// Runs test/cases/template/*.case; the format is in the README there.
#include "common/logql/template/template.hpp"

#include <cstdlib>
#include <sstream>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "common/io/file_system.hpp"
#include "common/record/stream_labels.hpp"

namespace {

using namespace seyir;
using logql::tmpl::Template;

std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '\n') {
            out += "\\n";
        } else {
            out += c;
        }
    }
    return out;
}

/// A row with labels and a line, and what a template makes of it.
class TemplateRow {
  public:
    void set(std::string_view definition) {
        const size_t equal = definition.find('=');
        std::string name(definition.substr(0, equal));
        std::string value(definition.substr(equal + 1));
        if (name == "__line__") {
            line_ = value;
        } else if (name == "__timestamp__") {
            ts_ = std::stoll(value);
        } else {
            labels_.emplace_back(std::move(name), std::move(value));
        }
    }

    std::string render(std::string_view text) const {
        const auto compiled = Template::compile(text);
        if (!compiled) {
            return "? " + compiled.error().message;
        }
        auto pairs = labels_;
        RecordBatch batch;
        const uint16_t stream = batch.add_stream(*StreamLabels::make(std::move(pairs)));
        batch.append_row({.ts = {ts_}, .stream = stream, .body = line_});
        logql::ScratchRow row;
        row.bind(batch, 0);
        const auto out = compiled->render(row);
        return out ? "= " + escaped(*out)
                   : "! " + std::string(row.get_or_empty(logql::kErrorDetailsLabel));
    }

  private:
    std::vector<StreamLabels::Pair> labels_;
    std::string line_;
    int64_t ts_ = 1;
};

/// The file as it should be; every answer that is not so is checked.
std::string run_cases(const std::string& text, bool update) {
    TemplateRow row;
    std::string out;
    std::string wanted_for;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("label ")) {
            row.set(std::string_view(line).substr(6));
        } else if (line.starts_with("> ")) {
            wanted_for = line.substr(2);
            out += line + "\n" + row.render(wanted_for) + "\n";
            continue;
        } else if (!wanted_for.empty() && !line.empty() &&
                   std::string_view("=!?").contains(line[0])) {
            if (!update) {
                CHECK_MESSAGE(row.render(wanted_for) == line, wanted_for);
            }
            wanted_for.clear();
            continue;
        }
        out += line + "\n";
    }
    return out;
}

}  // namespace

TEST_SUITE("common/logql/template") {
    TEST_CASE("each template gives its text or its error") {
        const std::string folder = std::string(SEYIR_SOURCE_ROOT) + "/test/cases/template";
        io::FileSystem& fs = io::posix_file_system();
        const auto names = fs.list(folder);
        REQUIRE(names);
        const bool update = std::getenv("SEYIR_UPDATE") != nullptr;
        size_t ran = 0;
        for (const std::string& name : *names) {
            if (!name.ends_with(".case")) {
                continue;
            }
            CAPTURE(name);
            const std::string path = folder + "/" + name;
            const std::string text = *io::read_file(fs, path, 1 << 20);
            const std::string now = run_cases(text, update);
            if (update) {
                REQUIRE(io::write_file_atomically(fs, path, now));
            } else {
                CHECK(now == text);
            }
            ++ran;
        }
        CHECK(ran >= 3);
    }

    TEST_CASE("a template cannot write or run without bound") {
        TemplateRow row;
        row.set("x=abcdefghij");
        const std::string big = row.render("{{ repeat 10000000 .x }}");
        CHECK(big == "! templates wrote more than 4 MiB for this line");
        CHECK(row.render("{{ alignLeft 1000000000 .x }}") == big);
        CHECK(row.render("{{ indent 1000000000 .x }}") == big);
        CHECK(row.render("{{ $a := repeat 1000 .x }}{{ repeat 1000 $a }}") == big);
        CHECK(row.render("{{ printf \"%1000000000d\" 1 }}").size() == 2 + 10'000);
        const std::string steps = "! templates took more than 200000 steps for this line";
        CHECK(row.render("{{ range 1000000000 }}{{ end }}") == steps);
        CHECK(row.render("{{ range 1000 }}{{ range 1000 }}{{ end }}{{ end }}") == steps);
        CHECK(row.render("{{ regexReplaceAll \"\" (repeat 300000 \"a\") \"\" }}") == steps);
        std::string deep = "{{";
        deep.append(200, '(');
        CHECK(row.render(deep + "1" + std::string(200, ')') + "}}").contains("nested deeper"));
        std::string ifs;
        for (int i = 0; i < 200; ++i) {
            ifs += "{{if 1}}";
        }
        CHECK(row.render(ifs).contains("nested deeper"));
    }
}
