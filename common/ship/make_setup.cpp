// SPDX-License-Identifier: Apache-2.0
#include "common/ship/make_setup.hpp"

#include "common/base/version.hpp"

namespace seyir::ship {
namespace {

PayloadCodec codec_of(Compression compression) {
    switch (compression) {
        case Compression::kNone:
            return PayloadCodec::kNone;
        case Compression::kLz4:
            return PayloadCodec::kLz4;
        case Compression::kZstd:
            return PayloadCodec::kZstd;
    }
    return PayloadCodec::kLz4;
}

}  // namespace

Result<std::string> read_token_file(io::FileSystem& files, const std::string& path) {
    auto text = io::read_file(files, path, kTokenFileBytesMax);
    if (!text) {
        Error error = text.error().context("the token file " + path);
        error.code = ErrorCode::kInvalidConfig;
        return error;
    }
    for (const char end : {'\n', '\r'}) {  // as of ${file:}: one line break
        if (text->ends_with(end)) {
            text->pop_back();
        }
    }
    if (text->empty()) {
        return fail(ErrorCode::kInvalidConfig, "the token file " + path + " is empty");
    }
    return text;
}

Result<ShipSetup> make_ship_setup(
    const CollectorOutputOptions& options,
    const std::string& output_id,
    const std::string& identity_dir,
    const std::string& host_name,
    io::FileSystem& files
) {
    ShipSetup setup;
    setup.id = output_id;
    for (const config::Address& address : options.endpoints) {
        setup.endpoints.push_back({.host = address.host, .port = address.port});
    }
    setup.token = options.token;
    setup.token_file = options.token_file;
    if (!setup.token_file.empty()) {
        SEYIR_TRY(setup.token, read_token_file(files, setup.token_file));
    }
    if (options.tls.is_on) {
        SEYIR_TRY(
            setup.tls,
            net::TlsClientContext::load(
                {.ca = options.tls.ca,
                 .cert = options.tls.cert,
                 .key = options.tls.key,
                 .server_name = options.tls.server_name}
            )
        );
    }
    setup.state_dir = identity_dir;
    SEYIR_TRY(setup.identity, load_agent_identity(files, {.state_dir = identity_dir}));
    setup.hostname = host_name;
    setup.agent_version = kVersion;
    setup.codec = codec_of(options.compression);
    setup.in_flight_bytes_max = options.in_flight_bytes_max;
    setup.connect_timeout = options.connect_timeout;
    setup.ack_timeout = options.ack_timeout;
    setup.on_ambiguity = options.on_ambiguity;
    setup.retry_initial = options.retry_initial;
    setup.retry_max = options.retry_max;
    return setup;
}

}  // namespace seyir::ship
