// SPDX-License-Identifier: Apache-2.0
#include "plugins/filter/redact/redact_type.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "plugins/filter/redact/redact_filter.hpp"

namespace seyir::plugins {
namespace {

using component::FilterPlan;
using component::FilterPlanPtr;
using component::PlanContext;
using component::RunContext;
using config::ObjectReader;
using config::Schema;
using config::Type;
using redact::Action;
using redact::CustomRule;
using redact::RedactOptions;
using redact::Rule;

constexpr Rule kBuiltIns[] = {
    Rule::kEmail, Rule::kPhone, Rule::kIban, Rule::kCard, Rule::kTckn, Rule::kJwt, Rule::kIp
};

Schema rule_schema() {
    Schema rule("rule", "What to look for, and what to put in its place.");
    rule.with(config::field("rule", Type::kEnum)
                  .required()
                  .choice("email", "mail addresses; the `@` also as \\u0040 or %40")
                  .choice("phone", "+ and 9 to 15 digits; Turkish numbers without it")
                  .choice("iban", "bank accounts: the country's length and mod 97")
                  .choice("card", "payment cards: issuer's prefix, 15 or 16 digits, Luhn")
                  .choice("tckn", "Turkish identity numbers, by both check digits")
                  .choice("jwt", "JSON Web Tokens")
                  .choice("ip", "IPv4 and IPv6 addresses but loopback")
                  .choice("custom", "what `regex` matches")
                  .describe("What to look for.")
                  .show("custom")
                  .elsewhere("Vector", {"filters", "type"}))
        .with(config::field("action", Type::kEnum)
                  .choice("mask", "a word in brackets: [email]")
                  .choice("hash", "a pseudonym under `key`, equal for equal values: [email:...]")
                  .choice("truncate", "ip: the network; card: [card:1234]; email: the domain")
                  .choice("remove", "nothing")
                  .describe("What to put in its place.")
                  .show("mask")
                  .or_else_described("mask; for `ip`, truncate")
                  .elsewhere("Vector", {"redactor"}))
        .with(config::field("name", Type::kString)
                  .between(1, 64)
                  .describe("Of a custom rule: the word in brackets, and its name in metrics.")
                  .show("api_key"))
        .with(config::field("regex", Type::kString)
                  .between(1, 4096)
                  .describe("Of a custom rule: RE2.")
                  .show("'sk_[a-z0-9]{24}'")
                  .elsewhere("other programs", {"pattern", "expression"}))
        .with(config::field("replace", Type::kString)
                  .between(0, 4096)
                  .may_be_empty()
                  .describe(
                      "Of a custom rule that masks: the new text; `$1` and `${name}` are groups."
                  )
                  .or_else_described("the name in brackets")
                  .show("'key=[hidden]'")
                  .elsewhere("other programs", {"replacement", "with"}))
        .with(config::field("bare", Type::kBool)
                  .describe(
                      "Of `phone`: also ten digits in one run that begin with 5. Order numbers may "
                      "look like that."
                  )
                  .or_else("false"));
    return rule;
}

Schema make_schema() {
    return Schema("redact", "Takes personal data and secrets out of records before they go on.")
        .example_id("privacy")
        .elsewhere("Filebeat", {"redact"})
        .elsewhere("promtail", {"replace"})
        .with(config::list_of("rules", config::object("", rule_schema()))
                  .between(1, 100)
                  .describe("What to look for.")
                  .or_else_described("every built-in rule, masked, addresses truncated")
                  .show("[{ rule: email, action: hash }, { rule: card }]")
                  .elsewhere("Vector", {"filters"}))
        .with(config::field("key", Type::kSecret)
                  .describe(
                      "The secret that pseudonyms are made with; a new one makes all of them new."
                  )
                  .show("\"${credential:redact_key}\"")
                  .elsewhere("other programs", {"secret", "salt"}))
        .with(config::field("hash_letters", Type::kInt)
                  .between(8, redact::kPseudonymLettersMax)
                  .describe("How long a pseudonym is; each letter holds 4 bits.")
                  .or_else("16"))
        .with(config::field("body", Type::kBool)
                  .describe("Whether the line itself is treated.")
                  .or_else("true"))
        .with(config::list_of("fields", config::field("", Type::kString).between(1, 256))
                  .between(0, 1000)
                  .describe("The only attributes treated, with all they hold.")
                  .or_else_described("all of them")
                  .show("[user, message]")
                  .elsewhere("other programs", {"keys", "include"}))
        .with(config::list_of("except", config::field("", Type::kString).between(1, 256))
                  .between(0, 1000)
                  .describe("Attributes left as they are.")
                  .or_else("[]")
                  .show("[peer]")
                  .elsewhere("other programs", {"exclude"}))
        .with(component::on_error_field("dead_letter", true));
}

class RedactPlan final : public FilterPlan {
  public:
    explicit RedactPlan(redact::RedactOptionsPtr options) : options_(std::move(options)) {}

