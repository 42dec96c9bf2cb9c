// SPDX-License-Identifier: Apache-2.0
#include "ctl/session.hpp"

#include <cstdio>
#include <cstdlib>

#include <unistd.h>

#include "common/base/units.hpp"
#include "common/base/url_mask.hpp"
#include "common/io/file_system.hpp"
#include "common/json/reader.hpp"
#include "common/net/http/encoding.hpp"

namespace seyir::ctl {

namespace {

constexpr const char* kDefaultServer = "http://127.0.0.1:7400";
constexpr size_t kTokenFileBytesMax = 64 * 1024;

/// The option, else the variable, else `fallback`.
std::string choose(
    const Arguments& arguments, std::string_view option, const char* variable, const char* fallback
) {
    if (arguments.has(option)) {
        return arguments.get(option);
    }
    const char* value = std::getenv(variable);
    return value != nullptr && *value != '\0' ? value : fallback;
}

std::string message_in(const std::string& body) {
    json::Document document;
    const auto root = document.parse(body);
    for (const char* name : {"message", "error"}) {
        const auto field = root ? root->get(name) : std::nullopt;
        if (const auto text = field ? field->string() : std::nullopt) {
            return std::string(*text);
        }
    }
    std::string text = clean_text(body.substr(0, body.find('\n')).substr(0, 500));
    return text.empty() ? "no reason given" : text;
}

Error status_error(int status, const std::string& body, const std::string& url) {
    std::string message = message_in(body);
    switch (status) {
        case 400:
        case 413:
        case 422:
            return fail(ErrorCode::kInvalidArgument, message);
        case 401:
            return fail(
                ErrorCode::kUnauthorized,
                message + "\n  set SEYIR_TOKEN, or give --token-file FILE, with a token of " + url
            );
        case 403:
            return fail(ErrorCode::kRefused, message + "\n  use a token that has this scope");
        case 404:
            return fail(
                ErrorCode::kNotFound,
                url + ": " + message + "\n  is that the address of a seyir-collector (listen.http)?"
            );
        case 429:
        case 503:
            return fail(ErrorCode::kBackpressure, message + "\n  the server is busy: try again");
        case 504:
            return fail(
                ErrorCode::kTimeout, message + "\n  ask for less: a shorter --since or a selector"
            );
        default:
            return fail(
                ErrorCode::kInternal, url + " answered " + std::to_string(status) + ": " + message
            );
    }
}

}  // namespace

Result<std::string> shown_token(const Arguments& arguments) {
    if (!arguments.has("token-file")) {
        return choose(arguments, "token", "SEYIR_TOKEN", "");
    }
    SEYIR_TRY(
        auto token,
        io::read_file(io::posix_file_system(), arguments.get("token-file"), kTokenFileBytesMax)
    );
    while (!token.empty() && (token.back() == '\n' || token.back() == '\r' || token.back() == ' ')
    ) {
        token.pop_back();
    }
    if (token.empty()) {
        return fail(ErrorCode::kInvalidArgument, arguments.get("token-file") + " holds no token");
    }
    return token;
}

Result<PrintStyle> print_style(const Arguments& arguments) {
    PrintStyle style;
    const auto output = arguments.get("output");
    if (output == "json") {
        style.form = OutputForm::kJson;
    } else if (output == "raw") {
        style.form = OutputForm::kRaw;
    } else if (!output.empty() && output != "human" && output != "text") {
        return fail(
            ErrorCode::kInvalidArgument, "--output " + output + ": write human, json or raw"
        );
    }
    const auto labels = arguments.get("labels");
    if (labels == "all") {
        style.labels = LabelDisplay::kAll;
    } else if (labels == "none") {
        style.labels = LabelDisplay::kNone;
    } else if (!labels.empty() && labels != "short") {
        return fail(
            ErrorCode::kInvalidArgument, "--labels " + labels + ": write short, all or none"
        );
    }
    const auto color = arguments.get("color");
    if (!color.empty() && color != "auto" && color != "always" && color != "never") {
        return fail(
            ErrorCode::kInvalidArgument, "--color " + color + ": write auto, always or never"
        );
    }
    style.color = wants_color(color, STDOUT_FILENO);
    style.clean = is_terminal(STDOUT_FILENO) || style.color;
    style.utc = arguments.has("utc");
    return style;
}

Result<Session> Session::open(const Arguments& arguments, std::string_view peer) {
    SEYIR_TRY(const auto style, print_style(arguments));
    const auto url = choose(arguments, "server", "SEYIR_SERVER", kDefaultServer);
    net::HttpClientOptions options;
    options.peer_hint = peer;
    SEYIR_TRY(options.token, shown_token(arguments));
    const auto ca = choose(arguments, "ca", "SEYIR_CA", "");
    if (!ca.empty()) {
        SEYIR_TRY(
            options.tls,
            net::TlsClientContext::load({.ca = ca, .cert = {}, .key = {}, .server_name = {}})
        );
    }
    if (arguments.has("timeout")) {
        auto timeout = parse_duration(arguments.get("timeout"));
        if (!timeout) {
            return timeout.error().context("--timeout");
        }
        options.idle_timeout = std::chrono::duration_cast<std::chrono::milliseconds>(*timeout);
    }
    SEYIR_TRY(auto client, net::HttpClient::open(url, std::move(options)));
    return Session(std::move(client), style);
}

namespace {

net::HttpClient::Request make_request(
    std::string_view path, const Session::Parameters& parameters, std::string method
) {
    net::HttpClient::Request request;
    request.method = std::move(method);
    request.target = path;
    char separator = '?';
    for (const auto& [name, value] : parameters) {
        request.target += separator + name + "=" + net::percent_encode(value);
        separator = '&';
    }
    // Record attributes apart from stream labels, as Grafana asks for them.
    request.headers.emplace_back("X-Loki-Response-Encoding-Flags", "categorize-labels");
    return request;
}

}  // namespace

Result<net::HttpAnswerHead> Session::start(
    std::string_view path, const Parameters& parameters, std::string method
) {
    SEYIR_TRY(auto head, client_.start(make_request(path, parameters, std::move(method))));
    return checked(std::move(head));
}

Result<void> Session::start_websocket(std::string_view path, const Parameters& parameters) {
    SEYIR_TRY(auto head, client_.start_websocket(make_request(path, parameters, "GET")));
    SEYIR_TRY(head, checked(std::move(head)));
    constexpr int kSwitchingProtocols = 101;
    if (head.status != kSwitchingProtocols) {
        client_.close();
        return fail(ErrorCode::kUnsupported, client_.url() + " opened no websocket");
    }
    return {};
}

/// A status of 400 and above as the error it tells.
Result<net::HttpAnswerHead> Session::checked(net::HttpAnswerHead head) {
    if (head.status < 400) {
        return head;
    }
    std::string body;
    while (body.size() < 65536) {
        const auto piece = client_.read();
        if (!piece || piece->empty()) {
            break;
        }
        body += *piece;
    }
    client_.close();
    return status_error(head.status, body, client_.url());
}

Result<std::string> Session::get(std::string_view path, const Parameters& parameters) {
    SEYIR_CHECK(start(path, parameters));
    return read_body();
}

Result<std::string> Session::post(std::string_view path, const Parameters& parameters) {
    SEYIR_CHECK(start(path, parameters, "POST"));
    return read_body();
}

Result<std::string> Session::read_body() {
    std::string body;
    while (true) {
        SEYIR_TRY(const auto piece, client_.read());
        if (piece.empty()) {
            return body;
        }
        body += piece;
    }
}

int report(const Error& error) {
    const std::string text = "seyir: " + mask_userinfo(error.message) + "\n";
    fputs(text.c_str(), stderr);
    return kExitFailure;
}

}  // namespace seyir::ctl
