// SPDX-License-Identifier: Apache-2.0
// The files `seyir plugin new` writes. test/e2e/test_plugin_guide.py builds and runs them.
#include <array>

#include "ctl/plugin/scaffold.hpp"

namespace seyir::ctl {
namespace {

constexpr std::string_view kMesonCpp =
    R"text(project('@name@', 'cpp', version: '0.1.0', meson_version: '>=1.0',
  default_options: ['cpp_std=c++17', 'warning_level=3', 'werror=true', 'buildtype=debugoptimized'])

seyir = dependency('seyir-plugin-1')
@name@ = shared_module('@name@', '@name@.cpp', name_prefix: '', dependencies: seyir,
  gnu_symbol_visibility: 'hidden', cpp_args: '-DPLUGIN_VERSION="@0@"'.format(meson.project_version()),
  install: true, install_dir: seyir.get_variable('plugindir'))
)text";

constexpr std::string_view kMesonC =
    R"text(project('@name@', 'c', 'cpp', version: '0.1.0', meson_version: '>=1.0',
  default_options: ['c_std=c99', 'cpp_std=c++17', 'warning_level=3', 'werror=true',
                    'buildtype=debugoptimized'])

seyir = dependency('seyir-plugin-1')
@name@ = shared_module('@name@', '@name@.c', name_prefix: '', dependencies: seyir,
  gnu_symbol_visibility: 'hidden', c_args: '-DPLUGIN_VERSION="@0@"'.format(meson.project_version()),
  install: true, install_dir: seyir.get_variable('plugindir'))
)text";

constexpr std::string_view kMesonTests = R"text(
tests = executable('@name@_test', 'tests/@name@_test.cpp', dependencies: seyir,
  cpp_args: '-DCASES="@0@"'.format(meson.project_source_root() / 'tests/cases'))
test('records', tests, depends: @name@, env: {'SEYIR_PLUGIN': @name@.full_path()})

command = find_program('seyir', dirs: [seyir.get_variable('bindir')], required: false)
if command.found()
  test('check', command, args: ['plugin', 'check', @name@], timeout: 300)
endif
)text";

constexpr std::string_view kSourceCpp =
    R"text(// @name@: a filter for Seyir.
#include <seyir/plugin.hpp>

#include <algorithm>
#include <string>

namespace {

class @Name@ : public seyir::Filter {
  public:
    // What users see: `seyir plugin doc` and `seyir validate` read this.
    static void describe(seyir::Description& d) {
        d.name("@name@").summary("Writes bodies in capitals.");
        d.text("suffix").help("Added at the end of each body.").or_else("!").between(0, 16);
        d.text("only")
            .help("The records to change: those whose attribute `level` is this.")
            .show("error");
    }

    // A configured instance; one for each worker, so it needs no locks.
    @Name@(const seyir::Host& host, const seyir::Config& config)
        : suffix_(config.text("suffix")),
          only_(config.text("only")),
          level_(host.key("level")),
          empty_(host.reason("empty")),
          changed_(host.counter("records_total", "Records that were changed.")) {
    }

    // Up to some thousand records. Those nothing is said about go on as they are.
    seyir::Status process(seyir::Batch& batch) override {
        for (const seyir::Row row : batch) {
            if (row.body().empty()) {
                row.drop(empty_);
                continue;
            }
            if (!only_.empty() && row.text(level_) != only_) {
                continue;
            }
            row.set_body(shouted(batch, row.body()), seyir::Bytes::kKeep);
            changed_.add();
        }
        return seyir::Status::kOk;
    }

  private:
    // In the batch's own memory: nothing to free.
    std::string_view shouted(const seyir::Batch& batch, std::string_view body) const {
        const size_t size = body.size() + suffix_.size();
        char* loud = batch.alloc(size);
        std::transform(body.begin(), body.end(), loud, [](char c) {
            return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
        });
        suffix_.copy(loud + body.size(), suffix_.size());
        return {loud, size};
    }