    Result<std::unique_ptr<pipeline::Filter>> instantiate(const RunContext& context) override {
        SEYIR_TRY(redact::Redactor redactor, redact::Redactor::create(options_));
        std::vector<metrics::Counter*> counters;
        const auto add = [&](std::string rule) {
            counters.push_back(&context.registry.counter(
                "seyir_redact_matches_total",
                "What redaction took out.",
                {{"filter", context.id}, {"rule", std::move(rule)}}
            ));
        };
        for (const Rule rule : kBuiltIns) {
            add(std::string(redact::to_string(rule)));
        }
        for (const CustomRule& rule : options_->custom) {
            add(rule.name);
        }
        return std::make_unique<redact::RedactFilter>(
            options_, std::move(redactor), std::move(counters)
        );
    }

    bool is_sensitive() const override { return true; }

  private:
    redact::RedactOptionsPtr options_;
};

/// Reads the rules; everything wrong with them becomes a diagnostic.
class RulesReader {
  public:
    RulesReader(PlanContext& context, RedactOptions& options)
        : context_(context), options_(options) {}

    void read(const ObjectReader& r) {
        if (!r.has("rules")) {
            options_.rules = redact::RuleSet::all();
            options_.actions[static_cast<size_t>(Rule::kIp)] = Action::kTruncate;
            return;
        }
        for (const ObjectReader& one : r.objects("rules")) {
            one.string("rule") == "custom" ? custom(one) : built_in(one);
        }
        if (uses_hash_ && options_.key.empty()) {
            complain(
                r,
                "rules",
                config::kMissingKey,
                "action `hash` needs `key`",
                "key: \"${credential:redact_key}\""
            );
        }
    }

  private:
    void complain(
        const ObjectReader& r,
        std::string_view key,
        std::string_view code,
        std::string message,
        std::string hint = ""
    ) {
        context_.diagnostics.add(
            {.code = code,
             .at = r.span(key),
             .message = fmt::format("`{}`: {}", context_.id, message),
             .hint = std::move(hint)}
        );
    }

    Action read_action(const ObjectReader& r, Rule rule) {
        if (!r.has("action")) {
            return rule == Rule::kIp ? Action::kTruncate : Action::kMask;
        }
        const auto action = r.choice<Action>(
            "action",
            {{"mask", Action::kMask},
             {"hash", Action::kHash},
             {"truncate", Action::kTruncate},
             {"remove", Action::kRemove}}
        );
        uses_hash_ = uses_hash_ || action == Action::kHash;
        if (action == Action::kTruncate && rule != Rule::kIp && rule != Rule::kCard &&
            rule != Rule::kEmail) {
            complain(
                r,
                "action",
                config::kNotAllowed,
                fmt::format("nothing of `{}` can be kept", redact::to_string(rule)),
                "`truncate` is for ip, card and email"
            );
        }
        return action;
    }

    void no_custom_keys(const ObjectReader& r) {
        for (const std::string_view key : {"name", "regex", "replace"}) {
            if (r.has(key)) {
                complain(
                    r, key, config::kNotAllowed, fmt::format("`{}` is for rule `custom`", key)
                );
            }
        }
    }

