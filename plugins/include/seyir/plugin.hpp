// SPDX-License-Identifier: Apache-2.0
// Seyir's plugin ABI for C++17: a filter is a class, exceptions stop at the border.
//
//   class Shout : public seyir::Filter {
//     public:
//       static void describe(seyir::Description& d) {
//           d.name("shout").summary("Writes the body in capitals.");
//           d.text("suffix").help("Added at the end.").or_else("!");
//       }
//       Shout(const seyir::Host&, const seyir::Config& config) : suffix_(config.text("suffix")) {}
//       seyir::Status process(seyir::Batch& batch) override {
//           for (seyir::Row row : batch) { row.set_body(...); }
//           return seyir::Status::kOk;
//       }
//   };
//   SEYIR_PLUGIN("My company", "1.0.0", "Apache-2.0", Shout)
//
// Header-only; nothing to link. Guide: docs/guide/write-a-filter.md.
// Threads, memory and limits: as plugin.h says.
// Errors: throw std::exception from a constructor, check() or process(): the message reaches the
// user. An exception from process() fails the whole batch; for one record use Row::fail.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <exception>
#include <initializer_list>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <seyir/plugin.h>

namespace seyir {

enum class Status : int32_t {
    kOk = SEYIR_OK,
    kRecordErrors = SEYIR_RECORD_ERRORS,
    kRetry = SEYIR_RETRY,
    kFatal = SEYIR_FATAL,
    kBatchError = SEYIR_BATCH_ERROR,
};

enum class FlushReason : uint32_t {
    kTimer = SEYIR_FLUSH_TIMER,
    kShutdown = SEYIR_FLUSH_SHUTDOWN,
    kReload = SEYIR_FLUSH_RELOAD,
};

enum class ThreadModel : uint32_t {
    kPerWorker = SEYIR_PER_WORKER,
    kSingle = SEYIR_SINGLE,
    kThreadSafe = SEYIR_THREAD_SAFE,
};

enum class LogLevel : uint32_t {
    kDebug = SEYIR_LOG_DEBUG,
    kInfo = SEYIR_LOG_INFO,
    kWarn = SEYIR_LOG_WARN,
    kError = SEYIR_LOG_ERROR,
};

/// Whether the bytes given are the batch's own already (Batch::alloc, or a part of a body or
/// attribute of it): then they are not copied.
enum class Bytes : uint32_t { kCopy = SEYIR_COPY, kKeep = SEYIR_KEEP };

inline std::string_view to_view(seyir_text text) {
    return text.size == 0 ? std::string_view{} : std::string_view(text.data, text.size);
}

inline seyir_text to_text(std::string_view text) {
    return {text.size(), text.data()};
}

/// A mistake in one key of the configuration; its place is shown to the user.
class ConfigError : public std::runtime_error {
  public:
    ConfigError(std::string key, const std::string& message)
        : std::runtime_error(message), key_(std::move(key)) {}

    const std::string& key() const { return key_; }

  private:
    std::string key_;
};

// --- what a filter says of itself ---

namespace detail {

/// A key of the configuration with the memory of its texts.
struct OwnedField {
    seyir_field field{};
    std::string name;
    std::string help;
    std::string unit;
    std::string default_text;
    std::string example;
    std::string replaced_by;
    std::vector<std::pair<std::string, std::string>> choice_texts;
    std::vector<seyir_choice> choices;
    bool has_default = false;

    void settle() {
        field.size = sizeof field;
        field.name = name.c_str();
        field.help = help.c_str();
        field.unit = unit.empty() ? nullptr : unit.c_str();
        field.default_text = has_default ? default_text.c_str() : nullptr;
        field.example = example.c_str();
        field.replaced_by = replaced_by.empty() ? nullptr : replaced_by.c_str();
        choices.clear();
        for (const auto& [choice, choice_help] : choice_texts) {
            choices.push_back({choice.c_str(), choice_help.c_str()});
        }
        field.choices = choices.data();
        field.choice_count = static_cast<uint32_t>(choices.size());
    }
};

}  // namespace detail

class Field {
  public:
    explicit Field(detail::OwnedField& owned) : owned_(owned) {}

