/* SPDX-License-Identifier: Apache-2.0 */
/* Seyir's plugin ABI, version 1.0: filters built outside of Seyir, loaded from a shared object.
 * Guide: docs/guide/write-a-filter.md.  Rules of the ABI: docs/format/plugin-abi.md.
 *
 * C99. In C++ use plugin.hpp, which wraps this header. 64-bit little-endian hosts.
 *
 * A plugin exports one symbol, `seyir_plugin_entry`, of type seyir_entry. Everything else is
 * reached through pointers. Names beginning with `seyir_` and `SEYIR_` belong to this header.
 *
 * Compatibility: a plugin built for 1.x runs on every 1.y with y >= x. Structs grow at their end
 * only and say their size in their first member; nobody reads beyond the size the other side gave.
 *
 * Threads are named at each function:
 *   [load]    once, on one thread, before anything else
 *   [check]   on one thread at a time; also in `seyir validate`, without a running program
 *   [create]  on one thread; the instance is not in use yet (or not any more)
 *   [worker]  one call at a time for an instance, not always the same thread; a filter that
 *             declares SEYIR_THREAD_SAFE is called by several workers at the same time
 *   [any]     from any thread
 *
 * Memory: the host owns batches and all they name, up to the end of the call they came with. The
 * plugin owns its instances. Pointers the plugin declares (descriptors) stay valid for ever.
 *
 * Nothing may be thrown across this border, and no thread may be left running after destroy(). */
#ifndef SEYIR_PLUGIN_H
#define SEYIR_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SEYIR_MAGIC UINT64_C(0x474c505249594553) /* "SEYIRPLG" in memory */
#define SEYIR_ABI_MAJOR 1
#define SEYIR_ABI_MINOR 0

/* The oldest minor version of the host that this plugin can work with. Define it lower than
 * SEYIR_ABI_MINOR where what is newer is used only after looking at host->abi_minor. */
#ifndef SEYIR_ABI_MINOR_NEEDED
#define SEYIR_ABI_MINOR_NEEDED SEYIR_ABI_MINOR
#endif

#if defined(_WIN32)
#define SEYIR_EXPORT __declspec(dllexport)
#else
#define SEYIR_EXPORT __attribute__((visibility("default")))
#endif

/* --- data --------------------------------------------------------------------------------------
 */

/* Bytes that belong to somebody else. Not terminated by a zero, not always UTF-8. */
typedef struct seyir_text {
    uint64_t size;
    const char* data;
} seyir_text;

typedef enum seyir_kind {
    SEYIR_NULL = 0,
    SEYIR_BOOL = 1,        /* as.integer: 0 or 1 */
    SEYIR_INT = 2,         /* as.integer */
    SEYIR_DOUBLE = 3,      /* as.real */
    SEYIR_STRING = 4,      /* as.text, size bytes */
    SEYIR_BYTES = 5,       /* as.text, size bytes */
    SEYIR_NUMBER_TEXT = 6, /* a number outside int64 and double, as written: as.text, size bytes */
    SEYIR_ARRAY = 7,       /* as.items, size items */
    SEYIR_MAP = 8          /* as.members, size members */
} seyir_kind;

struct seyir_member;

typedef struct seyir_value {
    union {
        int64_t integer;
        double real;
        const char* text;
        const struct seyir_value* items;
        const struct seyir_member* members;
    } as;

    uint32_t size;
    uint8_t kind; /* seyir_kind */
    uint8_t reserved[3];
} seyir_value;

typedef struct seyir_member {
    seyir_text name;
    seyir_value value;
} seyir_member;

/* One attribute. Its name is batch->key_names[key]: a number of this batch, not of the host. */
typedef struct seyir_attr {
    uint32_t key;
    uint8_t is_parsed; /* read out of the body: neither sent nor stored, the body says it already */
    uint8_t reserved[3];
    seyir_value value;
} seyir_attr;

