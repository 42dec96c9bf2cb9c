// SPDX-License-Identifier: Apache-2.0
#include "test/unit/net/certificates.hpp"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <stdexcept>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace seyir::test {

namespace {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;
using File = std::unique_ptr<FILE, decltype(&fclose)>;

void require(bool ok, const char* what) {
    if (!ok) {
        throw std::runtime_error(std::string("making a test certificate: ") + what);
    }
}

File open_file(const std::string& path, const char* mode) {
    File file(fopen(path.c_str(), mode), &fclose);
    require(file != nullptr, "opening a file");
    return file;
}

void add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
    require(extension != nullptr, "extension");
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

Certificate fresh_certificate(const Key& key, const std::string& common_name) {
    static long serial = 1;
    Certificate certificate(X509_new(), &X509_free);
    X509_set_version(certificate.get(), 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), serial++);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 86400);
    X509_set_pubkey(certificate.get(), key.get());
    X509_NAME_add_entry_by_txt(
        X509_get_subject_name(certificate.get()),
        "CN",
        MBSTRING_ASC,
        reinterpret_cast<const unsigned char*>(common_name.c_str()),
        -1,
        -1,
        0
    );
    return certificate;
}

CertificateFiles write_files(
    const TempFolder& folder,
    const std::string& name,
    const Certificate& certificate,
    const Key& key
) {
    CertificateFiles files{folder.path(name + ".pem"), folder.path(name + ".key")};
    const auto cert_file = open_file(files.cert, "w");
    require(PEM_write_X509(cert_file.get(), certificate.get()) == 1, "writing");
    const auto key_file = open_file(files.key, "w");
    require(
        PEM_write_PrivateKey(key_file.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1,
        "writing the key"
    );
    return files;
}

}  // namespace

TempFolder::TempFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "seyir-test-XXXXXX").string();
    require(mkdtemp(pattern.data()) != nullptr, "mkdtemp");
    path_ = pattern;
}

TempFolder::~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

CertificateFiles make_authority(const TempFolder& folder, const std::string& name) {
    const Key key(EVP_EC_gen("P-256"), &EVP_PKEY_free);
    const auto certificate = fresh_certificate(key, name);
    X509_set_issuer_name(certificate.get(), X509_get_subject_name(certificate.get()));
    add_extension(certificate.get(), certificate.get(), NID_basic_constraints, "critical,CA:TRUE");
    require(X509_sign(certificate.get(), key.get(), EVP_sha256()) > 0, "signing");
    return write_files(folder, name, certificate, key);
}

CertificateFiles make_leaf(
    const TempFolder& folder,
    const CertificateFiles& authority,
    const std::string& name,
    const std::string& address
) {
    const auto cert_file = open_file(authority.cert, "r");
    const auto key_file = open_file(authority.key, "r");
    const Certificate issuer(PEM_read_X509(cert_file.get(), nullptr, nullptr, nullptr), &X509_free);
    const Key issuer_key(
        PEM_read_PrivateKey(key_file.get(), nullptr, nullptr, nullptr), &EVP_PKEY_free
    );
    require(issuer && issuer_key, "reading the authority");
    const Key key(EVP_EC_gen("P-256"), &EVP_PKEY_free);
    const auto certificate = fresh_certificate(key, name);
    X509_set_issuer_name(certificate.get(), X509_get_subject_name(issuer.get()));
    const bool is_number = address.find_first_not_of("0123456789.") == std::string::npos;
    add_extension(
        certificate.get(),
        issuer.get(),
        NID_subject_alt_name,
        (is_number ? "IP:" : "DNS:") + address
    );
    require(X509_sign(certificate.get(), issuer_key.get(), EVP_sha256()) > 0, "signing");
    return write_files(folder, name, certificate, key);
}

}  // namespace seyir::test
