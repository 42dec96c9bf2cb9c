// SPDX-License-Identifier: Apache-2.0
#include "plugins/output/notify/transfer.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

#include <fmt/format.h>

#include "common/base/assert.hpp"
#include "common/io/clock.hpp"
#include "plugins/output/notify/curl_library.hpp"

namespace seyir::plugins::notify {
namespace {

const CurlLibrary& lib() {
    return CurlLibrary::get();
}

struct FreeList {
    void operator()(curl_slist* list) const { lib().slist_free_all(list); }
};

using List = std::unique_ptr<curl_slist, FreeList>;

void append(List& list, const std::string& text) {
    curl_slist* longer = lib().slist_append(list.get(), text.c_str());
    if (longer != nullptr) {
        (void)list.release();
        list.reset(longer);
    }
}

/// A name or key that is wrong stays wrong, but the message is not to blame: it is kept.
bool is_our_fault(CURLcode code) {
    return code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL;
}

}  // namespace

struct Transfer::State {
    TransferOptions options;
    std::function<bool()> stop;
    CURL* curl = nullptr;
    char error[CURL_ERROR_SIZE] = {};
    std::string answer;
    std::string_view upload;

    void begin(const std::string& url, const char* protocols);
    CURLcode perform();
    Attempt failure(CURLcode code, const std::string& url) const;

    std::string words(std::string_view text) const {
        return printable(text, options.secrets, kResponseBytesMax);
    }

    static size_t on_answer(const char* data, size_t size, size_t count, void* self) {
        std::string& answer = static_cast<State*>(self)->answer;
        answer.append(
            data,
            std::min(size * count, kResponseBytesMax - std::min(answer.size(), kResponseBytesMax))
        );
        return size * count;
    }

    static size_t on_upload(char* to, size_t size, size_t count, void* self) {
        std::string_view& upload = static_cast<State*>(self)->upload;
        const size_t bytes = std::min(size * count, upload.size());
        std::memcpy(to, upload.data(), bytes);
        upload.remove_prefix(bytes);
        return bytes;
    }

    static int on_progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
        return static_cast<State*>(self)->stop() ? 1 : 0;
    }
};

void Transfer::State::begin(const std::string& url, const char* protocols) {
    lib().easy_reset(curl);
    answer.clear();
    error[0] = '\0';
    const auto ms = [](Nanos time) {
        return static_cast<long>(time / std::chrono::milliseconds(1));
    };
    const auto set = [&](CURLoption option, auto value) { lib().easy_setopt(curl, option, value); };
    set(CURLOPT_URL, url.c_str());
    set(CURLOPT_PROTOCOLS_STR, protocols);
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_FOLLOWLOCATION, 0L);
    set(CURLOPT_TIMEOUT_MS, ms(options.timeout));
    set(CURLOPT_CONNECTTIMEOUT_MS, ms(options.connect_timeout));
    set(CURLOPT_ERRORBUFFER, error);
    set(CURLOPT_WRITEFUNCTION, &State::on_answer);
    set(CURLOPT_WRITEDATA, static_cast<void*>(this));
    set(CURLOPT_XFERINFOFUNCTION, &State::on_progress);
    set(CURLOPT_XFERINFODATA, static_cast<void*>(this));
    set(CURLOPT_NOPROGRESS, 0L);
    set(CURLOPT_SSL_VERIFYPEER, 1L);
    set(CURLOPT_SSL_VERIFYHOST, 2L);
    set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    if (!options.tls.ca.empty()) {
        set(CURLOPT_CAINFO, options.tls.ca.c_str());
        set(CURLOPT_CAPATH, static_cast<const char*>(nullptr));
    }
    if (!options.tls.cert.empty()) {
        set(CURLOPT_SSLCERT, options.tls.cert.c_str());
        set(CURLOPT_SSLKEY, options.tls.key.c_str());
    }
}