    std::string suffix_;
    std::string only_;
    seyir::Key level_;
    seyir::Reason empty_;
    seyir::Metric changed_;
};

}  // namespace

SEYIR_PLUGIN("you", PLUGIN_VERSION, "Apache-2.0", @Name@);
)text";

constexpr std::string_view kSourceC = R"text(/* @name@: a filter for Seyir. */
#include <stdlib.h>
#include <string.h>

#include <seyir/plugin.h>

enum { FIELD_SUFFIX, FIELD_ONLY, FIELD_COUNT };

/* What users see: `seyir plugin doc` and `seyir validate` read this. */
static const seyir_field fields[FIELD_COUNT] = {
    {.size = sizeof(seyir_field),
     .type = SEYIR_TYPE_STRING,
     .name = "suffix",
     .help = "Added at the end of each body.",
     .default_text = "!",
     .max = 16},
    {.size = sizeof(seyir_field),
     .type = SEYIR_TYPE_STRING,
     .name = "only",
     .help = "The records to change: those whose attribute `level` is this.",
     .example = "error"},
};

static const seyir_filter_descriptor descriptor = {
    .size = sizeof(seyir_filter_descriptor),
    .thread_model = SEYIR_PER_WORKER,
    .name = "@name@",
    .summary = "Writes bodies in capitals.",
    .fields = fields,
    .field_count = FIELD_COUNT,
    .field_size = sizeof(seyir_field),
};

static const seyir_filter_descriptor* describe(void) {
    return &descriptor;
}

typedef struct @name@ {
    const seyir_host* host;
    char suffix[16];
    uint64_t suffix_size;
    char* only;
    uint64_t only_size;
    uint32_t level;
    uint32_t empty;
    seyir_metric* changed;
} @name@;

static void destroy(seyir_filter* filter) {
    @name@* self = (@name@*)filter;
    free(self->only);
    free(self);
}

/* A configured instance; one for each worker, so it needs no locks. */
static seyir_filter* create(
    const seyir_host* host, const seyir_config* config, seyir_error* error
) {
    const seyir_text suffix = config->settings[FIELD_SUFFIX].text;
    const seyir_text only = config->settings[FIELD_ONLY].text;
    @name@* self = calloc(1, sizeof *self);
    if (self == NULL || (self->only = malloc(only.size + 1)) == NULL) {
        strcpy(error->message, "out of memory");
        free(self);
        return NULL;
    }
    self->host = host;
    memcpy(self->suffix, suffix.data, suffix.size);
    self->suffix_size = suffix.size;
    memcpy(self->only, only.data, only.size);
    self->only_size = only.size;
    self->level = host->intern_key(host, seyir_text_of_string("level"));
    self->empty = host->drop_reason(host, seyir_text_of_string("empty"));
    self->changed = host->metric(
        host,
        SEYIR_COUNTER,
        seyir_text_of_string("records_total"),
        seyir_text_of_string("Records that were changed."),
        NULL,
        0
    );
    return (seyir_filter*)self;
}

static int is_wanted(const @name@* self, const seyir_batch* batch, uint32_t row) {
    const seyir_attr* level = seyir_get(batch, row, self->level);
    seyir_text text = seyir_text_of("", 0);
    if (self->only_size == 0) {
        return 1;
    }
    if (level != NULL) {
        text = seyir_value_text(&level->value);
    }
    return text.size == self->only_size && memcmp(text.data, self->only, text.size) == 0;
}

