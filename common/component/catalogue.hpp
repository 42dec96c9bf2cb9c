// SPDX-License-Identifier: Apache-2.0
// Catalogue: the types of components a program knows, built in or loaded from plugins. Its fields
// are the `inputs`, `filters`, `outputs`, `routes` and `tests` sections of the program's schema.
// Threads: built by one thread, then immutable.
#pragma once

#include <string_view>
#include <vector>

#include "common/component/types.hpp"

namespace seyir::component {

class Catalogue {
  public:
    void add(InputType type);
    void add(FilterType type);
    void add(OutputType type);

    const InputType* input(std::string_view type) const;
    const FilterType* filter(std::string_view type) const;
    const OutputType* output(std::string_view type) const;

    const std::vector<InputType>& inputs() const { return inputs_; }

    const std::vector<FilterType>& filters() const { return filters_; }

    const std::vector<OutputType>& outputs() const { return outputs_; }

  private:
    std::vector<InputType> inputs_;
    std::vector<FilterType> filters_;
    std::vector<OutputType> outputs_;
};

/// Adds `inputs`, `filters`, `outputs`, `routes` and `tests` to a program's schema. The catalogue
/// must outlive the schema. `inputs_required`: a program without inputs makes no sense.
void add_pipeline_sections(
    config::Schema& program, const Catalogue& catalogue, bool inputs_required
);

}  // namespace seyir::component
