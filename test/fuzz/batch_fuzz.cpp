// SPDX-License-Identifier: Apache-2.0
// Payload bytes as a peer could send them, with a hash that matches: decode must refuse or give a
// batch that can be encoded again and means the same.
#include <cstdint>
#include <cstdlib>

#include <xxhash.h>

#include "common/record/batch_codec.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    auto bytes = std::make_shared<const std::string>(reinterpret_cast<const char*>(data), size);
    const auto encoded = seyir::encoded_from_bytes(bytes);
    if (!encoded) {
        return 0;
    }
    auto decoded = seyir::decode_batch(*encoded, seyir::TenantId::kDefault);
    if (!decoded) {
        return 0;
    }
    const seyir::BatchView view{*decoded, {}};
    const auto again = seyir::encode_batch(view, seyir::PayloadCodec::kNone);
    if (!again) {
        return 0;  // near the size limit a shorter form may have come in
    }
    const auto twice = seyir::decode_batch(*again, seyir::TenantId::kDefault);
    if (!twice || (*twice)->row_count() != (*decoded)->row_count()) {
        std::abort();
    }
    return 0;
}