    Field& help(std::string text) {
        owned_.help = std::move(text);
        return *this;
    }

    Field& required() {
        owned_.field.flags |= SEYIR_REQUIRED;
        return *this;
    }

    Field& may_be_empty() {
        owned_.field.flags |= SEYIR_MAY_BE_EMPTY;
        return *this;
    }

    /// The default, as written in YAML.
    Field& or_else(std::string text) {
        owned_.default_text = std::move(text);
        owned_.has_default = true;
        return *this;
    }

    /// An example, as written in YAML.
    Field& show(std::string text) {
        owned_.example = std::move(text);
        return *this;
    }

    Field& unit(std::string text) {
        owned_.unit = std::move(text);
        return *this;
    }

    /// Of the value, or of the number of items.
    Field& between(uint64_t lowest, uint64_t highest) {
        owned_.field.min = lowest;
        owned_.field.max = highest;
        return *this;
    }

    Field& choice(std::string name, std::string help_text) {
        owned_.choice_texts.emplace_back(std::move(name), std::move(help_text));
        return *this;
    }

    Field& replaced_by(std::string text) {
        owned_.replaced_by = std::move(text);
        return *this;
    }

  private:
    detail::OwnedField& owned_;
};

class Description {
  public:
    /// The `type` in the configuration.
    Description& name(std::string text) {
        name_ = std::move(text);
        return *this;
    }

    Description& summary(std::string text) {
        summary_ = std::move(text);
        return *this;
    }

    /// Paragraphs in Markdown.
    Description& doc(std::string text) {
        doc_ = std::move(text);
        return *this;
    }

    Description& threads(ThreadModel model) {
        abi_.thread_model = static_cast<uint32_t>(model);
        return *this;
    }

    /// flush(kTimer) about every 100 ms.
    Description& wants_timer() { return need(SEYIR_WANTS_TIMER); }

    Description& holds_rows() { return need(SEYIR_HOLDS_ROWS); }

    /// Its failures must let no record pass.
    Description& sensitive() { return need(SEYIR_SENSITIVE); }

    Field text(std::string key) { return add(std::move(key), SEYIR_TYPE_STRING); }

    Field boolean(std::string key) { return add(std::move(key), SEYIR_TYPE_BOOL); }

    Field integer(std::string key) { return add(std::move(key), SEYIR_TYPE_INT); }

    Field size(std::string key) { return add(std::move(key), SEYIR_TYPE_SIZE); }

    Field duration(std::string key) { return add(std::move(key), SEYIR_TYPE_DURATION); }

    Field choice_of(std::string key) { return add(std::move(key), SEYIR_TYPE_ENUM); }

    Field secret(std::string key) { return add(std::move(key), SEYIR_TYPE_SECRET); }

    Field path(std::string key) { return add(std::move(key), SEYIR_TYPE_PATH); }

    Field texts(std::string key) { return add(std::move(key), SEYIR_TYPE_STRING_LIST); }

    Field pairs(std::string key) { return add(std::move(key), SEYIR_TYPE_STRING_MAP); }

    /// What the host reads; made once, then unchanged.
    const seyir_filter_descriptor* settle() {
        fields_.clear();
        for (detail::OwnedField& owned : owned_) {
            owned.settle();
            fields_.push_back(owned.field);
        }
        abi_.size = sizeof abi_;
        abi_.name = name_.c_str();
        abi_.summary = summary_.c_str();
        abi_.doc = doc_.c_str();
        abi_.fields = fields_.data();
        abi_.field_count = static_cast<uint32_t>(fields_.size());
        abi_.field_size = sizeof(seyir_field);
        return &abi_;
    }

    const std::deque<detail::OwnedField>& fields() const { return owned_; }

  private:
    Description& need(uint32_t flag) {
        abi_.needs |= flag;
        return *this;
    }

    Field add(std::string key, uint32_t type) {
        detail::OwnedField& owned = owned_.emplace_back();
        owned.name = std::move(key);
        owned.field.type = type;
        return Field(owned);
    }

