// SPDX-License-Identifier: Apache-2.0
#include "common/config/reference/reference.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <simdjson.h>

#include "agent/app/agent_config.hpp"
#include "collector/app/collector_config.hpp"
#include "common/config/schema/scalar.hpp"
#include "test/unit/config/support.hpp"

namespace {

using namespace seyir;

config::LoadOptions offline() {
    config::LoadOptions options;
    options.check_machine = false;
    options.reads_conf_d = false;
    options.host_name = "h1";
    options.environment =
        config::Environment{.variable = [](const std::string& name) -> std::optional<std::string> {
            return name == "CREDENTIALS_DIRECTORY"
                       ? std::optional(test::source_root() + "/test/cases/config")
                       : std::nullopt;
        }};
    return options;
}

/// Removes the `#` of every setting that is off; `# text` stays.
std::string switch_all_on(const std::string& example) {
    std::string out;
    for (size_t at = 0; at < example.size();) {
        const size_t end = example.find('\n', at);
        std::string line = example.substr(at, end - at);
        const size_t hash = line.find_first_not_of(' ');
        if (hash != std::string::npos && line[hash] == '#' && hash + 1 < line.size() &&
            line[hash + 1] != ' ') {
            line.erase(hash, 1);
        }
        out += line + "\n";
        at = end + 1;
    }
    return out;
}

std::string replace_all(std::string text, std::string_view from, std::string_view to) {
    for (size_t at = text.find(from); at != std::string::npos;
         at = text.find(from, at + to.size())) {
        text.replace(at, from.size(), to);
    }
    return text;
}

/// Every ${credential:...} names a file that is there.
std::string with_one_credential(std::string text) {
    static constexpr std::string_view kBegin = "${credential:";
    for (size_t at = text.find(kBegin); at != std::string::npos; at = text.find(kBegin, at + 1)) {
        const size_t name = at + kBegin.size();
        text.replace(name, text.find('}', name) - name, "README.md");
    }
    return text;
}

/// Mistakes in the form of a file or a value; not what two keys that exclude each other, files that
/// are missing here or names that nothing bears bring about.
std::string mistakes_of_form(const config::Diagnostics& diagnostics) {
    std::string found;
    for (const config::Diagnostic& d : diagnostics.sorted()) {
        const bool is_form = d.code.starts_with("E01") || d.code.starts_with("E02") ||
                             (d.code.starts_with("E04") && d.code != config::kNotAllowed);
        if (is_form && d.code != config::kMissingKey) {
            found += fmt::format("{} {}\n", d.code, d.message);
        }
    }
    return found;
}

/// Every default and example is a good value of its own field, in nested schemas too.
void check_defaults(const config::Schema& schema) {
    for (const config::Field& field : schema.fields()) {
        CAPTURE(schema.name());
        CAPTURE(field.name);
        CHECK((!field.help.empty() || field.object));
        const bool is_scalar =
            !field.object && !field.item && field.type != config::Type::kComponents;
        if (is_scalar && field.default_text) {
            CHECK_FALSE(config::check_scalar(field, *field.default_text, *field.default_text));
        }
        if (is_scalar && !field.default_text) {
            CHECK_FALSE(field.example.empty());
        }
        if (field.object) {
            check_defaults(*field.object);
        }
        if (field.item && field.item->object) {
            check_defaults(*field.item->object);
        }
        for (const config::Schema* component : field.components) {
            check_defaults(*component);
        }
    }
}

}  // namespace