/* A stretch of batch->attrs. Rows may share one. */
typedef struct seyir_range {
    uint32_t begin;
    uint32_t count;
} seyir_range;

typedef struct seyir_label {
    seyir_text name;
    seyir_text value;
} seyir_label;

/* The labels of a stream, sorted by name. */
typedef struct seyir_stream {
    const seyir_label* labels;
    uint64_t count;
} seyir_stream;

/* W3C trace context; all zero = none. */
typedef struct seyir_trace {
    uint8_t trace_id[16];
    uint8_t span_id[8];
} seyir_trace;

/* What functions give back. Functions of the host give SEYIR_OK or SEYIR_REFUSED; then nothing was
 * changed, and either an argument made no sense (no such row, key or kind): the host fails the
 * whole batch as mishandled; or it was too large: the row fails, with the code `too_large`, and
 * whatever is done to it afterwards is refused as well. */
typedef enum seyir_status {
    SEYIR_OK = 0,
    SEYIR_RECORD_ERRORS = 1, /* process: some rows were failed with api->fail */
    SEYIR_RETRY = 2, /* process: not now; the source keeps the rows and sends them again. For five
                        minutes at most: then they fail, code `plugin_retried_too_long` */
    SEYIR_FATAL = 3, /* process: never again; the instance is out of use, its rows fail, code
                        `plugin_gave_up` */
    SEYIR_REFUSED = 4,
    SEYIR_BATCH_ERROR = 5 /* process: no row could be handled; api->explain says why */
} seyir_status;

/* --- the host ----------------------------------------------------------------------------------
 */

typedef enum seyir_log_level {
    SEYIR_LOG_DEBUG = 0,
    SEYIR_LOG_INFO = 1,
    SEYIR_LOG_WARN = 2,
    SEYIR_LOG_ERROR = 3
} seyir_log_level;

typedef enum seyir_metric_kind {
    SEYIR_COUNTER = 0,
    SEYIR_GAUGE = 1,
    SEYIR_HISTOGRAM = 2 /* of seconds, 0.5 ms to 10 s */
} seyir_metric_kind;

typedef struct seyir_metric seyir_metric; /* opaque */
typedef struct seyir_held seyir_held;     /* opaque: a row kept beyond the call it came in */
typedef struct seyir_filter seyir_filter; /* opaque: the plugin's own */

#define SEYIR_NO_KEY UINT32_MAX
#define SEYIR_NO_ROW UINT32_MAX

/* What the host offers one instance. Valid until destroy() of that instance. */
typedef struct seyir_host {
    uint32_t size;
    uint32_t abi_major;
    uint32_t abi_minor;
    uint32_t reserved;
    const char* name; /* "seyir 1.4.0" */
    void* context;    /* the host's */

    /* [create] A number for an attribute's name, the same for the life of the instance: an index
     * of batch->key_index. At most 1,024; SEYIR_NO_KEY beyond. */
    uint32_t (*intern_key)(const struct seyir_host* host, seyir_text name);
    /* [create] A number for a reason to drop rows: a snake_case word, a label of the metric
     * `discarded`. At most 64; the last one stands for all beyond. */
    uint32_t (*drop_reason)(const struct seyir_host* host, seyir_text word);
    /* [create] The metric seyir_plugin_FILTER_NAME with these labels; instances share it. At most
     * 64 an instance, 8 labels each; NULL beyond, and for a name that is not snake_case. */
    seyir_metric* (*metric)(
        const struct seyir_host* host,
        uint32_t kind,
        seyir_text name,
        seyir_text help,
        const seyir_label* labels,
        uint32_t label_count
    );
    /* [any] Adds to a counter or gauge, observes in a histogram. NULL is allowed. */
    void (*metric_add)(seyir_metric* metric, double value);
    /* [any] Sets a gauge. */
    void (*metric_set)(seyir_metric* metric, double value);
    /* [any] A line in the program's log, with the component's name. At most 20 lines in 10 s, the
     * rest is counted. Never log what is in records. */
    void (*log)(const struct seyir_host* host, uint32_t level, seyir_text message);
    /* [any] Time of day, ns since 1970; may step. Ask the host: in tests it owns the time. */
    int64_t (*wall_ns)(const struct seyir_host* host);
    /* [any] Never goes back. */
    int64_t (*steady_ns)(const struct seyir_host* host);
    /* [any] Something that is not part of this version, by name; NULL where there is none. */
    const void* (*extension)(const struct seyir_host* host, const char* name);
} seyir_host;

