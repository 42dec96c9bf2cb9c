/* SPDX-License-Identifier: Apache-2.0 */
/* mask_digits: writes a mask over the digits of each body, but for the last few of each number. In
 * C99, against the installed header alone. */
#include <seyir/plugin.h>
#include <stdlib.h>
#include <string.h>

enum { FIELD_MASK, FIELD_KEEP, FIELD_SKIP, FIELD_COUNT };

typedef struct mask_digits {
    const seyir_host* host;
    char mask;
    int skips_errors;
    uint64_t keep;
    uint32_t masked_key;
    seyir_metric* masked;
} mask_digits;

static const seyir_choice skip_choices[] = {
    {"never", "every record is looked at"},
    {"errors", "records of severity error and above are left alone"},
};

static const seyir_field fields[FIELD_COUNT] = {
    {.size = sizeof(seyir_field),
     .type = SEYIR_TYPE_STRING,
     .name = "mask",
     .help = "The character that is written over a digit.",
     .default_text = "*",
     .min = 1,
     .max = 1},
    {.size = sizeof(seyir_field),
     .type = SEYIR_TYPE_INT,
     .name = "keep",
     .help = "How many digits at the end of each number stay readable.",
     .unit = "digits",
     .default_text = "0",
     .max = 16},
    {.size = sizeof(seyir_field),
     .type = SEYIR_TYPE_ENUM,
     .name = "skip",
     .help = "Which records are left alone.",
     .default_text = "never",
     .choices = skip_choices,
     .choice_count = 2},
};

static const seyir_filter_descriptor descriptor = {
    .size = sizeof(seyir_filter_descriptor),
    .thread_model = SEYIR_PER_WORKER,
    .field_count = FIELD_COUNT,
    .name = "mask_digits",
    .summary = "Writes a mask over the digits of each body.",
    .doc =
        "Each run of digits is a number; its last `keep` digits stay readable. The attribute\n"
        "`digits_masked` says how many were masked.",
    .fields = fields,
    .field_size = sizeof(seyir_field),
};

static const seyir_filter_descriptor* describe(void) {
    return &descriptor;
}

static int32_t check(const seyir_config* config, seyir_error* error) {
    const seyir_text mask = config->settings[FIELD_MASK].text;
    if (mask.size == 1 && mask.data[0] >= '0' && mask.data[0] <= '9') {
        error->field = FIELD_MASK;
        strcpy(error->message, "a digit cannot stand for masked digits");
        return SEYIR_REFUSED;
    }
    return SEYIR_OK;
}

static seyir_filter* create(
    const seyir_host* host, const seyir_config* config, seyir_error* error
) {
    mask_digits* self = calloc(1, sizeof *self);
    if (self == NULL) {
        strcpy(error->message, "out of memory");
        return NULL;
    }
    self->host = host;
    self->mask = config->settings[FIELD_MASK].text.data[0];
    self->keep = (uint64_t)config->settings[FIELD_KEEP].integer;
    self->skips_errors = config->settings[FIELD_SKIP].integer == 1;
    self->masked_key = host->intern_key(host, seyir_text_of_string("digits_masked"));
    self->masked = host->metric(
        host,
        SEYIR_COUNTER,
        seyir_text_of_string("digits_total"),
        seyir_text_of_string("Digits that were masked."),
        NULL,
        0
    );
    return (seyir_filter*)self;
}

static int is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* Masks numbers in `to`, a copy of `from`; how many digits that were. */
static uint64_t mask_numbers(const mask_digits* self, char* to, seyir_text from) {
    uint64_t count = 0;
    uint64_t at = 0;
    memcpy(to, from.data, from.size);
    while (at < from.size) {
        uint64_t end = at;
        while (end < from.size && is_digit(from.data[end])) {
            ++end;
        }
        if (end - at > self->keep) {
            memset(to + at, self->mask, end - at - self->keep);
            count += end - at - self->keep;
        }
        at = end + 1;
    }
    return count;
}

static int32_t process(seyir_filter* filter, seyir_batch* batch) {
    const mask_digits* self = (const mask_digits*)filter;
    uint64_t total = 0;
    uint32_t row;
    for (row = 0; row < batch->row_count; ++row) {
        const seyir_text body = batch->body[row];
        uint64_t at = 0;
        uint64_t count;
        seyir_value value;
        char* copy;
        while (at < body.size && !is_digit(body.data[at])) {
            ++at;
        }
        if (at == body.size || (self->skips_errors && seyir_severity(batch, row) >= 17)) {
            continue;
        }
        copy = batch->api->alloc(batch, body.size);
        if (copy == NULL) {
            batch->api->fail(
                batch,
                row,
                seyir_text_of_string("no_memory"),
                seyir_text_of_string("the batch has no memory left"),
                SEYIR_NO_KEY
            );
            continue;
        }
        count = mask_numbers(self, copy, body);
        batch->api->set_body(batch, row, seyir_text_of(copy, body.size), SEYIR_KEEP);
        value = seyir_value_of_int((int64_t)count);
        batch->api->set(batch, row, self->masked_key, &value, SEYIR_COPY);
        total += count;
    }
    self->host->metric_add(self->masked, (double)total);
    return SEYIR_OK;
}

static void destroy(seyir_filter* filter) {
    free(filter);
}

static const seyir_filter_type mask_digits_type = {
    .size = sizeof(seyir_filter_type),
    .describe = describe,
    .check = check,
    .create = create,
    .process = process,
    .destroy = destroy,
};

static const seyir_filter_type* const types[] = {&mask_digits_type};
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
    .vendor = "Seyir's examples",
    .version = "1.0.0",
    .licence = "Apache-2.0",
    .get_factory = get_factory,
};
