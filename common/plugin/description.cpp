// SPDX-License-Identifier: Apache-2.0
#include "common/plugin/description.hpp"

#include <algorithm>
#include <cstring>
#include <string_view>

#include <fmt/format.h>

#include "common/component/types.hpp"
#include "common/config/schema/scalar.hpp"
#include "common/plugin/host.hpp"
#include "common/plugin/layout.hpp"

namespace seyir::plugin {
namespace {

constexpr uint32_t kFieldsMax = 200;
constexpr uint32_t kChoicesMax = 200;
constexpr size_t kTextBytesMax = 64 * 1024;
constexpr uint32_t kKnownNeeds = SEYIR_WANTS_TIMER | SEYIR_HOLDS_ROWS | SEYIR_SENSITIVE;
constexpr std::string_view kReserved[] = {"type", "on_error", "if"};

/// Copies a struct of the size its plugin knows; what it does not know reads as zero.
template <class T>
T copy_sized(const void* from, uint64_t size) {
    T to{};
    std::memcpy(&to, from, std::min<uint64_t>(size, sizeof to));
    return to;
}

class Complaints {
  public:
    void add(std::string line) {
        if (lines_.size() < 20) {
            lines_.push_back(std::move(line));
        }
    }

    bool empty() const { return lines_.empty(); }

    Error to_error() const {
        return fail(ErrorCode::kInvalidArgument, fmt::format("{}", fmt::join(lines_, "\n")));
    }