/* --- batches -----------------------------------------------------------------------------------
 */

struct seyir_batch;

/* Flags of the functions that put bytes into a batch. */
#define SEYIR_COPY 0u   /* the host copies the bytes */
#define SEYIR_KEEP 1u   /* the bytes came from api->alloc or are this batch's own: not copied */
#define SEYIR_PARSED 2u /* api->set: mark the attribute as read out of the body */

/* All [worker], during process() and flush() only. */
typedef struct seyir_batch_api {
    uint32_t size;
    uint32_t reserved;

    /* Memory that lives as long as the batch, aligned to 8 bytes. NULL beyond 64 MiB a batch. */
    void* (*alloc)(struct seyir_batch* batch, uint64_t bytes);
    /* As host->intern_key, for names that are known only now. */
    uint32_t (*intern_key)(struct seyir_batch* batch, seyir_text name);
    /* Sets attribute `key` (from intern_key) of the row, in place of the one it may have. With
     * SEYIR_KEEP also what arrays and maps name must be the batch's. Limits: 512 attributes, 1 MiB
     * of text, 64 levels, 65,536 items and members. */
    int32_t (*set)(
        struct seyir_batch* batch,
        uint32_t row,
        uint32_t key,
        const seyir_value* value,
        uint32_t flags
    );
    /* Removes the attribute if the row has it. */
    int32_t (*remove)(struct seyir_batch* batch, uint32_t row, uint32_t key);
    /* At most 16 MiB. */
    int32_t (*set_body)(struct seyir_batch* batch, uint32_t row, seyir_text body, uint32_t flags);
    int32_t (*set_ts)(struct seyir_batch* batch, uint32_t row, int64_t ts_ns);
    /* 0 to 24, as OpenTelemetry numbers them. */
    int32_t (*set_severity)(struct seyir_batch* batch, uint32_t row, uint8_t severity);
    int32_t (*set_trace)(struct seyir_batch* batch, uint32_t row, const seyir_trace* trace);
    /* The row ends here, on purpose; `reason` is from host->drop_reason. */
    int32_t (*drop)(struct seyir_batch* batch, uint32_t row, uint32_t reason);
    /* The row cannot be handled: it goes, as it came in, where the user's `on_error` says. `code`
     * is a snake_case word, `key` the attribute it is about or SEYIR_NO_KEY. */
    int32_t (*fail)(
        struct seyir_batch* batch, uint32_t row, seyir_text code, seyir_text message, uint32_t key
    );
    /* A new row, a copy of `row` as it is now, that counts for the same source; its number, or
     * SEYIR_NO_ROW. At most 16 for each row of the batch; beyond, the row fails as too large. */
    uint32_t (*emit)(struct seyir_batch* batch, uint32_t row);
    /* Keeps the row, as it is now, beyond this call; the source is not answered before it is
     * emitted or dropped. Needs SEYIR_HOLDS_ROWS. NULL when refused; at most 65,536 rows and 64
     * MiB. */
    seyir_held* (*hold)(struct seyir_batch* batch, uint32_t row);
    /* `count` held rows go on as one: the first of them, with `body` instead of its own when that
     * is not NULL (copied). The handles are invalid afterwards. */
    int32_t (*emit_held)(
        struct seyir_batch* batch, seyir_held* const* held, uint32_t count, const seyir_text* body
    );
    int32_t (*drop_held)(
        struct seyir_batch* batch, seyir_held* const* held, uint32_t count, uint32_t reason
    );
    /* Why process() is about to give SEYIR_RETRY, SEYIR_FATAL or SEYIR_BATCH_ERROR; shown in the
     * program's health. */
    void (*explain)(struct seyir_batch* batch, seyir_text message);
} seyir_batch_api;

