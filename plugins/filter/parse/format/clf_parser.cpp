// SPDX-License-Identifier: Apache-2.0
#include "plugins/filter/parse/format/clf_parser.hpp"

#include <algorithm>

#include "plugins/filter/parse/format/escapes.hpp"
#include "plugins/filter/parse/number.hpp"

namespace seyir::plugins::parse {
namespace {

void add_unless_dash(FieldWriter& out, FixedName& name, Slice text) {
    if (!text.empty() && (text.size() != 1 || text[0] != '-')) {
        out.add_text(name, text);
    }
}

/// The words before ` [`: host ident user, one more in front with a virtual host.
bool add_head(FieldWriter& out, ClfNames& names, Slice head) {
    Slice words[4];
    size_t count = 0;
    const char* at = head.data();
    const char* const end = at + head.size();
    while (count < 3 && at < end) {
        const char* const space = find_byte(at, end, ' ');
        words[count++] = {at, static_cast<size_t>(space - at)};
        at = space == end ? end : space + 1;
    }
    if (count < 3) {
        return false;
    }
    // A user may have spaces; a virtual host shows by the `-` of ident one place further.
    if (at < end) {
        words[3] = {at, static_cast<size_t>(end - at)};
        const bool has_vhost = words[2] == "-" && (words[1] != "-" || words[3] == "-") &&
                               words[3].find(' ') == Slice::npos;
        if (has_vhost) {
            add_unless_dash(out, names.vhost, words[0]);
            words[0] = words[1];
            words[1] = words[2];
            words[2] = words[3];
        } else {
            words[2] = {words[2].data(), static_cast<size_t>(end - words[2].data())};
        }
    }
    add_unless_dash(out, names.client, words[0]);
    add_unless_dash(out, names.ident, words[1]);
    add_unless_dash(out, names.user, words[2]);
    return true;
}

/// What stands between quotes.
struct Quoted {
    Slice text;
    bool has_escapes = false;

    Slice decoded(Slice part, Arena& arena) const {
        return has_escapes ? decode_lenient(part, arena) : part;
    }

    Slice decoded(Arena& arena) const { return decoded(text, arena); }
};

void add_request(FieldWriter& out, ClfNames& names, const Quoted& quoted) {
    const Slice request = quoted.text;
    const char* const begin = request.data();
    const auto space = static_cast<size_t>(find_byte(begin, begin + request.size(), ' ') - begin);
    const size_t last = request.rfind(' ');
    const bool is_usual = space != request.size() && space != 0 && last > space + 1 &&
                          std::all_of(begin, begin + space, [](char c) {
                              return (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
                          });
    if (!is_usual) {
        return add_unless_dash(out, names.request, quoted.decoded(out.arena()));
    }
    out.add_text(names.method, request.substr(0, space));
    const Slice path = request.substr(space + 1, last - space - 1);
    out.add_text(names.path, quoted.decoded(path, out.arena()));
    out.add_text(names.protocol, request.substr(last + 1));
}

void add_number(FieldWriter& out, FixedName& name, Slice text) {
    if (const auto number = parse_int(text)) {
        out.add(name, Value::integer(*number));
    } else {
        add_unless_dash(out, name, text);
    }
}

class Tail {
  public:
    Tail(const char* at, const char* end) : at_(at), end_(end) {}

    /// A word behind one space; empty at the end.
    Slice word() {
        if (at_ == end_ || *at_ != ' ') {
            return {};
        }
        const char* const begin = ++at_;
        at_ = find_byte(begin, end_, ' ');
        return {begin, static_cast<size_t>(at_ - begin)};
    }

    std::optional<Quoted> quoted() {
        if (end_ - at_ < 3 || at_[0] != ' ' || at_[1] != '"') {
            return std::nullopt;
        }
        Quoted found;
        const char* const begin = at_ + 2;
        const char* close = find_either(begin, end_, '"', '\\');
        while (close < end_ && *close == '\\') {
            found.has_escapes = true;
            close = end_ - close < 2 ? end_ : find_either(close + 2, end_, '"', '\\');
        }
        if (close == end_) {
            return std::nullopt;
        }
        at_ = close + 1;
        found.text = {begin, static_cast<size_t>(close - begin)};
        return found;
    }

    Slice rest() const {
        const char* begin = at_ < end_ && *at_ == ' ' ? at_ + 1 : at_;
        return {begin, static_cast<size_t>(end_ - begin)};
    }

  private:
    const char* at_;
    const char* end_;
};

}  // namespace

std::optional<Miss> ClfParser::parse(Slice text, FieldWriter& out) {
    const char* const begin = text.data();
    const char* const end = begin + text.size();
    const auto miss = [&](std::string_view message, const char* at) {
        return Miss{"bad_clf", message, static_cast<size_t>(at - begin)};
    };
    const char* const bracket = find_byte(begin, end, '[');
    if (bracket == end || bracket < begin + 6 || bracket[-1] != ' ') {
        return miss("` [` before the time is missing", bracket);
    }
    if (!add_head(out, names_, {begin, static_cast<size_t>(bracket - 1 - begin)})) {
        return miss("client, ident and user are expected before the time", begin);
    }
    const char* const close = find_byte(bracket, end, ']');
    if (close - bracket < 16 || close == end || bracket[3] != '/') {
        return miss("the time is not as [01/Jan/2026:00:00:00 +0000]", bracket);
    }
    out.add_text(names_.time, {bracket + 1, static_cast<size_t>(close - bracket - 1)});
    Tail tail(close + 1, end);
    const auto request = tail.quoted();
    if (!request) {
        return miss("the request in quotes is missing", close + 1);
    }
    add_request(out, names_, *request);
    const Slice status = tail.word();
    const Slice bytes = tail.word();
    if (status.empty() || bytes.empty()) {
        return miss("status and bytes are missing behind the request", tail.rest().data());
    }
    add_number(out, names_.status, status);
    add_number(out, names_.bytes, bytes);
    if (const auto referer = tail.quoted()) {
        add_unless_dash(out, names_.referer, referer->decoded(out.arena()));
        if (const auto agent = tail.quoted()) {
            add_unless_dash(out, names_.user_agent, agent->decoded(out.arena()));
        }
    }
    if (const Slice extra = tail.rest(); !extra.empty()) {
        out.add_text(names_.extra, extra);
    }
    return std::nullopt;
}

bool looks_like_clf(Slice text) {
    const size_t bracket = text.substr(0, 512).find(" [");
    if (bracket == Slice::npos || text.size() < bracket + 24) {
        return false;
    }
    const Slice time = text.substr(bracket + 2, 21);
    return time[2] == '/' && time[6] == '/' && time[11] == ':' && time[14] == ':';
}

}  // namespace seyir::plugins::parse
