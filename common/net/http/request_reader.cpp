// SPDX-License-Identifier: Apache-2.0
#include "common/net/http/request_reader.hpp"

#include <optional>
#include <string>

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "common/base/units.hpp"
#include "common/net/http/encoding.hpp"
#include "common/net/http/websocket.hpp"

namespace seyir::net {

namespace http = boost::beast::http;
using boost::system::error_code;
using Parser = http::request_parser<http::string_body>;

namespace {

// "0\r\n\r\n": within a chunked body at least so much is still to come. Beast 1.81 asserts that it
// gets no less at once (basic_parser::parse_chunk_header), also when the peer sends byte by byte.
constexpr size_t kLastChunkBytes = 5;

}  // namespace

struct RequestReader::State {
    HttpLimits limits;
    std::optional<Parser> parser;
    HttpRequest head;
    bool has_head = false;
    bool has_begun = false;
    int error_status = 400;

    void reset() {
        parser.emplace();
        parser->header_limit(static_cast<uint32_t>(limits.header_bytes_max));
        parser->body_limit(limits.body_bytes_max);
        // Not eager: stops after the head, so that nothing of a body is kept before it is allowed.
        parser->eager(false);
        head = {};
        has_head = false;
        has_begun = false;
    }

    Error refuse(int status, std::string message) {
        error_status = status;
        const auto code = status == 413 || status == 431   ? ErrorCode::kTooLarge
                          : status == 501 || status == 505 ? ErrorCode::kUnsupported
                                                           : ErrorCode::kInvalidArgument;
        return fail(code, std::move(message));
    }

    Error refuse(const error_code& code) {
        if (code == http::error::header_limit) {
            return refuse(
                431, "the request's head is larger than " + format_bytes(limits.header_bytes_max)
            );
        }
        if (code == http::error::body_limit) {
            return refuse(
                413,
                "the request's body is larger than " + format_bytes(limits.body_bytes_max) +
                    ": send it in parts"
            );
        }
        if (code == http::error::bad_version) {
            return refuse(505, "only HTTP/1.0 and HTTP/1.1 are spoken here");
        }
        return refuse(400, "malformed HTTP request: " + code.message());
    }

    Result<void> read_head();
    Result<void> read_target(std::string_view target);
};

Result<void> RequestReader::State::read_target(std::string_view target) {
    // absolute-form (RFC 9112, 3.2.2): the authority is ours whatever it says.
    for (const std::string_view scheme : {"http://", "https://"}) {
        if (target.starts_with(scheme)) {
            target.remove_prefix(scheme.size());
            const size_t slash = target.find('/');
            target = slash == std::string_view::npos ? "/" : target.substr(slash);
        }
    }
    if (!target.starts_with("/")) {
        return refuse(400, "the request target must begin with /");
    }
    target = target.substr(0, target.find('#'));
    const size_t question = target.find('?');
    auto path = percent_decode(target.substr(0, question), false);
    if (!path) {
        return refuse(400, "the path holds a broken percent escape");
    }
    head.path = *std::move(path);
    if (question != std::string_view::npos) {
        auto query = parse_query(target.substr(question + 1));
        if (!query) {
            return refuse(400, "the query holds a broken percent escape or over 1000 parameters");
        }
        head.query = *std::move(query);
    }
    return {};
}

Result<void> RequestReader::State::read_head() {
    const auto& message = parser->get();
    const auto method = message.method_string();
    head.method.assign(method.data(), method.size());
    const auto target = message.target();
    SEYIR_CHECK(read_target({target.data(), target.size()}));
    for (const auto& field : message) {
        const auto name = field.name_string();
        const auto value = field.value();
        head.headers.emplace_back(
            std::string(name.data(), name.size()), std::string(value.data(), value.size())
        );
    }
    for (const auto& [name, value] : head.headers) {
        // Beast ignores codings it does not know and takes the body for empty: the body would then
        // be read as the next request (RFC 9112, 6.3 and 11.2).
        if (boost::beast::iequals(name, "transfer-encoding") &&
            (!boost::beast::iequals(value, "chunked") || message.version() < 11)) {
            return refuse(501, "of transfer-encodings only \"chunked\" is understood");
        }
    }
    if (message.version() >= 11 && !head.header("host")) {
        return refuse(400, "the Host header is missing");
    }
    // A route that knows no websockets answers such a request as any other (RFC 9110 7.8).
    if (parser->upgrade() && head.header("upgrade") && !wants_websocket(head)) {
        return refuse(501, "only upgrades to a websocket are offered here");
    }
    return {};
}

RequestReader::RequestReader(HttpLimits limits) : state_(std::make_unique<State>()) {
    state_->limits = limits;
    state_->reset();
}

RequestReader::~RequestReader() = default;
RequestReader::RequestReader(RequestReader&&) noexcept = default;
RequestReader& RequestReader::operator=(RequestReader&&) noexcept = default;

Result<RequestReader::Fed> RequestReader::feed(std::string_view bytes) {
    auto& state = *state_;
    auto& parser = *state.parser;
    Fed fed;
    if (!state.has_begun) {
        // Empty lines before a request line are allowed (RFC 9112, 2.2); the parser does not.
        while (fed.used < bytes.size() && (bytes[fed.used] == '\r' || bytes[fed.used] == '\n')) {
            ++fed.used;
        }
    }
    while (fed.used < bytes.size() && !parser.is_done()) {
        state.has_begun = true;
        error_code code;
        const auto rest = bytes.substr(fed.used);
        if (state.has_head && parser.chunked() && rest.size() < kLastChunkBytes) {
            return fed;
        }
        const size_t used = parser.put(boost::asio::buffer(rest.data(), rest.size()), code);
        fed.used += used;
        if (code == http::error::need_more) {
            // The parser counts the head's bytes only when they are complete.
            if (!parser.is_header_done() && rest.size() - used > state.limits.header_bytes_max) {
                return state.refuse(http::error::header_limit);
            }
            return fed;
        }
        if (code) {
            return state.refuse(code);
        }
        if (parser.is_header_done() && !state.has_head) {
            SEYIR_CHECK(state.read_head());
            state.has_head = true;
            parser.eager(true);
            if (!parser.is_done()) {
                fed.progress = Progress::kHead;
                return fed;
            }
        }
    }
    if (parser.is_done()) {
        fed.progress = Progress::kComplete;
    }
    return fed;
}

int RequestReader::error_status() const {
    return state_->error_status;
}

const HttpRequest& RequestReader::head() const {
    return state_->head;
}

bool RequestReader::keep_alive() const {
    return state_->has_head && state_->parser->keep_alive();
}

bool RequestReader::expects_continue() const {
    const auto value = state_->head.header("expect");
    return value && *value == "100-continue";
}

bool RequestReader::is_http_1_0() const {
    return state_->parser->get().version() < 11;
}

bool RequestReader::has_begun() const {
    return state_->has_begun;
}

HttpRequest RequestReader::take() {
    HttpRequest request = std::move(state_->head);
    request.body = std::move(state_->parser->get().body());
    state_->reset();
    return request;
}

}  // namespace seyir::net
