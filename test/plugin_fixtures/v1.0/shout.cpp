// SPDX-License-Identifier: Apache-2.0
// shout: writes the body in capitals. The smallest filter that is of some use, in C++17.
#include <algorithm>
#include <string>

#include <seyir/plugin.hpp>

namespace {

class Shout : public seyir::Filter {
  public:
    static void describe(seyir::Description& d) {
        d.name("shout").summary("Writes the body in capitals.");
        d.text("suffix").help("Added at the end of each body.").or_else("!").between(0, 16);
        d.text("only").help("Leaves records alone whose attribute `level` is another.");
    }

    Shout(const seyir::Host& host, const seyir::Config& config)
        : suffix_(config.text("suffix")),
          only_(config.text("only")),
          level_(host.key("level")),
          shouted_(host.counter("records_total", "Records that were shouted.")) {}

    seyir::Status process(seyir::Batch& batch) override {
        for (const seyir::Row row : batch) {
            if (!only_.empty() && row.text(level_) != only_) {
                continue;
            }
            const std::string_view body = row.body();
            const size_t size = body.size() + suffix_.size();
            char* loud = batch.alloc(size);
            std::transform(body.begin(), body.end(), loud, [](char c) {
                return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
            });
            suffix_.copy(loud + body.size(), suffix_.size());
            row.set_body({loud, size}, seyir::Bytes::kKeep);
            shouted_.add();
        }
        return seyir::Status::kOk;
    }

  private:
    std::string suffix_;
    std::string only_;
    seyir::Key level_;
    seyir::Metric shouted_;
};

}  // namespace

SEYIR_PLUGIN("Seyir's examples", "1.0.0", "Apache-2.0", Shout);