CURLcode Transfer::State::perform() {
    const CURLcode code = lib().easy_perform(curl);
    // Nothing of the call's stays behind in the handle.
    lib().easy_setopt(curl, CURLOPT_ERRORBUFFER, nullptr);
    return code;
}

Attempt Transfer::State::failure(CURLcode code, const std::string& url) const {
    const char* why = error[0] != '\0' ? error : lib().easy_strerror(code);
    return {
        .outcome = is_our_fault(code) ? Outcome::kRejected : Outcome::kRetry,
        .message = code == CURLE_ABORTED_BY_CALLBACK
                       ? fmt::format("{}: stopped before the answer", shown_url(url))
                       : fmt::format("{}: {}", shown_url(url), words(why)),
        .wait = std::nullopt,
    };
}

Transfer::Transfer(TransferOptions options, std::function<bool()> stop)
    : state_(std::make_unique<State>()) {
    state_->options = std::move(options);
    state_->stop = std::move(stop);
    if (lib().is_loaded()) {
        state_->curl = lib().easy_init();
        SEYIR_ASSERT(state_->curl != nullptr);
    }
}

Transfer::~Transfer() {
    if (state_->curl != nullptr) {
        lib().easy_cleanup(state_->curl);
    }
}

Attempt Transfer::http(const HttpCall& call) {
    State& s = *state_;
    if (s.curl == nullptr) {
        return {.outcome = Outcome::kRetry, .message = lib().problem, .wait = std::nullopt};
    }
    s.begin(call.url, "http,https");
    List headers;
    for (const std::string& header : call.headers) {
        append(headers, header);
    }
    append(headers, "Expect:");  // no waiting for 100 Continue
    lib().easy_setopt(s.curl, CURLOPT_HTTPHEADER, headers.get());
    lib().easy_setopt(s.curl, CURLOPT_CUSTOMREQUEST, call.method.c_str());
    lib().easy_setopt(
        s.curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(call.body.size())
    );
    lib().easy_setopt(s.curl, CURLOPT_POSTFIELDS, call.body.data());
    if (!call.user.empty()) {
        lib().easy_setopt(s.curl, CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BASIC));
        lib().easy_setopt(s.curl, CURLOPT_USERNAME, call.user.c_str());
        lib().easy_setopt(s.curl, CURLOPT_PASSWORD, call.password.c_str());
    }
    const CURLcode code = s.perform();
    if (code != CURLE_OK) {
        return s.failure(code, call.url);
    }
    long status = 0;
    lib().easy_getinfo(s.curl, CURLINFO_RESPONSE_CODE, &status);
    Attempt out{.outcome = classify_http(status), .message = "", .wait = std::nullopt};
    if (out.outcome != Outcome::kDelivered) {
        out.message =
            fmt::format("{} answered {}: {}", shown_url(call.url), status, s.words(s.answer));
        curl_header* header = nullptr;
        if (lib().easy_header(s.curl, "Retry-After", 0, CURLH_HEADER, -1, &header) == CURLHE_OK) {
            out.wait = parse_retry_after(header->value, io::system_clock().wall_now());
        }
    }
    return out;
}

