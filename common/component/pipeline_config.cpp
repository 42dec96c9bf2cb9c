// SPDX-License-Identifier: Apache-2.0
#include "common/component/pipeline_config.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include <fmt/format.h>
#include <xxhash.h>

#include "common/component/tells_loss.hpp"
#include "common/component/writes_files.hpp"
#include "common/logql/route_matcher.hpp"

namespace seyir::component {
namespace {

/// A text that differs whenever the values do: lengths keep `a: bc` and `ab: c` apart.
void append_canonical(std::string& out, const config::Node& node) {
    switch (node.kind) {
        case config::Node::Kind::kScalar:
            out += fmt::format("s{}:{}", node.text.size(), node.text);
            return;
        case config::Node::Kind::kSequence:
            out += fmt::format("l{}:", node.items.size());
            for (const config::Node* item : node.items) {
                append_canonical(out, *item);
            }
            return;
        case config::Node::Kind::kMap:
            out += fmt::format("m{}:", node.entries.size());
            for (const config::Entry& entry : node.entries) {
                append_canonical(out, *entry.key);
                append_canonical(out, *entry.value);
            }
            return;
    }
}

buffer::BufferOptions::Kind kind_of(BufferDefault wanted) {
    switch (wanted) {
        case BufferDefault::kNone:
            return buffer::BufferOptions::Kind::kNone;
        case BufferDefault::kMemory:
            return buffer::BufferOptions::Kind::kMemory;
        case BufferDefault::kDisk:
            return buffer::BufferOptions::Kind::kDisk;
        case BufferDefault::kSpool:
            return buffer::BufferOptions::Kind::kSpool;
    }
    return buffer::BufferOptions::Kind::kNone;
}

class Reader {
  public:
    Reader(const config::ObjectReader& root, const Catalogue& catalogue, const PlanContext& base)
        : root_(root), catalogue_(catalogue), base_(base) {}

    PipelineConfig read() {
        for (const auto& component : root_.components("inputs")) {
            const InputType* type = catalogue_.input(component.type);
            add(made_.inputs, type, component, PlannedInput{});
        }
        for (const auto& component : root_.components("filters")) {
            const FilterType* type = catalogue_.filter(component.type);
            PlannedFilter filter;
            if (type->schema->find("on_error") != nullptr) {
                filter.on_error = read_on_error(component.reader);
            }
            add(made_.filters, type, component, std::move(filter));
        }
        for (const auto& component : root_.components("outputs")) {
            const OutputType* type = catalogue_.output(component.type);
            if (!add(made_.outputs, type, component, PlannedOutput{})) {
                continue;
            }
            PlannedOutput& output = made_.outputs.back();
            if (type->schema->find("buffer") != nullptr) {
                output.buffer =
                    buffer::read_buffer(component.reader, kind_of(output.plan->buffer_default()));
                buffer::check_buffer(
                    component.reader, output.buffer, component.id, base_.diagnostics
                );
            }
            if (buffer::has_retry_field(*type->schema)) {
                output.retry = buffer::read_retry(component.reader);
                buffer::check_retry(component.reader, component.id, base_.diagnostics);
            }
        }
        read_routes();
        check_event_outputs();
        check_files();
        check_holding_filters();
        check_told_before_redaction();
        made_.tests = config::read_tests(root_, base_.checks);
        return std::move(made_);
    }

  private:
    template <class PlannedType, class Type>
    bool add(
        std::vector<PlannedType>& to,
        const Type* type,
        const config::ObjectReader::Component& component,
        PlannedType planned
    ) {
        PlanContext context = base_;
        context.id = component.id;
        context.id_span = component.id_span;
        planned.id = component.id;
        planned.type = component.type;
        planned.plan = plan(type->plan, component, context);
        if (planned.plan == nullptr) {
            return false;
        }
        std::string shared;
        if constexpr (std::is_same_v<PlannedType, PlannedInput>) {
            shared = shared_text(!planned.plan->listeners().empty());
        }
        planned.fingerprint = fingerprint_of(*component.reader.node(), *planned.plan, shared);
        to.push_back(std::move(planned));
        return true;
    }

    /// What inputs take from the top level: the labels, and what guards those that listen.
    std::string shared_text(bool listens) const {
        std::string text;
        for (const config::Entry& entry : root_.node()->entries) {
            const std::string_view key = entry.key->text;
            const bool guards = key == "tokens" || key == "tls" || key == "allow_plaintext";
            if (key == "labels" || (listens && guards)) {
                append_canonical(text, *entry.key);
                append_canonical(text, *entry.value);
            }
        }
        return text;
    }

