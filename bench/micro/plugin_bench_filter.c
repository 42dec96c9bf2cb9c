/* SPDX-License-Identifier: Apache-2.0 */
/* The filter that plugin_bench measures, as a plugin: masks the digits of the body, sets one
 * attribute and removes one. plugin_bench.cpp has the same work built in. */
#include <seyir/plugin.h>
#include <string.h>

static const seyir_filter_descriptor descriptor = {
    .size = sizeof(seyir_filter_descriptor),
    .name = "bench_plugin",
    .summary = "Masks digits, sets an attribute and removes one.",
    .field_size = sizeof(seyir_field),
};

static struct {
    uint32_t level;
    uint32_t masked;
    uint32_t user;
} keys;

static const seyir_filter_descriptor* describe(void) {
    return &descriptor;
}

static seyir_filter* create(
    const seyir_host* host, const seyir_config* config, seyir_error* error
) {
    (void)config;
    (void)error;
    keys.level = host->intern_key(host, seyir_text_of_string("level"));
    keys.masked = host->intern_key(host, seyir_text_of_string("masked"));
    keys.user = host->intern_key(host, seyir_text_of_string("user"));
    return (seyir_filter*)&keys;
}

static int64_t mask(char* to, const char* from, uint64_t size) {
    int64_t count = 0;
    uint64_t i;
    for (i = 0; i < size; ++i) {
        const int is_digit = from[i] >= '0' && from[i] <= '9';
        to[i] = is_digit ? '*' : from[i];
        count += is_digit;
    }
    return count;
}

static int32_t process(seyir_filter* self, seyir_batch* batch) {
    uint32_t row;
    (void)self;
    for (row = 0; row < batch->row_count; ++row) {
        const seyir_attr* level = seyir_get(batch, row, keys.level);
        const seyir_text body = batch->body[row];
        seyir_value count;
        char* copy;
        if (level == NULL || level->value.size != 4 ||
            memcmp(level->value.as.text, "info", 4) != 0) {
            continue;
        }
        copy = batch->api->alloc(batch, body.size);
        count = seyir_value_of_int(mask(copy, body.data, body.size));
        batch->api->set_body(batch, row, seyir_text_of(copy, body.size), SEYIR_KEEP);
        batch->api->set(batch, row, keys.masked, &count, SEYIR_COPY);
        batch->api->remove(batch, row, keys.user);
    }
    return SEYIR_OK;
}

static void destroy(seyir_filter* self) {
    (void)self;
}

static const seyir_filter_type type = {
    .size = sizeof(seyir_filter_type),
    .describe = describe,
    .create = create,
    .process = process,
    .destroy = destroy,
};
static const seyir_filter_type* const types[] = {&type};
static const seyir_filter_factory factory = {sizeof(seyir_filter_factory), 1, types};

static const void* get_factory(const char* id) {
    return strcmp(id, SEYIR_FILTER_FACTORY) == 0 ? &factory : NULL;
}

SEYIR_EXPORT extern const seyir_entry seyir_plugin_entry;
const seyir_entry seyir_plugin_entry = {
    .magic = SEYIR_MAGIC,
    .abi_major = SEYIR_ABI_MAJOR,
    .abi_minor = SEYIR_ABI_MINOR_NEEDED,
    .size = sizeof(seyir_entry),
    .get_factory = get_factory,
};
