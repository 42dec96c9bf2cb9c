// SPDX-License-Identifier: Apache-2.0
#include <cstdio>

#include "common/base/text.hpp"
#include "common/base/units.hpp"
#include "common/io/clock.hpp"
#include "common/json/reader.hpp"
#include "common/json/writer.hpp"
#include "common/net/http/encoding.hpp"
#include "ctl/session.hpp"

namespace seyir::ctl {

namespace {

// Of one label, beside its name; `seyir labels NAME` gives all.
constexpr size_t kValuesShown = 8;

Result<std::vector<std::string>> get_list(
    Session& session, const std::string& path, const Session::Parameters& parameters
) {
    SEYIR_TRY(const auto body, session.get(path, parameters));
    json::Document document;
    SEYIR_TRY(const auto root, document.parse(body));
    std::vector<std::string> list;
    const auto data = root.get("data");
    for (const auto& element : data ? data->elements() : std::vector<json::View>()) {
        list.emplace_back(element.string().value_or(""));
    }
    return list;
}

Result<std::vector<std::string>> get_values(
    Session& session, const std::string& name, const Session::Parameters& parameters
) {
    return get_list(
        session, "/loki/api/v1/label/" + net::percent_encode(name) + "/values", parameters
    );
}

void append_label(
    std::string& text,
    const std::string& name,
    const std::vector<std::string>& values,
    const PrintStyle& style
) {
    if (style.form == OutputForm::kJson) {
        json::Writer writer(text);
        writer.begin_object();
        writer.member("name", name);
        writer.key("values");
        writer.begin_array();
        for (const auto& value : values) {
            writer.string(value);
        }
        writer.end_array();
        writer.end_object();
        text += '\n';
        return;
    }
    if (style.form == OutputForm::kRaw) {
        text += name + "\n";
        return;
    }
    append_colored(text, Color::kBold, name, style.color);
    text += "\t";
    for (size_t i = 0; i < std::min(values.size(), kValuesShown); ++i) {
        text += (i == 0 ? "" : ", ") + (style.clean ? clean_text(values[i]) : values[i]);
    }
    if (values.size() > kValuesShown) {
        text += ", ... (" + grouped(values.size()) + " values)";
    }
    text += '\n';
}

/// No values is an answer, not an error: but a name mistyped looks the same, so it is said.
Result<void> say_unknown(
    Session& session, const std::string& name, const Session::Parameters& parameters
) {
    SEYIR_TRY(const auto names, get_list(session, "/loki/api/v1/labels", parameters));
    const std::vector<std::string_view> candidates(names.begin(), names.end());
    const auto near = did_you_mean(name, candidates);
    const std::string hint =
        near ? "did you mean `" + std::string(*near) + "`?"
             : "`seyir labels` lists those there are, --since looks further back";
    const std::string text =
        "seyir: no stream has the label `" + clean_text(name) + "`: " + hint + "\n";
    fputs(text.c_str(), stderr);
    return {};
}

Result<void> run_labels(const Arguments& arguments) {
    SEYIR_TRY(auto session, Session::open(arguments));
    Session::Parameters parameters;
    const auto since_text = arguments.has("since") ? arguments.get("since") : "6h";
    auto since = parse_duration(since_text);
    if (!since) {
        return since.error().context("--since " + since_text);
    }
    const UnixNanos start = io::system_clock().wall_now() - *since;
    parameters.emplace_back("start", std::to_string(start.value));
    std::string text;
    if (!arguments.values.empty() && session.style().form != OutputForm::kJson) {
        SEYIR_TRY(const auto values, get_values(session, arguments.values[0], parameters));
        if (values.empty()) {
            SEYIR_CHECK(say_unknown(session, arguments.values[0], parameters));
        }
        for (const auto& value : values) {
            text += (session.style().clean ? clean_text(value) : value) + "\n";
        }
        return print(text);
    }
    auto names = arguments.values;
    if (names.empty()) {
        SEYIR_TRY(names, get_list(session, "/loki/api/v1/labels", parameters));
    }
    for (const auto& name : names) {
        std::vector<std::string> values;
        if (session.style().form != OutputForm::kRaw) {
            SEYIR_TRY(values, get_values(session, name, parameters));
            if (values.empty() && !arguments.values.empty()) {
                SEYIR_CHECK(say_unknown(session, name, parameters));
            }
        }
        append_label(text, name, values, session.style());
    }
    return print(text);
}

}  // namespace

int labels_command(const Arguments& arguments) {
    const auto done = run_labels(arguments);
    return done ? kExitOk : report(done.error());
}

}  // namespace seyir::ctl
