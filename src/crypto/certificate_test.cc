#include "crypto/certificate.h"

#include <gtest/gtest.h>
#include <openssl/x509_vfy.h>

namespace peerage {
namespace {

TEST(certificate, trouble_is_said_by_its_kind) {
  const auto said = [](long verdict) { return certificate_trouble(verdict, "nats-1"); };
  const auto begins = [&](long verdict, const char* words) {
    EXPECT_TRUE(said(verdict).starts_with(words)) << verdict << ": " << said(verdict);
  };
  begins(X509_V_ERR_HOSTNAME_MISMATCH, "its certificate is not for the name nats-1;");
  begins(X509_V_ERR_IP_ADDRESS_MISMATCH, "its certificate is not for the name nats-1;");
  begins(X509_V_ERR_CERT_HAS_EXPIRED, "its certificate has expired;");
  begins(X509_V_ERR_CERT_NOT_YET_VALID, "its certificate is not valid yet,");
  for (const long unknown :
       {X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN,
        X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
        X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE}) {
    begins(unknown, "its certificate is signed by an unknown authority;");
  }
  EXPECT_EQ(said(X509_V_ERR_CERT_REVOKED), "its certificate: certificate revoked");
}

}  // namespace
}  // namespace peerage