    void built_in(const ObjectReader& r) {
        const std::string name = r.string("rule");
        const auto known = std::ranges::find(kBuiltIns, name, redact::to_string);
        if (known == std::end(kBuiltIns)) {
            return;  // the schema has said so
        }
        const auto rule = *known;
        no_custom_keys(r);
        if (!seen_.insert(name).second) {
            complain(
                r, "rule", config::kDuplicateName, fmt::format("rule `{}` is given twice", name)
            );
        }
        options_.actions[static_cast<size_t>(rule)] = read_action(r, rule);
        redact::RuleSet& rules = options_.rules;
        bool* const on[] = {
            &rules.email, &rules.phone, &rules.iban, &rules.card, &rules.tckn, &rules.jwt, &rules.ip
        };
        *on[static_cast<size_t>(rule)] = true;
        if (r.boolean("bare") && rule != Rule::kPhone) {
            complain(r, "bare", config::kNotAllowed, "`bare` is for rule `phone`");
        }
        rules.bare_phone = rules.bare_phone || r.boolean("bare");
    }

    void custom(const ObjectReader& r) {
        CustomRule rule{.name = r.string("name"), .action = read_action(r, Rule::kCustom)};
        if (rule.name.empty() || !r.has("regex")) {
            complain(r, "rule", config::kMissingKey, "a custom rule needs `name` and `regex`");
            return;
        }
        if (!std::ranges::all_of(rule.name, [](char c) {
                return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
            })) {
            complain(r, "name", config::kBadName, "names of rules are made of a-z, 0-9 and _");
        }
        if (!seen_.insert(rule.name).second || is_built_in(rule.name)) {
            complain(
                r,
                "name",
                config::kDuplicateName,
                fmt::format("rule `{}` is given twice", rule.name)
            );
        }
        const std::string pattern = r.string("regex");
        re2::RE2::Options settings;
        settings.set_log_errors(false);
        settings.set_max_mem(8 << 20);
        // Bytes that are not UTF-8 must not hide a match; a pattern beyond ASCII needs UTF-8.
        const bool is_ascii = std::ranges::none_of(pattern, [](char c) { return (c & 0x80) != 0; });
        settings.set_encoding(
            is_ascii ? re2::RE2::Options::EncodingLatin1 : re2::RE2::Options::EncodingUTF8
        );
        auto regex = std::make_unique<re2::RE2>(pattern, settings);
        if (!regex->ok()) {
            component::add_value_error(
                context_,
                r,
                "regex",
                config::kNotAllowed,
                fail(ErrorCode::kInvalidArgument, regex->error())
            );
            return;
        }
        rule.group_names.resize(static_cast<size_t>(regex->NumberOfCapturingGroups()) + 1);
        for (const auto& [index, name] : regex->CapturingGroupNames()) {
            rule.group_names[static_cast<size_t>(index)] = name;
        }
        rule.replace = r.has("replace") ? r.string("replace") : "[" + rule.name + "]";
        rule.regex = std::move(regex);
        options_.custom.push_back(std::move(rule));
    }

    static bool is_built_in(std::string_view name) {
        return std::ranges::find(kBuiltIns, name, redact::to_string) != std::end(kBuiltIns);
    }

    PlanContext& context_;
    RedactOptions& options_;
    std::set<std::string> seen_;
    bool uses_hash_ = false;
};

FilterPlanPtr plan(const ObjectReader& r, PlanContext& context) {
    const size_t errors = context.diagnostics.error_count();
    auto options = std::make_shared<RedactOptions>();
    options->key = r.string("key");
    options->hash_letters = static_cast<uint32_t>(r.integer("hash_letters"));
    options->body = r.boolean("body");
    options->fields = r.strings("fields");
    options->except = r.strings("except");
    if (r.has("key") && options->key.size() < redact::kKeyBytesMin) {
        context.diagnostics.add(
            {.code = config::kOutOfRange,
             .at = r.span("key"),
             .message = fmt::format(
                 "`key` of `{}` has {} bytes; at least {} are needed",
                 context.id,
                 options->key.size(),
                 redact::kKeyBytesMin
             ),
             .hint = "openssl rand -hex 32"}
        );
    }
    RulesReader(context, *options).read(r);
    if (!options->fields.empty() && !options->except.empty()) {
        context.diagnostics.add(
            {.code = config::kNotAllowed,
             .at = r.span("except"),
             .message = fmt::format("`{}`: give `fields` or `except`, not both", context.id)}
        );
    }
    if (context.diagnostics.error_count() != errors) {
        return nullptr;
    }
    return std::make_shared<RedactPlan>(std::move(options));
}

}  // namespace

component::FilterType redact_filter_type() {
    return {std::make_shared<const Schema>(make_schema()), plan};
}

}  // namespace seyir::plugins