/* Rows as columns. Read the columns directly or through the functions below; change rows with
 * `api` only: every change may move the columns, so take their addresses anew after it. Rows that
 * are neither dropped, failed nor held when process() ends go on. */
typedef struct seyir_batch {
    uint32_t size;
    uint32_t row_count; /* grows by emit */
    const seyir_batch_api* api;
    const int64_t* ts; /* ns since 1970 */
    const seyir_text* body;
    const seyir_range* attr_ranges;
    const seyir_attr* attrs;
    uint64_t attr_count;
    const seyir_text* key_names; /* by seyir_attr.key */
    const uint32_t* key_index;   /* from intern_key's number to seyir_attr.key, or SEYIR_NO_KEY */
    uint32_t key_count;          /* of key_names */
    uint32_t interned_count;     /* of key_index */
    const uint16_t* stream;      /* index of streams */
    const seyir_stream* streams;
    uint64_t stream_count;
    const uint8_t* severity;  /* NULL: all 0 = unset */
    const int64_t* observed;  /* NULL or 0: same as ts */
    const seyir_trace* trace; /* NULL: none */
    void* context;            /* the host's */
} seyir_batch;

/* --- configuration -----------------------------------------------------------------------------
 */

typedef enum seyir_type {
    SEYIR_TYPE_STRING = 0,      /* text */
    SEYIR_TYPE_BOOL = 1,        /* integer: 0 or 1 */
    SEYIR_TYPE_INT = 2,         /* integer, never negative */
    SEYIR_TYPE_SIZE = 3,        /* integer: bytes; written "64MiB" */
    SEYIR_TYPE_DURATION = 4,    /* integer: ns; written "1h30m" */
    SEYIR_TYPE_ENUM = 5,        /* integer: index of choices; text: its name */
    SEYIR_TYPE_SECRET = 6,      /* text; never shown */
    SEYIR_TYPE_PATH = 7,        /* text, absolute */
    SEYIR_TYPE_STRING_LIST = 8, /* list, list_size */
    SEYIR_TYPE_STRING_MAP = 9   /* list: name, value, name, value; list_size counts both */
} seyir_type;

typedef struct seyir_choice {
    const char* name;
    const char* help;
} seyir_choice;

#define SEYIR_REQUIRED 1u
#define SEYIR_MAY_BE_EMPTY 2u /* of strings */

/* A key of the filter's configuration. */
typedef struct seyir_field {
    uint32_t size;
    uint32_t type; /* seyir_type */
    uint32_t flags;
    uint32_t choice_count;
    const char* name;         /* snake_case */
    const char* help;         /* a sentence */
    const char* unit;         /* of integers: "rows"; NULL: none */
    const char* default_text; /* as written in YAML; NULL: none */
    const char* example;      /* as written in YAML; needed where SEYIR_REQUIRED */
    const char* replaced_by;  /* what to use instead of this old key; NULL: it is not old */
    uint64_t min;             /* value, or number of items */
    uint64_t max;             /* 0: no limit */
    const seyir_choice* choices;
} seyir_field;

/* The value of a field. */
typedef struct seyir_setting {
    int64_t integer;
    seyir_text text;
    const seyir_text* list;
    uint32_t list_size;
    uint32_t is_set; /* 0: neither in the configuration nor with a default */
} seyir_setting;

