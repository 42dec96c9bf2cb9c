// SPDX-License-Identifier: Apache-2.0
// The kinds of configuration mistakes: one stable code each, with the text of `seyir explain CODE`.
// A code is never reused for another meaning. E = error (exit status 78), W = warning.
#pragma once

#include <span>
#include <string_view>

namespace seyir::config {

// 01xx: the file and its YAML.
inline constexpr std::string_view kUnreadableFile = "E0100";
inline constexpr std::string_view kSyntax = "E0101";
inline constexpr std::string_view kBadCharacter = "E0102";
inline constexpr std::string_view kReferenceNeedsQuotes = "E0103";
inline constexpr std::string_view kLimit = "E0104";
inline constexpr std::string_view kDuplicateKey = "E0105";
inline constexpr std::string_view kYamlFeature = "E0106";
inline constexpr std::string_view kUnset = "E0120";
inline constexpr std::string_view kBadReference = "E0121";
inline constexpr std::string_view kUnreadableReference = "E0122";
inline constexpr std::string_view kIncludedFile = "E0130";
inline constexpr std::string_view kDefinedTwice = "E0131";
inline constexpr std::string_view kIgnoredFile = "W0132";
// 02xx: the shape.
inline constexpr std::string_view kMissingKey = "E0201";
inline constexpr std::string_view kWrongType = "E0202";
inline constexpr std::string_view kUnknownKey = "E0203";
inline constexpr std::string_view kUnknownType = "E0204";
inline constexpr std::string_view kItemCount = "E0205";
inline constexpr std::string_view kDeprecatedKey = "W0206";
inline constexpr std::string_view kBadName = "E0207";
inline constexpr std::string_view kVersion = "E0208";
// 03xx: names that refer to other parts.
inline constexpr std::string_view kUnknownInput = "E0310";
inline constexpr std::string_view kUnknownOutput = "E0311";
inline constexpr std::string_view kRoutesNeeded = "E0312";
inline constexpr std::string_view kUnusedOutput = "W0313";
inline constexpr std::string_view kUnroutedInput = "E0314";
inline constexpr std::string_view kUnknownFilter = "E0315";
inline constexpr std::string_view kDuplicateName = "E0316";
inline constexpr std::string_view kBadMatch = "E0317";
inline constexpr std::string_view kUnusedFilter = "W0318";
inline constexpr std::string_view kDeadLetterLoop = "E0319";
inline constexpr std::string_view kUnknownComponent = "E0320";
inline constexpr std::string_view kTestForm = "E0321";
inline constexpr std::string_view kHoldingFilter = "E0330";
inline constexpr std::string_view kTellsBeforeRedact = "E0331";
// 04xx: single values.
inline constexpr std::string_view kNotBool = "E0401";
inline constexpr std::string_view kNotInteger = "E0402";
inline constexpr std::string_view kOutOfRange = "E0403";
inline constexpr std::string_view kNotAllowed = "E0404";
inline constexpr std::string_view kNotSize = "E0411";
inline constexpr std::string_view kNotDuration = "E0412";
inline constexpr std::string_view kNotAddress = "E0413";
inline constexpr std::string_view kBadPath = "E0414";
inline constexpr std::string_view kBadHash = "E0415";
inline constexpr std::string_view kNotTime = "E0416";
inline constexpr std::string_view kEmptyValue = "E0417";
inline constexpr std::string_view kBadScript = "E0430";
inline constexpr std::string_view kBadMultiline = "E0431";
// 05xx: safety, and values that do not fit each other.
inline constexpr std::string_view kNeedsTls = "E0501";
inline constexpr std::string_view kNeedsTokens = "E0502";
inline constexpr std::string_view kAddressTwice = "E0503";
inline constexpr std::string_view kTlsIncomplete = "E0504";
inline constexpr std::string_view kTokenForm = "E0505";
inline constexpr std::string_view kOrder = "E0506";
inline constexpr std::string_view kPlaintext = "W0508";
inline constexpr std::string_view kMissingFile = "E0509";
inline constexpr std::string_view kOutputLoop = "E0510";
// 06xx: plugins.
inline constexpr std::string_view kPluginRefused = "E0601";
inline constexpr std::string_view kPluginIgnored = "W0602";

struct CodeInfo {
    std::string_view code;
    std::string_view title;
    std::string_view explanation;
};

/// Every code, ascending within its hundred.
std::span<const CodeInfo> all_codes();

/// nullptr for an unknown code; the letter's case does not matter, nor does leaving it out.
const CodeInfo* find_code(std::string_view code);

}  // namespace seyir::config
