// SPDX-License-Identifier: Apache-2.0
// Makes certificates for tests: an authority and leaves it signs, as PEM files in a folder.
#pragma once

#include <string>

namespace seyir::test {

struct CertificateFiles {
    std::string cert;
    std::string key;
};

/// A folder under the system's temporary one, removed with the object.
class TempFolder {
  public:
    TempFolder();
    ~TempFolder();
    TempFolder(const TempFolder&) = delete;
    TempFolder& operator=(const TempFolder&) = delete;

    std::string path(const std::string& name) const { return path_ + "/" + name; }

  private:
    std::string path_;
};

/// `<name>.pem` and `<name>.key` in `folder`: an authority named `name`.
CertificateFiles make_authority(const TempFolder& folder, const std::string& name);
/// A leaf with this common name, valid for `address` ("127.0.0.1" or "host.example").
CertificateFiles make_leaf(
    const TempFolder& folder,
    const CertificateFiles& authority,
    const std::string& name,
    const std::string& address
);

}  // namespace seyir::test
