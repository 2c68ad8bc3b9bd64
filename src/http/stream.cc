#include "http/stream.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "crypto/certificate.h"

namespace peerage::http {
namespace {

using boost::system::error_code;
constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

std::unexpected<error> unusable(const std::string& file, const char* field, const error_code& why) {
  return fail(errc::invalid, file + " can't be used for TLS: " + why.message(), field);
}

result<> use_certificate(asio::ssl::context& context, const std::string& cert_file,
                         const std::string& key_file) {
  error_code problem;
  context.use_certificate_chain_file(cert_file, problem);
  if (problem) return unusable(cert_file, "cert_file", problem);
  context.use_private_key_file(key_file, asio::ssl::context::pem, problem);
  if (problem) return unusable(key_file, "key_file", problem);
  return {};
}

void require_modern(asio::ssl::context& context) {
  context.set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_tlsv1 |
                      asio::ssl::context::no_tlsv1_1 | SSL_OP_NO_RENEGOTIATION);
}

bool is_address(const std::string& host) {
  error_code not_one;
  (void)asio::ip::make_address(host, not_one);
  return !not_one;
}

/// By OpenSSL's own check, so that its verdict tells a wrong name from the rest.
bool expect_name(asio::ssl::context& context, const std::string& host) {
  X509_VERIFY_PARAM* const wanted = ::SSL_CTX_get0_param(context.native_handle());
  ::X509_VERIFY_PARAM_set_hostflags(wanted, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  return is_address(host) ? ::X509_VERIFY_PARAM_set1_ip_asc(wanted, host.c_str()) == 1
                          : ::X509_VERIFY_PARAM_set1_host(wanted, host.data(), host.size()) == 1;
}

}  // namespace

result<std::shared_ptr<client_tls>> make_client_tls(const tls_options& from,
                                                    const std::string& host) {
  auto made = std::make_shared<client_tls>();
  made->host = host;
  require_modern(made->context);
  made->context.set_verify_mode(asio::ssl::verify_peer);
  error_code problem;
  if (from.ca_file.empty()) {
    made->context.set_default_verify_paths(problem);
  } else {
    made->context.load_verify_file(from.ca_file, problem);
  }
  if (problem) return unusable(from.ca_file, "ca_file", problem);
  if (!from.cert_file.empty()) {
    if (auto used = use_certificate(made->context, from.cert_file, from.key_file); !used) {
      return std::unexpected(std::move(used.error()));
    }
  }
  if (!expect_name(made->context, host)) {
    return fail(errc::invalid, host + " can't be a name in a certificate", "address");
  }
  return made;
}

result<std::shared_ptr<server_tls>> make_server_tls(const std::string& cert_file,
                                                    const std::string& key_file) {
  auto made = std::make_shared<server_tls>();
  require_modern(made->context);
  if (auto used = use_certificate(made->context, cert_file, key_file); !used) {
    return std::unexpected(std::move(used.error()));
  }
  // An idle connection needs no buffers of OpenSSL's.
  ::SSL_CTX_set_mode(made->context.native_handle(), SSL_MODE_RELEASE_BUFFERS);
  return made;
}

task<bool> stream::accept_tls(std::shared_ptr<server_tls> with) {
  tls_ = std::make_unique<layer>(socket_, with->context, with);
  const auto [failed] =
      co_await tls_->over.async_handshake(asio::ssl::stream_base::server, as_result);
  co_return !failed;
}

task<result<>> stream::connect_tls(std::shared_ptr<client_tls> with) {
  tls_ = std::make_unique<layer>(socket_, with->context, with);
  auto* const handle = tls_->over.native_handle();
  // The name by which a server of many names chooses its certificate; not for addresses.
  if (!is_address(with->host)) ::SSL_set_tlsext_host_name(handle, with->host.c_str());
  const auto [failed] =
      co_await tls_->over.async_handshake(asio::ssl::stream_base::client, as_result);
  if (!failed) co_return result<>{};
  const long verdict = ::SSL_get_verify_result(handle);
  if (verdict == X509_V_OK) co_return fail(errc::unavailable, failed.message());
  co_return fail(errc::unavailable, certificate_trouble(verdict, with->host), certificate_field);
}

task<> stream::end_tls() {
  if (!tls_) co_return;
  co_await tls_->over.async_shutdown(as_result);
}

}  // namespace peerage::http
