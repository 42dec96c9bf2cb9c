// SPDX-License-Identifier: Apache-2.0
// From the stages of a query to the blocks that may be left out: no block is ever left out that has
// a row which passes the stages. Random rows, stages and regular expressions; the oracle is the
// pipeline itself on every row.
#include <algorithm>
#include <cstdlib>
#include <random>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "collector/store/engine/block_filter.hpp"
#include "collector/store/gram/segment_filter.hpp"
#include "common/base/text.hpp"
#include "common/logql/parser.hpp"
#include "common/logql/stage/pipeline.hpp"
#include "common/logql/stage/required.hpp"
#include "common/logql/text/regex.hpp"
#include "common/logql/text/regex_needle.hpp"
#include "common/logql/text/search.hpp"

using namespace seyir;
namespace gram = seyir::store::gram;

namespace {

using Rng = std::mt19937_64;

size_t below(Rng& rng, size_t n) {
    return rng() % n;
}

uint64_t seed() {
    const char* given = std::getenv("SEYIR_SEED");
    return given != nullptr ? std::strtoull(given, nullptr, 0) : 20261122;
}

std::string pick(Rng& rng, const std::vector<std::string>& from) {
    return from[below(rng, from.size())];
}

/// A block a batch, one segment.
class Sample {
  public:
    void add_block(std::shared_ptr<RecordBatch> block) {
        builder_.add_block(store::encode_block(*block, encoder_, collector_).keys);
        blocks_.push_back(std::move(block));
    }

    void finish() { filter_ = builder_.finish(); }

    std::vector<bool> possible(const Needle& needle) const {
        const gram::KeyTree tree = store::keys_of({.holds = needle});
        std::vector<bool> out;
        for (uint32_t g = 0; g < filter_.groups.size(); ++g) {
            const auto bits = gram::find_blocks(filter_.groups[g], g, tree, [&](uint32_t page) {
                return Result<std::string>(filter_.pages[g].at(page));
            });
            REQUIRE(bits.has_value());
            for (uint32_t b = 0; b < filter_.groups[g].blocks; ++b) {
                out.push_back(((*bits)[b / 64] >> (b % 64) & 1) != 0);
            }
        }
        return out;
    }

    /// Gives how many blocks were left out.
    size_t check(const std::vector<logql::Stage>& stages, const std::string& what) const {
        const auto pipeline = logql::Pipeline::compile("", stages);
        REQUIRE_MESSAGE(pipeline.has_value(), what, pipeline.error().message);
        const Needle needle = logql::required_of(stages);
        const std::vector<bool> is_possible = possible(needle);
        logql::ScratchRow row;
        for (size_t b = 0; b < blocks_.size(); ++b) {
            for (uint32_t i = 0; i < blocks_[b]->row_count() && !is_possible[b]; ++i) {
                row.bind(*blocks_[b], i);
                if (pipeline->process(row)) {
                    FAIL(
                        what,
                        " needs ",
                        to_text(needle),
                        " and hides ",
                        json_quote(blocks_[b]->body(i))
                    );
                }
            }
        }
        return static_cast<size_t>(std::ranges::count(is_possible, false));
    }

    const std::vector<std::shared_ptr<RecordBatch>>& blocks() const { return blocks_; }