    std::string name_;
    std::string summary_;
    std::string doc_;
    std::deque<detail::OwnedField> owned_;
    std::vector<seyir_field> fields_;
    seyir_filter_descriptor abi_{};
};

// --- what the user configured ---

/// Values by key. Throws std::out_of_range for a key that was not described: a bug of the plugin.
class Config {
  public:
    Config(const seyir_config& config, const Description& description)
        : config_(config), description_(description) {}

    /// What the user calls this filter.
    std::string_view id() const { return to_view(config_.id); }

    /// In the configuration, or with a default.
    bool has(std::string_view key) const { return setting(key).is_set != 0; }

    /// Strings, choices, secrets, paths.
    std::string text(std::string_view key) const { return std::string(to_view(setting(key).text)); }

    bool boolean(std::string_view key) const { return setting(key).integer != 0; }

    /// Numbers; bytes of a size, nanoseconds of a duration, the index of a choice.
    int64_t integer(std::string_view key) const { return setting(key).integer; }

    std::vector<std::string> texts(std::string_view key) const {
        const seyir_setting& found = setting(key);
        std::vector<std::string> all;
        for (uint32_t i = 0; i < found.list_size; ++i) {
            all.emplace_back(to_view(found.list[i]));
        }
        return all;
    }

    std::vector<std::pair<std::string, std::string>> pairs(std::string_view key) const {
        const std::vector<std::string> both = texts(key);
        std::vector<std::pair<std::string, std::string>> all;
        for (size_t i = 0; i + 1 < both.size(); i += 2) {
            all.emplace_back(both[i], both[i + 1]);
        }
        return all;
    }

  private:
    const seyir_setting& setting(std::string_view key) const {
        uint32_t index = 0;
        for (const detail::OwnedField& field : description_.fields()) {
            if (field.name == key && index < config_.count) {
                return config_.settings[index];
            }
            ++index;
        }
        throw std::out_of_range("the key `" + std::string(key) + "` is not described");
    }

    const seyir_config& config_;
    const Description& description_;
};

// --- the host ---

/// The name of an attribute as a number; see Host::key.
struct Key {
    uint32_t number = SEYIR_NO_KEY;
};

/// A reason to drop rows as a number; see Host::reason.
struct Reason {
    uint32_t number = 0;
};

/// A counter, a gauge or a histogram.
class Metric {
  public:
    Metric() = default;

    Metric(const seyir_host* host, seyir_metric* metric) : host_(host), metric_(metric) {}

    void add(double value = 1) const {
        if (host_ != nullptr) {
            host_->metric_add(metric_, value);
        }
    }

    void observe(double value) const { add(value); }

    void set(double value) const {
        if (host_ != nullptr) {
            host_->metric_set(metric_, value);
        }
    }

  private:
    const seyir_host* host_ = nullptr;
    seyir_metric* metric_ = nullptr;
};

/// A copy is as good as the original.
class Host {
  public:
    explicit Host(const seyir_host* host) : host_(host) {}

    /// [create] Keep the number; it is what Row takes.
    Key key(std::string_view name) const { return {host_->intern_key(host_, to_text(name))}; }

    /// [create] A snake_case word.
    Reason reason(std::string_view word) const {
        return {host_->drop_reason(host_, to_text(word))};
    }

    using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

    Metric counter(std::string_view name, std::string_view help, Labels labels = {}) const {
        return metric(SEYIR_COUNTER, name, help, labels);
    }

    Metric gauge(std::string_view name, std::string_view help, Labels labels = {}) const {
        return metric(SEYIR_GAUGE, name, help, labels);
    }

    Metric histogram(std::string_view name, std::string_view help, Labels labels = {}) const {
        return metric(SEYIR_HISTOGRAM, name, help, labels);
    }

    void log(LogLevel level, std::string_view message) const {
        host_->log(host_, static_cast<uint32_t>(level), to_text(message));
    }

    /// ns since 1970.
    int64_t wall_ns() const { return host_->wall_ns(host_); }

    /// ns; never goes back.
    int64_t steady_ns() const { return host_->steady_ns(host_); }

    const seyir_host* abi() const { return host_; }

