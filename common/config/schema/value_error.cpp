// SPDX-License-Identifier: Apache-2.0
#include "common/config/schema/value_error.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "common/base/error_place.hpp"

namespace seyir::config {
namespace {

Diagnostic make(
    const ObjectReader& r,
    const Node* node,
    Span whole,
    std::string_view code,
    std::string_view what,
    const Error& error
) {
    Diagnostic diagnostic{.code = code, .at = whole};
    const auto place =
        node == nullptr || !node->is_scalar() ? std::nullopt : error_place(error, node->text);
    if (place) {
        diagnostic.at = r.inner_span(*node, place->offset_bytes, place->length_bytes);
    }
    const bool is_certain = place && *diagnostic.at != whole;
    if (node != nullptr && node->is_expanded) {
        diagnostic.message = fmt::format("{} is wrong once its references are replaced", what);
        diagnostic.notes = {"what they stand for is not shown"};
        return diagnostic;
    }
    if (is_certain) {
        diagnostic.message = fmt::format("{}: {}", what, place->what);
        diagnostic.hint = place->hint;
        diagnostic.notes = place->notes;
        return diagnostic;
    }
    const std::string_view text = error.message;
    const size_t first = std::min(text.find('\n'), text.size());
    diagnostic.message = fmt::format("{}: {}", what, text.substr(0, first));
    for (size_t at = first; at < text.size();) {
        const size_t end = std::min(text.find('\n', at + 1), text.size());
        if (end > at + 1) {
            diagnostic.notes.emplace_back(text.substr(at + 1, end - at - 1));
        }
        at = end;
    }
    return diagnostic;
}

}  // namespace

Diagnostic value_error(
    const ObjectReader& r,
    std::string_view key,
    std::string_view code,
    std::string_view what,
    const Error& error
) {
    return make(r, r.value_node(key), r.span(key), code, what, error);
}

Diagnostic item_error(
    const ObjectReader& r,
    std::string_view key,
    size_t index,
    std::string_view code,
    std::string_view what,
    const Error& error
) {
    return make(r, r.item_node(key, index), r.item_span(key, index), code, what, error);
}

}  // namespace seyir::config
