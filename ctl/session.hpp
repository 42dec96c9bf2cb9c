// SPDX-License-Identifier: Apache-2.0
// Session: the server asked and the manner of printing, from the options every command shares.
// Threads: one owner.   Errors: those of HttpClient; a status of 400 and above becomes an Error
// with the server's message and what to do about it.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/net/http_client.hpp"
#include "ctl/arguments.hpp"
#include "ctl/print/row_printer.hpp"

namespace seyir::ctl {

/// The commands; each gives the exit status.
inline constexpr int kExitOk = 0;
inline constexpr int kExitFailure = 1;
inline constexpr int kExitUsage = 2;

class Session {
  public:
    /// `peer` is named when nobody listens.
    static Result<Session> open(
        const Arguments& arguments, std::string_view peer = "seyir-collector"
    );

    using Parameters = std::vector<std::pair<std::string, std::string>>;

    /// GET, whole answer.
    Result<std::string> get(std::string_view path, const Parameters& parameters = {});
    /// POST without a body, whole answer.
    Result<std::string> post(std::string_view path, const Parameters& parameters = {});
    /// Head checked; read the body with client().read().
    Result<net::HttpAnswerHead> start(
        std::string_view path, const Parameters& parameters, std::string method = "GET"
    );

    /// Opens a websocket; then client().read_message().
    Result<void> start_websocket(std::string_view path, const Parameters& parameters);

    net::HttpClient& client() { return client_; }

    const PrintStyle& style() const { return style_; }

  private:
    Result<std::string> read_body();
    Result<net::HttpAnswerHead> checked(net::HttpAnswerHead head);

    Session(net::HttpClient client, PrintStyle style) : client_(std::move(client)), style_(style) {}

    net::HttpClient client_;
    PrintStyle style_;
};

/// --output, --color, --utc, --labels as they apply to standard output.
Result<PrintStyle> print_style(const Arguments& arguments);

/// What --token-file, --token or SEYIR_TOKEN give; "" for none.
Result<std::string> shown_token(const Arguments& arguments);

int query_command(const Arguments& arguments);
int tail_command(const Arguments& arguments);
int labels_command(const Arguments& arguments);
int status_command(const Arguments& arguments);
int buffer_command(const Arguments& arguments);
int spool_command(const Arguments& arguments);
int validate_command(const Arguments& arguments);
int tap_command(const Arguments& arguments);
int reload_command(const Arguments& arguments);
int export_command(const Arguments& arguments);
int retention_command(const Arguments& arguments);
int backup_command(const Arguments& arguments);
int restore_command(const Arguments& arguments);
int verify_command(const Arguments& arguments);
int doctor_command(const Arguments& arguments);
int top_command(const Arguments& arguments);
int test_command(const Arguments& arguments);
int graph_command(const Arguments& arguments);
int explain_command(const Arguments& arguments);
int parse_command(const Arguments& arguments);
int schema_command(const Arguments& arguments);
int token_command(const Arguments& arguments);
int agent_command(const Arguments& arguments);
int agent_status_command(const Arguments& arguments);

/// "seyir: MESSAGE" on stderr; the exit status that fits.
int report(const Error& error);

}  // namespace seyir::ctl