  private:
    Metric metric(uint32_t kind, std::string_view name, std::string_view help, Labels labels)
        const {
        std::vector<seyir_label> all;
        for (const auto& [label, value] : labels) {
            all.push_back({to_text(label), to_text(value)});
        }
        const auto count = static_cast<uint32_t>(all.size());
        return {host_, host_->metric(host_, kind, to_text(name), to_text(help), all.data(), count)};
    }

    const seyir_host* host_;
};

// --- batches ---

/// A row kept beyond the call it came in.
using Held = seyir_held*;

class Batch;

class Row {
  public:
    Row(seyir_batch* batch, uint32_t number) : batch_(batch), number_(number) {}

    uint32_t number() const { return number_; }

    std::string_view body() const { return to_view(batch_->body[number_]); }

    int64_t ts() const { return batch_->ts[number_]; }

    uint8_t severity() const { return seyir_severity(batch_, number_); }

    /// Of the row's stream; "" when there is none.
    std::string_view label(std::string_view name) const {
        return to_view(seyir_label_of(batch_, number_, to_text(name)));
    }

    bool has(Key key) const { return seyir_get(batch_, number_, key.number) != nullptr; }

    /// nullptr when the row does not have it. Valid until the batch is changed.
    const seyir_value* get(Key key) const {
        const seyir_attr* attr = seyir_get(batch_, number_, key.number);
        return attr == nullptr ? nullptr : &attr->value;
    }

    /// The text of a string attribute; "" when there is none.
    std::string_view text(Key key) const {
        const seyir_value* value = get(key);
        return value == nullptr ? std::string_view{} : to_view(seyir_value_text(value));
    }

    const seyir_attr* attrs_begin() const {
        return batch_->attrs + batch_->attr_ranges[number_].begin;
    }

    const seyir_attr* attrs_end() const {
        return attrs_begin() + batch_->attr_ranges[number_].count;
    }

    bool set(Key key, const seyir_value& value, Bytes bytes = Bytes::kCopy) const {
        return done(
            batch_->api->set(batch_, number_, key.number, &value, static_cast<uint32_t>(bytes))
        );
    }

    bool set(Key key, std::string_view text, Bytes bytes = Bytes::kCopy) const {
        return set(key, seyir_value_of_text(to_text(text)), bytes);
    }

    bool set(Key key, const char* text) const { return set(key, std::string_view(text)); }

    bool set(Key key, int64_t number) const { return set(key, seyir_value_of_int(number)); }

    bool set(Key key, double number) const { return set(key, seyir_value_of_double(number)); }

    bool set(Key key, bool truth) const { return set(key, seyir_value_of_bool(truth ? 1 : 0)); }

    bool remove(Key key) const { return done(batch_->api->remove(batch_, number_, key.number)); }

    bool set_body(std::string_view body, Bytes bytes = Bytes::kCopy) const {
        return done(
            batch_->api->set_body(batch_, number_, to_text(body), static_cast<uint32_t>(bytes))
        );
    }

    bool set_ts(int64_t ts_ns) const { return done(batch_->api->set_ts(batch_, number_, ts_ns)); }

    bool set_severity(uint8_t severity) const {
        return done(batch_->api->set_severity(batch_, number_, severity));
    }

    bool set_trace(const seyir_trace& trace) const {
        return done(batch_->api->set_trace(batch_, number_, &trace));
    }

    /// The row ends here, on purpose.
    bool drop(Reason reason) const {
        return done(batch_->api->drop(batch_, number_, reason.number));
    }

    /// The row cannot be handled: it goes where the user's `on_error` says.
    bool fail(std::string_view code, std::string_view message, Key key = {}) const {
        return done(batch_->api->fail(batch_, number_, to_text(code), to_text(message), key.number)
        );
    }

    /// A copy of this row at the end of the batch; nothing when there are too many, then this row
    /// fails.
    std::optional<Row> emit() const {
        const uint32_t made = batch_->api->emit(batch_, number_);
        return made == SEYIR_NO_ROW ? std::nullopt : std::optional<Row>(Row(batch_, made));
    }

