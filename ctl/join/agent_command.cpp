// SPDX-License-Identifier: Apache-2.0
// seyir agent join URL: exchanges a one-time token for a token of this host's agent, and writes
// what seyir-agent needs: the token (0600, of the state directory's owner), the collector's
// certificate authority, and an output in the directory its configuration reads. Errors: nothing is
// sent before all three places can be written to; after that the token is used.
#include <cstdio>
#include <cstdlib>
#include <string>

#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "common/base/text.hpp"
#include "common/io/file_system.hpp"
#include "common/json/reader.hpp"
#include "common/json/writer.hpp"
#include "common/net/certificate_pin.hpp"
#include "ctl/session.hpp"

namespace seyir::ctl {
namespace {

constexpr std::chrono::seconds kConnectTime{10};
constexpr size_t kAnswerBytesMax = 64 * 1024;

struct Server {
    bool has_tls = false;
    net::Endpoint endpoint;
};

struct Places {
    std::string state_dir;
    std::string token;   ///< file
    std::string ca;      ///< file
    std::string output;  ///< file of the agent's configuration directory
};

struct Joined {
    std::string name;
    std::string token;
    uint16_t port = 0;
};

Result<Server> parse_server(std::string_view url) {
    Server server;
    std::string_view rest = url;
    if (rest.starts_with("https://")) {
        server.has_tls = true;
        rest.remove_prefix(8);
    } else if (rest.starts_with("http://")) {
        rest.remove_prefix(7);
    } else {
        return fail(
            ErrorCode::kInvalidArgument, "join takes the collector's URL: https://HOST:PORT"
        );
    }
    if (rest.ends_with('/')) {
        rest.remove_suffix(1);
    }
    SEYIR_TRY(server.endpoint, net::parse_endpoint(rest, server.has_tls ? 443 : 80));
    if (!server.has_tls && !server.endpoint.is_loopback()) {
        return fail(
            ErrorCode::kInvalidArgument,
            "tokens do not cross a network in plain text: give https:// (and --ca-pin or --ca)"
        );
    }
    return server;
}

std::string option(const Arguments& arguments, std::string_view name, const char* fallback) {
    return arguments.has(name) ? arguments.get(name) : fallback;
}

/// The directories are there and can be written to; no output is there yet.
Result<Places> places(const Arguments& arguments) {
    Places out;
    out.state_dir = option(arguments, "state-dir", "/var/lib/seyir-agent");
    const std::string config_dir = option(arguments, "config-dir", "/etc/seyir/agent.d");
    out.token = out.state_dir + "/agent.token";
    out.ca = out.state_dir + "/collector-ca.pem";
    out.output = config_dir + "/central.yaml";
    for (const std::string& directory : {out.state_dir, config_dir}) {
        if (access(directory.c_str(), W_OK | X_OK) != 0) {
            return fail(
                ErrorCode::kIo,
                fmt::format(
                    "cannot write to {}: run it as root, or name another directory", directory
                )
            );
        }
    }
    if (!arguments.has("force") && access(out.output.c_str(), F_OK) == 0) {
        return fail(
            ErrorCode::kConflict,
            out.output + " is there already: this host has joined; --force replaces it"
        );
    }
    return out;
}

/// The certificate authority to trust: pinned, named, or "" for the system's.
Result<std::string> authority(const Arguments& arguments, const Server& server) {
    if (arguments.has("ca-pin")) {
        return net::fetch_pinned(server.endpoint, arguments.get("ca-pin"), kConnectTime);
    }
    if (arguments.has("ca")) {
        return io::read_file(io::posix_file_system(), arguments.get("ca"), 1024 * 1024);
    }
    return std::string();
}

Result<Joined> exchange(
    const std::string& url, const Server& server, const std::string& ca, const std::string& token
) {
    net::HttpClientOptions options{.peer_hint = "seyir-collector"};
    if (server.has_tls) {
        SEYIR_TRY(options.tls, net::TlsClientContext::load({.ca = ca}));
    }
    SEYIR_TRY(auto client, net::HttpClient::open(url, options));
    char host[256] = "";
    gethostname(host, sizeof host - 1);
    std::string body;
    json::Writer writer(body);
    writer.begin_object();
    writer.member("token", token);
    writer.member("host", host);
    writer.end_object();
    SEYIR_TRY(
        const auto answer,
        client.fetch(
            {.method = "POST",
             .target = "/api/v1/agents/join",
             .headers = {{"content-type", "application/json"}},
             .body = body},
            kAnswerBytesMax
        )
    );
    json::Document document;
    const auto root = document.parse(answer.body);
    const auto text = [&root](std::string_view key) {
        const auto member = root ? root->get(key) : std::nullopt;
        return std::string(member ? member->string().value_or("") : "");
    };
    if (answer.head.status != 200) {
        return fail(
            answer.head.status == 401 ? ErrorCode::kUnauthorized : ErrorCode::kRefused,
            fmt::format("{} answers {}: {}", url, answer.head.status, clean_text(text("message")))
        );
    }
    const auto port = root ? root->get("agents_port") : std::nullopt;
    Joined joined{
        .name = text("agent"),
        .token = text("token"),
        .port = static_cast<uint16_t>(port ? port->int64().value_or(0) : 0),
    };
    if (joined.token.empty() || joined.port == 0) {
        return fail(
            ErrorCode::kCorrupt, url + " answers without a token: is it a seyir-collector?"
        );
    }
    return joined;
}

/// Written whole, of the state directory's owner, who is the agent's user.
Result<void> write_private(const Places& places, const std::string& path, const std::string& text) {
    SEYIR_CHECK(io::write_file_atomically(io::posix_file_system(), path, text));
    struct stat owner{};
    if (stat(places.state_dir.c_str(), &owner) != 0 ||
        (geteuid() == 0 && lchown(path.c_str(), owner.st_uid, owner.st_gid) != 0)) {
        return fail(ErrorCode::kIo, "cannot give " + path + " to the agent's user");
    }
    return {};
}

std::string output_text(
    const Places& places, const Server& server, const std::string& endpoint, bool has_ca
) {
    std::string text = fmt::format(
        "# Written by `seyir agent join`.\noutputs:\n  central:\n    type: collector\n"
        "    endpoints: [{}]\n    token: \"${{file:{}}}\"\n",
        json_quote(endpoint),
        places.token
    );
    if (server.has_tls) {
        text += has_ca ? fmt::format("    tls: {{ ca: {} }}\n", json_quote(places.ca))
                       : "    tls: {}\n";
    }
    return text;
}

Result<void> join(const Arguments& arguments) {
    const std::string& url = arguments.values[1];
    SEYIR_TRY(const std::string token, shown_token(arguments));
    if (token.empty()) {
        return fail(
            ErrorCode::kInvalidArgument,
            "give the one-time token in SEYIR_TOKEN or --token-file (made by `seyir token create "
            "--one-time` on the collector)"
        );
    }
    SEYIR_TRY(const Server server, parse_server(url));
    SEYIR_TRY(const Places where, places(arguments));
    SEYIR_TRY(const std::string ca, authority(arguments, server));
    if (!ca.empty()) {
        SEYIR_CHECK(write_private(where, where.ca, ca));
    }
    SEYIR_TRY(const Joined joined, exchange(url, server, ca.empty() ? "" : where.ca, token));
    net::Endpoint agents = server.endpoint;
    agents.port = joined.port;
    const std::string endpoint =
        arguments.has("endpoint") ? arguments.get("endpoint") : agents.text();
    SEYIR_CHECK(write_private(where, where.token, joined.token + "\n"));
    SEYIR_CHECK(io::write_file_atomically(
        io::posix_file_system(), where.output, output_text(where, server, endpoint, !ca.empty())
    ));
    if (chmod(where.output.c_str(), 0644) != 0) {  // holds no secret, only where it is
        return fail(ErrorCode::kIo, "cannot make " + where.output + " readable");
    }
    return print(fmt::format(
        "joined as {}: records go to {}\nwritten: {}, {}{}\nnow: systemctl enable --now "
        "seyir-agent\n",
        joined.name,
        endpoint,
        where.output,
        where.token,
        ca.empty() ? "" : ", " + where.ca
    ));
}

}  // namespace

int agent_command(const Arguments& arguments) {
    if (arguments.values[0] == "status" && arguments.values.size() == 1) {
        return agent_status_command(arguments);
    }
    if (arguments.values[0] != "join" || arguments.values.size() != 2) {
        return report(fail(ErrorCode::kInvalidArgument, "agent knows: join URL, status"));
    }
    const auto done = join(arguments);
    return done ? kExitOk : report(done.error());
}

}  // namespace seyir::ctl
