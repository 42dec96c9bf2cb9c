// SPDX-License-Identifier: Apache-2.0
#include "plugins/output/local_output_types.hpp"

#include <utility>

#include "common/component/writes_files.hpp"
#include "plugins/output/file_output.hpp"
#include "plugins/output/null_output.hpp"
#include "plugins/output/output_schemas.hpp"
#include "plugins/output/stdout_output.hpp"

namespace seyir::plugins {
namespace {

using component::OutputPlan;
using component::OutputPlanPtr;
using component::OutputType;
using component::PlanContext;
using component::RunContext;
using config::ObjectReader;

class FilePlan final : public OutputPlan, public component::WritesFiles {
  public:
    FilePlan(FileOutputOptions options, config::NamedPlace file)
        : options_(std::move(options)), file_(std::move(file)) {}

    Result<std::unique_ptr<pipeline::Output>> instantiate(const RunContext& context) override {
        return std::make_unique<FileOutput>(options_, context.files, context.clock);
    }

    std::vector<config::NamedPlace> files() const override { return {file_}; }

  private:
    FileOutputOptions options_;
    config::NamedPlace file_;
};

class StdoutPlan final : public OutputPlan {
  public:
    explicit StdoutPlan(StdoutOutputOptions options) : options_(options) {}

    Result<std::unique_ptr<pipeline::Output>> instantiate(const RunContext& /*context*/) override {
        return std::make_unique<StdoutOutput>(options_);
    }

  private:
    StdoutOutputOptions options_;
};

class NullPlan final : public OutputPlan {
  public:
    Result<std::unique_ptr<pipeline::Output>> instantiate(const RunContext& /*context*/) override {
        return std::make_unique<NullOutput>();
    }
};

std::shared_ptr<const config::Schema> shared(const config::Schema& schema) {
    return std::make_shared<const config::Schema>(schema);
}

}  // namespace

OutputType file_output_type() {
    return {
        shared(file_output_schema()),
        [](const ObjectReader& r, PlanContext& context) -> OutputPlanPtr {
            FileOutputOptions options = read_file_output(r);
            const bool looks = context.checks.files != nullptr;
            config::NamedPlace file{resolved_path(options.path, looks), r.span("path")};
            return std::make_shared<FilePlan>(std::move(options), std::move(file));
        }
    };
}

OutputType stdout_output_type() {
    return {
        shared(stdout_output_schema()),
        [](const ObjectReader& r, PlanContext& /*context*/) -> OutputPlanPtr {
            return std::make_shared<StdoutPlan>(read_stdout_output(r));
        }
    };
}

OutputType null_output_type() {
    return {
        shared(null_output_schema()),
        [](const ObjectReader& /*r*/, PlanContext& /*context*/) -> OutputPlanPtr {
            return std::make_shared<NullPlan>();
        }
    };
}

}  // namespace seyir::plugins