    /// nullptr when it cannot be held; then it goes on.
    Held hold() const { return batch_->api->hold(batch_, number_); }

  private:
    static bool done(int32_t status) { return status == SEYIR_OK; }

    seyir_batch* batch_;
    uint32_t number_;
};

class Batch {
  public:
    class Iterator {
      public:
        Iterator(seyir_batch* batch, uint32_t at) : batch_(batch), at_(at) {}

        Row operator*() const { return {batch_, at_}; }

        Iterator& operator++() {
            ++at_;
            return *this;
        }

        bool operator!=(const Iterator& other) const { return at_ != other.at_; }

      private:
        seyir_batch* batch_;
        uint32_t at_;
    };

    explicit Batch(seyir_batch* batch) : batch_(batch) {}

    uint32_t row_count() const { return batch_->row_count; }

    Row row(uint32_t number) const { return {batch_, number}; }

    /// The rows there are when the loop begins; rows that emit() adds are not among them.
    Iterator begin() const { return {batch_, 0}; }

    Iterator end() const { return {batch_, batch_->row_count}; }

    /// Memory of the batch, for Bytes::kKeep. Throws std::bad_alloc beyond the limit.
    char* alloc(size_t bytes) const {
        void* memory = batch_->api->alloc(batch_, bytes);
        if (memory == nullptr) {
            throw std::bad_alloc();
        }
        return static_cast<char*>(memory);
    }

    /// For names that are known only now; else Host::key.
    Key key(std::string_view name) const {
        return {batch_->api->intern_key(batch_, to_text(name))};
    }

    std::string_view key_name(const seyir_attr& attr) const {
        return to_view(batch_->key_names[attr.key]);
    }

    /// Held rows go on as one: the first of them, with this body.
    bool emit_held(const std::vector<Held>& held, std::string_view body) const {
        const seyir_text text = to_text(body);
        return emit_held(held, &text);
    }

    /// One held row goes on as it is.
    bool emit_held(Held held) const { return emit_held({held}, nullptr); }

    bool drop_held(const std::vector<Held>& held, Reason reason) const {
        const auto count = static_cast<uint32_t>(held.size());
        return batch_->api->drop_held(batch_, held.data(), count, reason.number) == SEYIR_OK;
    }

    /// Why process() is about to give kRetry, kFatal or kBatchError.
    void explain(std::string_view message) const { batch_->api->explain(batch_, to_text(message)); }

    seyir_batch* abi() const { return batch_; }

  private:
    bool emit_held(const std::vector<Held>& held, const seyir_text* body) const {
        const auto count = static_cast<uint32_t>(held.size());
        return batch_->api->emit_held(batch_, held.data(), count, body) == SEYIR_OK;
    }

    seyir_batch* batch_;
};

// --- filters ---

/// Also needs `static void describe(Description&)` and a constructor (const Host&, const Config&);
/// may have `static void check(const Config&)`, which throws when a configuration is wrong.
class Filter {
  public:
    virtual ~Filter() = default;
    virtual Status process(Batch& batch) = 0;

    virtual Status flush(Batch& /*batch*/, FlushReason /*reason*/) { return Status::kOk; }
};

namespace detail {

inline void write_error(seyir_error* error, int32_t field, std::string_view message) {
    if (error == nullptr || error->size < sizeof(seyir_error)) {
        return;
    }
    const size_t size =
        message.size() < sizeof error->message ? message.size() : sizeof error->message - 1;
    error->field = field;
    std::memcpy(error->message, message.data(), size);
    error->message[size] = '\0';
}

template <class T, class = void>
struct HasCheck {
    static constexpr bool value = false;
};

template <class T>
struct HasCheck<T, std::void_t<decltype(T::check(std::declval<const Config&>()))>> {
    static constexpr bool value = true;
};

/// The functions of seyir_filter_type for one class; no exception leaves them.
template <class T>
struct Glue {
    static Description& description() {
        static Description made = [] {
            Description description;
            T::describe(description);
            return description;
        }();
        return made;
    }

    static const seyir_filter_descriptor* describe() noexcept {
        static const seyir_filter_descriptor* const settled = description().settle();
        return settled;
    }