static void change(const @name@* self, seyir_batch* batch, uint32_t row) {
    const seyir_text body = batch->body[row];
    /* In the batch's own memory: nothing to free. */
    char* loud = batch->api->alloc(batch, body.size + self->suffix_size);
    uint64_t i;
    if (loud == NULL) {
        batch->api->fail(
            batch,
            row,
            seyir_text_of_string("no_memory"),
            seyir_text_of_string("the batch has no memory left"),
            SEYIR_NO_KEY
        );
        return;
    }
    for (i = 0; i < body.size; ++i) {
        const char c = body.data[i];
        loud[i] = (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    }
    memcpy(loud + body.size, self->suffix, self->suffix_size);
    batch->api->set_body(
        batch, row, seyir_text_of(loud, body.size + self->suffix_size), SEYIR_KEEP
    );
    self->host->metric_add(self->changed, 1);
}

/* Up to some thousand records. Those nothing is said about go on as they are. */
static int32_t process(seyir_filter* filter, seyir_batch* batch) {
    const @name@* self = (const @name@*)filter;
    uint32_t row;
    for (row = 0; row < batch->row_count; ++row) {
        if (batch->body[row].size == 0) {
            batch->api->drop(batch, row, self->empty);
        } else if (is_wanted(self, batch, row)) {
            change(self, batch, row);
        }
    }
    return SEYIR_OK;
}

static const seyir_filter_type type = {
    .size = sizeof(seyir_filter_type),
    .describe = describe,
    .create = create,
    .process = process,
    .destroy = destroy,
};
static const seyir_filter_type* const types[] = {&type};
static const seyir_filter_factory factory = {sizeof(seyir_filter_factory), 1, types};

static const void* get_factory(const char* id) {
    return strcmp(id, SEYIR_FILTER_FACTORY) == 0 ? &factory : NULL;
}

SEYIR_EXPORT extern const seyir_entry seyir_plugin_entry;
const seyir_entry seyir_plugin_entry = {
    .magic = SEYIR_MAGIC,
    .abi_major = SEYIR_ABI_MAJOR,
    .abi_minor = SEYIR_ABI_MINOR_NEEDED,
    .size = sizeof(seyir_entry),
    .vendor = "you",
    .version = PLUGIN_VERSION,
    .licence = "Apache-2.0",
    .get_factory = get_factory,
};
)text";

constexpr std::string_view kTest =
    R"text(// Runs the plugin without Seyir; the clock stands still until advance().
#include <seyir/harness.hpp>

using seyir::test::Harness;

SEYIR_TEST("bodies become capitals, with the suffix") {
    Harness h("@name@", {{"suffix", "?"}});
    h.feed(R"({"body": "hello"})");
    SEYIR_EXPECT(h.out().size() == 1);
    SEYIR_EXPECT(h.out()[0].body == "HELLO?");
    SEYIR_EXPECT(h.metric("records_total") == 1);
}

SEYIR_TEST("without memory the records fail; none is lost and nothing crashes") {
    Harness h("@name@");
    h.fail_allocations_after(0);
    h.feed(R"({"body": "hello"})");
    SEYIR_EXPECT(h.failed().size() == 1);
    SEYIR_EXPECT(h.failed()[0].record.body == "hello");
}

SEYIR_TEST("the cases in files") {
    SEYIR_EXPECT(seyir::test::run_cases("@name@", CASES) > 0);
}

SEYIR_TEST_MAIN()
)text";

constexpr std::string_view kCaseIn =
    R"({"settings": {"suffix": "!!", "only": "error"}}
{"body": "disk full", "attributes": {"level": "error"}, "labels": {"host": "h1"}}
{"body": "all is well", "attributes": {"level": "info"}}
{"body": ""}
)";

constexpr std::string_view kCaseExpect =
    R"({"body": "DISK FULL!!", "attributes": {"level": "error"}}
{"body": "all is well", "attributes": {"level": "info"}}
{"dropped": "empty", "body": ""}
)";

constexpr std::string_view kIgnore = "/build/\n";

constexpr std::string_view kReadme = R"text(# @name@

A filter for Seyir. It needs a compiler, meson, pkg-config and Seyir's plugin headers.

```sh
meson setup build
meson test -C build                       # its own tests, and `seyir plugin check`
seyir plugin doc build/@name@.so            # the page for users
meson install -C build                    # into Seyir's plugin directory
```

