// SPDX-License-Identifier: Apache-2.0
// What is loaded, and what is refused with which words.
#include <cstring>
#include <filesystem>
#include <fstream>

#include <sys/stat.h>

#include <doctest/doctest.h>

#include "common/component/catalogue.hpp"
#include "common/plugin/layout.hpp"
#include "common/plugin/loader.hpp"
#include "test/support/temp_dir.hpp"

namespace seyir::plugin {
namespace {

std::string read_bytes(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

void write_bytes(const std::string& path, const std::string& bytes, mode_t mode = 0755) {
    std::ofstream(path, std::ios::binary) << bytes;
    REQUIRE(chmod(path.c_str(), mode) == 0);
}

std::string refusal(const std::string& path) {
    const auto library = open_library(path);
    return library ? "" : library.error().message;
}

bool has(const std::string& text, std::string_view part) {
    INFO(text);
    return text.find(part) != std::string::npos;
}

seyir_entry good_entry() {
    seyir_entry entry{};
    entry.magic = SEYIR_MAGIC;
    entry.abi_major = SEYIR_ABI_MAJOR;
    entry.abi_minor = SEYIR_ABI_MINOR;
    entry.size = sizeof entry;
    entry.get_factory = [](const char*) -> const void* { return nullptr; };
    return entry;
}

config::Diagnostics diagnostics_of(const std::string& text) {
    return config::Diagnostics(std::make_shared<config::SourceFile>("test.yaml", text));
}

TEST_SUITE("common/plugin") {
    TEST_CASE("records and the plugin ABI have the same bytes") {
        CHECK(layouts_match());
    }

    TEST_CASE("a plugin says who made it and which filters it has") {
        const auto library = open_library(SEYIR_MISBEHAVE_PLUGIN);
        REQUIRE(library);
        CHECK((*library)->vendor == "Seyir's tests");
        CHECK((*library)->licence == "Apache-2.0");
        REQUIRE((*library)->filters.size() == 2);
        CHECK((*library)->filters[0]->name == "misbehave");
        CHECK((*library)->filters[0]->schema->find("on_error") != nullptr);
        const auto again = open_library(SEYIR_MISBEHAVE_PLUGIN);
        REQUIRE(again);
        CHECK(*again == *library);
    }

    TEST_CASE("a file that is no plugin is refused by what it is") {
        const test::TempDir dir;
        write_bytes(dir.path() + "/text.so", "#!/bin/sh\n");
        CHECK(has(refusal(dir.path() + "/text.so"), "not an ELF file"));
        std::string elf = read_bytes(SEYIR_MISBEHAVE_PLUGIN);
        std::string foreign = elf;
        foreign[18] = 0x28;  // 32-bit ARM
        foreign[19] = 0;
        write_bytes(dir.path() + "/arm.so", foreign);
        CHECK(has(refusal(dir.path() + "/arm.so"), "built for 32-bit ARM, this program is"));
        std::string cut = elf.substr(0, 4096);
        write_bytes(dir.path() + "/cut.so", cut);
        CHECK(has(refusal(dir.path() + "/cut.so"), "the file is cut off"));
        std::string renamed = elf;
        for (size_t at = 0; (at = renamed.find("seyir_plugin_entry", at)) != std::string::npos;) {
            renamed[at] = 'S';
        }
        write_bytes(dir.path() + "/renamed.so", renamed);
        CHECK(has(refusal(dir.path() + "/renamed.so"), "no symbol `seyir_plugin_entry`"));
        CHECK(has(refusal(dir.path() + "/none.so"), "none.so"));
    }

    TEST_CASE("a file or directory that others may write to is refused before it is opened") {
        const test::TempDir dir;
        const std::string path = dir.path() + "/shared.so";
        write_bytes(path, read_bytes(SEYIR_MISBEHAVE_PLUGIN), 0757);
        CHECK(has(refusal(path), "the plugin is writable by others (mode 757)"));
        CHECK(has(refusal(path), "chmod go-w"));
        if (geteuid() == 0) {
            REQUIRE(chmod(path.c_str(), 0755) == 0);
            REQUIRE(chown(path.c_str(), 65534, 65534) == 0);
            CHECK(has(refusal(path), "belongs to user 65534"));
        }
        REQUIRE(chmod(dir.path().c_str(), 0777) == 0);
        const auto found = scan_directory(dir.path());
        REQUIRE_FALSE(found);
        CHECK(has(found.error().message, "the directory is writable by others"));
    }

    TEST_CASE("a version that does not fit is refused with both versions and what to do") {
        seyir_entry entry = good_entry();
        CHECK(check_entry(entry, "p.so"));
        entry.abi_major = 2;
        CHECK(
            has(check_entry(entry, "p.so").error().message,
                "p.so: built for plugin ABI 2.0, this program has 1.0")
        );
        CHECK(has(check_entry(entry, "p.so").error().message, "install a newer Seyir"));
        entry = good_entry();
        entry.abi_minor = 7;
        CHECK(has(
            check_entry(entry, "p.so").error().message, "needs plugin ABI 1.7, this program has 1.0"
        ));
        entry = good_entry();
        entry.size = 16;
        CHECK(has(check_entry(entry, "p.so").error().message, "its entry has 16 bytes"));
        entry = good_entry();
        entry.magic = 42;
        CHECK(has(check_entry(entry, "p.so").error().message, "0x000000000000002a"));
        entry = good_entry();
        entry.get_factory = nullptr;
        CHECK_FALSE(check_entry(entry, "p.so"));
    }

    TEST_CASE("directories fill the catalogue; what is refused becomes a diagnostic with a remedy"
    ) {
        const test::TempDir dir;
        write_bytes(dir.path() + "/a.so", read_bytes(SEYIR_MISBEHAVE_PLUGIN));
        write_bytes(dir.path() + "/b.so", read_bytes(SEYIR_MISBEHAVE_PLUGIN));
        write_bytes(dir.path() + "/c.so", "no");
        write_bytes(dir.path() + "/readme.txt", "no plugin");
        auto diagnostics = diagnostics_of("plugins: {}\n");
        component::Catalogue catalogue;
        const auto loaded = load_plugins(
            catalogue, {{"/nonexistent", {}}, {dir.path(), config::Span{0, 7}}}, diagnostics
        );
        CHECK_FALSE(loaded);
        CHECK(catalogue.filters().size() == 2);
        CHECK(catalogue.filter("misbehave") != nullptr);
        const std::string text = diagnostics.to_text();
        CHECK(has(text, "E0601"));
    }

    TEST_CASE("what is wrong in the default directory is a warning") {
        const test::TempDir dir;
        write_bytes(dir.path() + "/c.so", "no");
        auto diagnostics = diagnostics_of("plugins: {}\n");
        component::Catalogue catalogue;
        CHECK(load_plugins(catalogue, {{dir.path(), {}}}, diagnostics));
        CHECK(diagnostics.warning_count() == 1);
        CHECK(has(diagnostics.to_text(), "W0602"));
        CHECK(has(diagnostics.to_text(), "c.so: not an ELF file"));
    }

    TEST_CASE("a filter type that is there already is refused, naming both") {
        const test::TempDir dir;
        write_bytes(dir.path() + "/a.so", read_bytes(SEYIR_MISBEHAVE_PLUGIN));
        write_bytes(dir.path() + "/b.so", read_bytes(SEYIR_MISBEHAVE_PLUGIN));
        auto diagnostics = diagnostics_of("plugins: {}\n");
        component::Catalogue catalogue;
        CHECK(load_plugins(catalogue, {{dir.path(), {}}}, diagnostics));
        CHECK(
            has(diagnostics.to_text(),
                "b.so: a filter type `misbehave` is there already, in " + dir.path() + "/a.so")
        );
    }

    TEST_CASE("directories are found in a document that is not checked yet") {
        auto source = std::make_shared<config::SourceFile>(
            "/etc/seyir/c.yaml", "plugins:\n  directories: [/opt/p, rel]\nbroken: 1\n"
        );
        config::Diagnostics diagnostics(source);
        const auto document = config::parse_document(source, diagnostics);
        const auto found = read_plugin_directories(document.root(), "/etc/seyir");
        REQUIRE(found.size() == 3);
        CHECK(found[0].path == default_plugin_directory());
        CHECK_FALSE(found[0].at);
        CHECK(found[1].path == "/opt/p");
        CHECK(found[2].path == "/etc/seyir/rel");
        CHECK(found[2].at);
    }
}

}  // namespace
}  // namespace seyir::plugin
