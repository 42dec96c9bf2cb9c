// SPDX-License-Identifier: Apache-2.0
#include "common/base/needle.hpp"

#include "common/base/text.hpp"

namespace seyir {
namespace {

std::string text_of(const Needle& needle) {
    std::string out = needle.any_case ? "(?i)" : "";
    out += json_quote(needle.text);
    switch (needle.place) {
        case Needle::Place::kLine:
            break;
        case Needle::Place::kValue:
            return "value " + out;
        case Needle::Place::kPart:
            return "value with " + out;
    }
    return out;
}

}  // namespace

std::string to_text(const Needle& needle) {
    if (needle.kind == Needle::Kind::kAnything) {
        return "anything";
    }
    if (needle.kind == Needle::Kind::kText) {
        return text_of(needle);
    }
    const bool is_any = needle.kind == Needle::Kind::kAny;
    std::string out;
    for (const Needle& part : needle.parts) {
        const bool is_inner = part.kind == Needle::Kind::kAny || part.kind == Needle::Kind::kAll;
        out += out.empty() ? "" : (is_any ? " or " : " and ");
        out += is_inner ? "(" + to_text(part) + ")" : to_text(part);
    }
    return out;
}

}  // namespace seyir
