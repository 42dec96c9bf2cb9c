// SPDX-License-Identifier: Apache-2.0
// /proc/net/dev, /sys/class/net, /proc/net/{snmp,netstat,sockstat}.
#include <algorithm>
#include <array>

#include <unistd.h>

#include <fmt/format.h>

#include "agent/hostmetrics/host_sampler.hpp"

namespace seyir::agent::hostmetrics {

namespace {

/// Columns of /proc/net/dev in order; node_exporter's names between node_network_ and _total.
constexpr std::array<std::string_view, 16> kNetColumns = {
    "receive_bytes",
    "receive_packets",
    "receive_errs",
    "receive_drop",
    "receive_fifo",
    "receive_frame",
    "receive_compressed",
    "receive_multicast",
    "transmit_bytes",
    "transmit_packets",
    "transmit_errs",
    "transmit_drop",
    "transmit_fifo",
    "transmit_colls",
    "transmit_carrier",
    "transmit_compressed",
};

/// node_exporter's default choice of the many counters.
constexpr std::array<std::string_view, 33> kNetstatFields = {
    "Icmp_InErrors",
    "Icmp_InMsgs",
    "Icmp_OutMsgs",
    "IpExt_InOctets",
    "IpExt_OutOctets",
    "Ip_Forwarding",
    "TcpExt_ListenDrops",
    "TcpExt_ListenOverflows",
    "TcpExt_SyncookiesFailed",
    "TcpExt_SyncookiesRecv",
    "TcpExt_SyncookiesSent",
    "TcpExt_TCPOFOQueue",
    "TcpExt_TCPSynRetrans",
    "TcpExt_TCPTimeouts",
    "TcpExt_TCPRcvQDrop",
    "Tcp_ActiveOpens",
    "Tcp_CurrEstab",
    "Tcp_InErrs",
    "Tcp_InSegs",
    "Tcp_OutRsts",
    "Tcp_OutSegs",
    "Tcp_PassiveOpens",
    "Tcp_RetransSegs",
    "UdpLite_InErrors",
    "Udp_InDatagrams",
    "Udp_InErrors",
    "Udp_NoPorts",
    "Udp_OutDatagrams",
    "Udp_RcvbufErrors",
    "Udp_SndbufErrors",
    "Tcp_AttemptFails",
    "Tcp_EstabResets",
    "Tcp_InCsumErrors",
};

}  // namespace

bool HostSampler::collect_network() {
    std::string_view text = net_dev_.read(buffer_);
    if (text.empty()) {
        return false;
    }
    rows_.clear();
    std::string_view line;
    while (next_line(text, line)) {
        const size_t colon = line.find(':');
        if (colon == std::string_view::npos) {
            continue;  // the two heading lines
        }
        Row row;
        row.name = Words(line.substr(0, colon)).next();
        Words words(line.substr(colon + 1));
        for (size_t i = 0; i < kNetColumns.size(); ++i) {
            row.values[i] = words.next_number();
        }
        if (options_.selection.network.takes(row.name, false)) {
            rows_.push_back(row);
        }
    }
    for (size_t column = 0; column < kNetColumns.size(); ++column) {
        out_.family(
            out_.joined("node_network_", kNetColumns[column], "_total"),
            "counter",
            "Network device statistic of /proc/net/dev."
        );
        for (const Row& row : rows_) {
            out_.sample({{"device", row.name}}, row.values[column]);
        }
    }
    write_network_state();
    return true;
}

void HostSampler::write_network_state() {
    out_.family("node_network_up", "gauge", "Value is 1 if operstate is 'up', 0 otherwise.");
    for (const Row& row : rows_) {
        auto device = devices_.find(row.name);
        if (device == devices_.end()) {
            const std::string base = fmt::format("{}/sys/class/net/{}", options_.root, row.name);
            device =
                devices_
                    .emplace(
                        std::string(row.name),
                        NetworkDevice{
                            ProcSource(fs_, base + "/operstate"), ProcSource(fs_, base + "/speed")
                        }
                    )
                    .first;
        }
        const std::string_view state = device->second.operstate.read(small_);
        out_.sample({{"device", row.name}}, uint64_t{state.starts_with("up")});
    }
    out_.family("node_network_speed_bytes", "gauge", "Speed in bytes a second of /sys/class/net.");
    for (const Row& row : rows_) {
        const std::string_view speed = devices_.find(row.name)->second.speed.read(small_);
        // Megabits; -1 and errors mean unknown.
        if (const uint64_t megabits = to_number(speed); megabits > 0) {
            out_.sample({{"device", row.name}}, megabits * 1'000'000 / 8);
        }
    }
    if (devices_.size() > rows_.size() + 64) {
        devices_.clear();  // containers come and go; what is there is opened anew
    }
}

bool HostSampler::collect_netstat() {
    const bool snmp = write_netstat_pairs(snmp_);
    return write_netstat_pairs(netstat_) && snmp;
}

bool HostSampler::write_netstat_pairs(ProcSource& source) {
    std::string_view text = source.read(buffer_);
    const bool found = !text.empty();
    std::string_view names;
    std::string_view values;
    // Pairs of lines: "Tcp: ActiveOpens ..." and "Tcp: 606 ...".
    while (next_line(text, names) && next_line(text, values)) {
        Words name_words(names);
        Words value_words(values);
        std::string_view protocol = name_words.next();
        protocol = protocol.substr(0, protocol.find(':'));
        value_words.next();
        while (!name_words.done()) {
            const std::string_view name = name_words.next();
            const uint64_t value = value_words.next_number();
            std::array<char, 64> field_buffer{};
            if (protocol.size() + name.size() + 1 > field_buffer.size()) {
                continue;
            }
            char* end = std::ranges::copy(protocol, field_buffer.data()).out;
            *end++ = '_';
            end = std::ranges::copy(name, end).out;
            const std::string_view field(field_buffer.data(), end);
            if (std::ranges::find(kNetstatFields, field) != kNetstatFields.end()) {
                out_.single(
                    out_.joined("node_netstat_", field), "untyped", "Statistic of /proc/net.", value
                );
            }
        }
    }
    return found;
}

bool HostSampler::collect_sockstat() {
    static const auto page_bytes = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
    std::string_view text = sockstat_.read(buffer_);
    const bool found = !text.empty();
    std::string_view line;
    while (next_line(text, line)) {
        Words words(line);
        std::string_view protocol = words.next();
        protocol = protocol.substr(0, protocol.find(':'));
        while (!words.done()) {
            const std::string_view field = words.next();
            const uint64_t value = words.next_number();
            std::array<char, 64> name{};
            const auto end =
                fmt::format_to_n(name.data(), name.size(), "node_sockstat_{}_{}", protocol, field);
            const std::string_view written(name.data(), std::min(end.size, name.size()));
            out_.single(written, "gauge", "Number of sockets.", value);
            if (field == "mem") {
                out_.single(
                    out_.joined(written, "_bytes"),
                    "gauge",
                    "Memory of sockets.",
                    value * page_bytes
                );
            }
        }
    }
    return found;
}

}  // namespace seyir::agent::hostmetrics
