// SPDX-License-Identifier: Apache-2.0
// Needle: what a text must hold to be wanted, as a tree of substrings. It travels from a query's
// stages to whatever can tell cheaply that a block of records has no such text.
// Threads: plain values.   Soundness: a tree may ask for less than the query does, never for more.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace seyir {

struct Needle {
    enum class Kind : uint8_t {
        kAnything,  ///< nothing is known: every text will do
        kText,      ///< holds `text`
        kAll,       ///< all of `parts`
        kAny,       ///< at least one of `parts`
    };

    /// Where the text stands.
    enum class Place : uint8_t {
        kLine,   ///< in the line, byte by byte
        kValue,  ///< is the whole of one value: of a label, of an attribute, or of a JSON or logfmt
                 ///< field of the line, where it may be written with escapes
        kPart,   ///< is part of such a value
    };

    Kind kind = Kind::kAnything;
    Place place = Place::kLine;
    bool any_case = false;  ///< in any case (Unicode simple folding)
    std::string text;
    std::vector<Needle> parts;

    bool operator==(const Needle&) const = default;

    static Needle of(std::string text, bool any_case = false, Place place = Place::kLine) {
        return {Kind::kText, place, any_case, std::move(text), {}};
    }

    /// Parts of which nothing is known say nothing; one part is itself.
    static Needle all(std::vector<Needle> parts) {
        std::erase_if(parts, [](const Needle& part) { return part.kind == Kind::kAnything; });
        if (parts.size() < 2) {
            return parts.empty() ? Needle{} : std::move(parts.front());
        }
        return {Kind::kAll, Place::kLine, false, "", std::move(parts)};
    }

    /// One part of which nothing is known makes nothing of the whole.
    static Needle any(std::vector<Needle> parts) {
        for (const Needle& part : parts) {
            if (part.kind == Kind::kAnything) {
                return {};
            }
        }
        if (parts.size() < 2) {
            return parts.empty() ? Needle{} : std::move(parts.front());
        }
        return {Kind::kAny, Place::kLine, false, "", std::move(parts)};
    }
};

/// For people: `"a" and ("b" or (?i)"c")`.
std::string to_text(const Needle& needle);

}  // namespace seyir
