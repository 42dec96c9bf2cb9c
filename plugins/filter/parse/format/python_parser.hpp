// SPDX-License-Identifier: Apache-2.0
// PythonParser: what Python programs log without thinking about it. In this order:
//   2026-01-02 03:04:05,678 - app.db - INFO - message     asctime - name - levelname - message
//   [2026-01-02 03:04:05,678] INFO in app: message        Flask
//   [2026-01-02 03:04:05 +0000] [42] [INFO] message       gunicorn
//   [2026-01-02 03:04:05,678: INFO/MainProcess] message   celery
//   2026-01-02 03:04:05,678 INFO app.db: message          also [INFO], also without a name
//   INFO:app.db:message                                   basicConfig
//   INFO:     message                                     uvicorn
//   {"asctime": ..., "levelname": ..., "message": ...}    JSON formatters
// Fields: time, logger, level, process, message. Where the message is itself a JSON object its
// members follow as fields. Of a traceback in the record: exception_type, exception_message. JSON's
// own names stay; asctime, levelname and name are also the fields time, level and logger. Room:
// plugins/filter/parse.   Threads: one owner.   Errors: bad_python_log. Spec: Python's
// logging.Formatter, its documentation's LogRecord attributes.
#pragma once

#include "plugins/filter/parse/format/json_parser.hpp"
#include "plugins/filter/parse/line_parser.hpp"

namespace seyir::plugins::parse {

class PythonParser final : public LineParser {
  public:
    explicit PythonParser(Nested nested) : json_(nested), inner_json_(nested) {}

    std::optional<Miss> parse(Slice text, FieldWriter& out) override;

  private:
    std::optional<Miss> parse_json(Slice text, FieldWriter& out);
    void add_message(Slice message, FieldWriter& out);

    JsonParser json_;
    JsonParser inner_json_;
};

/// Cheap: a time in front and a level close behind.
bool looks_like_python_log(Slice text);

}  // namespace seyir::plugins::parse
