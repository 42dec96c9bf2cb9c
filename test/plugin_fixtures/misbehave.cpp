// SPDX-License-Identifier: Apache-2.0
// A plugin that does what plugins must not do, chosen by its key `mode`; the tests of the adapter
// load it. Written against plugin.h alone, as hostile code would be.
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include <seyir/plugin.h>

namespace {

std::string text_of(seyir_text text) {
    return {text.data, text.size};
}

struct Self {
    const seyir_host* host = nullptr;
    std::string mode;
    uint32_t key = 0;
    uint32_t reason = 0;
    std::vector<seyir_held*> held;
};

Self* self_of(seyir_filter* filter) {
    return reinterpret_cast<Self*>(filter);
}

seyir_text text(const char* string) {
    return seyir_text_of_string(string);
}

int32_t hold(Self& self, seyir_batch* batch) {
    for (uint32_t row = 0; row < batch->row_count; ++row) {
        seyir_held* one = batch->api->hold(batch, row);
        if (one != nullptr) {
            self.held.push_back(one);
        }
    }
    return SEYIR_OK;
}

/// Arguments that are out of range; each is one call.
int32_t abuse(Self& self, seyir_batch* batch) {
    const seyir_batch_api* api = batch->api;
    seyir_value value = seyir_value_of_int(1);
    // Half the work is done by then: it must be undone.
    api->set_body(batch, 0, text("half done"), SEYIR_COPY);
    api->set(batch, 0, self.key, &value, SEYIR_COPY);
    if (self.mode == "bad_row") {
        return api->set_body(batch, batch->row_count, text("x"), SEYIR_COPY);
    }
    if (self.mode == "bad_key") {
        return api->set(batch, 0, 4'000'000, &value, SEYIR_COPY);
    }
    if (self.mode == "bad_kind") {
        value.kind = 77;
        return api->set(batch, 0, self.key, &value, SEYIR_COPY);
    }
    if (self.mode == "bad_length") {
        value = seyir_value_of_text({0xffffffff, "x"});
        return api->set(batch, 0, self.key, &value, SEYIR_COPY);
    }
    if (self.mode == "bad_body_length") {
        return api->set_body(batch, 0, {UINT64_MAX, "x"}, SEYIR_COPY);
    }
    if (self.mode == "bad_reason") {
        return api->drop(batch, 0, 63);
    }
    if (self.mode == "drop_twice") {
        api->drop(batch, 0, self.reason);
        return api->drop(batch, 0, self.reason);
    }
    if (self.mode == "bad_code") {
        return api->fail(batch, 0, text("Not A Word"), text(""), SEYIR_NO_KEY);
    }
    if (self.mode == "bad_handle") {
        auto* handle = reinterpret_cast<seyir_held*>(uintptr_t{4096});
        return api->drop_held(batch, &handle, 1, self.reason);
    }
    if (self.mode == "bad_severity") {
        return api->set_severity(batch, 0, 200);
    }
    if (self.mode == "bad_hold") {
        api->hold(batch, 0);
        return SEYIR_OK;
    }
    if (self.mode == "flood") {
        while (api->emit(batch, 0) != SEYIR_NO_ROW) {
        }
        return SEYIR_OK;
    }
    if (self.mode == "many") {  // attributes, and then it goes on as if nothing were
        for (int i = 0; i < 600; ++i) {
            const std::string name = "a" + std::to_string(i);
            const uint32_t key = api->intern_key(batch, {name.size(), name.data()});
            api->set(batch, 0, key, &value, SEYIR_COPY);
        }
        return api->drop(batch, 0, self.reason) == SEYIR_REFUSED ? SEYIR_OK : SEYIR_FATAL;
    }
    if (self.mode == "loop") {  // an array that contains itself
        seyir_value array = {{0}, 1, SEYIR_ARRAY, {0, 0, 0}};
        array.as.items = &array;
        return api->set(batch, 0, self.key, &array, SEYIR_COPY);
    }
    return SEYIR_OK;
}

int32_t process(seyir_filter* filter, seyir_batch* batch) {
    Self& self = *self_of(filter);
    if (self.mode == "throw") {
        batch->api->set_body(batch, 0, text("half done"), SEYIR_COPY);
        throw std::runtime_error("on purpose");
    }
    if (self.mode == "throw_int") {
        throw 7;
    }
    if (self.mode == "bad_status") {
        return 99;
    }
    if (self.mode == "fatal" || self.mode == "retry") {
        batch->api->set_body(batch, 0, text("half done"), SEYIR_COPY);
        batch->api->explain(batch, text("the licence ran out"));
        return self.mode == "fatal" ? SEYIR_FATAL : SEYIR_RETRY;
    }
    if (self.mode == "slow") {
        const int64_t began = self.host->steady_ns(self.host);
        while (self.host->steady_ns(self.host) - began < 5'000'000'000) {
        }
        return SEYIR_OK;
    }
    if (self.mode == "hold") {
        return hold(self, batch);
    }
    if (self.mode == "hold_then_fatal") {
        return self.held.empty() ? hold(self, batch) : int32_t{SEYIR_FATAL};
    }
    if (self.mode == "retry_one") {
        // The row it cannot take just now; all others are no trouble.
        const seyir_text body = batch->body[0];
        const bool is_one = body.size == 3 && body.data[0] == 'o';
        return is_one ? SEYIR_RETRY : SEYIR_OK;
    }
    if (self.mode == "crash") {
        *reinterpret_cast<volatile int*>(uintptr_t{8}) = 1;
    }
    // As if nothing had been refused.
    return abuse(self, batch) == SEYIR_FATAL ? SEYIR_FATAL : SEYIR_OK;
}

int32_t flush(seyir_filter* filter, seyir_batch* batch, uint32_t) {
    Self& self = *self_of(filter);
    if (self.held.empty()) {
        return SEYIR_OK;
    }
    const seyir_text body = text("joined");
    const auto count = static_cast<uint32_t>(self.held.size());
    const int32_t status = batch->api->emit_held(batch, self.held.data(), count, &body);
    self.held.clear();
    return status;
}

seyir_filter* create(const seyir_host* host, const seyir_config* config, seyir_error* error) {
    auto* self = new Self;
    self->host = host;
    self->mode = text_of(config->settings[0].text);
    self->key = host->intern_key(host, text("level"));
    self->reason = host->drop_reason(host, text("noise"));
    if (self->mode == "no_create") {
        delete self;
        error->field = 0;
        const char* why = "there is no such mode";
        for (size_t i = 0; why[i] != '\0'; ++i) {
            error->message[i] = why[i];
        }
        return nullptr;
    }
    return reinterpret_cast<seyir_filter*>(self);
}

void destroy(seyir_filter* filter) {
    delete self_of(filter);
}

seyir_field mode_field() {
    seyir_field field{};
    field.size = sizeof field;
    field.type = SEYIR_TYPE_STRING;
    field.name = "mode";
    field.help = "What to do wrong.";
    field.default_text = "nothing";
    return field;
}

template <uint32_t needs>
const seyir_filter_descriptor* describe() {
    static const seyir_field fields[] = {mode_field()};
    static const seyir_filter_descriptor descriptor = {
        sizeof(seyir_filter_descriptor),
        SEYIR_PER_WORKER,
        needs,
        1,
        needs == 0 ? "misbehave" : "misbehave_holding",
        "Does what plugins must not do.",
        nullptr,
        fields,
        sizeof(seyir_field),
    };
    return &descriptor;
}

const seyir_filter_type plain = {
    sizeof(seyir_filter_type), 0, describe<0>, nullptr, create, process, flush, destroy
};
const seyir_filter_type holding = {
    sizeof(seyir_filter_type),
    0,
    describe<SEYIR_HOLDS_ROWS | SEYIR_WANTS_TIMER>,
    nullptr,
    create,
    process,
    flush,
    destroy
};
const seyir_filter_type* const types[] = {&plain, &holding};
const seyir_filter_factory factory = {sizeof(seyir_filter_factory), 2, types};

const void* get_factory(const char* id) {
    return std::string(id) == SEYIR_FILTER_FACTORY ? &factory : nullptr;
}

}  // namespace

extern "C" SEYIR_EXPORT const seyir_entry seyir_plugin_entry;
const seyir_entry seyir_plugin_entry = {
    SEYIR_MAGIC,
    SEYIR_ABI_MAJOR,
    SEYIR_ABI_MINOR,
    sizeof(seyir_entry),
    0,
    "",
    "Seyir's tests",
    "1.0",
    "Apache-2.0",
    nullptr,
    nullptr,
    get_factory,
};
