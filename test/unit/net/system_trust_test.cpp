// SPDX-License-Identifier: Apache-2.0
#include "common/net/system_trust.hpp"

#include <filesystem>
#include <fstream>
#include <string>

#include <doctest/doctest.h>

#include "test/unit/net/certificates.hpp"

using namespace seyir;

TEST_SUITE("common/net/system_trust") {
    TEST_CASE("authorities are found where each distribution keeps them, the first of several wins"
    ) {
        const test::TempFolder folder;
        CHECK(net::system_bundle(folder.path("root")).empty());
        // From the last to the first, so that each new one comes before those that are there.
        for (size_t i = net::kSystemBundles.size(); i-- > 0;) {
            const std::string bundle = net::kSystemBundles.at(i);
            const std::string file = folder.path("root") + bundle;
            std::filesystem::create_directories(std::filesystem::path(file).parent_path());
            std::ofstream(file) << "certificates";
            CHECK(net::system_bundle(folder.path("root")) == bundle);
        }
    }
}
