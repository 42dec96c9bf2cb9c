// SPDX-License-Identifier: Apache-2.0
#include "plugins/forward/handshake.hpp"

#include <array>
#include <initializer_list>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "common/base/assert.hpp"
#include "common/codec/msgpack.hpp"

namespace seyir::plugins::forward {
namespace {

using codec::MsgpackItem;
using codec::MsgpackReader;
using codec::MsgpackType;
using codec::MsgpackWriter;

constexpr size_t kSaltBytes = 16;
constexpr size_t kDigestBytes = 64;

std::string sha512_hex(std::initializer_list<std::string_view> parts) {
    std::array<unsigned char, kDigestBytes> digest{};
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    SEYIR_ASSERT(context != nullptr && EVP_DigestInit_ex(context, EVP_sha512(), nullptr) == 1);
    for (const std::string_view part : parts) {
        SEYIR_ASSERT(EVP_DigestUpdate(context, part.data(), part.size()) == 1);
    }
    SEYIR_ASSERT(EVP_DigestFinal_ex(context, digest.data(), nullptr) == 1);
    EVP_MD_CTX_free(context);
    constexpr std::string_view kHex = "0123456789abcdef";
    std::string text;
    for (const unsigned char byte : digest) {
        text += kHex[byte >> 4];
        text += kHex[byte & 15];
    }
    return text;
}

/// Both are public or digests of one length; the time depends on nothing else.
bool equal(std::string_view a, std::string_view b) {
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

/// The fields of a handshake message, one after another.
class Fields {
  public:
    Fields(std::string_view bytes, std::string_view name) : reader_(bytes), name_(name) {}

    Result<void> begin(uint32_t count_min, uint32_t count_max) {
        MsgpackItem item;
        if (!reader_.next(item) || item.type != MsgpackType::kArray || item.count < count_min ||
            item.count > count_max) {
            return wrong("is no array of the right length");
        }
        SEYIR_TRY(const std::string tag, text());
        if (tag != name_) {
            return wrong("was expected, \"" + tag.substr(0, 16) + "\" came");
        }
        return {};
    }

    Result<std::string> text() {
        MsgpackItem item;
        // nil stands for "none" with some clients.
        if (!reader_.next(item) || !(item.is_text() || item.type == MsgpackType::kNil)) {
            return wrong("has a field that is no text");
        }
        return std::string(item.bytes);
    }

    Result<bool> boolean() {
        MsgpackItem item;
        if (!reader_.next(item) || item.type != MsgpackType::kBool) {
            return wrong("has a field that is not true or false");
        }
        return item.boolean;
    }

    Result<Helo> helo_options() {
        Helo helo;
        MsgpackItem item;
        if (!reader_.next(item) || item.type != MsgpackType::kMap) {
            return wrong("has no map of options");
        }
        for (uint32_t pairs = item.count; pairs > 0; --pairs) {
            SEYIR_TRY(const std::string key, text());
            if (key == "nonce") {
                SEYIR_TRY(helo.nonce, text());
            } else if (key == "auth") {
                SEYIR_TRY(helo.auth, text());
            } else if (key == "keepalive") {
                SEYIR_TRY(helo.keepalive, boolean());
            } else if (reader_.skip().empty()) {
                return wrong("ends early");
            }
        }
        return helo;
    }

  private:
    Error wrong(const std::string& what) const {
        return fail(ErrorCode::kCorrupt, std::string(name_) + " " + what);
    }

    MsgpackReader reader_;
    std::string_view name_;
};

}  // namespace

std::string make_salt() {
    std::string salt(kSaltBytes, '\0');
    SEYIR_ASSERT(RAND_bytes(reinterpret_cast<unsigned char*>(salt.data()), kSaltBytes) == 1);
    return salt;
}

std::string key_digest(
    std::string_view salt, std::string_view hostname, std::string_view nonce, std::string_view key
) {
    return sha512_hex({salt, hostname, nonce, key});
}

std::string password_digest(
    std::string_view auth, std::string_view user, std::string_view password
) {
    return sha512_hex({auth, user, password});
}

void append_helo(std::string& out, const Helo& helo) {
    MsgpackWriter to(out);
    to.array(2);
    to.str("HELO");
    to.map(3);
    to.str("nonce");
    to.bin(helo.nonce);
    to.str("auth");
    // Texts and not binary where nothing is asked for: npm's client compares with "".
    helo.auth.empty() ? to.str("") : to.bin(helo.auth);
    to.str("keepalive");
    to.boolean(helo.keepalive);
}

void append_ping(std::string& out, const Ping& ping) {
    MsgpackWriter to(out);
    to.array(6);
    to.str("PING");
    to.str(ping.hostname);
    to.bin(ping.salt);
    to.str(ping.key_digest);
    to.str(ping.user);
    to.str(ping.password_digest);
}

void append_pong(std::string& out, const Pong& pong) {
    MsgpackWriter to(out);
    to.array(5);
    to.str("PONG");
    to.boolean(pong.is_accepted);
    to.str(pong.reason);
    to.str(pong.hostname);
    to.str(pong.key_digest);
}

Result<Helo> read_helo(std::string_view bytes) {
    Fields fields(bytes, "HELO");
    SEYIR_CHECK(fields.begin(2, 2));
    return fields.helo_options();
}

Result<Ping> read_ping(std::string_view bytes) {
    Fields fields(bytes, "PING");
    SEYIR_CHECK(fields.begin(6, 6));
    Ping ping;
    SEYIR_TRY(ping.hostname, fields.text());
    SEYIR_TRY(ping.salt, fields.text());
    SEYIR_TRY(ping.key_digest, fields.text());
    SEYIR_TRY(ping.user, fields.text());
    SEYIR_TRY(ping.password_digest, fields.text());
    return ping;
}

Result<Pong> read_pong(std::string_view bytes) {
    Fields fields(bytes, "PONG");
    SEYIR_CHECK(fields.begin(5, 5));
    Pong pong;
    SEYIR_TRY(pong.is_accepted, fields.boolean());
    SEYIR_TRY(pong.reason, fields.text());
    SEYIR_TRY(pong.hostname, fields.text());
    SEYIR_TRY(pong.key_digest, fields.text());
    return pong;
}

Result<void> check_ping(
    const Ping& ping, const Helo& sent, std::string_view key, const std::vector<User>& users
) {
    const std::string expected = key_digest(ping.salt, ping.hostname, sent.nonce, key);
    bool is_right = equal(ping.key_digest, expected);
    const bool key_is_right = is_right;
    if (!sent.auth.empty()) {
        bool is_known = false;
        for (const User& user : users) {
            const std::string digest = password_digest(sent.auth, user.name, user.password);
            const bool name_fits = equal(ping.user, user.name);
            const bool password_fits = equal(ping.password_digest, digest);
            is_known = is_known || (name_fits && password_fits);
        }
        is_right = is_right && is_known;
    }
    if (is_right) {
        return {};
    }
    return fail(
        ErrorCode::kUnauthorized, key_is_right ? "wrong user or password" : "wrong shared key"
    );
}

Result<void> check_pong(
    const Pong& pong, const Ping& sent, std::string_view nonce, std::string_view key
) {
    if (!pong.is_accepted) {
        return fail(ErrorCode::kUnauthorized, "refused: " + pong.reason);
    }
    if (!equal(pong.key_digest, key_digest(sent.salt, pong.hostname, nonce, key))) {
        return fail(ErrorCode::kUnauthorized, "the server does not know the shared key");
    }
    return {};
}

}  // namespace seyir::plugins::forward