  private:
    std::vector<std::string> lines_;
};

std::string text_of(const char* text) {
    return text == nullptr ? "" : std::string(text, strnlen(text, kTextBytesMax));
}

std::optional<config::Type> to_type(uint32_t type) {
    switch (type) {
        case SEYIR_TYPE_STRING:
            return config::Type::kString;
        case SEYIR_TYPE_BOOL:
            return config::Type::kBool;
        case SEYIR_TYPE_INT:
            return config::Type::kInt;
        case SEYIR_TYPE_SIZE:
            return config::Type::kBytes;
        case SEYIR_TYPE_DURATION:
            return config::Type::kDuration;
        case SEYIR_TYPE_ENUM:
            return config::Type::kEnum;
        case SEYIR_TYPE_SECRET:
            return config::Type::kSecret;
        case SEYIR_TYPE_PATH:
            return config::Type::kPath;
        case SEYIR_TYPE_STRING_LIST:
            return config::Type::kList;
        case SEYIR_TYPE_STRING_MAP:
            return config::Type::kMap;
        default:
            return std::nullopt;
    }
}

config::Field make_field(const seyir_field& from, config::Type type, const std::string& name) {
    config::Field to = config::field(name, type);
    if (type == config::Type::kList) {
        to = config::list_of(name, config::field(name, config::Type::kString));
    } else if (type == config::Type::kMap) {
        to = config::map_of(
            name, config::KeyRule::kLabel, config::field(name, config::Type::kString)
        );
    }
    const std::string unit = text_of(from.unit);
    to.describe(text_of(from.help) + (unit.empty() ? "" : fmt::format(" In {}.", unit)));
    to.show(text_of(from.example));
    if ((from.flags & SEYIR_REQUIRED) != 0) {
        to.required();
    }
    if ((from.flags & SEYIR_MAY_BE_EMPTY) != 0) {
        to.may_be_empty();
    }
    if (from.default_text != nullptr) {
        to.or_else(text_of(from.default_text));
    }
    if (from.replaced_by != nullptr) {
        to.replaced_by(text_of(from.replaced_by));
    }
    const uint64_t unlimited = std::numeric_limits<int64_t>::max();
    to.between(from.min, from.max == 0 ? unlimited : from.max);
    return to;
}

void add_choices(
    config::Field& field, const seyir_field& from, const std::string& at, Complaints& wrong
) {
    if (from.choice_count == 0 || from.choices == nullptr || from.choice_count > kChoicesMax) {
        wrong.add(fmt::format("{}: a choice needs 1 to {} choices", at, kChoicesMax));
        return;
    }
    for (uint32_t i = 0; i < from.choice_count; ++i) {
        const std::string name = text_of(from.choices[i].name);
        const bool is_known = std::ranges::any_of(field.choices, [&](const config::EnumChoice& c) {
            return c.name == name;
        });
        if (!is_word(name) || is_known) {
            wrong.add(
                fmt::format("{}: choice {}: `{}` is not a snake_case word of its own", at, i, name)
            );
        }
        field.choice(name, text_of(from.choices[i].help));
    }
}

void check_default(const config::Field& field, const std::string& at, Complaints& wrong) {
    if (!field.default_text) {
        return;
    }
    const std::string& text = *field.default_text;
    if (field.is_required) {
        wrong.add(fmt::format("{}: required and with a default", at));
    }
    if (field.type == config::Type::kMap) {
        if (text != "{}") {
            wrong.add(fmt::format("{}: the default of a map can only be {{}}", at));
        }
    } else if (field.type == config::Type::kList) {
        if (!text.starts_with('[') || !text.ends_with(']')) {
            wrong.add(fmt::format("{}: the default `{}` is not a list like [a, b]", at, text));
        }
    } else if (const auto problem = config::check_scalar(field, text, text)) {
        wrong.add(fmt::format("{}: the default `{}`: {}", at, text, problem->message));
    }
}

void check_field(const seyir_field& from, config::Schema& schema, Complaints& wrong) {
    const std::string name = text_of(from.name);
    const std::string at = fmt::format("key `{}`", name);
    const auto type = to_type(from.type);
    if (!is_word(name)) {
        wrong.add(fmt::format("{}: its name is not a snake_case word", at));
        return;
    }
    if (std::ranges::find(kReserved, name) != std::end(kReserved) || schema.find(name) != nullptr) {
        wrong.add(fmt::format("{}: the name is taken", at));
        return;
    }
    if (!type) {
        wrong.add(fmt::format("{}: type {} is not known", at, from.type));
        return;
    }
    if (from.max != 0 && from.min > from.max) {
        wrong.add(fmt::format("{}: its range is empty ({} to {})", at, from.min, from.max));
        return;
    }
    config::Field field = make_field(from, *type, name);
    if (field.help.empty()) {
        wrong.add(fmt::format("{}: no help", at));
    }
    if (field.is_required && field.example.empty()) {
        wrong.add(fmt::format("{}: required and without an example", at));
    }
    if (*type == config::Type::kEnum) {
        add_choices(field, from, at, wrong);
    }
    check_default(field, at, wrong);
    schema.with(std::move(field));
}

void check_functions(const seyir_filter_type& type, Complaints& wrong) {
    if (type.create == nullptr || type.process == nullptr || type.destroy == nullptr) {
        wrong.add("create, process and destroy must not be NULL");
    }
}

}  // namespace

Result<FilterDescriptionPtr> describe_filter(const seyir_filter_type* type) {
    if (type == nullptr || type->size < sizeof(seyir_filter_type) || type->describe == nullptr) {
        return fail(
            ErrorCode::kInvalidArgument,
            fmt::format("a filter type of less than {} bytes", sizeof(seyir_filter_type))
        );
    }
    const seyir_filter_descriptor* given = type->describe();
    if (given == nullptr || given->size < sizeof(seyir_filter_descriptor)) {
        return fail(
            ErrorCode::kInvalidArgument,
            fmt::format("a descriptor of less than {} bytes", sizeof(seyir_filter_descriptor))
        );
    }
    auto made = std::make_shared<FilterDescription>();
    made->type = copy_sized<seyir_filter_type>(type, type->size);
    made->name = text_of(given->name);
    made->doc = text_of(given->doc);
    made->thread_model = given->thread_model;
    made->needs = given->needs;
    Complaints wrong;
    check_functions(made->type, wrong);
    if (!is_word(made->name)) {
        wrong.add(fmt::format("its name `{}` is not a snake_case word", made->name));
    }
    if (text_of(given->summary).empty()) {
        wrong.add("no summary");
    }
    if (given->thread_model > SEYIR_THREAD_SAFE) {
        wrong.add(fmt::format("thread model {} is not known", given->thread_model));
    }
    if ((given->needs & ~kKnownNeeds) != 0) {
        wrong.add(fmt::format("needs {:#x} are not known", given->needs & ~kKnownNeeds));
    }
    auto schema = std::make_shared<config::Schema>(made->name, text_of(given->summary));
    const bool has_fields = given->field_count > 0;
    if (given->field_count > kFieldsMax || (has_fields && given->fields == nullptr) ||
        (has_fields && given->field_size < sizeof(seyir_field))) {
        wrong.add(
            fmt::format("at most {} keys of at least {} bytes", kFieldsMax, sizeof(seyir_field))
        );
        return wrong.to_error();
    }
    for (uint32_t i = 0; i < given->field_count; ++i) {
        const char* at = reinterpret_cast<const char*>(given->fields) + i * given->field_size;
        made->fields.push_back(copy_sized<seyir_field>(at, given->field_size));
        check_field(made->fields.back(), *schema, wrong);
    }
    if (!wrong.empty()) {
        return wrong.to_error();
    }
    schema->with(component::on_error_field("dead_letter", made->is_sensitive()));
    made->schema = std::move(schema);
    return made;
}

Settings::Settings(const FilterDescription& filter, const config::ObjectReader& r, std::string id) {
    settings_.reserve(filter.fields.size());
    for (const seyir_field& field : filter.fields) {
        settings_.push_back(read(field, r));
    }
    config_.size = sizeof(seyir_config);
    config_.count = static_cast<uint32_t>(settings_.size());
    config_.id = keep(std::move(id));
    config_.settings = settings_.data();
}

seyir_text Settings::keep(std::string text) {
    const std::string& kept = texts_.emplace_back(std::move(text));
    return {kept.size(), kept.data()};
}

void Settings::keep_list(seyir_setting& setting, std::vector<std::string> texts) {
    auto& list = lists_.emplace_back();
    for (std::string& text : texts) {
        list.push_back(keep(std::move(text)));
    }
    setting.list = list.data();
    setting.list_size = static_cast<uint32_t>(list.size());
}

seyir_setting Settings::read(const seyir_field& field, const config::ObjectReader& r) {
    seyir_setting setting{};
    const std::string_view name = field.name;
    setting.is_set = r.has(name) || field.default_text != nullptr ? 1 : 0;
    setting.text = {0, ""};
    switch (field.type) {
        case SEYIR_TYPE_BOOL:
            setting.integer = r.boolean(name) ? 1 : 0;
            break;
        case SEYIR_TYPE_INT:
            setting.integer = r.integer(name);
            break;
        case SEYIR_TYPE_SIZE:
            setting.integer = static_cast<int64_t>(r.bytes(name));
            break;
        case SEYIR_TYPE_DURATION:
            setting.integer = r.duration(name).count();
            break;
        case SEYIR_TYPE_PATH:
            setting.text = keep(r.path(name));
            break;
        case SEYIR_TYPE_STRING_LIST:
            keep_list(setting, r.strings(name));
            break;
        case SEYIR_TYPE_STRING_MAP: {
            std::vector<std::string> both;
            for (auto& [key, value] : r.pairs(name)) {
                both.push_back(std::move(key));
                both.push_back(std::move(value));
            }
            keep_list(setting, std::move(both));
            break;
        }
        default:
            setting.text = keep(r.string(name));
    }
    for (uint32_t i = 0; field.type == SEYIR_TYPE_ENUM && i < field.choice_count; ++i) {
        if (field.choices[i].name == to_view(setting.text)) {
            setting.integer = i;
        }
    }
    return setting;
}

}  // namespace seyir::plugin
