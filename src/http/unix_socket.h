// Unix sockets, to listen on and to connect to. For the server and the client alone.
#pragma once

#include <expected>
#include <string>
#include <string_view>

namespace peerage::http {

constexpr std::string_view unix_prefix = "unix:";

/// The descriptor of a listening socket at that path, which every user of the host may connect to:
/// as with a port of the loopback, a token is what it takes. A socket that nobody listens on any
/// more, as a killed process leaves it, is replaced. Otherwise the system's error number;
/// EADDRINUSE where somebody listens there or the file is no socket.
std::expected<int, int> listen_on_unix(const std::string& path);

/// The descriptor of a connection to whoever listens there, or the system's error number; EAGAIN
/// where more wait to be taken than may.
std::expected<int, int> connect_to_unix(const std::string& path);

}  // namespace peerage::http
