// SPDX-License-Identifier: Apache-2.0
#include "common/pipeline/chain_sink.hpp"

#include <algorithm>

namespace seyir::pipeline {
namespace {

void add_to(
    std::vector<std::pair<std::string, uint64_t>>& counts, std::string_view name, uint64_t rows
) {
    const auto at = std::ranges::find_if(counts, [&](const auto& c) { return c.first == name; });
    if (at != counts.end()) {
        at->second += rows;
    } else {
        counts.emplace_back(name, rows);
    }
}

}  // namespace

void ChainSink::emit(BatchView view) {
    if (view.row_count() == 0) {
        return;
    }
    tally_.out += view.row_count();
    emitted.push_back({.view = std::move(view), .held = {}, .is_held = false});
}

void ChainSink::drop(std::string_view reason, uint32_t rows) {
    if (rows != 0) {
        add_to(tally_.dropped, reason, rows);
    }
}

void ChainSink::fail(BatchView rows, std::string_view code, std::string_view message) {
    const uint64_t count = rows.row_count();
    if (count == 0) {
        return;
    }
    tally_.failed += count;
    add_to(tally_.failures, code, count);
    failed.push_back({std::move(rows), std::string(code), std::string(message)});
}

HeldRows ChainSink::hold(uint32_t rows) {
    tally_.held += rows;
    return {.rows = rows, .token = token_ == nullptr ? AckToken{} : token_->clone()};
}

void ChainSink::emit_held(BatchView view, HeldRows used) {
    tally_.released += used.rows;
    tally_.out += view.row_count();
    held_emitted_ += used.rows;
    emitted.push_back({.view = std::move(view), .held = std::move(used.token), .is_held = true});
}

void ChainSink::drop_held(std::string_view reason, HeldRows used) {
    tally_.released += used.rows;
    drop(reason, used.rows);
    if (used.rows != 0) {
        add_to(held_dropped_, reason, used.rows);
    }
    used.token.resolve(
        {.outcome = Outcome::kDropped, .dropped = used.rows, .reason = std::string(reason)}
    );
}

void ChainSink::account_for_held_of(const ChainSink& call) {
    tally_.held += call.tally_.held;
    tally_.released += call.tally_.released;
    for (const auto& [reason, rows] : call.held_dropped_) {
        add_to(tally_.dropped, reason, rows);
    }
    if (call.held_emitted_ != 0) {
        add_to(tally_.dropped, kSentAgain, call.held_emitted_);
    }
}

void ChainSink::emit_event(BatchView view) {
    tally_.events += view.row_count();
    events.push_back(std::move(view));
}

}  // namespace seyir::pipeline
