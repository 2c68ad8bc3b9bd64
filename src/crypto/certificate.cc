#include "crypto/certificate.h"

#include <openssl/x509_vfy.h>

namespace peerage {

std::string certificate_trouble(long verdict, const std::string& host) {
  switch (verdict) {
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return "its certificate is not for the name " + host + "; reach it by a name that it is for";
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return "its certificate has expired; it needs a new one, if this host's clock is right";
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return "its certificate is not valid yet, if this host's clock is right";
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      return "its certificate is signed by an unknown authority; is the CA file the right one?";
    default: return std::string("its certificate: ") + ::X509_verify_cert_error_string(verdict);
  }
}

}  // namespace peerage
