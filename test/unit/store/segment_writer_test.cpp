// SPDX-License-Identifier: Apache-2.0
#include "collector/store/disk/segment_writer.hpp"

#include <doctest/doctest.h>

#include "test/support/forwarding_file_system.hpp"
#include "test/support/temp_dir.hpp"

using namespace seyir;
using namespace seyir::test;

namespace {

/// Somebody removes a day's folder just after it was made.
class VanishingFolders final : public ForwardingFileSystem {
  public:
    explicit VanishingFolders(int times) : left_(times) {}

    Result<void> make_directories(const std::string& path) override {
        SEYIR_CHECK(ForwardingFileSystem::make_directories(path));
        return left_-- > 0 ? remove_directory(path) : Result<void>();
    }

  private:
    int left_;
};

}  // namespace

TEST_SUITE("collector/store/segment_writer") {
    TEST_CASE("a segment is begun although its day's folder was removed meanwhile") {
        const TempDir dir;
        VanishingFolders fs(2);
        const store::SegmentFiles files{&fs, nullptr, dir / "segments"};
        const auto made =
            store::SegmentWriter::create(files, TenantId::kDefault, store::Day{20'000}, 7);
        REQUIRE_MESSAGE(made.has_value(), made.error().message);
        CHECK(fs.stat(dir / "segments" + "/" + store::Day{20'000}.folder()).has_value());
    }

    TEST_CASE("a folder that is removed again and again is an error with the file's name") {
        const TempDir dir;
        VanishingFolders fs(1000);
        const store::SegmentFiles files{&fs, nullptr, dir / "segments"};
        const auto made =
            store::SegmentWriter::create(files, TenantId::kDefault, store::Day{20'000}, 7);
        REQUIRE_FALSE(made.has_value());
        CHECK(made.error().message.find(".sst") != std::string::npos);
    }
}
