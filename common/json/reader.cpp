// SPDX-License-Identifier: Apache-2.0
#include "common/json/reader.hpp"

#include <bit>

#include <simdjson.h>

namespace seyir::json {

namespace dom = simdjson::dom;

static_assert(sizeof(dom::element) == sizeof(View::Handle));
static_assert(std::is_trivially_copyable_v<dom::element>);

namespace {

dom::element to_element(const View::Handle& handle) {
    return std::bit_cast<dom::element>(handle);
}

View to_view(dom::element element) {
    return View(std::bit_cast<View::Handle>(element));
}

template <class T>
std::optional<T> get_as(const View::Handle& handle) {
    T value{};
    if (to_element(handle).get(value) != simdjson::SUCCESS) {
        return std::nullopt;
    }
    return value;
}

}  // namespace

Type View::type() const {
    switch (to_element(handle_).type()) {
        case dom::element_type::ARRAY:
            return Type::kArray;
        case dom::element_type::OBJECT:
            return Type::kObject;
        case dom::element_type::INT64:
            return Type::kInt64;
        case dom::element_type::UINT64:
            return Type::kUint64;
        case dom::element_type::DOUBLE:
            return Type::kDouble;
        case dom::element_type::STRING:
            return Type::kString;
        case dom::element_type::BOOL:
            return Type::kBool;
        case dom::element_type::NULL_VALUE:
            break;
    }
    return Type::kNull;
}

std::optional<std::string_view> View::string() const {
    return get_as<std::string_view>(handle_);
}

std::optional<int64_t> View::int64() const {
    return get_as<int64_t>(handle_);
}

std::optional<uint64_t> View::uint64() const {
    return get_as<uint64_t>(handle_);
}

std::optional<double> View::number() const {
    return get_as<double>(handle_);
}

std::optional<bool> View::boolean() const {
    return get_as<bool>(handle_);
}

std::optional<View> View::get(std::string_view name) const {
    dom::object object;
    dom::element found;
    if (to_element(handle_).get(object) != simdjson::SUCCESS ||
        object.at_key(name).get(found) != simdjson::SUCCESS) {
        return std::nullopt;
    }
    return to_view(found);
}

std::vector<std::pair<std::string_view, View>> View::members() const {
    std::vector<std::pair<std::string_view, View>> list;
    for_each_member([&](std::string_view name, View value) {
        list.emplace_back(name, value);
        return true;
    });
    return list;
}

std::vector<View> View::elements() const {
    std::vector<View> list;
    for_each_element([&](View value) {
        list.push_back(value);
        return true;
    });
    return list;
}

void View::for_each_member(const std::function<bool(std::string_view, View)>& visit) const {
    dom::object object;
    if (to_element(handle_).get(object) != simdjson::SUCCESS) {
        return;
    }
    for (const auto member : object) {
        if (!visit(member.key, to_view(member.value))) {
            return;
        }
    }
}

void View::for_each_element(const std::function<bool(View)>& visit) const {
    dom::array array;
    if (to_element(handle_).get(array) != simdjson::SUCCESS) {
        return;
    }
    for (const auto element : array) {
        if (!visit(to_view(element))) {
            return;
        }
    }
}

struct Document::State {
    dom::parser parser;
};

Document::Document() : state_(std::make_unique<State>()) {}

Document::~Document() = default;
Document::Document(Document&&) noexcept = default;
Document& Document::operator=(Document&&) noexcept = default;

Result<View> Document::parse(std::string_view text) {
    auto& parser = state_->parser;
    if (parser.capacity() < text.size() || parser.max_depth() != kDepthMax) {
        if (parser.allocate(std::max<size_t>(text.size(), 256), kDepthMax) != simdjson::SUCCESS) {
            return fail(ErrorCode::kTooLarge, "JSON of " + std::to_string(text.size()) + " bytes");
        }
    }
    // Copies into its own padded buffer: the parser reads past the end by up to 64 bytes.
    dom::element root;
    const auto code = parser.parse(text.data(), text.size(), true).get(root);
    if (code == simdjson::DEPTH_ERROR) {
        return fail(
            ErrorCode::kTooLarge, "JSON nested deeper than " + std::to_string(kDepthMax) + " levels"
        );
    }
    if (code != simdjson::SUCCESS) {
        return fail(
            ErrorCode::kInvalidArgument, std::string("not JSON: ") + simdjson::error_message(code)
        );
    }
    return to_view(root);
}

std::string to_text(View value) {
    return simdjson::minify(to_element(value.handle()));
}

}  // namespace seyir::json