Attempt Transfer::mail(const MailCall& call) {
    State& s = *state_;
    if (s.curl == nullptr) {
        return {.outcome = Outcome::kRetry, .message = lib().problem, .wait = std::nullopt};
    }
    s.begin(call.url, "smtp,smtps");
    s.upload = call.message;
    List recipients;
    for (const std::string& to : call.to) {
        append(recipients, "<" + to + ">");
    }
    constexpr long kUse[] = {CURLUSESSL_ALL, CURLUSESSL_TRY, CURLUSESSL_NONE};
    const std::string from = "<" + call.from + ">";
    lib().easy_setopt(s.curl, CURLOPT_USE_SSL, kUse[static_cast<int>(call.start_tls)]);
    lib().easy_setopt(s.curl, CURLOPT_MAIL_FROM, from.c_str());
    lib().easy_setopt(s.curl, CURLOPT_MAIL_RCPT, recipients.get());
    // One recipient that is gone must not keep the mail from the others.
    lib().easy_setopt(s.curl, CURLOPT_MAIL_RCPT_ALLLOWFAILS, 1L);
    lib().easy_setopt(s.curl, CURLOPT_UPLOAD, 1L);
    lib().easy_setopt(s.curl, CURLOPT_READFUNCTION, &State::on_upload);
    lib().easy_setopt(s.curl, CURLOPT_READDATA, static_cast<void*>(&s));
    if (!call.user.empty()) {
        lib().easy_setopt(s.curl, CURLOPT_USERNAME, call.user.c_str());
        lib().easy_setopt(s.curl, CURLOPT_PASSWORD, call.password.c_str());
    }
    const CURLcode code = s.perform();
    if (code == CURLE_OK) {
        return Attempt::delivered();
    }
    Attempt out = s.failure(code, call.url);
    long status = 0;
    lib().easy_getinfo(s.curl, CURLINFO_RESPONSE_CODE, &status);
    // 5yz is for good (RFC 5321, 4.2.1), except where the account or encryption is refused: that
    // is the configuration's fault and not the mail's.
    const bool is_about_us = code == CURLE_LOGIN_DENIED || code == CURLE_USE_SSL_FAILED ||
                             code == CURLE_PEER_FAILED_VERIFICATION || status == 530 ||
                             status == 535;
    if (status >= 500 && status < 600 && !is_about_us) {
        out.outcome = Outcome::kRejected;
    }
    if (status != 0) {
        out.message += fmt::format(" (last reply {})", status);
    }
    return out;
}

Outcome classify_http(long status) {
    if (status >= 200 && status < 300) {
        return Outcome::kDelivered;
    }
    const bool may_pass = status == 408 || status == 425 || status == 429 || status >= 500;
    return may_pass ? Outcome::kRetry : Outcome::kRejected;
}

std::optional<Nanos> parse_retry_after(std::string_view text, UnixNanos now) {
    uint32_t seconds = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    Nanos wait = std::chrono::seconds(seconds);
    if (problem == std::errc::result_out_of_range) {
        return kPauseMax;
    }
    if (problem != std::errc() || end != text.data() + text.size()) {
        const std::time_t date =
            !lib().is_loaded() ? -1 : lib().getdate(std::string(text).c_str(), nullptr);
        if (date == -1) {
            return std::nullopt;
        }
        wait = std::chrono::seconds(date) - Nanos(now.value);
    }
    return std::clamp(wait, Nanos(0), kPauseMax);
}

std::string printable(
    std::string_view text, const std::vector<std::string>& secrets, size_t bytes_max
) {
    std::string out(text);
    for (const std::string& secret : secrets) {
        constexpr size_t kTooShortToHide = 4;
        for (size_t at = out.find(secret); secret.size() >= kTooShortToHide && at != out.npos;
             at = out.find(secret, at + 3)) {
            out.replace(at, secret.size(), "***");
        }
    }
    out.resize(std::min(out.size(), bytes_max));
    std::ranges::replace_if(out, [](char c) { return (c >= 0 && c < 0x20) || c == 0x7f; }, ' ');
    while (out.ends_with(' ')) {
        out.pop_back();
    }
    return out;
}

std::string shown_url(std::string_view url) {
    const size_t scheme = url.find("://");
    const size_t begin = scheme == url.npos ? 0 : scheme + 3;
    const size_t end = std::min(url.find_first_of("/?#", begin), url.size());
    const size_t at = url.substr(begin, end - begin).rfind('@');
    const size_t host = at == url.npos ? begin : begin + at + 1;
    return std::string(url.substr(0, begin)) + std::string(url.substr(host, end - host));
}

}  // namespace seyir::plugins::notify