typedef struct seyir_config {
    uint32_t size;
    uint32_t count;
    seyir_text id;                 /* what the user calls this filter */
    const seyir_setting* settings; /* in the order of the descriptor's fields */
} seyir_config;

/* What is wrong with a configuration. `size` is set by the host. */
typedef struct seyir_error {
    uint32_t size;
    int32_t field;     /* index of the field it is about; -1: none */
    char message[504]; /* ends with a zero */
} seyir_error;

/* --- filters -----------------------------------------------------------------------------------
 */

typedef enum seyir_thread_model {
    SEYIR_PER_WORKER = 0, /* an instance for each worker and place of use: no locks needed */
    SEYIR_SINGLE = 1,     /* one instance; the host calls it from one worker at a time */
    SEYIR_THREAD_SAFE = 2 /* one instance, called by several workers at once */
} seyir_thread_model;

#define SEYIR_WANTS_TIMER 1u /* flush(SEYIR_FLUSH_TIMER) about every 100 ms */
#define SEYIR_HOLDS_ROWS 2u  /* uses api->hold; not allowed behind `agents` inputs */
#define SEYIR_SENSITIVE                                                      \
    4u /* its failures must let no record pass: `on_error: keep` is refused, \
          and the dead letter gets neither body nor attributes */

typedef enum seyir_flush_reason {
    SEYIR_FLUSH_TIMER = 0,
    SEYIR_FLUSH_SHUTDOWN = 1,
    SEYIR_FLUSH_RELOAD = 2
} seyir_flush_reason;

typedef struct seyir_filter_descriptor {
    uint32_t size;
    uint32_t thread_model; /* seyir_thread_model */
    uint32_t needs;        /* SEYIR_WANTS_TIMER, ... */
    uint32_t field_count;
    const char* name;    /* the `type` in the configuration: snake_case, at most 64 bytes */
    const char* summary; /* a sentence */
    const char* doc;     /* paragraphs, Markdown; NULL: none */
    const seyir_field* fields;
    uint64_t field_size; /* sizeof(seyir_field) */
} seyir_filter_descriptor;

typedef struct seyir_filter_type {
    uint32_t size;
    uint32_t reserved;
    /* [any] The same static data each time. */
    const seyir_filter_descriptor* (*describe)(void);
    /* [check] Looks at a configuration without running anything; SEYIR_OK, or SEYIR_REFUSED with
     * `error` filled in. May be NULL. */
    int32_t (*check)(const seyir_config* config, seyir_error* error);
    /* [create] An instance, or NULL with `error` filled in. `config` dies with the call. */
    seyir_filter* (*create)(const seyir_host* host, const seyir_config* config, seyir_error* error);
    /* [worker] A seyir_status. The batch has at least one row. */
    int32_t (*process)(seyir_filter* self, seyir_batch* batch);
    /* [worker] A seyir_status. The batch has no rows; what is held may be emitted and dropped. With
     * another reason than the timer it is the last call: what is still held is sent again by the
     * source. May be NULL. */
    int32_t (*flush)(seyir_filter* self, seyir_batch* batch, uint32_t reason);
    /* [create] */
    void (*destroy)(seyir_filter* self);
} seyir_filter_type;

#define SEYIR_FILTER_FACTORY "seyir.filters"

/* What get_factory(SEYIR_FILTER_FACTORY) gives. */
typedef struct seyir_filter_factory {
    uint32_t size;
    uint32_t count;
    const seyir_filter_type* const* types;
} seyir_filter_factory;

/* --- the entry ---------------------------------------------------------------------------------
 */

/* const seyir_entry seyir_plugin_entry = {SEYIR_MAGIC, SEYIR_ABI_MAJOR, SEYIR_ABI_MINOR_NEEDED,
 *                                         sizeof(seyir_entry), 0, ...}; */