    /// Of a component that is in error already, what its plan says is left out where it follows
    /// from that: one mistake is told once.
    template <class MakePlan>
    auto plan(
        const MakePlan& make, const config::ObjectReader::Component& component, PlanContext context
    ) {
        config::Diagnostics& known = base_.diagnostics;
        const config::Node& node = *component.reader.node();
        if (!known.is_broken(node.span) && !known.is_broken(component.id_span)) {
            return make(component.reader, context);
        }
        config::Diagnostics said(known);
        const config::SectionChecks checks{
            .files = base_.checks.files,
            .diagnostics = said,
            .check_match = base_.checks.check_match,
        };
        PlanContext apart{
            .id = context.id,
            .id_span = context.id_span,
            .diagnostics = said,
            .checks = checks,
            .read = context.read,
            .labels = context.labels,
            .tls = context.tls,
            .tokens = context.tokens,
            .allows_plaintext = context.allows_plaintext,
            .has_http = context.has_http,
        };
        auto made = make(component.reader, apart);
        for (const config::Diagnostic& diagnostic : said.sorted()) {
            if (!follows(diagnostic, component)) {
                known.add(diagnostic);  // those it knows are at places it knows
            }
        }
        return made;
    }

    /// True when the component as a whole, a map in it that is in error, or a value in which an
    /// error is known, is said to be wrong.
    bool follows(
        const config::Diagnostic& diagnostic, const config::ObjectReader::Component& component
    ) const {
        if (!diagnostic.is_error() || !diagnostic.at) {
            return true;
        }
        const config::Span at = *diagnostic.at;
        const config::Node& node = *component.reader.node();
        const bool lacks_key =
            at.begin == node.span.begin && base_.diagnostics.is_broken(component.id_span);
        return at == component.id_span || lacks_key || base_.diagnostics.is_broken(at) ||
               begins_broken_map(node, at);
    }

    bool begins_broken_map(const config::Node& node, config::Span at) const {
        const bool is_here = !node.is_scalar() && node.span.begin == at.begin;
        if (is_here && base_.diagnostics.is_broken(node.span)) {
            return true;
        }
        const auto inside = [&](const config::Node* child) {
            return child->span.contains(at) && begins_broken_map(*child, at);
        };
        return std::ranges::any_of(node.items, inside) ||
               std::ranges::any_of(node.entries, [&](const config::Entry& entry) {
                   return inside(entry.value);
               });
    }

    void read_routes() {
        for (config::RouteOptions& options : base_.checks.routes(root_)) {
            PlannedRoute route{.options = std::move(options), .match = {}};
            if (!route.options.match.empty()) {
                auto matcher = logql::RouteMatcher::compile(route.options.match);
                if (!matcher) {
                    continue;  // the sections' check has said why
                }
                if (!matcher->matches_all()) {
                    auto shared = std::make_shared<logql::RouteMatcher>(std::move(*matcher));
                    route.match = [shared](const BatchView& view) { return shared->match(view); };
                }
            }
            made_.routes.push_back(std::move(route));
        }
    }

    void check_event_outputs() {
        for (const PlannedFilter& filter : made_.filters) {
            for (const config::NamedPlace& output : filter.plan->event_outputs()) {
                check_event_output("filter", filter.id, output);
            }
        }
        for (const PlannedOutput& planned : made_.outputs) {
            const LossNotice* notice = loss_notice_of(planned.plan.get());
            if (notice == nullptr) {
                continue;
            }
            for (const config::NamedPlace& output : notice->to) {
                check_event_output("output", planned.id, output);
            }
        }
    }

    void check_event_output(
        std::string_view kind, const std::string& from, const config::NamedPlace& to
    ) {
        const auto outputs = root_.component_names("outputs");
        const bool is_there = std::ranges::any_of(outputs, [&](const auto& named) {
            return named.first == to.name && to.name != from;
        });
        if (!is_there) {
            base_.diagnostics.add(
                {.code = config::kUnknownOutput,
                 .at = to.at,
                 .message = fmt::format(
                     "{} `{}` sends to `{}`, which is {}",
                     kind,
                     from,
                     to.name,
                     to.name == from ? "itself" : "not an output"
                 ),
                 .hint = to.name == from ? "name another of `outputs`" : "name one of `outputs`"}
            );
        }
    }

