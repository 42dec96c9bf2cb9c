// SPDX-License-Identifier: Apache-2.0
#include "collector/store/columns/decode/form_states.hpp"

#include <string>

namespace seyir::store::columns {
namespace {

/// Bytes that texts of a form are made of.
std::string alphabet_of(const ScalarForm& form) {
    switch (form.kind) {
        case ScalarKind::kInt:
            return "-0123456789";
        case ScalarKind::kPadded:
            return "0123456789";
        case ScalarKind::kDecimal:
        case ScalarKind::kShortest:
            return "-.0123456789";
        case ScalarKind::kIpv4:
            return ".0123456789";
        case ScalarKind::kHexLower:
            return "0123456789abcdef";
        case ScalarKind::kHexUpper:
            return "0123456789ABCDEF";
        case ScalarKind::kUuid:
            return "-0123456789abcdef";
        case ScalarKind::kTime:
            return form.layout->alphabet();
    }
    return {};
}

}  // namespace

StateSet reach_by_form(
    const TextAutomaton& automaton, const StateSet& from, const ScalarForm& form
) {
    return automaton.reach(from, alphabet_of(form));
}

}  // namespace seyir::store::columns
