// SPDX-License-Identifier: Apache-2.0
// Writer: appends JSON to a string, commas and quotes included. Bytes that are not UTF-8 become
// U+FFFD (append_json_quoted).
// Threads: one owner.   Ownership: the string outlives the writer.
// Requires: calls nest properly and each object member is key() then one value: a bug otherwise.
// Spec: RFC 8259.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace seyir::json {

class Writer {
  public:
    explicit Writer(std::string& out) : out_(out) {}

    void begin_object() { open('{'); }

    void end_object() { close('}'); }

    void begin_array() { open('['); }

    void end_array() { close(']'); }

    void key(std::string_view name);
    void string(std::string_view text);
    void int64(int64_t value);
    void uint64(uint64_t value);
    /// Shortest text that reads back to the same double; NaN and infinities, which JSON does not
    /// have, become null.
    void number(double value);
    void boolean(bool value);
    void null();
    /// A value that is JSON already.
    void raw(std::string_view json);

    void member(std::string_view name, std::string_view text) {
        key(name);
        string(text);
    }

  private:
    void open(char bracket);
    void close(char bracket);
    void separate();

    std::string& out_;
    bool needs_comma_ = false;
};

}  // namespace seyir::json
