// SPDX-License-Identifier: Apache-2.0
// Automata of what people ask for: regular expressions, texts, needles.
// Threads: pure functions.   Limits: kPatternBytesMax, those of Nfa; beyond them null.
// Spec: RE2 syntax as LogQL uses it (`.` takes newlines, texts may be any bytes); a text that is no
// UTF-8 is read as characters of one byte too.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "common/automaton/text_automaton.hpp"
#include "common/base/needle.hpp"

namespace seyir {

/// A text holds a match of one of the patterns. Null for what is not understood.
std::shared_ptr<const TextAutomaton> regex_automaton(std::span<const std::string> patterns);

/// A text holds one of these, byte by byte.
std::shared_ptr<const TextAutomaton> any_text_automaton(std::span<const std::string> texts);

/// A text may be what the needle asks for; not exact. Null when it asks for nothing of the line.
std::shared_ptr<const TextAutomaton> needle_automaton(const Needle& needle);

}  // namespace seyir