typedef struct seyir_entry {
    uint64_t magic;
    uint32_t abi_major;
    uint32_t abi_minor; /* SEYIR_ABI_MINOR_NEEDED */
    uint32_t size;
    uint32_t reserved;
    const char* build_id; /* of the plugin: a commit, a date; "" */
    const char* vendor;
    const char* version;
    const char* licence; /* SPDX */
    /* [load] SEYIR_OK, or SEYIR_REFUSED when the plugin cannot work here. `host` serves log and
     * time only. May be NULL. */
    int32_t (*init)(const seyir_host* host);
    /* [load] After the last instance is gone; programs that keep plugins until they end never call
     * it. May be NULL. */
    void (*deinit)(void);
    /* [load] NULL for an id the plugin does not know. */
    const void* (*get_factory)(const char* id);
} seyir_entry;

/* --- helpers: no calls into the host -----------------------------------------------------------
 */

static inline seyir_text seyir_text_of(const char* data, size_t size) {
    seyir_text text;
    text.size = size;
    text.data = data;
    return text;
}

static inline seyir_text seyir_text_of_string(const char* string) {
    size_t size = 0;
    while (string[size] != '\0') {
        ++size;
    }
    return seyir_text_of(string, size);
}

static inline seyir_value seyir_value_of_int(int64_t number) {
    seyir_value value = {{0}, 0, SEYIR_INT, {0, 0, 0}};
    value.as.integer = number;
    return value;
}

static inline seyir_value seyir_value_of_bool(int truth) {
    seyir_value value = seyir_value_of_int(truth != 0);
    value.kind = SEYIR_BOOL;
    return value;
}

static inline seyir_value seyir_value_of_double(double number) {
    seyir_value value = {{0}, 0, SEYIR_DOUBLE, {0, 0, 0}};
    value.as.real = number;
    return value;
}

/* Of at most 4 GiB. */
static inline seyir_value seyir_value_of_text(seyir_text text) {
    seyir_value value = {{0}, 0, SEYIR_STRING, {0, 0, 0}};
    value.as.text = text.data;
    value.size = (uint32_t)text.size;
    return value;
}

/* The text of a string, of bytes and of a number kept as text; empty for other kinds. */
static inline seyir_text seyir_value_text(const seyir_value* value) {
    if (value->kind >= SEYIR_STRING && value->kind <= SEYIR_NUMBER_TEXT) {
        return seyir_text_of(value->as.text, value->size);
    }
    return seyir_text_of("", 0);
}

/* The row's attribute `key` (from intern_key), or NULL. */
static inline const seyir_attr* seyir_get(const seyir_batch* batch, uint32_t row, uint32_t key) {
    uint32_t i;
    const seyir_range range = batch->attr_ranges[row];
    const uint32_t wanted = key < batch->interned_count ? batch->key_index[key] : SEYIR_NO_KEY;
    if (wanted == SEYIR_NO_KEY) {
        return NULL;
    }
    for (i = range.begin; i < range.begin + range.count; ++i) {
        if (batch->attrs[i].key == wanted) {
            return &batch->attrs[i];
        }
    }
    return NULL;
}

static inline uint8_t seyir_severity(const seyir_batch* batch, uint32_t row) {
    return batch->severity == NULL ? 0 : batch->severity[row];
}

/* The value of a label of the row's stream; empty when it has none of that name. */
static inline seyir_text seyir_label_of(const seyir_batch* batch, uint32_t row, seyir_text name) {
    const seyir_stream* stream = &batch->streams[batch->stream[row]];
    uint64_t i;
    uint64_t at;
    for (i = 0; i < stream->count; ++i) {
        const seyir_text* other = &stream->labels[i].name;
        for (at = 0; at < name.size && other->size == name.size; ++at) {
            if (other->data[at] != name.data[at]) {
                break;
            }
        }
        if (other->size == name.size && at == name.size) {
            return stream->labels[i].value;
        }
    }
    return seyir_text_of("", 0);
}

#ifdef __cplusplus
}
#endif

#endif
