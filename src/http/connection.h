// One connection of the server, and what all of them share. Only server.cc and connection.cc see
// this. A connection is owned by its own coroutine; it enters itself in the core's lists and leaves
// them when it goes.
#pragma once

#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/system/error_code.hpp>
#include <expected>
#include <list>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "http/parse.h"
#include "http/server.h"
#include "http/stream.h"

namespace peerage::http {

class connection;

/// What the connections of one host share: an IPv4 address, or an IPv6 /64, of which whoever has it
/// has every address.
struct host {
  std::string name;  // its bytes
  std::size_t open = 0;
  std::size_t in_flight = 0;
  std::size_t named = 0;  // by requests that are being answered
};

/// What the connections of a server share. Deadlines need no timer of a connection's own: a sweep
/// over all of them, every `tick`, ends the waits that are overdue.
struct server_core {
  server_core(asio::any_io_executor executor, limits given, handler answer, refuser refusal);

  std::size_t open() const { return waiting.size() + working.size(); }
  /// Closes a connection that waits, as limits::connections says; of that host alone, where one is
  /// named. False where none waits.
  bool make_room(const host* of = nullptr);
  /// For one more connection of that host, as limits::connections_per_host says: 0, or 429 where
  /// there is no room.
  int make_room_of(const asio::ip::address& peer);
  std::shared_ptr<host> host_of(const asio::ip::address& address);
  /// Where a connection comes from; the unspecified address for one over a Unix socket.
  asio::ip::address peer_of(const asio::ip::tcp::socket& socket) const;
  bool is_trusted_proxy(const asio::ip::address& peer) const;
  /// Forgets a host that nothing is left of.
  void let_go(const host& one);
  response refuse(int status, std::string detail) const;
  void left();  // a coroutine has ended

  asio::any_io_executor loop;
  limits bounds;
  handler handle;
  refuser make_refusal;
  std::shared_ptr<server_tls> tls;  // for the next connection; none: plain HTTP

  // Each connection is in one of these.
  std::list<connection*> waiting;  // for a request or for its own end; the longest waiting first
  std::list<connection*> working;  // on a request
  std::list<connection*> dropped;  // closed; the coroutine has yet to notice

  std::map<std::string, std::shared_ptr<host>> hosts;  // those with something open or in flight

  std::size_t in_flight = 0;
  std::size_t streams = 0;
  std::size_t draining = 0;  // connections that may take their time over it
  std::minstd_rand dice{std::random_device{}()};
  bool accepting = false;
  bool stopping = false;
  bool done = false;      // stopped, and every coroutine gone
  std::string unix_path;  // where it listens on a Unix socket
  steady_time grace_ends;
  steady_time last_call_ends;
  asio::ip::tcp::acceptor acceptor;
  asio::steady_timer accept_pause;
  asio::steady_timer sweep_tick;
  asio::steady_timer gone;  // never expires; cancelled when done
};

class connection : public std::enable_shared_from_this<connection> {
 public:
  /// One connection too many is told `surplus`, a status, and closed; 0 for any other.
  connection(std::shared_ptr<server_core> core, asio::ip::tcp::socket socket,
             asio::ip::address peer, int surplus);
  ~connection();
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;

  /// Until the connection is closed. Once.
  task<> run();

  /// Ends what it waits for, if that is overdue.
  void check_deadline(steady_time now);
  /// Closes it; the coroutine ends soon.
  void drop();
  /// It has said all that it will say, and takes in what is still on its way.
  bool lingering() const { return lingering_; }
  /// It sends an answer that has no end of its own.
  bool streaming() const { return streaming_; }
  /// Nothing has come that waits to be read.
  bool silent();
  const host& from() const { return *host_; }

  /// Cancels a handler that is under way.
  asio::cancellation_signal cancel;

 private:
  enum class arrival { whole, gone, refused };
  enum class after { next, close, gone };

  task<bool> read_proxy();
  task<bool> refuse_surplus();
  task<after> serve_one();
  task<arrival> read_request();
  task<after> answer_request();
  task<response> handle(request incoming, std::shared_ptr<host> client);
  task<bool> write_stream(response answer, std::shared_ptr<host> client, bool with_body);
  task<> pump(std::shared_ptr<body_source> from);
  task<> until_gone();
  task<bool> write(response answer, int version, bool keep_alive, bool with_body);
  task<> pause();
  task<> linger();
  void leave_host();

  asio::ip::tcp::socket& socket() { return stream_.socket(); }
  std::string_view unread() const { return {input_.data() + begin_, end_ - begin_}; }
  std::shared_ptr<host> find_client(request& incoming);
  bool put_head(response& answer, int version, bool keep_alive);
  void enter(std::list<connection*>& list);
  void allow(steady_duration time);  // from now on, for what is waited for next
  asio::mutable_buffer room();       // where the next bytes go

  std::shared_ptr<server_core> core_;
  stream stream_;
  asio::ip::address peer_;  // as server_core::peer_of, or as a PROXY header names it
  std::list<connection*>* list_ = nullptr;
  std::list<connection*>::iterator place_;

  request_parser parser_;
  std::vector<char> input_;  // bytes that have come: begin_ to end_ are not used yet
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::string output_;
  refusal refused_;

  steady_time deadline_ = steady_time::max();
  bool overdue_ = false;
  std::shared_ptr<host> host_;
  int surplus_ = 0;
  bool counted_ = true;  // among its host's open ones
  bool first_ = true;
  bool lingering_ = false;
  bool streaming_ = false;
  bool dropped_ = false;
};

}  // namespace peerage::http