Without installing it, name the directory in the configuration:

```yaml
plugins: { directories: [/path/to/build] }
filters:
  loud: { type: @name@, suffix: '!!' }
```

Cases in `tests/cases` are pairs of files: records that go in, and what becomes of them.
`SEYIR_UPDATE=1 meson test -C build` writes the second one anew.
)text";

constexpr std::string_view kCi = R"text(#!/bin/sh
# What a build server runs: everything from nothing, warnings are errors.
set -eu
cd "$(dirname "$0")/.."
rm -rf build
meson setup build
meson compile -C build
meson test -C build --print-errorlogs
)text";

constexpr std::string_view kControl = R"text(Source: seyir-plugin-@name@
Section: admin
Priority: optional
Maintainer: you <you@example.org>
Build-Depends: debhelper-compat (= 13), meson, pkg-config, seyir-plugin-dev
Standards-Version: 4.6.2
Rules-Requires-Root: no

Package: seyir-plugin-@name@
Architecture: any
Depends: ${shlibs:Depends}, ${misc:Depends}
Description: filter @name@ for Seyir
 Loaded by seyir-agent and seyir-collector from their plugin directory.
)text";

constexpr std::string_view kRules = "#!/usr/bin/make -f\n%:\n\tdh $@ --buildsystem=meson\n";

constexpr std::string_view kChangelog =
    "seyir-plugin-@name@ (0.1.0-1) unstable; urgency=medium\n\n  * First version.\n\n"
    " -- you <you@example.org>  Thu, 01 Jan 2026 00:00:00 +0000\n";

constexpr std::string_view kLua =
    R"text(-- @name@: a script for the filter `lua`, called with each record.
-- Gives back a code, the time and the record: 0 = unchanged, 2 = changed, -1 = dropped.
function @name@(tag, timestamp, record)
    if record["log"] == nil then
        return 0, timestamp, record
    end
    record["log"] = string.upper(record["log"]) .. "!"
    return 2, timestamp, record
end
)text";

constexpr std::string_view kLuaReadme = R"text(# @name@

A script for Seyir's filter `lua`: no compiler, no shared object.

```yaml
filters:
  loud: { type: lua, script: /path/to/@name@.lua, call: @name@ }
```

`seyir validate FILE` compiles it; `tests:` in the configuration run it (`seyir test FILE`).
)text";

constexpr std::array kFiles = {
    TemplateFile{"c++", "meson.build", ""},
    TemplateFile{"c", "meson.build", ""},
    TemplateFile{"c++", "@name@.cpp", kSourceCpp},
    TemplateFile{"c", "@name@.c", kSourceC},
    TemplateFile{"", "tests/@name@_test.cpp", kTest},
    TemplateFile{"", "tests/cases/levels.in.jsonl", kCaseIn},
    TemplateFile{"", "tests/cases/levels.expect.jsonl", kCaseExpect},
    TemplateFile{"", "README.md", kReadme},
    TemplateFile{"", ".gitignore", kIgnore},
    TemplateFile{"", "ci/run", kCi, true},
    TemplateFile{"", "debian/control", kControl},
    TemplateFile{"", "debian/rules", kRules, true},
    TemplateFile{"", "debian/changelog", kChangelog},
    TemplateFile{"", "debian/source/format", "3.0 (quilt)\n"},
    TemplateFile{"lua", "@name@.lua", kLua},
    TemplateFile{"lua", "README.md", kLuaReadme},
};

}  // namespace

std::span<const TemplateFile> template_files() {
    static const std::string cpp = std::string(kMesonCpp) + std::string(kMesonTests);
    static const std::string c = std::string(kMesonC) + std::string(kMesonTests);
    static const auto files = [] {
        auto all = kFiles;
        all[0].text = cpp;
        all[1].text = c;
        return all;
    }();
    return files;
}

}  // namespace seyir::ctl
