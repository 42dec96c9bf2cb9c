// SPDX-License-Identifier: Apache-2.0
#include "plugins/filter/redact/pseudonym.hpp"

#include <array>

#include <openssl/core_names.h>
#include <openssl/evp.h>

namespace seyir::plugins::redact {
namespace {

struct FreeMac {
    void operator()(EVP_MAC* mac) const { EVP_MAC_free(mac); }
};

struct FreeContext {
    void operator()(EVP_MAC_CTX* context) const { EVP_MAC_CTX_free(context); }
};

const unsigned char* bytes_of(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

struct Pseudonym::State {
    std::unique_ptr<EVP_MAC_CTX, FreeContext> context;
    size_t letters = 0;
};

Pseudonym::Pseudonym(std::unique_ptr<State> state) : state_(std::move(state)) {}

Pseudonym::Pseudonym(Pseudonym&&) noexcept = default;
Pseudonym& Pseudonym::operator=(Pseudonym&&) noexcept = default;
Pseudonym::~Pseudonym() = default;

Result<Pseudonym> Pseudonym::create(std::string_view key, size_t letters) {
    const std::unique_ptr<EVP_MAC, FreeMac> mac(EVP_MAC_fetch(nullptr, "HMAC", nullptr));
    auto state = std::make_unique<State>();
    state->letters = letters;
    if (mac != nullptr) {
        state->context.reset(EVP_MAC_CTX_new(mac.get()));
    }
    char digest[] = "SHA256";
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end()
    };
    if (state->context == nullptr ||
        EVP_MAC_init(state->context.get(), bytes_of(key), key.size(), parameters) != 1) {
        return fail(ErrorCode::kInternal, "HMAC-SHA-256 is not available in this OpenSSL");
    }
    return Pseudonym(std::move(state));
}

Result<void> Pseudonym::append(std::string& out, std::string_view rule, std::string_view value) {
    EVP_MAC_CTX* context = state_->context.get();
    std::array<unsigned char, kPseudonymLettersMax / 2> digest{};
    size_t size = 0;
    constexpr std::string_view kApart("\0", 1);
    // Without a key, init starts over with the key it has.
    if (EVP_MAC_init(context, nullptr, 0, nullptr) != 1 ||
        EVP_MAC_update(context, bytes_of(rule), rule.size()) != 1 ||
        EVP_MAC_update(context, bytes_of(kApart), kApart.size()) != 1 ||
        EVP_MAC_update(context, bytes_of(value), value.size()) != 1 ||
        EVP_MAC_final(context, digest.data(), &size, digest.size()) != 1 || size != digest.size()) {
        return fail(ErrorCode::kInternal, "HMAC-SHA-256 failed");
    }
    for (size_t i = 0; i < state_->letters; ++i) {
        const int four_bits = i % 2 == 0 ? digest[i / 2] >> 4 : digest[i / 2] & 15;
        out += static_cast<char>('a' + four_bits);
    }
    return {};
}

}  // namespace seyir::plugins::redact
