/* SPDX-License-Identifier: Apache-2.0 */
/* A pointer to each type of the plugin ABI, so that abidiff sees them all. Never loaded. */
#include <seyir/plugin.h>

SEYIR_EXPORT seyir_entry* surface_entry;
SEYIR_EXPORT seyir_host* surface_host;
SEYIR_EXPORT seyir_filter_factory* surface_factory;
SEYIR_EXPORT seyir_filter_type* surface_type;
SEYIR_EXPORT seyir_filter_descriptor* surface_descriptor;
SEYIR_EXPORT seyir_field* surface_field;
SEYIR_EXPORT seyir_choice* surface_choice;
SEYIR_EXPORT seyir_config* surface_config;
SEYIR_EXPORT seyir_setting* surface_setting;
SEYIR_EXPORT seyir_error* surface_error;
SEYIR_EXPORT seyir_batch* surface_batch;
SEYIR_EXPORT seyir_batch_api* surface_batch_api;
SEYIR_EXPORT seyir_text* surface_text;
SEYIR_EXPORT seyir_value* surface_value;
SEYIR_EXPORT seyir_member* surface_member;
SEYIR_EXPORT seyir_attr* surface_attr;
SEYIR_EXPORT seyir_range* surface_range;
SEYIR_EXPORT seyir_label* surface_label;
SEYIR_EXPORT seyir_stream* surface_stream;
SEYIR_EXPORT seyir_trace* surface_trace;
SEYIR_EXPORT seyir_kind* surface_kind;
SEYIR_EXPORT seyir_status* surface_status;
SEYIR_EXPORT seyir_type* surface_field_type;
SEYIR_EXPORT seyir_log_level* surface_log_level;
SEYIR_EXPORT seyir_metric_kind* surface_metric_kind;
SEYIR_EXPORT seyir_thread_model* surface_thread_model;
SEYIR_EXPORT seyir_flush_reason* surface_flush_reason;
