// SPDX-License-Identifier: Apache-2.0
#include "common/config/sections/sections.hpp"

namespace seyir::config {

ServerTls read_server_tls(const ObjectReader& r, std::string_view key) {
    const ObjectReader tls = r.nested(key);
    return {tls.path("cert"), tls.path("key"), tls.path("client_ca")};
}

ClientTls read_client_tls(const ObjectReader& r, std::string_view key) {
    const ObjectReader tls = r.nested(key);
    return {
        r.has(key), tls.path("ca"), tls.path("cert"), tls.path("key"), tls.string("server_name")
    };
}

LogOptions read_log(const ObjectReader& root) {
    const ObjectReader r = root.nested("log");
    LogOptions options;
    options.level = r.choice<log::Level>(
        "level",
        {{"info", log::Level::kInfo},
         {"debug", log::Level::kDebug},
         {"warn", log::Level::kWarn},
         {"error", log::Level::kError}}
    );
    options.json = r.string("format") == "json";
    return options;
}

ListenOptions read_listen(const ObjectReader& root, const std::string& home) {
    const ObjectReader r = root.nested("listen");
    ListenOptions options;
    options.http = r.address("http");
    options.admin_path = r.has("admin") ? r.path("admin") : home + "/admin.sock";
    return options;
}

}  // namespace seyir::config
