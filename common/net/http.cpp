// SPDX-License-Identifier: Apache-2.0
#include "common/net/http.hpp"

#include <algorithm>

#include "common/base/text.hpp"

namespace seyir::net {

namespace {

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
    return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

}  // namespace

Result<void> HttpExchange::begin_websocket() {
    return fail(ErrorCode::kUnsupported, "this server has no websockets");
}

Result<void> HttpExchange::try_message(std::string_view) {
    return fail(ErrorCode::kClosed, "this is no websocket");
}

void HttpExchange::end_websocket(uint16_t, std::string_view) {}

std::optional<std::string_view> HttpRequest::parameter(std::string_view name) const {
    for (const auto& [key, value] : query) {
        if (key == name) {
            return value;
        }
    }
    return std::nullopt;
}

std::vector<std::string_view> HttpRequest::parameters(std::string_view name) const {
    std::vector<std::string_view> values;
    for (const auto& [key, value] : query) {
        if (key == name) {
            values.emplace_back(value);
        }
    }
    return values;
}

std::optional<std::string_view> HttpRequest::header(std::string_view name) const {
    for (const auto& [key, value] : headers) {
        if (equal_ignoring_case(key, name)) {
            return value;
        }
    }
    return std::nullopt;
}

HttpResponse HttpResponse::error(int status, const Error& error) {
    std::string body = R"({"status":"error","error_code":)";
    append_json_quoted(body, to_string(error.code));
    body += ",\"message\":";
    append_json_quoted(body, error.message);
    body += "}\n";
    return {.status = status, .body = std::move(body)};
}

HttpResponse HttpResponse::text(int status, std::string body) {
    return {.status = status, .content_type = "text/plain; charset=utf-8", .body = std::move(body)};
}

}  // namespace seyir::net
