// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <string>

#include "common/config/diagnostics/codes.hpp"

namespace seyir::config {
namespace {

constexpr std::array kCodes = {
    CodeInfo{
        kUnreadableFile,
        "the configuration file cannot be read",
        "The program could not open or read the file given with --config. The message holds the\n"
        "path and what the operating system said. Check that the path is right and that the\n"
        "user the program runs as (often `seyir`) may read the file and enter its directories."
    },
    CodeInfo{
        kSyntax,
        "the file is not YAML",
        "The reader stopped here: what stands at the caret cannot follow what came before it.\n"
        "Usual causes: a tab used to indent, a value that contains `: ` or starts with a special\n"
        "character and is not quoted, lines of one map that do not start in one column, a quote "
        "or\n"
        "bracket that is not closed. Only the first such place can be shown: the rest of the file\n"
        "cannot be read without it.\n\n"
        "    path: [/var/log/*.log    # wrong: `[` is never closed\n"
        "    note: remember: quote    # wrong: `: ` inside a value\n"
        "    note: 'remember: quote'  # right"
    },
    CodeInfo{
        kBadCharacter,
        "a character that a configuration file cannot hold",
        "Files are UTF-8 text with LF, CRLF or CR line ends. Control characters, bytes that are "
        "not\n"
        "UTF-8, and Unicode's own line separators are refused, because editors and YAML readers\n"
        "disagree about them. Save the file as UTF-8; write `\"\\x1b\"` in double quotes if you "
        "need\n"
        "a control character in a value."
    },
    CodeInfo{
        kReferenceNeedsQuotes,
        "a ${...} reference inside { } or [ ] needs quotes",
        "Inside braces YAML reads the `{` of `${NAME}` as the start of a map. Put the value in\n"
        "quotes:\n\n"
        "    tls: { ca: ${CA} }      # wrong\n"
        "    tls: { ca: \"${CA}\" }    # right"
    },
    CodeInfo{
        kLimit,
        "a limit of the reader was reached",
        "Limits: file 4 MiB, 64 levels of nesting, 100,000 values (a value repeated by `*alias`\n"
        "counts each time), files read by ${file:...} 1 MiB each. They keep a broken or hostile "
        "file\n"
        "from using up memory; no sensible configuration comes near them."
    },
    CodeInfo{
        kDuplicateKey,
        "a key is given twice in one map",
        "YAML leaves open which of two equal keys counts, so the file is refused. Both places are\n"
        "shown. Remove one, or give it the name you meant."
    },
    CodeInfo{
        kYamlFeature,
        "a YAML feature that configuration files do not use",
        "Not supported, because they make files hard to read and easy to misread: tags (`!!str`),\n"
        "merge keys (`<<`), several documents in one file (`---`), keys that are lists or maps,\n"
        "aliases that contain themselves. Anchors and aliases for whole values (`&a`, `*a`) work."
    },
    CodeInfo{
        kUnset,
        "a ${VAR} or ${credential:...} is not set",
        "The reference names an environment variable that the program does not have, or a systemd\n"
        "credential while $CREDENTIALS_DIRECTORY is not set. Set it (`Environment=` or\n"
        "`LoadCredential=` in the unit), or give a default: ${VAR:-default}. A `$` that is meant\n"
        "literally is written `$$`."
    },
    CodeInfo{
        kBadReference,
        "a ${...} that is not a reference",
        "Known forms: ${VAR}, ${VAR:-default}, ${VAR:?message}, ${file:/path}, "
        "${credential:name}.\n"
        "To write the characters `${` themselves, write `$${`."
    },
    CodeInfo{
        kUnreadableReference,
        "the file behind ${file:...} or ${credential:...} cannot be read",
        "The message holds the path and what the operating system said. Relative paths start in\n"
        "the directory of the configuration file."
    },
    CodeInfo{
        kIncludedFile,
        "a file named by `include` or `conf_d` cannot be read",
        "`include` takes paths and patterns such as `extra/*.yaml`; relative ones start in the\n"
        "directory of the file that names them, and only the last part may be a pattern. Each\n"
        "file is read once; a file cannot include itself, also not by way of others. `conf_d`\n"
        "names a directory whose `*.yaml` files are read in the order of their names (`agent.d`\n"
        "beside the main file by default, `off` for none).\n\n"
        "Limits: 200 files, 8 levels of `include`, 16 MiB together. While a file is missing, the\n"
        "checks that need all of them are left out."
    },
    CodeInfo{
        kDefinedTwice,
        "the same thing stands in two files",
        "Files are merged: maps join, lists append. A component, a label or a single value can\n"
        "stand in one file only, because otherwise the order of the files would decide which one\n"
        "counts. Both places are shown. (`version` may be repeated.)"
    },
    CodeInfo{
        kIgnoredFile,
        "a file in the `conf_d` directory that is not read",
        "Only files called `*.yaml` are read there. Rename it, or move it away. Names that begin\n"
        "with a dot are left out silently."
    },
    CodeInfo{
        kMissingKey,
        "a required key is missing",
        "The component cannot work without this key. The hint shows how a value looks; the\n"
        "reference page says more."
    },
    CodeInfo{
        kWrongType,
        "a value has the wrong shape",
        "A map, a list or a single value was found where another of them is needed. A list of one\n"
        "may be written as the single value."
    },
    CodeInfo{
        kUnknownKey,
        "a key that is not known here",
        "Every key must be known, so that a misspelt one is never silently ignored. The hint "
        "names\n"
        "the key that was probably meant, also for keys of Fluent Bit, Vector, Filebeat, promtail\n"
        "and Loki; `allowed here` lists them all."
    },
    CodeInfo{
        kUnknownType,
        "a component type that this version does not have",
        "The `type` of an input, filter or output must be one of those listed."
    },
    CodeInfo{kItemCount, "too few or too many entries", "The hint says how many are allowed."},
    CodeInfo{
        kDeprecatedKey, "a key that will go away", "It still works. The hint says what replaces it."
    },
    CodeInfo{
        kBadName,
        "a name that cannot be used",
        "Names of inputs, filters and outputs appear in metrics, labels and file names: small\n"
        "letters, digits, `_` and `-`, a letter first, at most 64 characters. Label names follow\n"
        "Prometheus: letters, digits and `_`, no digit first."
    },
    CodeInfo{
        kVersion,
        "a version of the configuration format that is not known",
        "The key `version` is 1. A higher number belongs to a newer program."
    },
    CodeInfo{
        kUnknownInput,
        "a route reads from an input that does not exist",
        "`from` lists names of the map `inputs`, or \"*\" for all of them."
    },
    CodeInfo{
        kUnknownOutput,
        "a route sends to an output that does not exist",
        "`to` lists names of the map `outputs`."
    },
    CodeInfo{
        kRoutesNeeded,
        "several outputs and no routes",
        "With one output, everything goes there. With several, say what goes where:\n\n"
        "    routes:\n"
        "      - { name: all, to: [main] }\n"
        "      - { name: errors, match: '{} |= \"error\"', to: [alerts] }"
    },
    CodeInfo{
        kUnusedOutput,
        "an output that no route sends to",
        "It is opened and never written. Add it to a route's `to`, or remove it."
    },
    CodeInfo{
        kUnroutedInput,
        "an input that no route reads from",
        "Its records would have nowhere to go. Add it to a route's `from`, or remove it."
    },
    CodeInfo{
        kUnknownFilter,
        "a route passes through a filter that does not exist",
        "`through` lists names of the map `filters`, in the order in which a record passes them."
    },
    CodeInfo{
        kDuplicateName,
        "a name is used twice",
        "Routes and tokens are told apart by their names, in metrics and messages. Within one\n"
        "route, each input, filter and output stands once; a record that must pass a filter of\n"
        "the same settings twice needs two filters with two names."
    },
    CodeInfo{
        kBadMatch,
        "not a LogQL condition",
        "A route's `match`, and `that` of a test, is a LogQL selector and stages that test "
        "records:\n\n"
        "    match: '{env=\"prod\"} |= \"error\" | json | status >= 500'\n\n"
        "Stream labels stand inside `{ }`; attributes are tested after `|`. Aggregations are not\n"
        "possible here."
    },
    CodeInfo{
        kUnusedFilter,
        "a filter that no route passes through",
        "It changes nothing. Add it to a route's `through`, or remove it."
    },
    CodeInfo{
        kDeadLetterLoop,
        "a route's dead letter output is one of the outputs it sends to",
        "What an output of the route refuses goes to `dead_letter`. If that is the same output, "
        "it\n"
        "would be offered the record again for ever. Name an output that stands in `to` of other\n"
        "routes only, or in none: a `file` output does well."
    },
    CodeInfo{
        kUnknownComponent,
        "a test names a component that does not exist",
        "`feed.at` names an input or a filter, `expect.at` and `expect_none` an output or a filter."
    },
    CodeInfo{
        kTestForm,
        "a test that feeds or expects nothing, or feeds in two ways",
        "A test feeds one of `record`, `records`, `lines` and `file`, and says what must come "
        "out:\n"
        "`expect`, `expect_none` or `golden`.\n\n"
        "    tests:\n"
        "      - name: card numbers never leave\n"
        "        feed: { at: redact, record: { line: \"pan 4111 1111 1111 1111\" } }\n"
        "        expect: [{ at: central, that: '|= \"[card]\"' }]"
    },
    CodeInfo{
        kHoldingFilter,
        "a filter that keeps records for later, where that is not possible",
        "Records of files and agents carry their place in the source. The collector stores what\n"
        "one stretch yields in one write, so that a crash can neither lose nor repeat it. A "
        "filter\n"
        "that keeps records back (`multiline`, a summarizing `dedupe`) would tear it apart. Put\n"
        "`multiline` first in the agent's route, where the input itself joins the lines."
    },
    CodeInfo{
        kTellsBeforeRedact,
        "a filter that shows records to outputs of its own before they are redacted",
        "An alert quotes lines of the records it has counted. In a route that redacts, it must "
        "see\n"
        "them redacted, or the e-mail or webhook carries what the store may not hold:\n\n"
        "    routes:\n"
        "      - { name: all, from: '*', through: [private, many_errors], to: store }\n\n"
        "An alert on what redaction takes out belongs into a route of its own."
    },
    CodeInfo{
        kNotBool,
        "not true or false",
        "YAML 1.2 has two words for this: `true` and `false`. `yes`, `no`, `on` and `off` are "
        "plain\n"
        "text."
    },
    CodeInfo{
        kNotInteger, "not a whole number", "Write decimal digits; `_` may separate groups: 100_000."
    },
    CodeInfo{kOutOfRange, "a value outside its range", "The hint says what is allowed."},
    CodeInfo{kNotAllowed, "not one of the allowed values", "The hint lists them."},
    CodeInfo{
        kNotSize,
        "not a size",
        "A number and a unit: B, KiB, MiB, GiB, TiB (powers of 1024) or kB, MB, GB, TB (powers of\n"
        "1000). `1.5GiB` is fine. A number alone is bytes."
    },
    CodeInfo{
        kNotDuration,
        "not a duration",
        "A number and a unit: ns, us, ms, s, m, h, d, w; several together as in `1h30m`. Months "
        "and\n"
        "years have no fixed length: write days."
    },
    CodeInfo{
        kNotAddress,
        "not an address",
        "`host:port`, with IPv6 in brackets: `127.0.0.1:7400`, `[::1]:7400`,\n"
        "`logs.example.org:7410`. Listen addresses take an IP address: `0.0.0.0` and `[::]` are "
        "all\n"
        "of this machine's."
    },
    CodeInfo{
        kBadPath,
        "not a usable path",
        "Relative paths start in the directory of the configuration file. Unix sockets allow at\n"
        "most 107 bytes."
    },
    CodeInfo{
        kBadHash,
        "not a SHA-256 hash",
        "`sha256:` and 64 small hex digits: printf %s SECRET | sha256sum"
    },
    CodeInfo{
        kNotTime,
        "not a time",
        "RFC 3339, like `2027-01-31T12:00:00Z`, or a date like `2027-01-31` (midnight, UTC)."
    },
    CodeInfo{
        kEmptyValue, "an empty value", "Give a value, or leave the key out to get the default."
    },
    CodeInfo{
        kBadScript,
        "a script that does not run",
        "The message is the interpreter's, with the script's line. The script's top level runs "
        "when\n"
        "the configuration is read, inside the same limits as later: it may define functions and\n"
        "tables, and must define the function that records are given to."
    },
    CodeInfo{
        kBadMultiline,
        "multiline rules that cannot work",
        "Give a preset (java, python, go, ruby, dotnet, cri, docker), or `start`, `continue` or\n"
        "`end` patterns in RE2's syntax, or `rules` whose states all lead somewhere, with one "
        "rule\n"
        "that begins a group."
    },
    CodeInfo{
        kNeedsTls,
        "listening beyond this machine without TLS",
        "Records and tokens would cross the network readable. Give the listener a certificate\n"
        "(`tls: { cert, key }`), or listen on 127.0.0.1 behind a proxy. On a network that is\n"
        "protected otherwise, `allow_plaintext: true` permits it."
    },
    CodeInfo{
        kNeedsTokens,
        "listening beyond this machine without tokens",
        "Anyone who can reach the port could read or write logs. On `listen.http`, add `tokens`; "
        "on\n"
        "an `agents` input, add `token`, top-level `tokens` with the scope `ingest`, or\n"
        "`tls: { client_ca }`."
    },
    CodeInfo{
        kAddressTwice, "two listeners on one port", "Give one of them another port, or `off`."
    },
    CodeInfo{
        kTlsIncomplete,
        "a certificate without its key, or the other way round",
        "`cert` and `key` belong together."
    },
    CodeInfo{
        kTokenForm,
        "a token needs its secret or the secret's hash",
        "Give `token` (best as ${credential:...} or ${file:...}) or `hash`, not both and not none."
    },
    CodeInfo{
        kOrder, "two values in the wrong order", "The message names both and which must be larger."
    },
    CodeInfo{
        kPlaintext,
        "plain text on the network",
        "Permitted by `allow_plaintext`; see `seyir explain E0501`."
    },
    CodeInfo{
        kMissingFile,
        "a named file cannot be read",
        "The program needs this file when it starts. The message holds what the operating system\n"
        "said. `seyir validate` does not look, since it may run on another machine."
    },
    CodeInfo{
        kOutputLoop,
        "an output writes what an input reads",
        "A `file` output whose path matches a `tail` input's `include` feeds itself for ever.\n"
        "Exclude the path, or write elsewhere."
    },
    CodeInfo{
        kPluginRefused,
        "a plugin that cannot be loaded",
        "A file *.so in a directory under `plugins: directories`, or the directory itself, was\n"
        "refused. The message names the file, what was found and what is needed; the note below "
        "it\n"
        "says what to do. Usual causes: the file belongs to another user or others may write to "
        "it\n"
        "(they could run code in the program), it was built for another machine or for a newer\n"
        "plugin ABI, a library it needs is missing, or two plugins offer one filter type.\n"
        "`seyir plugin ls` shows all of them, `seyir plugin check FILE.so` looks closer at one."
    },
    CodeInfo{
        kPluginIgnored,
        "a plugin in the default directory that cannot be loaded",
        "As E0601, for a file in lib/seyir/plugins-1 of the installed program. The program goes "
        "on\n"
        "without it; a configuration that uses its filters then has an error of its own."
    },
};

}  // namespace

std::span<const CodeInfo> all_codes() {
    return kCodes;
}

const CodeInfo* find_code(std::string_view code) {
    std::string digits;
    for (const char c : code) {
        if (c >= '0' && c <= '9') {
            digits += c;
        }
    }
    const bool has_letter =
        !code.empty() && (code[0] == 'E' || code[0] == 'e' || code[0] == 'W' || code[0] == 'w');
    if (code.size() != digits.size() + (has_letter ? 1 : 0)) {
        return nullptr;
    }
    const auto it = std::ranges::find_if(kCodes, [&](const CodeInfo& info) {
        return info.code.substr(1) == digits;
    });
    return it == kCodes.end() ? nullptr : &*it;
}

}  // namespace seyir::config
