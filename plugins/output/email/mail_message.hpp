// SPDX-License-Identifier: Apache-2.0
// The text of a mail: headers and a quoted-printable body, lines ended by CRLF. Nothing a record
// holds can begin a header: line breaks and control characters of subjects become spaces.
// Threads: pure functions.
// Format: RFC 5322 (message, date, message id), RFC 2047 (headers beyond ASCII), RFC 2045
// (quoted-printable), RFC 3834 (Auto-Submitted).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.hpp"
#include "common/base/time.hpp"

namespace seyir::plugins {

/// "ops@example.org" or "Night watch <ops@example.org>".
struct MailAddress {
    std::string name;
    std::string address;
};

/// kInvalidArgument: no address, or characters SMTP cannot carry.
Result<MailAddress> parse_mail_address(std::string_view text);

struct MailMessage {
    MailAddress from;
    std::vector<MailAddress> to;
    std::string subject;  ///< any bytes
    std::string body;     ///< any bytes
    UnixNanos date;
    std::string message_id;  ///< without its angle brackets
};

inline constexpr size_t kSubjectBytesMax = 200;

std::string format_mail(const MailMessage& message);

/// "Sun, 22 Nov 2026 10:23:46 +0000"
std::string format_mail_date(UnixNanos date);

/// An unstructured header's value: as it is when ASCII, else in encoded words, folded.
std::string encode_header(std::string_view text);

void append_quoted_printable(std::string& out, std::string_view text);

}  // namespace seyir::plugins