TEST_SUITE("common/config/reference") {
    TEST_CASE("every key is explained and every default is a good value") {
        check_defaults(agent::agent_schema());
        check_defaults(collector::collector_schema());
    }

    TEST_CASE("the committed example files are what the schemas say") {
        test::check_committed(
            "configs/agent.yaml", config::example_file(agent::agent_schema(), "agent.yaml")
        );
        test::check_committed(
            "configs/collector.yaml",
            config::example_file(collector::collector_schema(), "collector.yaml")
        );
    }

    TEST_CASE("the committed example files load without a word") {
        const std::string root = test::source_root();
        const auto a = agent::parse_agent_config(
            "a", test::read_text(root + "/configs/agent.yaml"), offline()
        );
        CHECK_MESSAGE(a.ok(), a.diagnostics.to_text());
        CHECK(a.diagnostics.warning_count() == 0);
        const auto c = collector::parse_collector_config(
            "c", test::read_text(root + "/configs/collector.yaml"), offline()
        );
        CHECK_MESSAGE(c.ok(), c.diagnostics.to_text());
        CHECK(c.diagnostics.warning_count() == 0);
    }

    TEST_CASE("the example files load with every setting switched on") {
        const std::string root = test::source_root();
        const auto edit = [&](const std::string& name) {
            std::string text = switch_all_on(test::read_text(root + "/configs/" + name));
            // What no file can have at once, or what only an installed system has.
            text = replace_all(text, "/etc/seyir/agent.token", root + "/VERSION");
            text = with_one_credential(std::move(text));
            text = replace_all(text, "    hash: sha256", "    #hash: sha256");
            text = replace_all(text, "include: [extra/web.yaml]", "include: []");
            text = replace_all(text, "conf_d: fragments.d", "conf_d: off");
            text = replace_all(text, "through: [parse]", "through: []");
            text = replace_all(text, "    dead_letter: rejected", "    #dead_letter: rejected");
            return replace_all(text, "to: [main]", "to: [central, store, copy, screen, nothing]");
        };
        std::string agent_text = replace_all(edit("agent.yaml"), "[central, store,", "[central,");
        const auto a = agent::parse_agent_config("a", agent_text, offline());
        CHECK(mistakes_of_form(a.diagnostics) == "");
        std::string collector_text =
            replace_all(edit("collector.yaml"), "[central, store,", "[store,");
        const auto c = collector::parse_collector_config("c", collector_text, offline());
        CHECK(mistakes_of_form(c.diagnostics) == "");
    }

    TEST_CASE("the committed reference pages are what the schemas say, and there are no others") {
        const auto pages = config::reference_pages(
            {{&agent::agent_schema(), "agent.yaml"},
             {&collector::collector_schema(), "collector.yaml"}}
        );
        CHECK(pages.contains("inputs/tail.md"));
        CHECK(pages.contains("codes.md"));
        const std::string folder = "docs/reference";
        for (const auto& [name, text] : pages) {
            const std::string path = test::source_root() + "/" + folder + "/" + name;
            REQUIRE(io::posix_file_system().make_directories(io::parent_directory(path)));
            test::check_committed(folder + "/" + name, text);
        }
        for (const std::string section : {"inputs", "filters", "outputs"}) {
            const auto names =
                io::posix_file_system().list(test::source_root() + "/" + folder + "/" + section);
            for (const std::string& name : names ? *names : std::vector<std::string>()) {
                CAPTURE(name);
                CHECK(pages.contains(section + "/" + name));
            }
        }
    }

    TEST_CASE("a component's text for the terminal holds every key with its default") {
        const auto kinds = config::component_kinds({{&agent::agent_schema(), "agent.yaml"}});
        REQUIRE_FALSE(kinds.empty());
        const std::string text = config::component_text(kinds[0]);
        CHECK(text.starts_with("input tail (in seyir-agent)\n"));
        for (const config::Field& field : kinds[0].schema->fields()) {
            CHECK_MESSAGE(text.find(field.name + ":") != std::string::npos, field.name);
        }
    }

    TEST_CASE("the JSON Schema is JSON and knows every component") {
        for (const config::Schema* schema :
             {&agent::agent_schema(), &collector::collector_schema()}) {
            const std::string text = config::json_schema(*schema);
            simdjson::dom::parser parser;
            simdjson::dom::element root;
            REQUIRE(parser.parse(text).get(root) == simdjson::SUCCESS);
            for (const config::Field& field : schema->fields()) {
                CAPTURE(field.name);
                CHECK(root["properties"][field.name].error() == simdjson::SUCCESS);
            }
            simdjson::dom::element outputs;
            REQUIRE(
                root.at_pointer("/properties/outputs/additionalProperties/oneOf").get(outputs) ==
                simdjson::SUCCESS
            );
            CHECK(outputs.get_array().size() >= 4);
        }
    }

    TEST_CASE("the effective configuration holds every default, hides secrets and reads back") {
        const std::string text = R"(version: 1
labels: { env: "a b", note: "costs $$5", at: "http://u:hunter2@h" }
tokens: [{ name: t, token: hunter2 }]
inputs: { app: { type: tail, include: "/x/*.log" } }
outputs: { c: { type: collector, endpoints: "[::1]:7410", token: hunter2, tls: {} } }
)";
        const auto loaded = agent::parse_agent_config("a", text, offline());
        REQUIRE_MESSAGE(loaded.ok(), loaded.diagnostics.to_text());
        CHECK(loaded.effective.find("hunter2") == std::string::npos);
        CHECK(loaded.effective.find("max_line: 1MiB") != std::string::npos);
        CHECK(loaded.effective.find("token: \"***\"") != std::string::npos);
        const auto again = agent::parse_agent_config("b", loaded.effective, offline());
        REQUIRE_MESSAGE(again.ok(), again.diagnostics.to_text());
        CHECK(again.effective == loaded.effective);
        CHECK(again.config->labels.size() == loaded.config->labels.size());
        CHECK(loaded.effective.find("http://***@h") != std::string::npos);
        CHECK(again.effective.find("tls:") != std::string::npos);
    }

    TEST_CASE("every code has a title and an explanation, and is found in any spelling") {
        for (const config::CodeInfo& info : config::all_codes()) {
            CAPTURE(info.code);
            CHECK_FALSE(info.title.empty());
            CHECK_FALSE(info.explanation.empty());
            CHECK(config::find_code(info.code) == &info);
        }
        CHECK(config::find_code("e0203") == config::find_code("0203"));
        CHECK(config::find_code("E9999") == nullptr);
        CHECK(config::find_code("") == nullptr);
        CHECK(config::find_code("E02x3") == nullptr);
    }
}