    /// One output rotates and cuts back its file without asking another.
    void check_files() {
        std::map<std::string, std::pair<std::string, config::Span>> first;
        for (const PlannedOutput& output : made_.outputs) {
            const auto* writer = dynamic_cast<const WritesFiles*>(output.plan.get());
            if (writer == nullptr) {
                continue;
            }
            for (const config::NamedPlace& file : writer->files()) {
                if (file.name.empty() || base_.diagnostics.is_broken(file.at)) {
                    continue;
                }
                const auto [at, is_new] = first.emplace(file.name, std::pair(output.id, file.at));
                if (is_new) {
                    continue;
                }
                const auto& [other, place] = at->second;
                base_.diagnostics.add(
                    {.code = config::kNotAllowed,
                     .at = file.at,
                     .message = fmt::format(
                         "outputs `{}` and `{}` write to the same file {}",
                         other,
                         output.id,
                         file.name
                     ),
                     .hint = "give each its own, or send both routes to one output",
                     .related = {{place, "also written here"}}}
                );
            }
        }
    }

    /// What a frame yields must leave with the frame (DESIGN 6.6).
    void check_holding_filters() {
        for (const PlannedRoute& route : made_.routes) {
            for (size_t i = 0; i < route.options.through.size(); ++i) {
                const auto filter =
                    std::ranges::find(made_.filters, route.options.through[i], &PlannedFilter::id);
                if (filter == made_.filters.end() || !filter->plan->holds_rows()) {
                    continue;
                }
                for (const PlannedInput& input : made_.inputs) {
                    const bool is_read =
                        std::ranges::find(route.options.from, input.id) != route.options.from.end();
                    const bool joins_itself = i == 0 && input.plan->takes_over(*filter->plan);
                    if (is_read && input.plan->has_positions() && !joins_itself) {
                        refuse_holding(route, i, *filter, input);
                    }
                }
            }
        }
    }

    /// Events quote records: in a route that redacts, they come after the redaction.
    void check_told_before_redaction() {
        for (const PlannedRoute& route : made_.routes) {
            const auto& through = route.options.through;
            const PlannedFilter* redacts = nullptr;
            for (size_t i = through.size(); i-- > 0;) {
                const auto filter =
                    std::ranges::find(made_.filters, through[i], &PlannedFilter::id);
                if (filter == made_.filters.end()) {
                    continue;
                }
                if (redacts != nullptr && !filter->plan->event_outputs().empty()) {
                    base_.diagnostics.add(
                        {.code = config::kTellsBeforeRedact,
                         .at = route.options.through_spans[i],
                         .message = fmt::format(
                             "filter `{}` shows records to its outputs before `{}` has redacted "
                             "them",
                             filter->id,
                             redacts->id
                         ),
                         .hint = fmt::format("put `{}` first", redacts->id)}
                    );
                }
                redacts = filter->plan->is_sensitive() ? &*filter : redacts;
            }
        }
    }

    void refuse_holding(
        const PlannedRoute& route, size_t i, const PlannedFilter& filter, const PlannedInput& input
    ) {
        base_.diagnostics.add(
            {.code = config::kHoldingFilter,
             .at = route.options.through_spans[i],
             .message = fmt::format(
                 "filter `{}` keeps records for later, which input `{}` does not allow",
                 filter.id,
                 input.id
             ),
             .hint = "run it where the records are read, before they are sent",
             .notes = {fmt::format(
                 "records of a `{}` input carry their place in the source, and what one stretch "
                 "yields must be stored in one piece",
                 input.type
             )}}
        );
    }

    const config::ObjectReader& root_;
    const Catalogue& catalogue_;
    const PlanContext& base_;
    PipelineConfig made_;
};

}  // namespace

std::string fingerprint_of(const config::Node& node, const Plan& plan, std::string_view shared) {
    std::string text(shared);
    append_canonical(text, node);
    text += plan.fingerprint();
    const XXH128_hash_t hash = XXH3_128bits(text.data(), text.size());
    return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

PipelineConfig read_pipeline(
    const config::ObjectReader& root, const Catalogue& catalogue, const PlanContext& base
) {
    return Reader(root, catalogue, base).read();
}

}  // namespace seyir::component
