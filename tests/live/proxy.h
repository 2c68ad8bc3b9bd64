// What stands between two parts of a fleet and makes trouble. For tests alone; threads of its own,
// which end with it.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <random>
#include <string>
#include <thread>

namespace peerage::live {

/// Listens on a port of the loopback, and joins each connection to `to` on the loopback. Bytes from
/// the client pass; answers pass through on_answer().
class tcp_proxy {
 public:
  explicit tcp_proxy(std::uint16_t to);
  virtual ~tcp_proxy();
  tcp_proxy(const tcp_proxy&) = delete;
  tcp_proxy& operator=(const tcp_proxy&) = delete;
  std::uint16_t port() const { return port_; }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

 protected:
  struct link {
    int client = -1;
    int server = -1;
    std::string asked;   // the last bytes of the client, as they came
    std::string unread;  // of the server, for on_answer() alone
    std::mutex sending;
    std::atomic<bool> closed = false;
  };
  /// `bytes` have come from the server; it sends on what it likes, when it likes.
  virtual void on_answer(link& over, std::string bytes) = 0;
  static void send(link& over, const std::string& bytes);
  /// Last thing in the constructor of what derives from this: from here on on_answer() is called.
  void start();
  /// First thing in the destructor of what derives from this.
  void stop();
  std::atomic<bool> stopping_ = false;

 private:
  void accept();
  void from_client(link& over);
  void from_server(link& over);

  std::uint16_t to_;
  std::uint16_t port_ = 0;
  int listener_ = -1;
  std::mutex mutex_;
  std::list<link> links_;
  std::list<std::thread> threads_;
};

/// Holds answers of HTTP requests whose first line has the given words, until release().
class holding_proxy final : public tcp_proxy {
 public:
  explicit holding_proxy(std::uint16_t to) : tcp_proxy(to) { start(); }
  ~holding_proxy() override;
  void hold(std::string words);
  /// Waits until an answer is held; false after 10 s.
  bool await_held();
  void release();

 private:
  void on_answer(link& over, std::string bytes) override;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string words_;
  int held_ = 0;
};

/// Answers in the server's place, while it is told to, and closes the connection then.
class lying_proxy final : public tcp_proxy {
 public:
  explicit lying_proxy(std::uint16_t to) : tcp_proxy(to) { start(); }
  ~lying_proxy() override { stop(); }
  /// A whole HTTP answer, or a part of one; empty: the server's own.
  void answer(std::string bytes);
  int told() const { return told_; }

 private:
  void on_answer(link& over, std::string bytes) override;
  std::mutex mutex_;
  std::string bytes_;
  std::atomic<int> told_ = 0;
};

/// A NATS server's messages arrive twice, late and in another order; all else passes.
class chaotic_nats final : public tcp_proxy {
 public:
  chaotic_nats(std::uint16_t to, unsigned seed) : tcp_proxy(to), chance_(seed) { start(); }
  ~chaotic_nats() override;
  unsigned disturbed() const { return disturbed_; }

 private:
  void on_answer(link& over, std::string bytes) override;
  void disturb(link& over, const std::string& message);
  std::mutex mutex_;
  std::mt19937 chance_;
  std::atomic<unsigned> disturbed_ = 0;
  std::list<std::thread> late_;
};

}  // namespace peerage::live
