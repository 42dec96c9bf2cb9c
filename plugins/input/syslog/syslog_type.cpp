// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "common/component/credentials.hpp"
#include "plugins/input/syslog/syslog_input.hpp"

namespace seyir::plugins::syslog {
namespace {

using config::field;
using config::Schema;
using config::Type;
using Listener = config::SectionChecks::Listener;

constexpr uint64_t kSecond = 1'000'000'000;

void add_sockets(Schema& schema) {
    schema
        .with(config::list_of("udp", field("", Type::kListen))
                  .between(0, 64)
                  .describe("Addresses and ports for datagrams. They are never acknowledged: what "
                            "comes while outputs are behind is dropped, counted.")
                  .or_else("[]")
                  .show("['127.0.0.1:5514']")
                  .elsewhere("Vector", {"address"})
                  .elsewhere("other programs", {"listen"}))
        .with(config::list_of("tcp", field("", Type::kListen))
                  .between(0, 64)
                  .describe("Addresses and ports for connections, octet-counted or a message a "
                            "line, told apart at each message.")
                  .or_else("[]")
                  .show("['127.0.0.1:5514']")
                  .elsewhere("Fluent Bit", {"port"}))
        .with(config::list_of("tls_listen", field("", Type::kListen))
                  .between(0, 64)
                  .describe("Addresses and ports for TLS (RFC 5425), with the certificate of `tls`."
                  )
                  .or_else("[]")
                  .show("['127.0.0.1:6514']"))
        .with(field("unix_path", Type::kPath)
                  .describe("A unix datagram socket, as /dev/log is.")
                  .or_else_described("none")
                  .show("/run/seyir/log")
                  .elsewhere("Fluent Bit", {"path"}))
        .with(field("unix_stream_path", Type::kPath)
                  .describe("A unix stream socket.")
                  .or_else_described("none")
                  .show("/run/seyir/log-stream"))
        .with(config::object("tls", config::server_tls_schema())
                  .or_else_described("the top-level `tls`")
                  .elsewhere("Filebeat", {"ssl"}))
        .with(field("allow_plaintext", Type::kBool)
                  .describe("Permits `tcp` and `udp` beyond this machine. syslog has no tokens: "
                            "whoever can connect may send.")
                  .or_else_described("the top-level `allow_plaintext`")
                  .show("false"));
}

std::shared_ptr<const Schema> make_schema() {
    Schema schema(
        "syslog", "Messages of RFC 3164 and RFC 5424 over UDP, TCP, TLS and unix sockets."
    );
    schema.example_id("syslog");
    add_sockets(schema);
    schema
        .with(field("keep_raw", Type::kBool)
                  .describe("true: the record is the whole message; false: its text alone. The "
                            "other parts are attributes either way.")
                  .or_else("false"))
        .with(field("host_label", Type::kEnum)
                  .choice("message", "the host the message names, else the sender's address")
                  .choice("peer", "the sender's address")
                  .choice("off", "as `labels` say")
                  .describe("The stream label `host`, up to 1000 different ones.")
                  .or_else("message"))
        .with(field("zone_offset", Type::kString)
                  .between(1, 6)
                  .describe("The zone of times that name none (RFC 3164): +03:00, -05:00.")
                  .or_else("+00:00")
                  .elsewhere("other programs", {"timezone"}))
        .with(field("max_message", Type::kBytes)
                  .between(480, kMiB)
                  .describe("A longer message is cut, and counted.")
                  .or_else("64KiB")
                  .elsewhere("Vector", {"max_length"})
                  .elsewhere("Filebeat", {"max_message_size"})
                  .elsewhere("Fluent Bit", {"buffer_chunk_size"}))
        .with(field("max_connections", Type::kInt)
                  .between(1, 100'000)
                  .describe(
                      "Connections beyond this are closed at once; one peer may hold half of them."
                  )
                  .or_else("1000")
                  .elsewhere("Vector", {"connection_limit"}))
        .with(field("idle_timeout", Type::kDuration)
                  .between(kSecond, 86'400 * kSecond)
                  .describe("A connection that is silent for this long is closed.")
                  .or_else("10m"))
        .with(field("max_in_flight", Type::kBytes)
                  .between(kMiB, 4 * kGiB)
                  .describe("Memory for messages no output has taken yet. Then connections wait "
                            "and datagrams are dropped, counted.")
                  .or_else("64MiB"))
        .with(config::labels_field("Stream labels of its records."))
        .with(field("service_name", Type::kString)
                  .between(1, 256)
                  .describe("The label `service_name`.")
                  .or_else_described("the input's name")
                  .show("network"));
    return std::make_shared<const Schema>(std::move(schema));
}

class SyslogPlan final : public component::InputPlan {
  public:
    SyslogPlan(SyslogSetup setup, config::ServerTls tls, std::vector<Listener> listeners)
        : setup_(std::move(setup)), tls_(std::move(tls)), listeners_(std::move(listeners)) {}

    Result<std::unique_ptr<pipeline::Input>> instantiate(const component::InputContext& context
    ) override {
        SyslogSetup setup = setup_;
        if (!setup.tls_listen.empty()) {
            SEYIR_TRY(setup.tls, component::load_server_tls(tls_));
        }
        return std::make_unique<SyslogInput>(
            std::move(setup), context.run.clock, context.run.registry
        );
    }

    std::vector<Listener> listeners() const override { return listeners_; }

  private:
    SyslogSetup setup_;
    config::ServerTls tls_;
    std::vector<Listener> listeners_;
};

class Planner {
  public:
    Planner(const config::ObjectReader& r, component::PlanContext& context)
        : r_(r), context_(context) {}

    component::InputPlanPtr plan() {
        setup_.id = context_.id;
        context_.checks.server_tls(r_, "tls");
        tls_ = config::read_server_tls(r_, "tls");
        tls_ = tls_.is_on() ? tls_ : context_.tls;
        setup_.tcp = endpoints("tcp", false, true);
        setup_.tls_listen = endpoints("tls_listen", true, true);
        setup_.udp = endpoints("udp", false, false);
        read_unix();
        setup_.message_bytes_max = r_.bytes("max_message");
        setup_.connections_max = static_cast<uint32_t>(r_.integer("max_connections"));
        setup_.idle_timeout = r_.duration("idle_timeout");
        setup_.in_flight_bytes_max = r_.bytes("max_in_flight");
        setup_.rows.keep_raw = r_.boolean("keep_raw");
        setup_.rows.host_label = r_.choice<HostLabel>(
            "host_label",
            {{"message", HostLabel::kMessage}, {"peer", HostLabel::kPeer}, {"off", HostLabel::kOff}}
        );
        setup_.rows.labels = component::input_labels(r_, context_);
        read_zone();
        check_sockets();
        return std::make_shared<SyslogPlan>(
            std::move(setup_), std::move(tls_), std::move(listeners_)
        );
    }

  private:
    std::vector<net::Endpoint> endpoints(const char* key, bool has_tls, bool is_stream) {
        std::vector<net::Endpoint> all;
        const auto addresses = r_.addresses(key);
        for (size_t i = 0; i < addresses.size(); ++i) {
            all.push_back({.host = addresses[i].host, .port = addresses[i].port, .unix_path = ""});
            Listener listener{
                .what = fmt::format("inputs.{}.{}", context_.id, key),
                .address = addresses[i],
                .at = r_.item_span(key, i),
                .has_tls = has_tls,
                .allows_plaintext = r_.has("allow_plaintext") ? r_.boolean("allow_plaintext")
                                                              : context_.allows_plaintext,
                .has_tokens = true,  // syslog has none; allow_plaintext says that one knows
            };
            // UDP ports are not TCP's: the check for one port used twice is of streams.
            if (is_stream || !addresses[i].is_loopback()) {
                listeners_.push_back(std::move(listener));
            }
        }
        return all;
    }

    void read_unix() {
        if (r_.has("unix_path")) {
            setup_.unix_datagram.push_back(r_.path("unix_path"));
        }
        if (r_.has("unix_stream_path")) {
            setup_.tcp.push_back({.host = "", .port = 0, .unix_path = r_.path("unix_stream_path")});
        }
    }

    void read_zone() {
        const std::string text = r_.string("zone_offset");
        int hours = 0;
        int minutes = 0;
        char sign = '+';
        const int read = std::sscanf(text.c_str(), "%c%2d:%2d", &sign, &hours, &minutes);
        if (read != 3 || (sign != '+' && sign != '-') || hours > 14 || minutes > 59 || hours < 0 ||
            minutes < 0) {
            context_.diagnostics.add(
                {.code = config::kNotAllowed,
                 .at = r_.span("zone_offset"),
                 .message = fmt::format("`zone_offset` of `{}` is not an offset", context_.id),
                 .hint = "write it as +03:00"}
            );
            return;
        }
        const int64_t total = (hours * 60 + minutes) * 60LL * static_cast<int64_t>(kSecond);
        setup_.rows.zone_offset = Nanos(sign == '-' ? -total : total);
    }

    void check_sockets() {
        if (setup_.tcp.empty() && setup_.udp.empty() && setup_.tls_listen.empty() &&
            setup_.unix_datagram.empty()) {
            context_.diagnostics.add(
                {.code = config::kMissingKey,
                 .at = context_.id_span,
                 .message = fmt::format("input `{}` listens nowhere", context_.id),
                 .hint = "add `udp: ['127.0.0.1:5514']`, `tcp`, `tls_listen` or `unix_path`"}
            );
        }
        if (!setup_.tls_listen.empty() && !tls_.is_on()) {
            context_.diagnostics.add(
                {.code = config::kTlsIncomplete,
                 .at = r_.span("tls_listen"),
                 .message = fmt::format("`tls_listen` of `{}` without a certificate", context_.id),
                 .hint = "add `tls: { cert: ..., key: ... }`"}
            );
        }
    }

    const config::ObjectReader& r_;
    component::PlanContext& context_;
    SyslogSetup setup_;
    config::ServerTls tls_;
    std::vector<Listener> listeners_;
};

}  // namespace

component::InputType syslog_input_type() {
    return {
        make_schema(),
        [](const config::ObjectReader& r, component::PlanContext& context
        ) -> component::InputPlanPtr { return Planner(r, context).plan(); }
    };
}

}  // namespace seyir::plugins::syslog
