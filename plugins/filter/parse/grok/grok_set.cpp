// SPDX-License-Identifier: Apache-2.0
#include "plugins/filter/parse/grok/grok_set.hpp"

#include <algorithm>

#include <fmt/format.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "common/base/text.hpp"
#include "plugins/filter/parse/number.hpp"

namespace seyir::plugins::parse {
namespace {

constexpr uint32_t kHeapKibMax = 8192;
constexpr uint32_t kDepthMax = 20'000;
constexpr size_t kJitStackMin = 32 * 1024;
constexpr size_t kJitStackMax = 1024 * 1024;

struct CodeFree {
    void operator()(pcre2_code* code) const { pcre2_code_free(code); }
};

using Code = std::unique_ptr<pcre2_code, CodeFree>;

bool is_ascii(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

Result<Code> compile_code(const std::string& regex, uint32_t more_options) {
    int error = 0;
    PCRE2_SIZE at = 0;
    Code code(pcre2_compile(
        reinterpret_cast<PCRE2_SPTR>(regex.data()),
        regex.size(),
        PCRE2_MULTILINE | PCRE2_NO_AUTO_CAPTURE | PCRE2_NEVER_BACKSLASH_C | more_options,
        &error,
        &at,
        nullptr
    ));
    if (code == nullptr) {
        PCRE2_UCHAR message[256];
        pcre2_get_error_message(error, message, sizeof message);
        const size_t from = at > 30 ? at - 30 : 0;
        return fail(
            ErrorCode::kInvalidArgument,
            fmt::format(
                "{}, behind `{}`",
                reinterpret_cast<const char*>(message),
                std::string_view(regex).substr(from, std::min<size_t>(at, regex.size()) - from)
            )
        );
    }
    // Refused where memory may not be made executable: then it is interpreted.
    (void)pcre2_jit_compile(code.get(), PCRE2_JIT_COMPLETE);
    return code;
}

Value convert(Slice text, FieldType type) {
    switch (type) {
        case FieldType::kInt:
            if (const auto number = parse_int(text)) {
                return Value::integer(*number);
            }
            break;
        case FieldType::kFloat:
            if (const auto number = parse_float(text)) {
                return Value::real(*number);
            }
            break;
        case FieldType::kBool:
            if (text == "true" || text == "false") {
                return Value::boolean(text == "true");
            }
            break;
        default:
            break;
    }
    return Value::string(text);
}

}  // namespace

struct GrokSet::Expression {
    Code bytes;
    Code characters;
    std::vector<Capture> captures;
};

GrokSet::GrokSet() = default;
GrokSet::~GrokSet() = default;

Result<std::shared_ptr<const GrokSet>> GrokSet::compile(
    const std::vector<std::string>& patterns, const Library& library
) {
    auto set = std::make_shared<GrokSet>();
    for (const std::string& pattern : patterns) {
        SEYIR_TRY(Expansion expansion, library.expand(pattern));
        auto expression = std::make_unique<Expression>();
        expression->captures = std::move(expansion.captures);
        SEYIR_TRY(expression->characters, compile_code(expansion.regex, PCRE2_UTF));
        SEYIR_TRY(expression->bytes, compile_code(expansion.regex, 0));
        set->expressions_.push_back(std::move(expression));
    }
    return std::shared_ptr<const GrokSet>(std::move(set));
}

bool GrokSet::is_machine_code() const {
    return std::ranges::all_of(expressions_, [](const auto& expression) {
        size_t bytes = 0;
        return pcre2_pattern_info(expression->bytes.get(), PCRE2_INFO_JITSIZE, &bytes) == 0 &&
               bytes != 0;
    });
}

struct GrokParser::Scratch {
    Scratch(const GrokSet& set, uint64_t steps_max) {
        size_t groups = 1;
        for (const auto& expression : set.expressions()) {
            groups = std::max(groups, expression->captures.size() + 1);
        }
        data = pcre2_match_data_create(static_cast<uint32_t>(groups), nullptr);
        context = pcre2_match_context_create(nullptr);
        stack = pcre2_jit_stack_create(kJitStackMin, kJitStackMax, nullptr);
        pcre2_jit_stack_assign(context, nullptr, stack);
        pcre2_set_match_limit(context, static_cast<uint32_t>(steps_max));
        pcre2_set_depth_limit(context, kDepthMax);
        pcre2_set_heap_limit(context, kHeapKibMax);
    }

    ~Scratch() {
        pcre2_jit_stack_free(stack);
        pcre2_match_context_free(context);
        pcre2_match_data_free(data);
    }

    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;

    int match(const GrokSet::Expression& expression, Slice text, bool by_characters) const {
        return pcre2_match(
            by_characters ? expression.characters.get() : expression.bytes.get(),
            reinterpret_cast<PCRE2_SPTR>(text.data()),
            text.size(),
            0,
            by_characters ? PCRE2_NO_UTF_CHECK : 0,  // checked before
            data,
            context
        );
    }

    pcre2_match_data* data;
    pcre2_match_context* context;
    pcre2_jit_stack* stack;
};

GrokParser::GrokParser(std::shared_ptr<const GrokSet> set, uint64_t steps_max)
    : set_(std::move(set)), scratch_(std::make_unique<Scratch>(*set_, steps_max)) {}

GrokParser::~GrokParser() = default;

std::optional<Miss> GrokParser::parse(Slice text, FieldWriter& out) {
    if (text.data() == nullptr) {
        text = "";
    }
    const bool by_characters = !is_ascii(text) && is_utf8(text);
    bool hit_limit = false;
    for (const auto& expression : set_->expressions()) {
        const int groups = scratch_->match(*expression, text, by_characters);
        if (groups < 0) {
            hit_limit = hit_limit || groups != PCRE2_ERROR_NOMATCH;
            continue;
        }
        const PCRE2_SIZE* const places = pcre2_get_ovector_pointer(scratch_->data);
        for (int i = 1; i < groups; ++i) {
            const PCRE2_SIZE begin = places[2 * i], end = places[2 * i + 1];
            if (begin != PCRE2_UNSET && end > begin) {
                const Capture& capture = expression->captures[static_cast<size_t>(i - 1)];
                out.add(capture.name, convert(text.substr(begin, end - begin), capture.type));
            }
        }
        return std::nullopt;
    }
    return hit_limit ? Miss{"regex_limit", "the expression needs more steps than allowed", 0}
                     : Miss{"no_match", "no expression matches", 0};
}

std::optional<size_t> match_end(std::string_view pattern, const Library& library, Slice text) {
    const auto set = GrokSet::compile({std::string(pattern)}, library);
    if (!set) {
        return std::nullopt;
    }
    const auto& expression = *(*set)->expressions().front();
    pcre2_match_data* const data = pcre2_match_data_create(1, nullptr);
    pcre2_match_context* const context = pcre2_match_context_create(nullptr);
    pcre2_set_match_limit(context, 100'000);
    pcre2_set_depth_limit(context, kDepthMax);
    const int found = pcre2_match(
        expression.bytes.get(),
        reinterpret_cast<PCRE2_SPTR>(text.data() != nullptr ? text.data() : ""),
        text.size(),
        0,
        0,
        data,
        context
    );
    std::optional<size_t> end;
    if (found >= 0) {
        end = pcre2_get_ovector_pointer(data)[1];
    }
    pcre2_match_context_free(context);
    pcre2_match_data_free(data);
    return end;
}

}  // namespace seyir::plugins::parse