    static int32_t field_of(const std::string& key) {
        int32_t index = 0;
        for (const OwnedField& field : description().fields()) {
            if (field.name == key) {
                return index;
            }
            ++index;
        }
        return -1;
    }

    /// Calls `body`; false and `error` filled in when it throws.
    template <class Body>
    static bool guarded(seyir_error* error, Body&& body) noexcept {
        try {
            body();
            return true;
        } catch (const ConfigError& e) {
            write_error(error, field_of(e.key()), e.what());
        } catch (const std::exception& e) {
            write_error(error, -1, e.what());
        } catch (...) {
            write_error(error, -1, "an exception of an unknown type");
        }
        return false;
    }

    static int32_t check(const seyir_config* config, seyir_error* error) noexcept {
        if constexpr (HasCheck<T>::value) {
            const bool is_good = guarded(error, [&] { T::check(Config(*config, description())); });
            return is_good ? SEYIR_OK : SEYIR_REFUSED;
        } else {
            (void)config;
            (void)error;
            return SEYIR_OK;
        }
    }

    static seyir_filter* create(
        const seyir_host* host, const seyir_config* config, seyir_error* error
    ) noexcept {
        Filter* made = nullptr;
        guarded(error, [&] { made = new T(Host(host), Config(*config, description())); });
        return reinterpret_cast<seyir_filter*>(made);
    }

    /// An exception fails the batch.
    template <class Body>
    static int32_t called(seyir_batch* batch, Body&& body) noexcept {
        try {
            Batch shown(batch);
            return static_cast<int32_t>(body(shown));
        } catch (const std::exception& e) {
            batch->api->explain(batch, to_text(e.what()));
        } catch (...) {
            batch->api->explain(batch, to_text("an exception of an unknown type"));
        }
        return SEYIR_BATCH_ERROR;
    }

    static int32_t process(seyir_filter* self, seyir_batch* batch) noexcept {
        return called(batch, [&](Batch& shown) {
            return reinterpret_cast<Filter*>(self)->process(shown);
        });
    }

    static int32_t flush(seyir_filter* self, seyir_batch* batch, uint32_t reason) noexcept {
        return called(batch, [&](Batch& shown) {
            return reinterpret_cast<Filter*>(self)->flush(shown, static_cast<FlushReason>(reason));
        });
    }

    static void destroy(seyir_filter* self) noexcept { delete reinterpret_cast<Filter*>(self); }

    static const seyir_filter_type* type() {
        static const seyir_filter_type made = {
            sizeof(seyir_filter_type), 0, describe, check, create, process, flush, destroy
        };
        return &made;
    }
};

template <class... Filters>
const void* get_factory(const char* id) noexcept {
    static const seyir_filter_type* const types[] = {Glue<Filters>::type()...};
    static const seyir_filter_factory factory = {
        sizeof(seyir_filter_factory), static_cast<uint32_t>(sizeof...(Filters)), types
    };
    return std::strcmp(id, SEYIR_FILTER_FACTORY) == 0 ? &factory : nullptr;
}

}  // namespace detail

}  // namespace seyir

/// What tells one build of the plugin from another: -DSEYIR_BUILD_ID='"..."'.
#ifndef SEYIR_BUILD_ID
#define SEYIR_BUILD_ID ""
#endif

/// Defines the plugin's entry, once in a shared object: vendor, version, SPDX licence, then the
/// filters' classes.
#define SEYIR_PLUGIN(vendor, version, licence, ...)               \
    extern "C" SEYIR_EXPORT const seyir_entry seyir_plugin_entry; \
    const seyir_entry seyir_plugin_entry =                        \
        {SEYIR_MAGIC,                                             \
         SEYIR_ABI_MAJOR,                                         \
         SEYIR_ABI_MINOR_NEEDED,                                  \
         sizeof(seyir_entry),                                     \
         0,                                                       \
         SEYIR_BUILD_ID,                                          \
         vendor,                                                  \
         version,                                                 \
         licence,                                                 \
         nullptr,                                                 \
         nullptr,                                                 \
         seyir::detail::get_factory<__VA_ARGS__>}