  private:
    store::columns::BlockEncoder encoder_;
    gram::KeyCollector collector_;
    gram::FilterBuilder builder_;
    gram::FilterBuilder::Filter filter_;
    std::vector<std::shared_ptr<RecordBatch>> blocks_;
};

const std::vector<std::string> kPieces = {
    "connection",
    "reset",
    "GET",
    "timeout",
    "order_id",
    "10.2.3.4",
    "a",
    "k",
    "Kilo",
    "S3",
    "istanbul",
    "7b7f4f86",
    "200",
    "ERROR",
    "\u212a",
    "\u017f",
    "\u0130",
    "\u00e9t\u00e9",
    "\u20ac",
    "x9",
    "deadbeefcafe",
    "/api/v1/orders",
    "user@example.com",
    "2026-11-22T17:00:00Z",
    "null"
};
const std::vector<std::string> kBetween = {
    "",
    "",
    " ",
    "/",
    ":",
    "=",
    "-",
    ",",
    "'",
    "+",
    "<",
    "&",
    "\"",
    "\\",
    "\n",
    "\t",
    "\xff",
    "\xef\xbf\xbd",
    "#"
};

std::string random_text(Rng& rng, size_t pieces) {
    std::string out;
    for (size_t i = 0; i < pieces; ++i) {
        out += pick(rng, kPieces) + pick(rng, kBetween);
        if (below(rng, 4) == 0) {
            out += fmt::format("{:x}", rng() >> below(rng, 60));
        }
    }
    return out;
}

/// JSON escapes as different writers have it, now and then where none is needed.
std::string escaped(Rng& rng, std::string_view text) {
    const bool is_odd = below(rng, 12) == 0;
    const bool is_ascii = below(rng, 3) == 0;
    std::string out;
    for (size_t i = 0; i < text.size(); ++i) {
        const auto c = static_cast<unsigned char>(text[i]);
        if (c == '"' || c == '\\') {
            out += below(rng, 4) == 0 ? fmt::format("\\u{:04x}", c) : fmt::format("\\{}", text[i]);
        } else if (c == '\n') {
            out += "\\n";
        } else if (c == '/' && below(rng, 4) == 0) {
            out += "\\/";
        } else if (c < 0x20 || c == '<' || c == '&' || c == '\'' || c == '+') {
            out += fmt::format("\\u{:04X}", c);
        } else if (c < 0x80 && is_odd && below(rng, 3) == 0) {
            out += fmt::format("\\u{:04x}", c);
        } else if (is_ascii && text.substr(i).starts_with("\u212a")) {
            out += "\\u212A";
            i += 2;
        } else if (is_ascii && text.substr(i).starts_with("\u017f")) {
            out += "\\u017f";
            i += 1;
        } else {
            out += text[i];
        }
    }
    return out;
}

std::string json_line(Rng& rng) {
    return fmt::format(
        R"({{"msg":"{}", "n":{},"deep":{{"id":"{:x}","list":["{}",1]}},"user":"{}"}})",
        escaped(rng, random_text(rng, below(rng, 4))),
        below(rng, 100'000),
        rng(),
        escaped(rng, random_text(rng, 1)),
        escaped(rng, random_text(rng, 1))
    );
}

std::string logfmt_line(Rng& rng) {
    return fmt::format(
        R"(msg="{}" n={} user={} path=/api/{:x})",
        escaped(rng, random_text(rng, below(rng, 4))),
        below(rng, 100'000),
        pick(rng, kPieces),
        rng() >> 20
    );
}

std::string random_line(Rng& rng) {
    switch (below(rng, 4)) {
        case 0:
            return logfmt_line(rng);
        case 1:
            return random_text(rng, 1 + below(rng, 6));
        default:
            return json_line(rng);
    }
}

std::shared_ptr<RecordBatch> random_block(Rng& rng) {
    auto block = std::make_shared<RecordBatch>(TenantId::kDefault);
    RecordBatch& batch = *block;
    std::vector<uint16_t> streams;
    for (int s = 0; s < 2; ++s) {
        auto labels = StreamLabels::make(
            {{"app", pick(rng, {"shop", "billing-api", "user"})},
             {"host", fmt::format("h{:x}", rng() % 64)}}
        );
        REQUIRE(labels.has_value());
        streams.push_back(batch.add_stream(*labels));
    }
    const KeyIndex keys[] = {
        batch.add_key("user"), batch.add_key("request.id"), batch.add_key("n")
    };
    for (size_t i = 0; i < 1 + below(rng, 5); ++i) {
        Row row;
        row.stream = streams[below(rng, 2)];
        row.body = batch.arena().copy(random_line(rng));
        if (below(rng, 2) == 0) {
            const std::vector<Attr> attrs = {
                {keys[0], Value::string(batch.arena().copy(random_text(rng, 1)))},
                {keys[1], Value::string(batch.arena().copy(fmt::format("{:016x}", rng())))},
                {keys[2],
                 below(rng, 2) == 0 ? Value::integer(static_cast<int64_t>(rng() % 1000))
                                    : Value::real(0.5 * static_cast<double>(rng() % 9999))},
            };
            row.attrs = batch.add_attrs(std::span(attrs).first(below(rng, 4)));
        }
        if (below(rng, 3) == 0) {
            row.trace.trace_id.fill(static_cast<uint8_t>(rng()));
            row.trace.span_id.fill(static_cast<uint8_t>(rng()));
        }
        batch.append_row(row);
    }
    return block;
}

Sample random_sample(Rng& rng) {
    Sample sample;
    for (size_t b = 0; b < 2 + below(rng, 12); ++b) {
        sample.add_block(random_block(rng));
    }
    sample.finish();
    return sample;
}

logql::Stage stage(logql::StageKind kind) {
    return {0, 0, std::move(kind)};
}

logql::Stage parser_stage(size_t kind) {
    switch (kind) {
        case 0:
            return stage(logql::LogfmtStage{});
        case 1:
            return stage(logql::PatternStage{"<_>msg<msg>n<n>\"<user>"});
        case 2:
            return stage(logql::RegexpStage{"(?P<user>[a-z]{3,9}).*?(?P<msg>[0-9a-f]+)"});
        case 3:
            return stage(logql::JsonStage{{{"user", "deep.list[0]", 0}, {"msg", "deep", 0}}});
        default:
            return stage(logql::JsonStage{});
    }
}

struct OwnLabel {
    std::string name;
    std::string value;
};

/// The labels that some row of the sample has behind the parser.
std::vector<OwnLabel> labels_behind(Rng& rng, const Sample& sample, size_t parser) {
    std::vector<logql::Stage> stages;
    stages.push_back(parser_stage(parser));
    const auto pipeline = logql::Pipeline::compile("", stages);
    REQUIRE(pipeline.has_value());
    const RecordBatch& block = *sample.blocks()[below(rng, sample.blocks().size())];
    logql::ScratchRow row;
    row.bind(block, static_cast<uint32_t>(below(rng, block.row_count())));
    std::vector<OwnLabel> labels;
    if (pipeline->process(row)) {
        row.for_each_label([&](const logql::Label& label) {
            labels.push_back({std::string(label.name), std::string(label.value)});
        });
    }
    return labels;
}

/// A pattern that matches `text`, written with what regular expressions have.
std::string pattern_for(Rng& rng, std::string_view text) {
    std::string out;
    for (size_t i = 0; i < text.size();) {
        const auto c = static_cast<unsigned char>(text[i]);
        size_t size = 1;
        while (i + size < text.size() && (static_cast<unsigned char>(text[i + size]) & 0xc0) == 0x80
        ) {
            ++size;
        }
        const std::string plain = c < 0x80 && std::ispunct(c) != 0
                                      ? "\\" + std::string(1, text[i])
                                      : std::string(text.substr(i, size));
        switch (below(rng, 60)) {
            case 0:
                out += ".";
                break;
            case 1:
                out += ".*";
                break;
            case 2:
                out += "(" + plain + "|xyz)";
                break;
            case 3:
                out += plain + "+";
                break;
            case 4:
                out += plain + "?";
                break;
            case 5:
                out += plain + "{1,3}";
                break;
            case 6:
                out += "q{0,}" + plain;
                break;
            case 7:
                out += "(?:" + plain + "z?)";
                break;
            case 8:
                out += c < 0x80 && std::isalnum(c) != 0 ? "[q" + plain + "]" : plain;
                break;
            case 9:
                out += "(?i:" + plain + ")";
                break;
            case 10:
                out += plain + "(foo|bar)?";
                break;
            default:
                out += plain;
        }
        i += size;
    }
    return out;
}

logql::LabelFilter label_test(std::string name, logql::MatchOp op, std::string value) {
    return {0, logql::StringTest{{std::move(name), op, std::move(value), 0}}};
}

const std::vector<std::string> kAtoms = {"a",      "b",        "ab",    "k",           "K",
                                         "s",      "0",        "-",     "\\.",         ".",
                                         "[ab]",   "[^a]",     "[a-c]", "[[:alpha:]]", "\\d",
                                         "\\w",    "\\b",      "^",     "$",           "\\x61",
                                         "\u017f", "aabbaabb", "(?i)",  "(?-i)"};

std::string random_pattern(Rng& rng, int depth) {
    std::string out;
    for (size_t i = 0; i < 1 + below(rng, 5); ++i) {
        std::string atom =
            depth > 0 && below(rng, 4) == 0
                ? pick(rng, {"(", "(?:", "(?i:", "(?P<x>"}) + random_pattern(rng, depth - 1) + ")"
                : pick(rng, kAtoms);
        const bool may_repeat = !atom.ends_with("i)") || atom.starts_with("(?i:");
        out += atom;
        if (may_repeat && below(rng, 3) == 0) {
            out += pick(rng, {"*", "+", "?", "{0,}", "{2}", "{1,3}", "{0}", "*?", "{0,2}"});
        }
    }
    return below(rng, 4) == 0 && depth > 0 ? out + "|" + random_pattern(rng, depth - 1) : out;
}

struct StageCase {
    const char* query;
    const char* needs;
};

const StageCase kStageCases[] = {
    {R"~({a="b"} |= "x" |= "connection reset")~", R"~("x" and "connection reset")~"},
    {R"~({a="b"} |= "a1" or "b2" != "c3")~", R"~("a1" or "b2")~"},
    {R"~({a="b"} |= "")~", "anything"},
    {R"~({a="b"} |~ "timeout|refused")~", R"~("timeout" or "refused")~"},
    {R"~({a="b"} |~ "(?i)Error: (disk|net) .*failed")~",
     R"~(((?i)"Error: disk " or (?i)"Error: net ") and (?i)"failed")~"},
    {R"~({a="b"} |~ "ab+c{2}d{0,}e?f")~", R"~("ab" and "bcc" and ("ef" or "f"))~"},
    {R"~({a="b"} |~ "ab+cd")~", R"~("ab" and "bcd")~"},
    {R"~({a="b"} |~ "^https?://.*[.](com|net)/[^x]")~",
     R"~(("https://" or "http://") and (".com/" or ".net/"))~"},
    {R"~({a="b"} |~ "a|b*")~", "anything"},
    {R"~({a="b"} |~ "\\Qa.b\\E")~", "anything"},
    {R"~({a="b"} |> "<_> GET <_> 200")~", R"~(" GET " and " 200")~"},
    {R"~({a="b"} |= ip("10.0.0.0/8"))~", "anything"},
    {R"~({a="b"} | line_format "x" |= "x")~", "anything"},
    {R"~({a="b"} |= "a" | decolorize |= "b")~", R"~("a")~"},
    {R"~({a="b"} | json | method="GET" | status >= 500)~", R"~(value "GET")~"},
    {R"~({a="b"} | json | method="GET" or method="PUT")~", R"~(value "GET" or value "PUT")~"},
    {R"~({a="b"} | json | method="GET" or status > 5)~", "anything"},
    {R"~({a="b"} | json | method=~"P(OS|U)T" | path=~"/api/.*")~",
     R"~((value "POST" or value "PUT") and value with "/api/")~"},
    {R"~({a="b"} | json | method!="GET" | __error__="" | user="")~", "anything"},
    {R"~({a="b"} | regexp "(?P<m>.)" | m="GET")~", R"~(value with "GET")~"},
    {R"~({a="b"} | label_format m=n | m="GET" |= "x")~", R"~("x")~"},
    {R"~({a="b"} | detected_level="error")~", "anything"},
    {R"~({a="b"} | trace_id="0af7")~", R"~(value "0af7")~"},
};

}  // namespace

TEST_SUITE("query/prune") {
    TEST_CASE(
        "label filters on values of JSON, logfmt, captures, attributes and labels hide nothing"
    ) {
        CAPTURE(seed());
        Rng rng(seed());
        size_t left_out = 0;
        for (int i = 0; i < 300; ++i) {
            const Sample sample = random_sample(rng);
            for (int n = 0; n < 30; ++n) {
                const size_t parser = below(rng, 6);
                for (const OwnLabel& label : labels_behind(rng, sample, parser)) {
                    std::vector<logql::Stage> stages;
                    stages.push_back(parser_stage(parser));
                    const bool is_regex = below(rng, 3) == 0 && logql::is_valid_utf8(label.value);
                    std::string value = is_regex ? pattern_for(rng, label.value) : label.value;
                    if (is_regex && below(rng, 2) == 0) {
                        value = "(?i)" + value;
                    }
                    stages.push_back(stage(label_test(
                        label.name,
                        is_regex ? logql::MatchOp::kRegex : logql::MatchOp::kEqual,
                        value
                    )));
                    left_out += sample.check(stages, label.name + "=" + json_quote(value));
                }
            }
        }
        CHECK(left_out > 1000);
    }

    TEST_CASE("line filters of texts, patterns and regular expressions hide nothing") {
        CAPTURE(seed());
        Rng rng(seed() + 1);
        size_t left_out = 0;
        for (int i = 0; i < 300; ++i) {
            const Sample sample = random_sample(rng);
            for (int n = 0; n < 60; ++n) {
                const RecordBatch& block = *sample.blocks()[below(rng, sample.blocks().size())];
                const std::string_view line = block.body(below(rng, block.row_count()));
                const size_t begin = below(rng, line.size() + 1);
                std::string text(line.substr(begin, 1 + below(rng, 40)));
                logql::LineFilter filter;
                if (below(rng, 3) == 0) {
                    filter.terms.push_back({text, false, 0});
                } else if (logql::is_valid_utf8(text)) {
                    filter.op = logql::LineOp::kRegex;
                    text = pattern_for(rng, text);
                    text = below(rng, 3) == 0 ? "(?i)" + text : text;
                    text = below(rng, 5) == 0 ? text + "|" + pick(rng, kPieces) : text;
                    text = below(rng, 5) == 0 ? "(" + text + ")\\b?" : text;
                    filter.terms.push_back({text, false, 0});
                }
                if (below(rng, 4) == 0 && filter.op == logql::LineOp::kContains) {
                    filter.terms.push_back({random_text(rng, 1), false, 0});
                }
                if (filter.terms.empty()) {
                    continue;
                }
                std::vector<logql::Stage> stages;
                stages.push_back(stage(filter));
                left_out += sample.check(stages, json_quote(text));
            }
        }
        CHECK(left_out > 1000);
    }

    TEST_CASE("random regular expressions hide no line they match") {
        CAPTURE(seed());
        Rng rng(seed() + 2);
        const std::vector<std::string> letters = {
            "a",
            "b",
            "A",
            "B",
            "k",
            "K",
            "\u212a",
            "s",
            "S",
            "\u017f",
            "0",
            "-",
            ".",
            " ",
            "c",
            "aabbaabb"
        };
        size_t asked = 0;
        size_t matched = 0;
        for (int i = 0; i < 4000; ++i) {
            const std::string pattern = random_pattern(rng, 3);
            const auto regex = logql::Regex::compile(pattern, false);
            if (!regex) {
                continue;
            }
            const Needle needle = logql::regex_needle(pattern);
            if (needle.kind == Needle::Kind::kAnything) {
                continue;
            }
            ++asked;
            Sample sample;
            std::vector<bool> matches;
            for (int b = 0; b < 30; ++b) {
                std::string line;
                for (size_t c = below(rng, 24); c > 0; --c) {
                    line += pick(rng, letters);
                }
                auto block = std::make_shared<RecordBatch>(TenantId::kDefault);
                block->add_stream(*StreamLabels::make({{"app", "x"}}));
                Row row;
                row.body = block->arena().copy(line);
                block->append_row(row);
                sample.add_block(std::move(block));
                matches.push_back(regex->matches(line));
            }
            sample.finish();
            const std::vector<bool> possible = sample.possible(needle);
            for (size_t b = 0; b < matches.size(); ++b) {
                matched += matches[b] ? 1 : 0;
                CAPTURE(pattern);
                CAPTURE(to_text(needle));
                CAPTURE(sample.blocks()[b]->body(0));
                REQUIRE((possible[b] || !matches[b]));
            }
        }
        CHECK(asked > 1000);
        CHECK(matched > 1000);
    }

    TEST_CASE("stages and what they need") {
        for (const StageCase& one : kStageCases) {
            CAPTURE(one.query);
            const auto parsed = logql::parse(one.query);
            REQUIRE_MESSAGE(parsed.has_value(), parsed.error().message);
            const auto& log = std::get<logql::LogExpr>(parsed->node);
            CHECK(to_text(logql::required_of(log.stages)) == one.needs);
        }
    }
}
