// What OpenSSL found wrong with the certificate of somebody else's server, in words. Pure.
#pragma once

#include <string>

namespace peerage {

/// `verdict`: X509_V_ERR_… other than X509_V_OK; `host`: whom the certificate should name.
std::string certificate_trouble(long verdict, const std::string& host);

}  // namespace peerage
